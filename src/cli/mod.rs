//! The command line: a thin translator from arguments to library calls.
//!
//! One file per subcommand: raw arguments become a typed plan, the plan one call into the library,
//! the result printed text and an exit code. Only this module prints, reads files and exits.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "files, the environment and stdio live here and nowhere else"
)]

mod assign;
mod at_once;
mod check;
mod demo;
mod endpoint;
mod error;
mod exit;
mod explain;
mod export;
mod files;
mod flows;
mod inputs;
mod judge;
mod live;
mod output;
mod pack;
mod prove;
mod record;
mod replay;
mod show;
mod simulate;
mod size;
mod specs;
mod summary;
mod talk;
mod waivers;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Records the WebSocket traffic between a till and a payment terminal, and checks it against the rules
/// of its protocol.
#[derive(Debug, Parser)]
#[command(name = "tilltape", version, max_term_width = 100, after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Record(Box<record::Arguments>),
    Check(check::Arguments),
    Show(show::Arguments),
    Replay(replay::Arguments),
    Simulate(simulate::Arguments),
    Explain(explain::Arguments),
    Pack(pack::Arguments),
}

/// Runs the command line and returns the exit code of the process.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results and go to stdout; clap knows which is which.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            let _ = error.print();
            return exit.into();
        }
    };
    let outcome = match arguments.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Record(arguments) => record::run(&arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Pack(arguments) => pack::run(arguments),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            error.print();
            error.exit().into()
        }
    }
}
