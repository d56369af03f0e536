//! Schemas that a walk would never come out of, or only with a stack without bound, are refused.

use super::Compiler;
use crate::pack::schema::program::{Also, NodeId};

/// Schemas for the same value may stand in each other this deep; so a walk needs a bounded stack.
const MOST_IN_PLACE: usize = 12;

impl Compiler<'_> {
    /// Schemas that apply to the same value must not lead back to themselves, nor nest without measure.
    pub(super) fn refuse_circles(&mut self) {
        let mut depths: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for index in 0..self.nodes.len() {
            let mut path = Vec::new();
            let depth = self.depth(NodeId(index as u32), &mut depths, &mut path);
            let message = match depth {
                Some(depth) if depth <= MOST_IN_PLACE => continue,
                Some(_) => {
                    format!("expected at most {MOST_IN_PLACE} schemas in each other for the same value")
                }
                None => "expected a schema that ends, got one that applies to itself".to_owned(),
            };
            let planned = &self.nodes[index];
            let place = planned.target.node().map(|node| node.place.clone());
            self.errors.extend(place.map(|place| place.error(message)));
            return;
        }
    }

    /// How deep schemas for the same value nest; `None` in a circle.
    pub(super) fn depth(
        &self,
        id: NodeId,
        depths: &mut [Option<usize>],
        path: &mut Vec<NodeId>,
    ) -> Option<usize> {
        if let Some(known) = depths[id.0 as usize] {
            return Some(known);
        }
        if path.contains(&id) {
            return None;
        }
        path.push(id);
        let node = &self.nodes[id.0 as usize].node;
        let mut inside: Vec<NodeId> = Vec::new();
        for also in &node.also {
            match also {
                Also::All(ids) | Also::Any(ids) | Also::One(ids) => inside.extend(ids.iter()),
                Also::Not(id) => inside.push(*id),
                Also::If { test, then, otherwise } => {
                    inside.extend([Some(*test), *then, *otherwise].iter().flatten())
                }
            }
        }
        if let Some(object) = &node.object {
            inside.extend(object.dependent_schemas.iter().map(|&(_, id)| id));
        }
        let mut depth = 0;
        for next in inside {
            depth = depth.max(1 + self.depth(next, depths, path)?);
        }
        path.pop();
        depths[id.0 as usize] = Some(depth);
        Some(depth)
    }
}
