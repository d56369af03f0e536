//! Both sides of a cassette at once, in virtual time, over a wire of memory: what comes out must be the
//! cassette, byte for byte.
//!
//! It is the proof that a red run is never the tool's fault: the same players that meet real peers play
//! against each other, with the recorded ids at the recorded pace, and each must find in the other what it
//! expects, when it expects it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::binding::Ids;
use super::mismatch::Mismatch;
use super::outcome::Outcome;
use super::pace::Pace;
use super::player::{
    Action, Answer, Closes, Deed, LinkId, Outgoing, Player, Received, Settings, Steps, Unknown, Unplayable,
    Wire,
};
use super::script::{Act, Script, StepId};
use crate::cassette::encode;
use crate::conversation::{
    Close, Content, Control, ConversationEvent, EventKind, EventNumber, Message, Offset, Party, Payload,
};
use crate::mask::{Masker, Policy};

/// What a rehearsal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// Events that came out, each as in the cassette.
    pub events: u64,
    /// How long they took in the cassette.
    pub lasted: Duration,
}

/// Why a cassette does not play itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    /// A side cannot be played.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
    /// An event came out that is not the one of the cassette.
    #[error("event {n} came out otherwise than it stands in the cassette")]
    Differs {
        /// Its number.
        n: EventNumber,
        /// The line of the cassette, as a recorder spells it.
        expected: String,
        /// The line that came out.
        got: String,
    },
    /// A side did not take what the other sent for what the cassette has.
    #[error("{party} would not take event {n}: {}", mismatch.what)]
    NotTaken {
        /// Which side.
        party: Party,
        /// The number of the event.
        n: EventNumber,
        /// Why.
        mismatch: Box<Mismatch>,
    },
    /// Nobody had anything to do, and the cassette was not at its end.
    #[error("nothing could follow before event {n}")]
    Stuck {
        /// The event that should have come.
        n: EventNumber,
    },
}

/// Plays both sides of `script`; `see` gets each event that comes out.
pub fn rehearse(
    script: &Arc<Script>,
    see: impl FnMut(&ConversationEvent<'_>),
) -> Result<Rehearsal, RehearsalError> {
    let player = |role| {
        let settings = Settings {
            role,
            pace: Pace::Recorded,
            ids: Ids::Recorded,
            unknown: Unknown::Fail,
            ignore: Vec::new(),
            closes: Closes::Compared,
            patience: Duration::MAX,
            patience_for_people: Duration::MAX,
            linger: None,
            steps: Steps::Flowing,
            harm: Vec::new(),
            wire: Wire::Memory,
            masker: Masker::new(Policy::standard(), [0; 32]),
        };
        Player::new(Arc::clone(script), settings, Offset::ZERO)
    };
    let mut stage = Stage {
        script,
        players: [player(Party::Pos)?, player(Party::Terminal)?],
        others: HashMap::new(),
        now: Offset::ZERO,
        came: 0,
        see,
        lines: (Vec::new(), Vec::new()),
    };
    stage.play()?;
    Ok(Rehearsal { events: stage.came as u64, lasted: stage.now.since(Offset::ZERO) })
}

/// Which of the two players.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    Pos,
    Terminal,
}

/// Who is next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Player(Side),
    Recorder,
}

struct Stage<'s, S> {
    script: &'s Arc<Script>,
    players: [Player; 2],
    /// By link of one side: the link of the other.
    others: HashMap<(Side, LinkId), LinkId>,
    now: Offset,
    /// Events that came out.
    came: usize,
    see: S,
    /// The line expected and the line that came, in buffers that are used again.
    lines: (Vec<u8>, Vec<u8>),
}

impl<S: FnMut(&ConversationEvent<'_>)> Stage<'_, S> {
    fn play(&mut self) -> Result<(), RehearsalError> {
        while let Some((at, next)) = self.next() {
            self.now = self.now.max(at);
            match next {
                Next::Recorder => self.came_out(StepId(self.came as u32), None)?,
                Next::Player(side) => {
                    let now = self.now;
                    if let Some(action) = self.player(side).take(now) {
                        self.perform(side, action)?;
                    }
                }
            }
        }
        if self.came < self.script.steps.len() {
            return Err(RehearsalError::Stuck { n: self.script.steps[self.came].n() });
        }
        Ok(())
    }

    /// Whose turn it is: the earliest, and of several the first in the cassette.
    fn next(&self) -> Option<(Offset, Next)> {
        let of = |side: Side| {
            let (at, step) = self.players[side as usize].peek()?;
            Some((at, step.map_or(0, |step| step.0), Next::Player(side)))
        };
        // What a recorder writes for itself stands where it stood: behind what came before it.
        let step = self.script.steps.get(self.came);
        let own = step.filter(|step| matches!(step.act(), Act::Note | Act::Remark));
        let own = own.map(|step| (step.at(), self.came as u32, Next::Recorder));
        let all = [of(Side::Pos), of(Side::Terminal), own];
        all.into_iter().flatten().min_by_key(|&(at, step, _)| (at, step)).map(|(at, _, next)| (at, next))
    }

    fn perform(&mut self, side: Side, action: Action) -> Result<(), RehearsalError> {
        let Action { step, deed } = action;
        match &deed {
            Deed::Dial { link } => return self.connect(side, *link, step),
            Deed::FallSilent { .. }
            | Deed::Restart { .. }
            | Deed::Show { .. }
            | Deed::Bridge { .. }
            | Deed::Forward { .. } => return Ok(()),
            Deed::Send { .. }
            | Deed::Ping { .. }
            | Deed::Pong { .. }
            | Deed::Close { .. }
            | Deed::Drop { .. }
            | Deed::Break { .. } => {}
        }
        let Some(id) = step else { return Ok(()) };
        self.came_out(id, Some(&deed))?;
        let script = Arc::clone(self.script);
        let (link, received) = received(&script, id, &deed);
        let Some(link) = link else { return Ok(()) };
        let Some(&other) = self.others.get(&(side, link)) else { return Ok(()) };
        let now = self.now;
        self.player(side.other()).received(other, &received, now);
        self.taken(side.other(), id)
    }

    fn connect(&mut self, client: Side, link: LinkId, step: Option<StepId>) -> Result<(), RehearsalError> {
        let now = self.now;
        if let Some(step) = step {
            self.came_out(step, None)?;
        }
        let target = self.player(client).target(link).to_owned();
        let opening = step.and_then(|step| self.script.step(step).opening());
        let headers = opening.map(|opening| opening.response.headers.clone()).unwrap_or_default();
        let protocol = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
        let protocol = protocol.map(|(_, value)| value.trim().to_owned());
        let status = opening.map_or(101, |opening| opening.status);
        let offered: Vec<String> = protocol.clone().into_iter().collect();
        let server = client.other();
        match self.player(server).dialled(&target, &offered, now) {
            Answer::Accept { link: other, subprotocol, .. } => {
                self.others.insert((client, link), other);
                self.others.insert((server, other), link);
                self.player(server).opened(other, subprotocol.as_deref(), now);
                self.player(client).opened(link, subprotocol.as_deref(), now);
            }
            Answer::Refuse { .. } => self.player(client).refused(link, status, now),
            Answer::Unknown => {}
        }
        let id = step.unwrap_or(StepId(0));
        self.taken(server, id)?;
        self.taken(client, id)
    }

    /// Holds what came out against the cassette.
    fn came_out(&mut self, id: StepId, deed: Option<&Deed>) -> Result<(), RehearsalError> {
        let n = EventNumber(self.came as u64 + 1);
        let script = Arc::clone(self.script);
        let own = script.step(id);
        let recorded = own.event.view();
        let kind = match (deed, &own.event.content) {
            (Some(Deed::Send { message: Outgoing::Text(text), .. }), Content::Json(message)) => {
                EventKind::Message(message.saying(text))
            }
            (Some(deed), _) => as_done(deed, &recorded.kind),
            (None, _) => recorded.kind.clone(),
        };
        let event = ConversationEvent { n, at: self.now, connection: recorded.connection, kind };
        let (expected, got) = &mut self.lines;
        expected.clear();
        got.clear();
        let Some(here) = script.steps.get(self.came) else {
            return Err(RehearsalError::Stuck { n });
        };
        encode(&here.event.view(), expected);
        encode(&event, got);
        if expected != got {
            let text = |line: &[u8]| String::from_utf8_lossy(line).trim_end().to_owned();
            return Err(RehearsalError::Differs { n, expected: text(expected), got: text(got) });
        }
        self.came += 1;
        (self.see)(&event);
        Ok(())
    }

    /// Whether a side took event `id` for what it is.
    fn taken(&mut self, side: Side, id: StepId) -> Result<(), RehearsalError> {
        match self.players[side as usize].outcome() {
            Some(Outcome::Mismatch(mismatch)) => Err(RehearsalError::NotTaken {
                party: side.party(),
                n: self.script.step(id).n(),
                mismatch: mismatch.clone(),
            }),
            Some(Outcome::Complete | Outcome::Incomplete(_)) | None => Ok(()),
        }
    }

    fn player(&mut self, side: Side) -> &mut Player {
        &mut self.players[side as usize]
    }
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Pos => Self::Terminal,
            Self::Terminal => Self::Pos,
        }
    }

    const fn party(self) -> Party {
        match self {
            Self::Pos => Party::Pos,
            Self::Terminal => Party::Terminal,
        }
    }
}

/// The event of a deed; what is not part of the deed, such as how it was cut into frames, is that of the
/// cassette.
fn as_done<'a>(deed: &'a Deed, recorded: &EventKind<'a>) -> EventKind<'a> {
    match (deed, recorded) {
        (Deed::Send { message, .. }, EventKind::Message(own)) => {
            let payload = match (message, &own.payload) {
                (_, Payload::Omitted { .. }) => own.payload.clone(),
                (Outgoing::Text(text), Payload::Text(_)) => Payload::Text(text.as_str().into()),
                (Outgoing::Text(text), _) => Payload::of_text(text),
                (Outgoing::Binary(bytes), _) => Payload::Binary(bytes.as_slice().into()),
            };
            EventKind::Message(Message { payload, ..own.clone() })
        }
        (Deed::Ping { payload, .. }, EventKind::Ping(own)) => {
            EventKind::Ping(Control { payload: payload.as_slice().into(), ..own.clone() })
        }
        (Deed::Pong { payload, .. }, EventKind::Pong(own)) => {
            EventKind::Pong(Control { payload: payload.as_slice().into(), ..own.clone() })
        }
        (Deed::Close { code, reason, .. }, EventKind::Close(own)) => {
            EventKind::Close(Close { code: *code, reason: reason.as_str().into(), ..own.clone() })
        }
        _ => recorded.clone(),
    }
}

/// What arrives at the other side.
fn received<'a>(script: &'a Script, id: StepId, deed: &'a Deed) -> (Option<LinkId>, Received<'a>) {
    let omitted = match &script.step(id).event.content {
        Content::Other(EventKind::Message(Message {
            payload: Payload::Omitted { size, sha256, .. },
            ..
        })) => Some(Received::Omitted { size: *size, sha256 }),
        Content::Json(_) | Content::Other(_) => None,
    };
    let (link, what) = match deed {
        Deed::Send { link, message: Outgoing::Text(text) } => (link, Received::Text(text)),
        Deed::Send { link, message: Outgoing::Binary(bytes) } => {
            (link, omitted.unwrap_or(Received::Binary(bytes)))
        }
        Deed::Ping { link, payload } => (link, Received::Ping(payload)),
        Deed::Pong { link, payload } => (link, Received::Pong(payload)),
        Deed::Close { link, code, reason } => (link, Received::Close { code: *code, reason }),
        Deed::Drop { link, reset } => (link, Received::End { reset: *reset }),
        Deed::Break { link, .. } => (link, Received::Broken("as in the cassette")),
        Deed::Dial { .. }
        | Deed::FallSilent { .. }
        | Deed::Restart { .. }
        | Deed::Show { .. }
        | Deed::Bridge { .. }
        | Deed::Forward { .. } => return (None, Received::Broken("")),
    };
    (Some(*link), what)
}
