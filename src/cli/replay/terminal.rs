//! `tilltape replay terminal`: the POS under test connects, the cassette answers.

use std::path::PathBuf;
use std::time::Duration;

use super::load::load;
use super::options::{Common, Own};
use super::play::{Meeting, Tls, play};
use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::conversation::Party;
use crate::replay::Ids;

/// Plays the terminal of a cassette: the POS under test connects to it.
///
/// Prints one line of JSON when it is ready, with the port that was chosen; ends with a verdict and an exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The cassette, plain or compressed; `-` reads standard input.
    #[arg(value_name = "CASSETTE")]
    cassette: PathBuf,
    /// Where to wait for the POS: `HOST:PORT`, `ws://…` or `wss://…`; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
    /// Where the POS waits, for cassettes whose terminal dials: `ws://HOST:PORT[/PATH]` or `wss://…`.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Writes the port to this file once connections are accepted.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    tls: Tls,
}

pub(super) const HELP: &str = "\
Exit codes:
  0  complete: the peer did what the cassette has; with --check, and conforms
  1  mismatch: something came that the cassette does not have; or the peer broke a rule
  2  usage, or a cassette that cannot be read, or has expired
  3  incomplete: something the cassette waits for never came; or --check could not decide
  4  the tool or its environment failed: the run proves nothing";

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let script = load(&arguments.cassette, &arguments.common.wished)?;
    let own = Own { role: Party::Terminal, ids: Ids::Recorded, patience_for_people: Duration::ZERO };
    let meeting = Meeting {
        listen: Some(&arguments.listen),
        to: arguments.to.as_deref(),
        tls: &arguments.tls,
        port_file: arguments.port_file.as_deref(),
        headers: &[],
        live: true,
    };
    play(&arguments.cassette, &script, &arguments.common, own, &meeting)
}
