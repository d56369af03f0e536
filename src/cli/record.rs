//! `tilltape record`.

use super::{Exit, error::CliError};

/// Records the exchange between a POS and a terminal as a cassette.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<Exit, CliError> {
    Err(CliError::environment("`record` is not part of this build yet"))
}
