//! `tilltape pack`.

use super::{Exit, error::CliError};

/// Lists, validates and tests packs.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<Exit, CliError> {
    Err(CliError::environment("`pack` is not part of this build yet"))
}
