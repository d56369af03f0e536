//! Whether a cassette may still be played: its label `expires` is a day, or a time of RFC 3339.

use std::time::SystemTime;

use crate::replay::Script;

/// A cassette that says nothing about today's devices, or not until when it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The label is neither a day nor a time.
    #[error("expected a date such as `2026-12-31` in the label `expires`, got `{0}`")]
    NoDate(String),
    /// The day is past.
    #[error("the cassette expired on {0}")]
    Expired(String),
}

/// Whether the label `expires` is not past, where there is one.
pub fn still_fresh(script: &Script) -> Result<(), Stale> {
    let Some(label) = script.header().labels.get("expires") else { return Ok(()) };
    let wrong = || Stale::NoDate(label.clone());
    let day = label.get(..10).filter(|_| label.len() == 10 || label.as_bytes().get(10) == Some(&b'T'));
    let end = format!("{}T23:59:59Z", day.ok_or_else(wrong)?);
    let end = humantime::parse_rfc3339(if label.len() == 10 { &end } else { label }).map_err(|_| wrong())?;
    if SystemTime::now() > end { Err(Stale::Expired(label.clone())) } else { Ok(()) }
}
