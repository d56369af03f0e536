//! Corrections to a document that is not ours: JSON Merge Patch (RFC 7396).
//!
//! A member of the patch takes the place of the member of that name, objects are merged, `null` removes.
//! What comes from the patch keeps its place in the patch, so that mistakes in it are shown there.

use super::tree::{Member, Node, Value};

/// `target` as `patch` changes it.
pub(super) fn merge(target: Node, patch: &Node) -> Node {
    let Value::Object(changes) = &patch.value else { return patch.clone() };
    let (place, mut members) = match target.value {
        Value::Object(members) => (target.place, members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            (patch.place.clone(), Vec::new())
        }
    };
    for change in changes {
        let known = members.iter().position(|member| member.key == change.key);
        match (&change.value.value, known) {
            (Value::Null, Some(index)) => {
                members.remove(index);
            }
            (Value::Null, None) => {}
            (_, Some(index)) => {
                let before = std::mem::replace(&mut members[index].value, change.value.clone());
                members[index].value = merge(before, &change.value);
            }
            (_, None) => {
                let nothing = Node { place: change.value.place.clone(), value: Value::Null };
                members.push(Member {
                    key: change.key.clone(),
                    key_place: change.key_place.clone(),
                    value: merge(nothing, &change.value),
                });
            }
        }
    }
    Node { place, value: Value::Object(members) }
}
