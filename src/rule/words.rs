//! What findings are worded with: durations, parties, articles, flows.

use std::time::Duration;

use crate::conversation::Party;

/// A duration for people: `3 ms`, `5 s`, `61.2 s`.
pub(crate) fn spoken(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros < 1_000 {
        return format!("{micros} µs");
    }
    if micros < 1_000_000 {
        let tenths = (micros + 50) / 100;
        return if tenths.is_multiple_of(10) || tenths >= 100 {
            format!("{} ms", (micros + 500) / 1_000)
        } else {
            format!("{}.{} ms", tenths / 10, tenths % 10)
        };
    }
    let tenths = (micros + 50_000) / 100_000;
    if tenths.is_multiple_of(10) {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

/// A party with its article: "the POS".
pub(crate) const fn the(party: Party) -> &'static str {
    match party {
        Party::Pos => "the POS",
        Party::Terminal => "the terminal",
        Party::Gateway => "the gateway",
    }
}

/// "a" or "an", with the noun.
pub(crate) fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// A sentence that starts with a party starts with a capital elsewhere; flows are named alike everywhere.
pub(crate) fn of_flow(flow: Option<&str>) -> String {
    flow.map_or_else(String::new, |flow| format!(" of flow {flow}"))
}
