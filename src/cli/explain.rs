//! `tilltape explain`.

use super::{Exit, error::CliError};

/// Prints the page of a rule.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<Exit, CliError> {
    Err(CliError::environment("`explain` is not part of this build yet"))
}
