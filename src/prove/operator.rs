//! The faults that are injected, by name, and who is to blame for each.

use std::fmt;

use super::tape::Tape;
use crate::conversation::Party;

/// A way of breaking a clean recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// A message is missing; what followed it stands.
    Drop,
    /// From a message on, nobody says anything for hours.
    FallSilent,
    /// A message comes twice, at once or at the end of its flow.
    Duplicate,
    /// A message, and what follows, comes later.
    Delay,
    /// A message comes before others it should follow.
    Advance,
    /// Two neighbours change places.
    Swap,
    /// A message is sent by the other party.
    RetagSender,
    /// A message carries another key.
    RetargetKey,
    /// A flow uses the key of an earlier one.
    ReuseKey,
    /// A value repeats that of the message of its kind before.
    RepeatValue,
    /// A value is empty.
    Blank,
    /// A value is `null`.
    Null,
    /// A value is of another type.
    Retype,
    /// A field is missing.
    RemoveField,
    /// A message has a field nobody knows.
    UnknownField,
    /// A message has a field that a rule forbids.
    ForbiddenField,
    /// A status says something else.
    FlipStatus,
    /// An amount is another one, or no amount.
    ChangeAmount,
    /// The content of the envelope stands without it.
    Unwrap,
    /// A connection is opened to another endpoint.
    ChangeEndpoint,
    /// The recording ends early.
    Truncate,
    /// The recorder lost a message.
    Gap,
    /// A party closes early.
    Close,
    /// A party closes with a code nobody may send.
    BadCloseCode,
    /// The link goes.
    DropLink,
    /// The link goes, and the flow goes on over the next one.
    Reconnect,
    /// The link goes and takes the rest of a flow with it; the next flow starts on a new one.
    LoseEnd,
    /// A party goes on after its close frame.
    TalkAfterClose,
    /// A party ends the link although the other one has closed and waits for its answer.
    LeaveUnanswered,
    /// A ping has no pong.
    IgnorePing,
    /// A frame breaks RFC 6455.
    BreakFrame,
    /// A whole flow comes again.
    ReplayFlow,
    /// A flow runs inside another one.
    Interleave,
    /// A text is not UTF-8.
    CorruptUtf8,
    /// A text is cut in its middle.
    Garble,
    /// A message comes as a binary one.
    Binary,
    /// A message is too large to be kept.
    Oversize,
    /// An object has a key twice.
    DuplicateJsonKey,
    /// A card number stands in clear.
    LeakTestCard,
    /// A secret of the other party comes back.
    EchoSecret,
    /// The wall clock jumps.
    ClockJump,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 41] = [
        Self::Drop,
        Self::FallSilent,
        Self::Duplicate,
        Self::Delay,
        Self::Advance,
        Self::Swap,
        Self::RetagSender,
        Self::RetargetKey,
        Self::ReuseKey,
        Self::RepeatValue,
        Self::Blank,
        Self::Null,
        Self::Retype,
        Self::RemoveField,
        Self::UnknownField,
        Self::ForbiddenField,
        Self::FlipStatus,
        Self::ChangeAmount,
        Self::Unwrap,
        Self::ChangeEndpoint,
        Self::Truncate,
        Self::Gap,
        Self::Close,
        Self::BadCloseCode,
        Self::DropLink,
        Self::Reconnect,
        Self::LoseEnd,
        Self::TalkAfterClose,
        Self::LeaveUnanswered,
        Self::IgnorePing,
        Self::BreakFrame,
        Self::ReplayFlow,
        Self::Interleave,
        Self::CorruptUtf8,
        Self::Garble,
        Self::Binary,
        Self::Oversize,
        Self::DuplicateJsonKey,
        Self::LeakTestCard,
        Self::EchoSecret,
        Self::ClockJump,
    ];

    /// Its name: `retarget key`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::FallSilent => "fall silent",
            Self::Duplicate => "duplicate",
            Self::Delay => "delay",
            Self::Advance => "advance",
            Self::Swap => "swap",
            Self::RetagSender => "retag sender",
            Self::RetargetKey => "retarget key",
            Self::ReuseKey => "reuse key",
            Self::RepeatValue => "repeat value",
            Self::Blank => "blank",
            Self::Null => "null",
            Self::Retype => "retype",
            Self::RemoveField => "remove field",
            Self::UnknownField => "unknown field",
            Self::ForbiddenField => "forbidden field",
            Self::FlipStatus => "flip status",
            Self::ChangeAmount => "change amount",
            Self::Unwrap => "unwrap",
            Self::ChangeEndpoint => "change endpoint",
            Self::Truncate => "truncate",
            Self::Gap => "gap",
            Self::Close => "close",
            Self::BadCloseCode => "bad close code",
            Self::DropLink => "drop link",
            Self::Reconnect => "reconnect",
            Self::LoseEnd => "lose end",
            Self::TalkAfterClose => "talk after close",
            Self::LeaveUnanswered => "leave unanswered",
            Self::IgnorePing => "ignore ping",
            Self::BreakFrame => "break frame",
            Self::ReplayFlow => "replay flow",
            Self::Interleave => "interleave",
            Self::CorruptUtf8 => "corrupt UTF-8",
            Self::Garble => "garble",
            Self::Binary => "binary",
            Self::Oversize => "oversize",
            Self::DuplicateJsonKey => "duplicate JSON key",
            Self::LeakTestCard => "leak test card",
            Self::EchoSecret => "echo secret",
            Self::ClockJump => "clock jump",
        }
    }

    /// What it does, in a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Drop => "a message is missing; what followed it stands",
            Self::FallSilent => "from a message on nobody says anything for hours, the link stays up",
            Self::Duplicate => "a message comes twice, at once or at the end of its flow",
            Self::Delay => "a message, and all that follows, comes later: 8 s, 10 min",
            Self::Advance => "a message comes before the one before it in its flow, or before all of them",
            Self::Swap => "two neighbours on a connection change places",
            Self::RetagSender => "a message is sent by the other party",
            Self::RetargetKey => "a message carries a key nobody uses",
            Self::ReuseKey => "all messages of a flow carry the key of an earlier one",
            Self::RepeatValue => "a value repeats that of the message of its kind before",
            Self::Blank => "a text, array or object is empty",
            Self::Null => "a value is null",
            Self::Retype => "a value is of another JSON type",
            Self::RemoveField => "a field is missing",
            Self::UnknownField => "an object has a field nobody knows",
            Self::ForbiddenField => "an object has a field that some rule forbids",
            Self::FlipStatus => "a value the pack tells apart is another of them, or unknown",
            Self::ChangeAmount => "an amount is one more or less, negative, or has a decimal point",
            Self::Unwrap => "the content of the envelope stands without it",
            Self::ChangeEndpoint => {
                "a connection is opened to another endpoint, or by another path to the same"
            }
            Self::Truncate => "the recording ends early",
            Self::Gap => "the recorder lost a message",
            Self::Close => "a party closes early",
            Self::BadCloseCode => "a party closes with code 1005, which nobody may send",
            Self::DropLink => "the link goes without a close frame",
            Self::Reconnect => "the link goes, and the flow goes on over a new one",
            Self::LoseEnd => "the link goes with the rest of a flow, and the next flow starts on a new one",
            Self::TalkAfterClose => "a party repeats its last message after its close frame",
            Self::LeaveUnanswered => "a party ends the link instead of answering a close frame",
            Self::IgnorePing => "a ping has no pong",
            Self::BreakFrame => {
                "a frame breaks RFC 6455: its mask, a reserved bit or opcode, its length, its fragments"
            }
            Self::ReplayFlow => "a whole flow comes again, key and all",
            Self::Interleave => "a copy of a flow, under a key of its own, runs inside it",
            Self::CorruptUtf8 => "a text is not UTF-8",
            Self::Garble => "a text is cut in its middle",
            Self::Binary => "a message comes as a binary one",
            Self::Oversize => "a message is too large to be kept",
            Self::DuplicateJsonKey => "a field stands twice in its object",
            Self::LeakTestCard => "a test card number stands in clear",
            Self::EchoSecret => "a secret that the other party has sent comes back",
            Self::ClockJump => "the wall clock jumps by an hour",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who may be accused of an injected fault. That nobody is, is always allowed: not every rule exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// This party.
    Party(Party),
    /// One of both, because the recording would look the same: an answer that does not fit a changed
    /// question may as well be a wrong answer.
    Either,
    /// Nobody: what is missing may only make verdicts undecided.
    Nobody,
}

impl Blame {
    /// As reports say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Party(party) => party.as_str(),
            Self::Either => "either party",
            Self::Nobody => "nobody",
        }
    }

    /// Whether `accused` may be.
    pub fn allows(self, accused: Party) -> bool {
        match self {
            Self::Party(party) => party == accused,
            Self::Either => true,
            Self::Nobody => false,
        }
    }
}

/// A recording with one fault in it.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What was done.
    pub operator: Operator,
    /// Where: `event 4 /event/resource/status`.
    pub place: String,
    /// Who is to blame.
    pub blame: Blame,
    /// The recording.
    pub tape: Tape,
}
