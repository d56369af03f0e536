//! What a rule has to say about a recording: the party at fault, the witnesses, expected and got.

use std::ops::Range;

use crate::conversation::{ConnectionId, EventNumber, Offset, Party};
use crate::text::Pointer;

/// One violation, with its evidence. Every reporter renders this; none decides anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The party at fault.
    pub accused: Party,
    /// One sentence: who did what, in the words of the protocol.
    pub what: String,
    /// What the rule asks for.
    pub expected: String,
    /// What was seen instead.
    pub got: String,
    /// Correlation key of the flow, where the rule has one.
    pub flow: Option<String>,
    /// The events that prove it, in order; the first is the trigger.
    pub witnesses: Vec<Witness>,
    /// Code of the root finding this one follows from, where it is folded under another.
    pub follows_from: Option<String>,
    /// Which of the run's waivers it falls under, counted from 0; `None` where it stands.
    pub waived_by: Option<usize>,
}

/// One event that proves a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    /// Which of the run's sources it stands in, counted from 0.
    pub source: usize,
    /// Its number there.
    pub n: EventNumber,
    /// When.
    pub at: Offset,
    /// On which connection.
    pub connection: Option<ConnectionId>,
    /// Who sent it; `None` for what nobody sent (the end of a recording).
    pub from: Option<Party>,
    /// What part it plays: `trigger`, `answer`, `first use`, `closed here`, …
    pub role: String,
    /// The line of the transcript, cut to what people can read, masked.
    pub excerpt: String,
    /// The offending part: a byte range of `excerpt`, on character boundaries.
    pub marked: Option<Range<usize>>,
    /// What the pack calls such a message: `event-interim`. `None` where it is not a message, or no longer known.
    pub kind: Option<String>,
    /// Where the offending part stands in the message.
    pub pointer: Option<Pointer>,
}
