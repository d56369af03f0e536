//! Faults on purpose, addressed by message: what goes wrong, at which step of the cassette.
//!
//! ```text
//! drop event#1            delay response 40s      duplicate event       corrupt event
//! cut before event_ack    cut after response      half-open after response
//! swallow event_ack       restart after request
//! ```
//!
//! A fault names a message by its kind in the pack, by its role in a flow, or as `message`, and which of
//! them: `#2` the second, `#*` every one, the first where nothing is said. What follows a fault in its flow
//! may come and need not.

mod address;
mod verb;

use address::Address;
pub(crate) use verb::AWAY;
pub use verb::Verb;

use std::fmt;
use std::str::FromStr;

use super::script::{Act, Script, StepId};
use crate::conversation::Party;
use crate::pack::suggestion;

/// A fault as written: `cut before event_ack`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    text: String,
    verb: Verb,
    address: Address,
}

/// A fault at a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Harm {
    pub(crate) step: StepId,
    pub(crate) verb: Verb,
    /// The fault it comes from, as written.
    pub(crate) text: String,
}

impl Fault {
    /// The steps it is about, where `role` is ours.
    pub fn aim(&self, script: &Script, role: Party) -> Result<Vec<Harm>, FaultError> {
        let error = |problem| FaultError { text: self.text.clone(), problem };
        let meant = self.address.find(script).map_err(error)?;
        meant
            .into_iter()
            .map(|step| {
                let by = script.step(step).by.unwrap_or(role);
                match (self.verb.needs_ours(), by == role) {
                    (Some(true), false) => Err(error(Problem::NotOurs {
                        n: script.step(step).n().0,
                        by,
                        verb: self.verb.word(),
                    })),
                    (Some(false), true) => {
                        Err(error(Problem::NotTheirs { n: script.step(step).n().0, role }))
                    }
                    _ => Ok(Harm { step, verb: self.verb, text: self.text.clone() }),
                }
            })
            .collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem| FaultError { text: text.to_owned(), problem };
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let mut verb = Verb::ALL
            .into_iter()
            .find(|verb| verb.word() == first)
            .ok_or_else(|| error(Problem::Verb { near: suggestion(first, Verb::ALL.map(Verb::word)) }))?;
        if let Some(prepositions) = verb.prepositions() {
            let said = words.next().unwrap_or_default();
            let found = prepositions.iter().find(|(word, _)| *word == said);
            verb = found
                .map(|&(_, verb)| verb)
                .ok_or_else(|| error(Problem::Preposition { verb: first.to_owned(), among: prepositions }))?;
        }
        let address = words.next().ok_or_else(|| error(Problem::NoAddress))?;
        let address = Address::parse(address).map_err(error)?;
        let rest: Vec<&str> = words.collect();
        verb = verb.with_argument(&rest).map_err(error)?;
        Ok(Self { text: text.split_whitespace().collect::<Vec<_>>().join(" "), verb, address })
    }
}

/// Why a text is no fault, or none of this cassette.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault `{text}`: {problem}")]
pub struct FaultError {
    text: String,
    problem: Problem,
}

/// What is wrong with a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("expected it to begin with {}{}", verbs(), hint(near))]
    Verb { near: Option<String> },
    #[error("expected `{verb} {}`", among.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(&format!("` or `{verb} ")))]
    Preposition { verb: String, among: &'static [(&'static str, Verb)] },
    #[error("expected a message, such as `event#1`, `response` or `message#*`")]
    NoAddress,
    #[error("expected `#` and a number from 1, or `#*`, after the name of the message")]
    Number,
    #[error("{expected}")]
    Argument { expected: &'static str },
    #[error("the cassette has no message `{name}`{}; it has {}", hint(near), known.join(", "))]
    Unknown { name: String, near: Option<String>, known: Vec<String> },
    #[error("the cassette has `{name}` {count} times")]
    TooFew { name: String, count: usize },
    #[error(
        "message {n} is sent by the {by}: `{verb}` is for messages we send; to lose one of the {by}, say `swallow`"
    )]
    NotOurs { n: u64, by: Party, verb: &'static str },
    #[error(
        "message {n} is sent by us, the {role}: `swallow` is for messages that come; to lose one of ours, say `drop`"
    )]
    NotTheirs { n: u64, role: Party },
}

fn verbs() -> String {
    let words: Vec<String> = Verb::ALL.iter().map(|verb| format!("`{}`", verb.word())).collect();
    words.join(", ")
}

fn hint(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!("; {near}"))
}

impl Script {
    /// Every message, in order.
    pub(crate) fn message_steps(&self) -> impl Iterator<Item = StepId> {
        self.ids().filter(|&id| self.step(id).act() == Act::Message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_as_they_are_written() {
        for text in [
            "drop event#1",
            "delay response 40s",
            "duplicate event",
            "corrupt message#*",
            "cut before event_ack",
            "cut after response#3",
            "half-open after response",
            "swallow ack",
            "restart after request",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        assert_eq!("  drop   event ".parse::<Fault>().unwrap().to_string(), "drop event");
    }

    #[test]
    fn what_is_no_fault_says_what_was_expected() {
        for (text, said) in [
            ("dorp event", "did you mean `drop`?"),
            ("", "expected it to begin with `drop`"),
            ("cut event", "expected `cut before` or `cut after`"),
            ("drop", "expected a message"),
            ("drop event#0", "a number from 1"),
            ("delay event", "how long"),
            ("delay event soon", "how long"),
            ("drop event 3s", "nothing after"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
