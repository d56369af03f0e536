//! Counts the flows of a running recording, by the keys its pack knows.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::conversation::{ConnectionId, ConversationEvent, EventKind, Payload};
use crate::net::record::Observer;
use crate::pack::{Extract, GroupScope, Pack, Slot};

/// Distinct flows told apart; a recording of more of them counts no further.
const MOST: usize = 1 << 20;

/// What the recorder calls with each event, and the number of flows it saw; nothing where the pack's
/// messages carry no key.
pub(crate) fn counter(pack: &Arc<Pack>) -> Option<(Observer, Arc<AtomicU64>)> {
    let mut keys: Vec<(GroupScope, Vec<Slot>)> = Vec::new();
    for key in pack.kinds.iter().flat_map(|kind| &kind.keys) {
        let grouping = &pack.groupings[key.grouping.0];
        let key = (grouping.scope, key.slots.clone());
        // A key that stands in no message tells no flows apart.
        if grouping.name == "flow" && grouping.keyed && !key.1.is_empty() && !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return None;
    }
    let count = Arc::new(AtomicU64::new(0));
    let (told, pack) = (Arc::clone(&count), Arc::clone(pack));
    // Eight bytes a flow: that two of them share a hash does not happen among so few.
    let (mut seen, mut extract, hasher) = (HashSet::new(), Extract::default(), RandomState::new());
    let observer = move |event: &ConversationEvent<'_>| {
        let EventKind::Message(message) = &event.kind else { return };
        let Payload::Json(text) = message.payload else { return };
        if seen.len() >= MOST || pack.trie.scan(text, &mut extract).is_err() {
            return;
        }
        for (scope, slots) in &keys {
            let place: Option<ConnectionId> = match scope {
                GroupScope::Connection | GroupScope::Sender | GroupScope::Endpoint => event.connection,
                GroupScope::Recording | GroupScope::Installation => None,
            };
            let mut hash = hasher.build_hasher();
            place.hash(&mut hash);
            if slots.iter().all(|slot| match extract.first(*slot) {
                Some(found) => {
                    found.token(text).hash(&mut hash);
                    true
                }
                None => false,
            }) {
                seen.insert(hash.finish());
                told.store(seen.len() as u64, Ordering::Relaxed);
                return;
            }
        }
    };
    Some((Box::new(observer), count))
}
