//! The transcript: the one human form of the events, which people read, snapshots hold and rule pages write.
//!
//! ```text
//! open pos → terminal /tsi/v1/payment
//! pos      +0ms    {"request":{"flow_id":"1","resource":{"type":"sale","amount":2350}}}
//! terminal +2ms    {"response":{"flow_id":"1","resource":{"status":"started"}}}
//! [2] pos  +3ms    text "no JSON"            on the second connection; the first needs no number
//! terminal +9.1s   (frames 100 20; deflated) {"event":{}}
//! terminal +0ms    binary AQID               base64
//! pos      +1ms    ping "are you there"      or base64, without quotes
//! terminal +0ms    omitted text 90000000 bytes sha256 9f86d081…
//! terminal +0ms    undecodable 2 bytes "reserved bits are set" wQA=
//! close +1ms pos 1000 done
//! drop terminal reset                        without a party where it is not known; without `reset` for an end of stream
//! refused pos → terminal /tsi/v1/payment 503
//!   body text "busy"
//! gap 3 disk full
//! note tap card A
//! clock 2026-03-02T10:15:40.120334Z
//! end +60s stopped
//! # a comment
//! ```
//!
//! Times are distances to the event before; where a line has none, it is zero. [`render::Detail::Exact`]
//! loses nothing: `parse` gives back the very events.

pub(super) mod alias;
mod parse;
pub(super) mod render;
mod time;

pub use alias::{Aliases, Volatile};
pub use parse::{TranscriptError, parse};
pub use render::{Detail, Transcript, render};
