//! Record modes, with VCR's meaning: what is played, what the live terminal answers, what becomes a cassette.

use std::path::Path;
use std::time::Duration;

use super::options::Common;
use super::play::{Tls, in_ci};
use super::watch::talk;
use crate::cli::endpoint;
use crate::cli::error::CliError;
use crate::cli::size::duration;
use crate::net::record::{Upstream, UpstreamError};
use crate::net::tls::Trust;

/// What may be recorded, and from whom.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct Modes {
    /// What the live terminal at `--upstream` answers and is recorded: nothing; everything, if there is no
    /// cassette yet; what the cassette does not have; or everything, anew.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Mode::None)]
    record_mode: Mode,
    /// The live terminal: `ws://HOST[:PORT][/PATH]` or `wss://…`.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Dials the live terminal and records although `CI` is set; dials other machines, too.
    #[arg(long)]
    pub(super) live: bool,
    /// A run with the live terminal is over once no connection has been open for so long.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(super) quiet: Duration,
    /// How long nothing may happen while the live terminal is in play, and a person at it may have to act.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = duration)]
    pub(super) patience_human: Duration,
}

/// VCR's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Plays the cassette and records nothing.
    None,
    /// Records everything if there is no cassette; plays it if there is.
    Once,
    /// Plays the cassette; what it does not have is answered by the live terminal and added to it.
    #[value(name = "new_episodes", alias = "new-episodes")]
    NewEpisodes,
    /// Records everything, whatever is there.
    All,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Course {
    /// Play the cassette.
    Replay,
    /// Play the cassette, ask the live terminal for what it does not have, and add that.
    Grow(Upstream, Trust),
    /// Record a cassette.
    Record(Upstream, Trust),
}

impl Modes {
    /// What the mode comes to for that cassette.
    pub(super) fn course(&self, cassette: &Path, tls: &Tls, common: &Common) -> Result<Course, CliError> {
        let word = match self.record_mode {
            Mode::None if self.upstream.is_some() => {
                return Err(CliError::input("`--upstream` is of use only where something is recorded")
                    .help("say `--record-mode once`, `new_episodes` or `all`"));
            }
            Mode::None => return Ok(Course::Replay),
            Mode::Once => "once",
            Mode::NewEpisodes => "new_episodes",
            Mode::All => "all",
        };
        if cassette.as_os_str() == "-" {
            return Err(CliError::input(format!("expected a file for `--record-mode {word}`, got `-`")));
        }
        if in_ci() && !self.live {
            talk(&format!("`CI` is set: --record-mode {word} records nothing without --live"));
            return Ok(Course::Replay);
        }
        let is_there = cassette.exists();
        if self.record_mode == Mode::Once && is_there {
            return Ok(Course::Replay);
        }
        let Some(upstream) = &self.upstream else {
            return Err(CliError::input(format!("expected `--upstream URL` for `--record-mode {word}`"))
                .help("`--upstream ws://HOST:PORT` says where the live terminal waits"));
        };
        let upstream = upstream
            .parse()
            .map_err(|error: UpstreamError| CliError::input(format!("`--upstream`: {error}")))?;
        if let Some(option) = common.at_odds_with_recording() {
            return Err(CliError::input(format!(
                "`{option}` cannot be had while the live terminal is recorded"
            ))
            .help("record first, without it"));
        }
        if cassette.extension().is_some_and(|extension| extension == "zst") {
            return Err(CliError::input("a cassette is recorded uncompressed").help(
                "record to `NAME.cassette.jsonl` and compress it afterwards: `zstd NAME.cassette.jsonl`",
            ));
        }
        let trust = endpoint::trust(tls.upstream_ca.as_deref(), tls.insecure)?;
        Ok(match self.record_mode {
            Mode::NewEpisodes if is_there => Course::Grow(upstream, trust),
            _ => Course::Record(upstream, trust),
        })
    }
}
