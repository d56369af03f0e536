//! What a recording tells, message by message: flows told apart where a key is used again, and flows that were
//! left behind where their connection ended.

use std::collections::BTreeMap;

use tilltape::conversation::{Content, EventKind, OwnedEvent};
use tilltape::pack::{Carrier, Extract, Pack, Role, View};

use super::super::messages::{Told, message, messages};
use super::answers;

/// The recording without what cannot be read or placed, and on connections that were seen to open.
pub(crate) fn clear(pack: &Pack, trace: &[OwnedEvent]) -> Vec<OwnedEvent> {
    let mut clear: Vec<OwnedEvent> = Vec::new();
    for event in trace {
        let is_open = |other: &OwnedEvent| matches!(other.content, Content::Other(EventKind::Open(_)));
        let seen = event.connection.is_none()
            || is_open(event)
            || clear.iter().any(|other| other.connection == event.connection && is_open(other));
        let is_gap = matches!(event.content, Content::Other(EventKind::Gap(_)));
        if !seen || is_gap {
            continue;
        }
        let told = messages(pack, std::slice::from_ref(event)).pop();
        if told.is_some_and(|told| !is_placed(pack, &told)) {
            continue;
        }
        clear.push(event.clone());
    }
    clear
}

fn is_placed(pack: &Pack, told: &Told) -> bool {
    let kind = &pack.kinds[told.kind.0];
    let known =
        told.carrier != Carrier::Json || !(kind.unclear || kind.keys.is_empty() && !kind.children.is_empty());
    let keyed = kind
        .keys
        .iter()
        .all(|key| told.groups.contains_key(&key.grouping.0) || !is_answered(pack, key.grouping.0));
    known && keyed && !told.carrier.is_unreadable()
}

/// Whether it tells what answers what.
fn is_answered(pack: &Pack, grouping: usize) -> bool {
    pack.groupings[grouping].flows
        || pack.rules.iter().any(|rule| match &rule.pattern {
            tilltape::pack::Pattern::Respond(respond) => respond.grouping.0 == grouping,
            _ => false,
        })
}

/// A flow, as far as it has come.
#[derive(Clone, Debug, Default)]
struct Flow {
    instance: usize,
    opened: Option<(tilltape::pack::KindId, u64)>,
    finished: bool,
}

/// Everything that is told, in order.
pub(super) fn story(pack: &Pack, trace: &[OwnedEvent]) -> Vec<Told> {
    let mut story: Vec<Told> = Vec::new();
    let mut flows: BTreeMap<(usize, String), Flow> = BTreeMap::new();
    // Flows opened on a connection, in order: grouping, name as it stands, name of the flow, who opened it.
    let mut left: BTreeMap<u64, Vec<(usize, String, Told)>> = BTreeMap::new();
    let mut closed: Vec<u64> = Vec::new();
    for event in trace {
        let Some(connection) = event.connection else { continue };
        let Some(mut told) = message(pack, trace, event, connection, &[]) else { continue };
        told.opener = None;
        told.repeated = false;
        let mut first = true;
        for grouping in (0..pack.groupings.len()).filter(|&grouping| pack.groupings[grouping].flows) {
            if !pack.groupings[grouping].keyed {
                continue;
            }
            let Some(name) = told.groups.get(&grouping).cloned() else { continue };
            let key = (grouping, name.clone());
            let flow = flows.entry(key.clone()).or_default().clone();
            let current = format!("{name} #{}", flow.instance);
            if told.role == Role::Opens {
                let over = flow.finished && flow.opened.is_some();
                if over && !is_owed(pack, &story, grouping, &current) {
                    let instance = flow.instance + 1;
                    flows.insert(key.clone(), Flow { instance, ..Flow::default() });
                }
                let flow = flows.entry(key.clone()).or_default();
                if flow.opened.is_none() {
                    flow.opened = Some((told.kind, connection.0));
                    left.entry(connection.0).or_default().push((grouping, name.clone(), told.clone()));
                }
            }
            let flow = flows.entry(key).or_default();
            told.groups.insert(grouping, format!("{name} #{}", flow.instance));
            if first {
                told.opener = flow.opened.map(|(kind, _)| kind);
                told.opened_on = flow.opened.map(|(_, on)| on);
                told.repeated = told.role == Role::Final && flow.finished;
                first = false;
            }
            flow.finished |= told.role == Role::Final;
        }
        let (carrier, from) = (told.carrier, told.from);
        let at = told.clone();
        story.push(told);
        let ends = match carrier {
            Carrier::Drop => true,
            Carrier::Close => !closed.contains(&connection.0),
            _ => false,
        };
        if !ends {
            continue;
        }
        if carrier == Carrier::Close && from.is_some() {
            closed.push(connection.0);
        }
        for (grouping, name, opener) in left.remove(&connection.0).unwrap_or_default() {
            let flow = flows.entry((grouping, name.clone())).or_default();
            let mut own = opener.groups[&grouping].clone();
            own.push_str("");
            if flow.finished || flow.opened.is_none_or(|(_, on)| on != connection.0) {
                continue;
            }
            let extract = Extract::default();
            let view = View { endpoint: at.endpoint, ..View::of("", &extract) };
            let Some(kind) = pack.classify(Carrier::Abandoned, None, &view) else { continue };
            let mut abandoned = at.nobody(pack, kind);
            abandoned.groups.insert(grouping, format!("{name} #{}", flow.instance));
            abandoned.opener = flow.opened.map(|(kind, _)| kind);
            abandoned.opened_on = flow.opened.map(|(_, on)| on);
            story.push(abandoned);
        }
    }
    story
}

/// Whether somebody owes something in a flow after all that was told so far.
fn is_owed(pack: &Pack, story: &[Told], grouping: usize, group: &str) -> bool {
    let (owed, _) = answers::play(pack, story, None);
    owed.iter().any(|owed| owed.grouping == grouping && owed.group == group && owed.is_open(story.len()))
}
