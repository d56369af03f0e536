//! `tilltape replay`: a cassette plays the terminal, the POS, or both.

mod anew;
mod control;
mod growth;
mod itself;
mod keep;
mod load;
mod matrix;
mod modes;
mod options;
mod play;
mod pos;
mod terminal;
mod watch;

use super::{Exit, error::CliError, output};

pub(super) use itself::demand;
pub(super) use load::{Wished, load};

/// Plays a cassette: as the terminal, as the POS, or as both.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Lists what can go wrong on purpose, and how it is written.
    #[arg(long, exclusive = true)]
    faults: bool,
    #[command(subcommand)]
    party: Option<PartyArguments>,
}

#[derive(Debug, clap::Subcommand)]
enum PartyArguments {
    Terminal(Box<terminal::Arguments>),
    Pos(Box<pos::Arguments>),
    #[command(name = "self")]
    Itself(itself::Arguments),
    Matrix(Box<matrix::Arguments>),
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    if arguments.faults {
        return output::print(&options::faults()).map(|()| Exit::Success);
    }
    match arguments.party {
        Some(PartyArguments::Terminal(arguments)) => terminal::run(&arguments),
        Some(PartyArguments::Pos(arguments)) => pos::run(&arguments),
        Some(PartyArguments::Itself(arguments)) => itself::run(&arguments),
        Some(PartyArguments::Matrix(arguments)) => matrix::run(&arguments),
        None => Ok(Exit::Usage),
    }
}
