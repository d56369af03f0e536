//! The one integration binary: everything is tested through the command line, sockets and files.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "tests start the tool, read its files and play its peers; a failed unwrap is a failed test"
)]

mod architecture;
mod asyncapi;
mod cassette;
mod castle;
mod check;
#[cfg(unix)]
mod ci;
mod curated;
mod demo;
mod events;
mod examples;
mod explain;
mod finality;
mod format;
mod gochip;
mod json;
mod kill;
mod laws;
mod leak;
mod licences;
mod masking;
mod matrix;
mod money;
mod packs;
mod patterns;
mod peers;
mod prove;
mod readme;
mod recognise;
mod record;
mod recorder;
mod relay;
mod replay;
mod report;
mod rule_index;
mod schema;
mod show;
mod simulate;
mod testing;
mod transcript;
mod tutorial;
mod verdicts;
mod waivers;
mod wire;
mod wording;
