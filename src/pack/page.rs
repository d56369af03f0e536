//! A rule page: TOML front matter between `+++` lines, Markdown, and fenced exchanges that prove it.
//!
//! ````text
//! +++
//! code = "ACK-1"
//! …
//! +++
//! # What it requires
//! …
//! ```exchange fail at 2 blames pos
//! …
//! ```
//! ````

use std::ops::Range;

use super::error::PackError;
use crate::conversation::{EventNumber, Party};

/// A rule page apart from its front matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The Markdown below the front matter, exchanges included.
    pub text: String,
    /// The exchanges, in the order of the page.
    pub exchanges: Vec<Exchange>,
}

/// One fenced exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Line of its opening fence in the file, counted from 1.
    pub line: usize,
    /// What the rule must say of it.
    pub expected: Expected,
    /// The transcript.
    pub transcript: String,
}

/// What the rule must say of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Met at least once, violated never, all decided; and no other rule is violated.
    Pass,
    /// Violated, with that event among the witnesses, and that party accused; and nothing else is a root.
    Fail {
        /// The event, counted from 1 as `show` does.
        at: EventNumber,
        /// The party.
        blames: Party,
    },
    /// Not violated, and something could not be decided.
    Inconclusive,
}

/// The sections every page has.
const SECTIONS: [&str; 3] = ["# What it requires", "# Why it matters", "# Limits"];

/// A page cut into its parts.
pub(super) struct Parts {
    /// Byte range of the front matter in the file.
    pub(super) front_matter: Range<usize>,
    /// The rest.
    pub(super) page: Page,
}

/// Cuts a page into its parts.
pub(super) fn parse(file: &str, text: &str) -> Result<Parts, PackError> {
    let unfinished = || {
        PackError::at(
            file,
            text,
            0..text.find('\n').unwrap_or(text.len()),
            "expected front matter between `+++` lines",
        )
        .help("start the page with `+++`, the TOML keys of the rule, and `+++`")
    };
    let start = "+++\n".len();
    let rest = text.strip_prefix("+++\n").ok_or_else(unfinished)?;
    let length = rest.find("\n+++\n").ok_or_else(unfinished)? + 1;
    let body_at = start + length + "+++\n".len();
    let body = &text[body_at..];
    for section in SECTIONS {
        if !body.lines().any(|line| line == section) {
            return Err(PackError::at(
                file,
                text,
                body_at..body_at,
                format!("expected a section `{section}`"),
            ));
        }
    }
    let exchanges = exchanges(file, text, body_at)?;
    Ok(Parts { front_matter: start..start + length, page: Page { text: body.to_owned(), exchanges } })
}

fn exchanges(file: &str, text: &str, body_at: usize) -> Result<Vec<Exchange>, PackError> {
    let mut exchanges = Vec::new();
    let mut at = body_at;
    let first_line = text[..body_at].matches('\n').count() + 1;
    let mut open: Option<(Exchange, Range<usize>)> = None;
    for (line, raw) in (first_line..).zip(text[body_at..].split_inclusive('\n')) {
        let content = raw.trim_end();
        let span = at..at + content.len();
        at += raw.len();
        match open.as_mut() {
            Some(_) if content == "```" => exchanges.extend(open.take().map(|(exchange, _)| exchange)),
            Some((exchange, _)) => exchange.transcript.push_str(raw),
            None => {
                let Some(header) = content.strip_prefix("```exchange") else { continue };
                let expected = expectation(header.trim()).ok_or_else(|| {
                    PackError::at(file, text, span.clone(), "expected what the exchange shows")
                        .help("write `pass`, `fail at N blames pos|terminal|gateway`, or `inconclusive`")
                })?;
                open = Some((Exchange { line, expected, transcript: String::new() }, span));
            }
        }
    }
    match open {
        Some((_, span)) => Err(PackError::at(file, text, span, "expected the exchange to end with ```")),
        None => Ok(exchanges),
    }
}

fn expectation(header: &str) -> Option<Expected> {
    let words: Vec<&str> = header.split_whitespace().collect();
    match words.as_slice() {
        ["pass"] => Some(Expected::Pass),
        ["inconclusive"] => Some(Expected::Inconclusive),
        ["fail", "at", number, "blames", party] => {
            Some(Expected::Fail { at: EventNumber(number.parse().ok()?), blames: party.parse().ok()? })
        }
        _ => None,
    }
}
