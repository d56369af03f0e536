//! `tilltape show`.

use super::{Exit, error::CliError};

/// Prints a cassette as a transcript.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<Exit, CliError> {
    Err(CliError::environment("`show` is not part of this build yet"))
}
