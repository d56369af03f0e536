//! What can go wrong, one arm for each, with the sentence that help prints about it.

use std::time::Duration;

use super::Problem;

/// What goes wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A message of ours never goes out.
    Drop,
    /// A message of ours goes out so much later, whatever the pace.
    Delay(Duration),
    /// A message of ours goes out twice.
    Duplicate,
    /// One byte of the JSON syntax of a message of ours is another one.
    Corrupt,
    /// The link is cut, without a close frame, in place of a message.
    CutBefore,
    /// The link is cut right after a message.
    CutAfter,
    /// After a message, nothing moves on the link any more, and it stays open.
    HalfOpenAfter,
    /// A message of the peer is treated as if it had never come.
    Swallow,
    /// After a message every link is cut, and for a moment nobody listens.
    RestartAfter,
}

/// How long a peer that restarts is away.
pub(crate) const AWAY: Duration = Duration::from_millis(500);

impl Verb {
    /// One of each.
    pub(crate) const ALL: [Self; 8] = [
        Self::Drop,
        Self::Delay(Duration::ZERO),
        Self::Duplicate,
        Self::Corrupt,
        Self::CutBefore,
        Self::HalfOpenAfter,
        Self::Swallow,
        Self::RestartAfter,
    ];

    /// Every fault as it is written, and what it does.
    pub const HELP: [(&'static str, &'static str); 9] = [
        ("drop MESSAGE", "a message of ours never goes out"),
        ("delay MESSAGE TIME", "a message of ours goes out so much later, whatever the pace"),
        ("duplicate MESSAGE", "a message of ours goes out twice; the peer may answer twice"),
        ("corrupt MESSAGE", "one byte of the JSON syntax of a message of ours is wrong"),
        ("cut before MESSAGE", "the link is cut, without a close frame, when the message is due or awaited"),
        ("cut after MESSAGE", "the link is cut right after the message"),
        ("half-open after MESSAGE", "after the message nothing moves on the link any more; it stays open"),
        ("swallow MESSAGE", "a message of the peer is treated as if it had never come"),
        ("restart after MESSAGE", "every link is cut, and for half a second nobody listens"),
    ];

    /// Its first word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Delay(_) => "delay",
            Self::Duplicate => "duplicate",
            Self::Corrupt => "corrupt",
            Self::CutBefore | Self::CutAfter => "cut",
            Self::HalfOpenAfter => "half-open",
            Self::Swallow => "swallow",
            Self::RestartAfter => "restart",
        }
    }

    /// The words that may follow its first, and what it is then.
    pub(super) const fn prepositions(self) -> Option<&'static [(&'static str, Self)]> {
        match self {
            Self::CutBefore | Self::CutAfter => {
                Some(&[("before", Self::CutBefore), ("after", Self::CutAfter)])
            }
            Self::HalfOpenAfter => Some(&[("after", Self::HalfOpenAfter)]),
            Self::RestartAfter => Some(&[("after", Self::RestartAfter)]),
            Self::Drop | Self::Delay(_) | Self::Duplicate | Self::Corrupt | Self::Swallow => None,
        }
    }

    /// It with what follows its message.
    pub(super) fn with_argument(self, words: &[&str]) -> Result<Self, Problem> {
        match (self, words) {
            (Self::Delay(_), [time]) => match humantime::parse_duration(time) {
                Ok(time) if !time.is_zero() => Ok(Self::Delay(time)),
                Ok(_) | Err(_) => Err(Problem::Argument { expected: "expected how long: `delay event 40s`" }),
            },
            (Self::Delay(_), _) => {
                Err(Problem::Argument { expected: "expected how long: `delay event 40s`" })
            }
            (verb, []) => Ok(verb),
            (_, _) => Err(Problem::Argument { expected: "expected nothing after the message" }),
        }
    }

    /// Whether it is for messages of ours (`true`), of the peer (`false`), or of either.
    pub(super) const fn needs_ours(self) -> Option<bool> {
        match self {
            Self::Drop | Self::Delay(_) | Self::Duplicate | Self::Corrupt => Some(true),
            Self::Swallow => Some(false),
            Self::CutBefore | Self::CutAfter | Self::HalfOpenAfter | Self::RestartAfter => None,
        }
    }
}
