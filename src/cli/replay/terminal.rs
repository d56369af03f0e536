//! `tilltape replay terminal`: the POS under test connects, the cassette answers.

use std::path::PathBuf;
use std::time::Duration;

use super::anew::{Recording, record};
use super::load::load;
use super::modes::{Course, Modes};
use super::options::{Common, Own};
use super::play::{Live, Meeting, Tls, play};
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
    #[arg(value_name = "CASSETTE", required_unless_present = "control")]
    cassette: Option<PathBuf>,
    /// Where to wait for the POS: `HOST:PORT`, `ws://…` or `wss://…`; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
    /// Where the POS waits, for cassettes whose terminal dials: `ws://HOST:PORT[/PATH]` or `wss://…`.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Writes the port to this file once connections are accepted.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Goes on until it is stopped, and takes orders as JSON over HTTP: which cassette, what next, what went wrong;
    /// docs/control.md explains it. Without an address on a free port of this machine.
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "127.0.0.1:0",
        conflicts_with_all = ["to", "record", "record_mode"]
    )]
    control: Option<String>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    tls: Tls,
    #[command(flatten)]
    modes: Modes,
}

pub(super) const HELP: &str = "\
Exit codes:
  0  complete: the peer did what the cassette has; with --check, and conforms
  1  mismatch: something came that the cassette does not have; or the peer broke a rule
  2  usage, or a cassette that cannot be read, or has expired
  3  incomplete: something the cassette waits for never came; or --check could not decide
  4  the tool or its environment failed: the run proves nothing";

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let Arguments { cassette, listen, to, port_file, control, common, tls, modes } = arguments;
    let port_file = port_file.as_deref();
    if let Some(address) = control {
        return super::control::run(address, cassette.as_deref(), listen, port_file, common, tls);
    }
    let Some(cassette) = cassette else { return Ok(Exit::Usage) };
    let device = match modes.course(cassette, tls, common)? {
        Course::Replay => None,
        Course::Grow(upstream, trust) => Some(Live { upstream, trust, quiet: modes.quiet }),
        Course::Record(upstream, trust) => {
            let recording = Recording { cassette, listen, port_file, upstream, trust };
            return record(recording, common, tls, modes);
        }
    };
    let script = load(cassette, &common.wished)?;
    let patience_for_people = device.as_ref().map_or(Duration::ZERO, |_| modes.patience_human);
    let own = Own { role: Party::Terminal, ids: Ids::Recorded, patience_for_people };
    let meeting = Meeting {
        listen: Some(listen),
        to: to.as_deref(),
        tls,
        port_file,
        headers: &[],
        live: modes.live,
        device,
    };
    play(cassette, &script, common, own, meeting)
}
