//! When a rule is in force, naively: before each message, by the messages before it.

use std::collections::BTreeMap;

use tilltape::pack::{Pack, Rule};

use super::super::messages::Told;

/// What one message finds, and does.
#[derive(Clone, Debug)]
pub(super) struct Force {
    /// Whether the rule looks at it.
    pub(super) holds: bool,
    /// The group in which the rule is no more in force after it.
    pub(super) ended: Option<String>,
    /// Whether everything starts anew after it.
    pub(super) anew: bool,
}

/// By message; `None` for a rule that is always in force.
pub(super) fn in_force(pack: &Pack, rule: &Rule, story: &[Told]) -> Option<Vec<Force>> {
    let span = rule.span.as_ref()?;
    let mut on: BTreeMap<String, bool> = BTreeMap::new();
    let is = |selector: &Option<tilltape::pack::Selector>, told: &Told| {
        selector.as_ref().is_some_and(|selector| told.is(pack, selector))
    };
    let always = span.after.is_none();
    let force = story.iter().map(|told| {
        let group = told.group(span.grouping).cloned();
        let holds = match (&span.after, &span.until) {
            (None, None) => true,
            _ => group.as_ref().and_then(|group| on.get(group)).copied().unwrap_or(always),
        };
        let anew = is(&span.since, told);
        let mut ended = None;
        if let (Some(group), false) = (group, anew) {
            let stops = holds && is(&span.until, told);
            on.insert(group.clone(), is(&span.after, told) || holds && !stops);
            ended = Some(group).filter(|_| stops);
        }
        Force { holds, ended, anew }
    });
    Some(force.collect())
}
