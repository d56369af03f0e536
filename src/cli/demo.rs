//! `tilltape demo`.

use super::{Exit, error::CliError};

/// Plays a shop's day through the proxy: virtual till and terminal, recorded, checked, reported.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Result<Exit, CliError> {
    Err(CliError::environment("`demo` is not part of this build yet"))
}
