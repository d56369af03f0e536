//! The socket of a virtual goChip POS: runs errands against a service, all on one connection.
//!
//! Decides nothing but when to connect and close; what is said comes from [`Pos`].

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::super::dial::{DialError, connect, say_goodbye};
use super::super::pace::{Pace, Wait};
use super::super::run::{RunError, run_client};
use super::ending::Ending;
use super::errand::{Ask, Errand};
use super::pos::{Pos, Reply};
use super::serve::PATH;

/// How a virtual POS goes about its errands.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How fast people are.
    pub pace: Pace,
    /// How long the POS waits for the next message before it gives up; never compressed.
    pub patience: Duration,
}

/// Something a virtual POS did, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PosNews<'a> {
    /// It begins an errand.
    Asks(&'a Ask),
    /// The errand ended.
    Ended(&'a Ask, &'a Ending),
}

/// Runs the errands and says how each ended, in the order they were run.
///
/// A POS adds errands of its own after a communication error: it finds out, and reverses what nobody got.
/// `authority` is `host:port`.
pub async fn dial(
    authority: &str,
    mut pos: Pos,
    errands: Vec<Errand>,
    manner: Manner,
    mut watcher: impl FnMut(PosNews<'_>),
) -> Result<Vec<(Ask, Ending)>, DialError> {
    let key = pos.handshake_key();
    let mut link = Link { socket: connect(authority, PATH, key).await?, ended: false };
    let mut ended = Vec::new();
    let mut ahead: VecDeque<Errand> = errands.into();
    let mut waits = true;
    while let Some(errand) = ahead.pop_front() {
        if waits {
            link.idle(&mut pos, manner.pace, errand.pause).await;
        }
        watcher(PosNews::Asks(&errand.ask));
        let ending = if link.ended { Ending::LinkLost } else { link.run(&mut pos, errand.ask, manner).await };
        watcher(PosNews::Ended(&errand.ask, &ending));
        if let Some(ask) = pos.adds_after(errand.ask, &ending) {
            ahead.push_front(Errand { ask, pause: Wait::NONE });
        }
        // Who did not wait for the end does not wait for anything.
        waits = ending != Ending::Abandoned;
        let lost = ending == Ending::LinkLost;
        ended.push((errand.ask, ending));
        if lost {
            break;
        }
    }
    for wait in LINGER {
        link.idle(&mut pos, manner.pace, wait).await;
    }
    say_goodbye(&mut link.socket).await;
    Ok(ended)
}

/// The same, with signals and an event loop of its own.
pub fn run_pos(
    authority: &str,
    pos: Pos,
    errands: Vec<Errand>,
    manner: Manner,
    watcher: impl FnMut(PosNews<'_>),
) -> Result<Vec<(Ask, Ending)>, RunError> {
    run_client(dial(authority, pos, errands, manner, watcher))
}

struct Link {
    socket: WebSocketStream<TcpStream>,
    /// Nothing more can be said on it.
    ended: bool,
}

impl Link {
    /// Sends the requests of an errand and stays until its end is known, or never will be.
    async fn run(&mut self, pos: &mut Pos, ask: Ask, manner: Manner) -> Ending {
        let requests = pos.begin(ask);
        self.say(requests, manner.pace).await;
        loop {
            // What came before the link ended counts.
            if let Some(ending) = pos.ending() {
                return ending.clone();
            }
            if self.ended {
                return Ending::LinkLost;
            }
            if !self.hear(pos, manner.pace, Instant::now() + manner.patience).await && !self.ended {
                return Ending::Unanswered;
            }
        }
    }

    /// Lets time pass, and still answers what comes.
    async fn idle(&mut self, pos: &mut Pos, pace: Pace, wait: Wait) {
        let until = Instant::now() + pace.length(wait);
        while self.hear(pos, pace, until).await {}
    }

    /// Whether a message came before `until`.
    async fn hear(&mut self, pos: &mut Pos, pace: Pace, until: Instant) -> bool {
        if self.ended {
            return false;
        }
        let Ok(message) = tokio::time::timeout_at(until, self.socket.next()).await else { return false };
        match message {
            Some(Ok(Message::Text(text))) => {
                let replies = pos.receive(&text);
                self.say(replies, pace).await;
                true
            }
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => true,
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.ended = true;
                false
            }
        }
    }

    async fn say(&mut self, replies: Vec<Reply>, pace: Pace) {
        for (after, text) in replies {
            tokio::time::sleep(pace.length(after)).await;
            if self.socket.send(Message::text(text)).await.is_err() {
                self.ended = true;
                return;
            }
        }
    }
}

/// How long a POS stays before it closes, for what still comes: the card that is to be removed, and what a
/// slow machine owes at any pace.
const LINGER: [Wait; 2] = [Wait::World(Duration::from_secs(1)), Wait::Timer(Duration::from_millis(100))];
