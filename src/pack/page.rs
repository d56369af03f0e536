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

/// How an exchange starts.
const EXCHANGE: &str = "```exchange";

/// Where the parts of a page are.
pub(super) struct Parts {
    /// Byte range of the front matter in the file.
    pub(super) front_matter: Range<usize>,
    /// Where the rest starts.
    pub(super) body_at: usize,
}

/// Finds the parts of a page.
pub(super) fn split(file: &str, text: &str) -> Result<Parts, PackError> {
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
    Ok(Parts { front_matter: start..start + length, body_at: start + length + "+++\n".len() })
}

/// Reads a page below its front matter. Sections it does not have are those of the page `below`; exchanges
/// are always its own.
pub(super) fn parse(file: &str, text: &str, body_at: usize, below: Option<&Page>) -> Result<Page, PackError> {
    let body = &text[body_at..];
    let own = |heading: &str| body.lines().any(|line| line == heading);
    let exchanges = exchanges(file, text, body_at)?;
    if SECTIONS.into_iter().all(own) {
        return Ok(Page { text: body.to_owned(), exchanges });
    }
    let mut composed = String::new();
    for heading in SECTIONS {
        let said = section(body, heading).or_else(|| section(&below?.text, heading));
        let Some(said) = said else {
            let what = format!("expected a section `{heading}`");
            return Err(PackError::at(file, text, body_at..body_at, what));
        };
        composed.push_str(said.trim_end());
        composed.push_str("\n\n");
    }
    composed.push_str(&body[first_exchange(body)..]);
    Ok(Page { text: composed, exchanges })
}

/// A section with its heading: up to the next heading or exchange.
fn section<'t>(body: &'t str, heading: &str) -> Option<&'t str> {
    let mut at = 0;
    let mut start = None;
    for line in body.split_inclusive('\n') {
        let content = line.trim_end();
        match start {
            None if content == heading => start = Some(at),
            Some(start) if content.starts_with("# ") || content.starts_with(EXCHANGE) => {
                return Some(&body[start..at]);
            }
            None | Some(_) => {}
        }
        at += line.len();
    }
    start.map(|start| &body[start..])
}

fn first_exchange(body: &str) -> usize {
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        if line.starts_with(EXCHANGE) {
            return at;
        }
        at += line.len();
    }
    body.len()
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
                let Some(header) = content.strip_prefix(EXCHANGE) else { continue };
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
