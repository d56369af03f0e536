//! What a recording came to, as `record` prints it: what is in it, where it is, what to do next.

use super::Exit;
use crate::net::record::{Loss, Summary};

/// What comes after the summary.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next<'a> {
    /// The operator is told how to check the recording, by the pack it was made for.
    Check(Option<&'a str>),
    /// The report of a check that was made meanwhile.
    Report,
}

/// The exit code of a recording: 4 where something is missing in it, or stands in it in clear.
pub(crate) fn exit(summary: &Summary) -> Exit {
    let clean = summary.totals.clear.unwrap_or(0) == 0;
    if summary.is_complete() && clean { Exit::Success } else { Exit::Invalid }
}

/// The summary, line by line.
pub(crate) fn render(summary: &Summary, next: Next<'_>, flows: Option<u64>) -> String {
    let totals = &summary.totals;
    let mut out = format!(
        "recorded  {}, {}{}, {} masked\n",
        count(totals.connections, "connection"),
        flows.map_or_else(String::new, |flows| format!("{}, ", count(flows, "flow"))),
        count(totals.messages, "message"),
        count(totals.masked, "value"),
    );
    if totals.refused > 0 {
        out += &format!("refused   {}\n", count(totals.refused, "handshake"));
    }
    if totals.undecodable > 0 {
        out += &format!(
            "broken    {} that could not be decoded or break the protocol\n",
            count(totals.undecodable, "piece")
        );
    }
    out += &lost(summary);
    for cassette in &summary.cassettes {
        out += &format!(
            "cassette  {} ({}, {} bytes)\n",
            cassette.name,
            count(cassette.events, "event"),
            cassette.bytes
        );
    }
    for name in &summary.unfinished {
        out += &format!("cassette  {name} (cut: it could not be finished)\n");
    }
    let named = summary.cassettes.len() + summary.unfinished.len();
    let unnamed = totals.cassettes.saturating_sub(named as u64);
    if unnamed > 0 {
        out += &format!("          and {} not named here\n", count(unnamed, "cassette"));
    }
    out += &match totals.clear {
        None if summary.cassettes.is_empty() => "masking   not scanned: nothing was finished\n".to_owned(),
        None => "masking   not scanned: it cannot be read back\n".to_owned(),
        Some(0) => "masking   scanned, no card data in clear\n".to_owned(),
        Some(clear) => format!("masking   FAILED: {} in clear, do not pass it on\n", count(clear, "value")),
    };
    if let (Next::Check(pack), [cassette]) = (next, summary.cassettes.as_slice()) {
        let pack = pack.map_or_else(String::new, |pack| format!(" --pack {pack}"));
        out += &format!("next      tilltape check {}{pack}\n", cassette.name);
    }
    out
}

fn lost(summary: &Summary) -> String {
    let mut out = String::new();
    let mut line = |loss: &Loss, where_to: &str| {
        if *loss != Loss::default() {
            out += &format!(
                "LOST      {} ({} bytes): {where_to}\n",
                count(loss.messages, "message"),
                loss.bytes
            );
        }
    };
    line(&summary.loss, "the recorder could not keep up; each place is a `gap` event");
    line(&summary.unwritten, "they could not be written before the end");
    if let Some(trouble) = &summary.trouble {
        out += &format!("FAILED    {trouble}\n");
    }
    out
}

fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
