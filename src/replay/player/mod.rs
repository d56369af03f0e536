//! Plays one side of a script: what happens on the wire goes in, what is to be done comes out.
//!
//! ```text
//!   dialled, opened, received, ended ──▶ ┌────────┐ ──▶ take: dial, send, close, drop, show
//!                          now ────────▶ │ Player │ ──▶ due, gives_up_at: when to look again
//!                                        └────────┘ ──▶ outcome: complete, mismatch, incomplete
//! ```
//!
//! No socket and no clock: time is an argument. A step of ours goes out once everything it waits for has
//! happened, never by the clock alone:
//!
//! * all earlier steps of its flow, on whatever connection;
//! * all earlier steps on its connection, unless its flow overtook them;
//! * for a step that starts something, all earlier steps of the cassette;
//! * for the answer of a flow that was refused, the flows that ran then.
//!
//! Then it waits its gap, counted from the last thing it waited for.

mod accept;
mod awaited;
mod busy;
mod dial;
mod ends;
mod forward;
mod harm;
mod progress;
mod receive;
mod take;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use dial::Answer;

use super::binding::{Bindings, Ids};
use super::compare::{Leniency, Live};
use super::fault::Harm;
use super::mismatch::Expected;
use super::outcome::{Incomplete, Outcome, Remarks, Tally};
use super::pace::Pace;
use super::script::{Act, ConnectionIndex, FlowIndex, PackReader, Script, StepId};
use super::spot::Spot;
use crate::conversation::{Content, EventKind, EventNumber, Offset, Party, Payload};
use crate::mask::Masker;

/// How a script is played.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which party we are.
    pub role: Party,
    /// How fast our own steps come.
    pub pace: Pace,
    /// Whether our own ids are those of the cassette.
    pub ids: Ids,
    /// What happens to a message that the cassette does not have.
    pub unknown: Unknown,
    /// Values that are not compared.
    pub ignore: Vec<Spot>,
    /// Whether the codes and reasons of close frames are compared, and a lost link is told from a close.
    pub closes: Closes,
    /// How long nothing may come that the script waits for.
    pub patience: Duration,
    /// The same where a person has to act: where the cassette shows a wait of more than a second.
    pub patience_for_people: Duration,
    /// How long the closing of connections is waited for once every message has been exchanged; `None` for
    /// as long as for a message.
    pub linger: Option<Duration>,
    /// Whether every message of ours waits for [`Player::advance`].
    pub steps: Steps,
    /// What goes wrong on purpose.
    pub harm: Vec<Harm>,
    /// What is real about the wire.
    pub wire: Wire,
    /// Masks what is shown of live messages.
    pub masker: Masker,
}

/// What happens to a message that the cassette does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// The run ends with a mismatch.
    #[default]
    Fail,
    /// It is listed in the verdict, and otherwise as if it had not come.
    Ignore,
    /// It is listed, and answered as a busy terminal answers.
    AnswerAsBusy,
    /// It goes to the live device whose part we play, unless it belongs to a flow of the cassette. The run is
    /// over once everything in the cassette has happened and no connection has been open for so long.
    Forward(Duration),
}

/// Whether close frames are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closes {
    /// Code and reason must be those of the cassette.
    #[default]
    Compared,
    /// A connection may end in any way, once it may end.
    Ignored,
}

/// Whether messages go out by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Steps {
    /// As soon as they are due.
    #[default]
    Flowing,
    /// One by one, on demand.
    ByHand,
}

/// What is real about the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Sockets: pings and pongs come and go as the peers' libraries like.
    Sockets,
    /// Memory: every frame of the cassette is exchanged.
    Memory,
}

/// A live connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u32);

/// Something to be done, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The step of the cassette it comes from.
    pub step: Option<StepId>,
    /// What to do.
    pub deed: Deed,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Open a connection; its result comes back through [`Player::opened`] or [`Player::refused`].
    Dial {
        /// The name it will have.
        link: LinkId,
    },
    /// Connect a link to the live device, so that both hear each other.
    Bridge {
        /// Which link.
        link: LinkId,
    },
    /// Pass a message of the peer on to the live device; what comes back goes to the peer. Connects the link
    /// first where it is not.
    Forward {
        /// On which connection it came.
        link: LinkId,
        /// What.
        message: Outgoing,
    },
    /// Send a message.
    Send {
        /// On which connection.
        link: LinkId,
        /// What.
        message: Outgoing,
    },
    /// Send a ping.
    Ping {
        /// On which connection.
        link: LinkId,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// Send a pong.
    Pong {
        /// On which connection.
        link: LinkId,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// Send a close frame.
    Close {
        /// On which connection.
        link: LinkId,
        /// Its code.
        code: Option<u16>,
        /// Its reason.
        reason: String,
    },
    /// End the link without a close frame.
    Drop {
        /// On which connection.
        link: LinkId,
        /// With a reset.
        reset: bool,
    },
    /// Write bytes that are no frame.
    Break {
        /// On which connection.
        link: LinkId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Neither read nor write any more, and leave the link open.
    FallSilent {
        /// On which connection.
        link: LinkId,
    },
    /// Drop every connection, be away for so long, then be back.
    Restart {
        /// How long.
        away: Duration,
    },
    /// Show a human step.
    Show {
        /// The note of the cassette.
        note: String,
    },
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// As text.
    Text(String),
    /// As binary.
    Binary(Vec<u8>),
}

/// What came on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A message that was not kept: its size and hash are all there is.
    Omitted {
        /// Its size in bytes.
        size: u64,
        /// SHA-256 in lower-case hex.
        sha256: &'a str,
    },
    /// A ping.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// A close frame.
    Close {
        /// Its code.
        code: Option<u16>,
        /// Its reason.
        reason: &'a str,
    },
    /// Bytes that break the protocol, and what is wrong with them.
    Broken(&'a str),
    /// The link ended.
    End {
        /// With a reset.
        reset: bool,
    },
}

/// A fault came too late.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault `{fault}`: expected a message that is still to come, got {n}, which is over")]
pub struct TooLate {
    /// As written.
    pub fault: String,
    /// The message.
    pub n: EventNumber,
}

/// Plays one side of a script.
#[derive(Debug)]
pub struct Player {
    script: Arc<Script>,
    settings: Settings,
    leniency: Leniency,
    bindings: Bindings,
    reader: Option<PackReader>,
    live: Live,
    status: Vec<Status>,
    connections: Vec<ConnectionState>,
    flows: Vec<FlowState>,
    links: Vec<Link>,
    /// Handshakes of ours that are under way.
    dialling: u32,
    /// Where the peer may dial.
    doors: HashMap<String, dial::Door>,
    /// Steps from the start of the cassette that are over.
    over: usize,
    /// Connections from the start of the cassette on which everything is over.
    finished: usize,
    /// Our steps that wait for their time.
    due: BinaryHeap<Reverse<(Offset, StepId)>>,
    /// What comes out before anything else is due.
    ready: VecDeque<Action>,
    /// By flow that must have begun: flows whose answer waits for that.
    held_up: HashMap<FlowIndex, Vec<FlowIndex>>,
    /// Openers and single messages of the peer, by what they look like; made when it is first needed.
    prints: Option<HashMap<(String, u64), VecDeque<StepId>>>,
    harm: HashMap<StepId, Vec<Harm>>,
    /// Faults that have struck, as written, and the number of the message.
    struck: Vec<(String, u64)>,
    left: Left,
    may_send: u32,
    progressed: Offset,
    /// Messages that went to the live device.
    forwarded: u64,
    outcome: Option<Outcome>,
    remarks: Remarks,
    tally: Tally,
}

/// Steps that still have to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    messages: usize,
    others: usize,
}

/// What has become of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Status {
    /// It is to happen.
    #[default]
    Ahead,
    /// It is ours and waits for its time.
    Queued,
    /// It has happened.
    Done,
    /// It may happen, and need not: something went wrong on purpose, or the cassette was overtaken.
    Excused,
    /// As [`Status::Excused`], and waits for its time.
    ExcusedQueued,
    /// Nobody waits for it: a ping, a note.
    Soft,
}

#[derive(Clone, Debug, Default)]
struct ConnectionState {
    /// The live connection that carries it.
    link: Option<LinkId>,
    /// Whether it was ever opened.
    opened: bool,
    /// Steps from its start that are over.
    over: u32,
    /// The first step of the peer that is not over; at or before it.
    peer: u32,
}

#[derive(Clone, Debug, Default)]
struct FlowState {
    /// Steps from its start that have happened.
    done: u32,
    /// Whether it began before what came before it on its connection.
    overtook: bool,
    /// The live connection it was begun on, where that is not the one of its connection.
    link: Option<LinkId>,
    /// Whether the peer may repeat itself: we did, on purpose.
    repeats: bool,
}

/// A live connection.
#[derive(Clone, Debug)]
struct Link {
    connection: Option<ConnectionIndex>,
    target: String,
    /// Its handshake is under way.
    pending: bool,
    open: bool,
    we_closed: bool,
    peer_closed: bool,
    /// Nothing moves on it any more.
    silent: bool,
}

/// Why a script cannot be played in a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// A message of ours is not in the cassette, only its size.
    #[error("expected the content of message {n}, which the {role} sends, got only its size of {size} bytes")]
    NotKept {
        /// The step.
        n: EventNumber,
        /// Our role.
        role: Party,
        /// Its size.
        size: u64,
    },
    /// Nothing in the cassette is for the other side to do.
    #[error("expected messages of the {peer}, got none: nothing would be tested")]
    Nothing {
        /// The other side.
        peer: Party,
    },
}

impl Player {
    /// A player at the start of `script`; `now` is when it starts.
    pub fn new(script: Arc<Script>, settings: Settings, now: Offset) -> Result<Self, Unplayable> {
        let role = settings.role;
        for step in script.steps.iter().filter(|step| step.by == Some(role)) {
            if let Content::Other(EventKind::Message(message)) = &step.event.content
                && let Payload::Omitted { size, .. } = message.payload
                && settings.wire == Wire::Sockets
            {
                return Err(Unplayable::NotKept { n: step.n(), role, size });
            }
        }
        let mut player = Self {
            leniency: Leniency::new(&script, &settings.ignore),
            bindings: Bindings::new(&script.lineage, role, settings.ids),
            reader: script.pack().map(|pack| PackReader::new(Arc::clone(pack))),
            live: Live::default(),
            status: vec![Status::default(); script.steps.len()],
            connections: vec![ConnectionState::default(); script.connections.len()],
            flows: vec![FlowState::default(); script.flows.len()],
            links: Vec::new(),
            dialling: 0,
            doors: dial::doors(&script, role),
            over: 0,
            finished: 0,
            due: BinaryHeap::new(),
            ready: VecDeque::new(),
            held_up: HashMap::new(),
            prints: None,
            harm: HashMap::new(),
            struck: Vec::new(),
            left: Left::default(),
            may_send: 0,
            progressed: now,
            forwarded: 0,
            outcome: None,
            remarks: Remarks::default(),
            tally: Tally::default(),
            script,
            settings,
        };
        player.lay_out();
        player.start(now);
        Ok(player)
    }

    /// The script it plays.
    pub fn script(&self) -> &Arc<Script> {
        &self.script
    }

    /// How it ended; `None` while it runs.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// How many messages went either way.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What is worth saying about the run although it hindered nothing.
    pub fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// How many connections of the cassette were opened.
    pub fn connections_used(&self) -> usize {
        self.connections.iter().filter(|connection| connection.opened).count()
    }

    /// Lets the next message of ours go, where they go by hand.
    pub fn advance(&mut self) {
        self.may_send += 1;
    }

    /// Something goes wrong on purpose from now on; nothing of it does where one of the messages is over.
    pub fn harm(&mut self, harms: Vec<Harm>) -> Result<(), TooLate> {
        let over = |harm: &&Harm| matches!(self.status(harm.step), Status::Done | Status::Excused);
        if let Some(late) = harms.iter().find(over) {
            return Err(TooLate { fault: late.text.clone(), n: self.script.step(late.step).n() });
        }
        for harm in harms {
            self.harm.entry(harm.step).or_default().push(harm);
        }
        Ok(())
    }

    /// What the peer could do next, the earliest of the cassette first.
    pub fn waits_for(&self) -> Vec<Expected> {
        let awaited = self.awaited().into_iter().take(Incomplete::SHOWN);
        awaited.map(|id| self.describe(id)).collect()
    }

    /// Adds something worth saying about the run.
    pub(crate) fn remark(&mut self, text: String) {
        self.remarks.add(text);
    }

    /// The operator stops the run.
    pub fn stop(&mut self) {
        self.fall_short(super::outcome::Shortfall::Stopped);
    }

    fn lay_out(&mut self) {
        let role = self.settings.role;
        for id in self.script.ids() {
            let step = self.script.step(id);
            let ours = step.by == Some(role);
            let live = self.settings.wire == Wire::Sockets;
            let soft = match step.act() {
                Act::Note | Act::Remark => true,
                Act::Ping | Act::Fragment => live && !ours,
                // Whoever is pinged answers, and nobody knows whether live pings come.
                Act::Pong => live,
                Act::Open | Act::Refuse | Act::Message | Act::Close | Act::Drop | Act::Break => false,
            };
            let soft = soft || (live && ours && step.act() == Act::Fragment);
            if soft {
                self.status[id.0 as usize] = Status::Soft;
            } else {
                *self.left.of(step.act()) += 1;
            }
        }
        for flow in 0..self.script.flows.len() as u32 {
            for &other in &self.script.flow(FlowIndex(flow)).alongside {
                self.held_up.entry(other).or_default().push(FlowIndex(flow));
            }
        }
        for harm in std::mem::take(&mut self.settings.harm) {
            self.harm.entry(harm.step).or_default().push(harm);
        }
    }
}

impl Left {
    fn of(&mut self, act: Act) -> &mut usize {
        if act == Act::Message { &mut self.messages } else { &mut self.others }
    }

    const fn is_none(self) -> bool {
        self.messages == 0 && self.others == 0
    }
}
