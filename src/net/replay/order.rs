//! What can be asked of a run from outside while it goes on: by an operator, a test, the control endpoint.

use std::fmt;

use crate::conversation::ConnectionId;
use crate::replay::{Expected, Harm, Outgoing, Tally, TooLate};

/// Something asked of a run.
#[derive(Debug)]
pub enum Order {
    /// Lets the next message of ours go, where they go by hand.
    Advance,
    /// Ends the run; nothing happens where it is over.
    Stop,
    /// Something goes wrong on purpose from now on.
    Harm(Vec<Harm>, Reply<Result<(), TooLate>>),
    /// Sends a message that the cassette does not have.
    Inject {
        /// The connection of the run; the one that was opened last where it is not named.
        connection: Option<ConnectionId>,
        /// What is sent.
        message: Outgoing,
        /// The connection it went out on.
        answer: Reply<Result<ConnectionId, NoConnection>>,
    },
    /// Says how the run stands.
    Look(Reply<Standing>),
}

/// Takes the answer to whoever asked; dropped where there is none.
pub struct Reply<T>(Box<dyn FnOnce(T) + Send>);

impl<T> Reply<T> {
    /// Calls `taker` with the answer, in the thread of the run: it must not wait.
    pub fn new(taker: impl FnOnce(T) + Send + 'static) -> Self {
        Self(Box::new(taker))
    }

    pub(super) fn send(self, answer: T) {
        (self.0)(answer);
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is over.
    pub over: bool,
    /// Messages that went either way.
    pub tally: Tally,
    /// Connections that are open, by their number in the run.
    pub open: Vec<ConnectionId>,
    /// The message of ours that waits to be let go.
    pub held: Option<Expected>,
    /// What the peer could do next.
    pub waits_for: Vec<Expected>,
    /// Faults that have struck, and the number of the message.
    pub struck: Vec<(String, u64)>,
}

/// Nothing can be sent on a connection that is not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an open connection, got {}{}", named(*.asked), list(.open))]
pub struct NoConnection {
    /// The connection that was named.
    pub asked: Option<ConnectionId>,
    /// Those that are open.
    pub open: Vec<ConnectionId>,
}

fn named(asked: Option<ConnectionId>) -> String {
    asked.map_or_else(|| "none".to_owned(), |connection| format!("{}", connection.0))
}

fn list(open: &[ConnectionId]) -> String {
    let numbers: Vec<String> = open.iter().map(|connection| connection.0.to_string()).collect();
    if numbers.is_empty() { String::new() } else { format!("; open: {}", numbers.join(", ")) }
}
