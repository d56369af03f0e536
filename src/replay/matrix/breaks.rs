//! What is broken in a cell of the matrix: one thing, at one message of the cassette.

use std::fmt;
use std::time::Duration;

use crate::conversation::{EventNumber, Party};
use crate::pack::suggestion;
use crate::replay::script::{Script, StepId};

/// What goes wrong at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Break {
    /// The link is cut, and the message does not arrive.
    CutBefore,
    /// The link is cut right after it.
    CutAfter,
    /// After it, nothing moves on the link any more, and it stays open.
    HalfOpen,
    /// A message of the terminal comes late.
    Late,
    /// A message of the terminal comes twice.
    Twice,
    /// After it, the terminal is gone for a moment, with every link.
    TerminalRestart,
    /// After it, the POS is gone, and starts anew.
    PosRestart,
}

impl Break {
    /// Every break, in the order of the grid.
    pub const ALL: [Self; 7] = [
        Self::CutBefore,
        Self::CutAfter,
        Self::HalfOpen,
        Self::Late,
        Self::Twice,
        Self::TerminalRestart,
        Self::PosRestart,
    ];

    /// Its name in the name of a cell: `cut-after`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CutBefore => "cut-before",
            Self::CutAfter => "cut-after",
            Self::HalfOpen => "half-open-after",
            Self::Late => "late",
            Self::Twice => "twice",
            Self::TerminalRestart => "terminal-restart-after",
            Self::PosRestart => "pos-restart-after",
        }
    }

    /// The head of its column, on two lines.
    pub(super) const fn head(self) -> [&'static str; 2] {
        match self {
            Self::CutBefore => ["cut", "before"],
            Self::CutAfter => ["cut", "after"],
            Self::HalfOpen => ["half-open", "after"],
            Self::Late => ["comes", "late"],
            Self::Twice => ["comes", "twice"],
            Self::TerminalRestart => ["terminal", "restarts"],
            Self::PosRestart => ["POS", "restarts"],
        }
    }

    /// What happened, as the beginning of a sentence; `message` is such as `#4 (final event)`.
    pub(super) fn in_words(self, message: &str) -> String {
        match self {
            Self::CutBefore => format!("the link was cut before {message} arrived"),
            Self::CutAfter => format!("the link was cut right after {message}"),
            Self::HalfOpen => format!("after {message} nothing moved on the link any more"),
            Self::Late => format!("{message} came late"),
            Self::Twice => format!("{message} came twice"),
            Self::TerminalRestart => format!("the terminal restarted after {message}"),
            Self::PosRestart => format!("the POS was restarted after {message}"),
        }
    }

    /// Whether it can happen to a message of that party.
    const fn concerns(self, party: Party) -> bool {
        match self {
            Self::Late | Self::Twice => matches!(party, Party::Terminal),
            Self::CutBefore | Self::CutAfter | Self::HalfOpen | Self::TerminalRestart | Self::PosRestart => {
                true
            }
        }
    }
}

/// A cell of the matrix: `cut-after-4` breaks after the message with the number 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellId {
    pub(crate) step: StepId,
    /// The number of the message in the cassette.
    pub message: EventNumber,
    /// What goes wrong there.
    pub broken: Break,
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.broken.as_str(), self.message.0)
    }
}

/// No cell of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a cell of the matrix, such as `{example}`, got `{got}`")]
pub struct UnknownCell {
    got: String,
    example: String,
    /// The nearest there is.
    pub near: Option<String>,
}

/// Every cell of a cassette, row by row. The rows are the messages that belong to something.
pub fn cells(script: &Script) -> Vec<CellId> {
    let rows = script.message_steps().filter(|&id| script.step(id).flow.is_some());
    rows.flat_map(|step| {
        let by = script.step(step).by.unwrap_or(Party::Terminal);
        let message = script.step(step).n();
        let all = Break::ALL.into_iter().filter(move |broken| broken.concerns(by));
        all.map(move |broken| CellId { step, message, broken })
    })
    .collect()
}

/// The cell of that name.
pub fn cell(script: &Script, name: &str) -> Result<CellId, UnknownCell> {
    let all = cells(script);
    let names: Vec<String> = all.iter().map(CellId::to_string).collect();
    match names.iter().position(|known| known == name) {
        Some(at) => Ok(all[at]),
        None => Err(UnknownCell {
            got: name.to_owned(),
            example: names.get(1).or(names.first()).cloned().unwrap_or_default(),
            near: suggestion(name, names.iter().map(String::as_str)),
        }),
    }
}

/// How things go in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How late a late message is.
    pub late: Duration,
    /// How long a terminal that restarts is away.
    pub away: Duration,
    /// How long nothing may happen before a cell is over.
    pub quiet: Duration,
    /// How long a cell may last in all.
    pub cell: Duration,
}
