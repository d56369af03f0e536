//! `tilltape check`.

use super::{Exit, error::CliError};

/// Checks cassettes against the documented rules of a protocol.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<Exit, CliError> {
    Err(CliError::environment("`check` is not part of this build yet"))
}
