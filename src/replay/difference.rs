//! What differs between the message a cassette has and the one that came, place by place.

use std::fmt;

/// One place at which two messages differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// JSON Pointer; empty for the message as a whole.
    pub at: String,
    /// What the cassette has there, as spelled in this run; `None` where it has nothing.
    pub expected: Option<String>,
    /// What came; `None` where nothing did.
    pub got: Option<String>,
    /// What kind of difference it is.
    pub what: Differs,
}

/// How two values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Differs {
    /// There is nothing in its place.
    Missing,
    /// The cassette has nothing there.
    Unexpected,
    /// It is of another type.
    Type,
    /// It says something else.
    Value,
    /// It is not the id this run has.
    Id,
    /// It is the id that this run has for another flow, or whatever it names: its value in the cassette.
    Taken(String),
}

impl Differs {
    /// The word in formats.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unexpected => "unexpected",
            Self::Type => "type",
            Self::Value => "value",
            Self::Id => "id",
            Self::Taken(_) => "taken",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let whose = if self.what == Differs::Id { ", the id of this run" } else { "" };
        write!(f, "expected {}{whose}, got {}", said(&self.expected), said(&self.got))?;
        match &self.what {
            Differs::Missing | Differs::Unexpected | Differs::Value | Differs::Id => Ok(()),
            Differs::Type if self.at.is_empty() => Ok(()),
            Differs::Type => f.write_str(" (another type)"),
            Differs::Taken(recorded) => {
                write!(f, " (this run has that id for what is `{recorded}` in the cassette)")
            }
        }
    }
}
