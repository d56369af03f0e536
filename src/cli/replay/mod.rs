//! `tilltape replay`: a cassette plays the terminal, the POS, or both.

mod itself;
mod load;

use super::{Exit, error::CliError};

pub(super) use itself::demand;
pub(super) use load::{Wished, load};

/// Plays a cassette: as the terminal, as the POS, or as both.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    party: PartyArguments,
}

#[derive(Debug, clap::Subcommand)]
enum PartyArguments {
    #[command(name = "self")]
    Itself(itself::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    match arguments.party {
        PartyArguments::Itself(arguments) => itself::run(&arguments),
    }
}
