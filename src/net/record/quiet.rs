//! A recording that ends by itself: once everybody has left, or nothing has happened for long.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

use super::recorder::Observer;
use crate::conversation::{ConversationEvent, EventKind};

/// How far a recording is.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    events: u64,
    /// Whether anybody ever came.
    visited: bool,
    /// Connections on which nobody has said goodbye.
    open: usize,
}

/// What watches a recording, and what is over once no connection has been open for `quiet`, or nothing has
/// happened for `patience`.
pub fn until_quiet(quiet: Duration, patience: Duration) -> (Observer, impl Future<Output = ()>) {
    let (says, mut hears) = watch::channel(State::default());
    let mut open = HashSet::new();
    let observer = move |event: &ConversationEvent<'_>| {
        let Some(connection) = event.connection else { return };
        match event.kind {
            EventKind::Open(_) => drop(open.insert(connection)),
            // Behind a close frame comes its answer, and nothing else.
            EventKind::Close(_) | EventKind::Drop(_) => drop(open.remove(&connection)),
            _ => {}
        }
        says.send_modify(|state| {
            *state = State { events: state.events + 1, visited: true, open: open.len() };
        });
    };
    let over = async move {
        loop {
            let State { visited, open, .. } = *hears.borrow_and_update();
            let limit = if visited && open == 0 { quiet } else { patience };
            if !matches!(tokio::time::timeout(limit, hears.changed()).await, Ok(Ok(()))) {
                return;
            }
        }
    };
    (Box::new(observer), over)
}
