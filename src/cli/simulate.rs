//! `tilltape simulate`.

use super::{Exit, error::CliError};

/// Plays a virtual terminal or a virtual POS.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<Exit, CliError> {
    Err(CliError::environment("`simulate` is not part of this build yet"))
}
