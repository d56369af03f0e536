//! What can be wrong with a cassette: where, what was expected, what was got, and the next step.
//!
//! A recording that was merely cut is not an error; see [`super::Ending`].

use std::fmt;
use std::io;

use super::format::HeaderProblem;
use crate::conversation::{EventNumber, Offset};

/// Why a cassette cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// The bytes cannot be read at all.
    #[error("cannot read {name}: {source}")]
    Io {
        /// The source, as the user named it.
        name: Box<str>,
        /// What the system, or the decompressor, said.
        source: io::Error,
    },
    /// There is not one byte.
    #[error("{name} is empty: expected a cassette, whose first line is its header")]
    Empty {
        /// The source, as the user named it.
        name: Box<str>,
    },
    /// It is compressed, and ends before anything can be decompressed.
    #[error("{name} is cut within its first compressed block: expected a cassette, got {bytes} bytes of one")]
    CutCompressed {
        /// The source, as the user named it.
        name: Box<str>,
        /// How many there are.
        bytes: u64,
    },
    /// The bytes are something else.
    #[error("{name} is no cassette: expected a first line `{{\"cassette\":1,…}}`, got {looks_like}")]
    NotACassette {
        /// The source, as the user named it.
        name: Box<str>,
        /// What they look like: `a gzip file`, `a PNG image`, …
        looks_like: Box<str>,
    },
    /// The first line is an event.
    #[error("{name}:1: expected the header `{{\"cassette\":1,…}}`, got an event")]
    NoHeader {
        /// The source, as the user named it.
        name: Box<str>,
    },
    /// The header cannot be used.
    #[error("{name}:1: {problem}")]
    Header {
        /// The source, as the user named it.
        name: Box<str>,
        /// What is wrong.
        problem: Box<HeaderProblem>,
    },
    /// A line cannot be used.
    #[error("{name}:{line}: {problem}")]
    Line {
        /// The source, as the user named it.
        name: Box<str>,
        /// Which line.
        line: LineNumber,
        /// What is wrong.
        problem: Box<LineProblem>,
    },
}

impl CassetteError {
    /// The next step, where there is one.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Empty { .. } => {
                Some("the recorder was stopped before it wrote its first line: record again".into())
            }
            Self::CutCompressed { .. } => {
                Some("compressing, or copying, ended too early: do it again from the original".into())
            }
            Self::NotACassette { .. } => Some(
                "cassettes are JSON Lines as `tilltape record` writes them (plain or `.zst`); \
                      `docs/cassette.md` has the format"
                    .into(),
            ),
            Self::NoHeader { .. } => Some("put `{\"cassette\":1}` before the first event".into()),
            Self::Header { problem, .. } => Some(problem.help()),
            Self::Line { problem, .. } => problem.help(),
        }
    }
}

/// A line of the file, counted from 1; the header is line 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineNumber(pub u64);

impl fmt::Display for LineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// The line is not UTF-8.
    #[error("column {column}: expected UTF-8, got a byte that is none")]
    Encoding {
        /// Byte position in the line, counted from 1.
        column: usize,
    },
    /// The line is not JSON.
    #[error("column {column}: expected {expected}")]
    Json {
        /// Byte position in the line, counted from 1.
        column: usize,
        /// What the grammar asks for there.
        expected: &'static str,
    },
    /// A key has a value of the wrong type, or stands twice.
    #[error("column {column}: {what}")]
    Value {
        /// Byte position in the line, counted from 1.
        column: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A key the event must have is missing.
    #[error("expected the key {expected} in the event `{event}`")]
    Missing {
        /// The event.
        event: String,
        /// The key, or the keys one of which must be there.
        expected: &'static str,
    },
    /// A key has a word this format does not know.
    #[error("expected {expected} at `{key}`, got `{got}`")]
    Word {
        /// The key.
        key: &'static str,
        /// The words the format knows.
        expected: &'static str,
        /// The word.
        got: String,
    },
    /// An event is not numbered one more than the one before.
    #[error("expected the event number {expected}, got {got}", expected = expected.0, got = got.0)]
    Number {
        /// One more than the event before.
        expected: EventNumber,
        /// The number on the line.
        got: EventNumber,
    },
    /// An event is earlier than the one before.
    #[error("expected a time not before {} us, got {} us", expected.as_micros(), got.as_micros())]
    Backwards {
        /// The time of the event before.
        expected: Offset,
        /// The time on the line.
        got: Offset,
    },
    /// There is a line after the event `end`.
    #[error("expected nothing after the event `end`, got another line")]
    AfterEnd,
    /// The line is too long to be read.
    #[error("expected a line of at most {limit} bytes, got a longer one")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl LineProblem {
    fn help(&self) -> Option<String> {
        match self {
            Self::Encoding { .. } => Some("save the file as UTF-8".into()),
            Self::Json { .. } | Self::Value { .. } => {
                Some("correct the line by hand; `docs/cassette.md` shows one of every kind".into())
            }
            Self::Missing { event, .. } => {
                Some(format!("`docs/cassette.md` lists the keys of `{event}` with an example"))
            }
            Self::Word { expected, got, .. } => {
                nearest(expected, got).map(|word| format!("did you mean `{word}`?"))
            }
            Self::Number { .. } => Some(
                "number the events from 1 without holes, or leave `n` out of every line: the reader counts"
                    .into(),
            ),
            Self::Backwards { .. } => {
                Some("events stand in the order of their times; correct `t_us` or move the line".into())
            }
            Self::AfterEnd => {
                Some("two recordings in one file? keep them apart, or move the `end` line to the end".into())
            }
            Self::TooLong { .. } => {
                Some("no message is recorded at such a length; is the file damaged?".into())
            }
        }
    }
}

/// The word in backticks in `expected` that `got` most likely meant.
fn nearest<'a>(expected: &'a str, got: &str) -> Option<&'a str> {
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|word| (strsim::damerau_levenshtein(word, got), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min()
        .map(|(_, word)| word)
}
