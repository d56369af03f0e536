//! `tilltape replay pos`: the cassette drives the terminal under test.

use std::path::PathBuf;
use std::time::Duration;

use super::load::load;
use super::options::{Common, Own};
use super::play::{Meeting, Tls, play};
use super::terminal::HELP;
use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::cli::size::duration;
use crate::conversation::Party;
use crate::net::simulate::fresh_seed;
use crate::replay::Ids;

/// Plays the POS of a cassette: connects to the terminal under test, and judges what it answers.
///
/// Ids are fresh in every run. Where a person has to act, the notes of the cassette say what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The cassette, plain or compressed; `-` reads standard input.
    #[arg(value_name = "CASSETTE")]
    cassette: PathBuf,
    /// Where the terminal waits: `ws://HOST:PORT[/PATH]` or `wss://…`; PATH is put before the recorded paths.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Where to wait for the terminal, for cassettes whose terminal dials: `HOST:PORT`.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// How long to wait where a person has to act: where the cassette shows a wait of more than a second.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = duration, help_heading = "Limits")]
    patience_human: Duration,
    /// Makes the same ids in every run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Sends the ids of the cassette instead of fresh ones.
    #[arg(long, conflicts_with = "seed")]
    recorded_ids: bool,
    /// A header line of the handshake, in place of the cassette's: `Authorization: Bearer …`; may be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Dials a real device although `CI` is set. Addresses of this machine need no permission.
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    tls: Tls,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let script = load(&arguments.cassette, &arguments.common.wished)?;
    let ids = match arguments.seed {
        _ if arguments.recorded_ids => Ids::Recorded,
        Some(seed) => Ids::Fresh(seed),
        None => Ids::Fresh(fresh_seed()),
    };
    let own = Own { role: Party::Pos, ids, patience_for_people: arguments.patience_human };
    let meeting = Meeting {
        listen: arguments.listen.as_deref(),
        to: arguments.to.as_deref(),
        tls: &arguments.tls,
        port_file: None,
        headers: &arguments.headers,
        live: arguments.live,
        device: None,
    };
    play(&arguments.cassette, &script, &arguments.common, own, meeting)
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().into(), value.trim().into())),
        _ => Err(format!("expected `NAME: VALUE`, got `{text}`")),
    }
}
