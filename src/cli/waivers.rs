//! `--waivers`: the files that say what somebody has signed for, and the day on which they have to hold.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::CliError;
use crate::check::{CheckResult, Date, Waivers};
use crate::pack::PackErrors;

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Waivers")]
pub(super) struct WaiverArguments {
    /// Findings somebody has signed for, and until when; see docs/waivers.md. Never read unasked; may be repeated.
    #[arg(long = "waivers", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The day on which they have to hold, instead of today (UTC): for a run that is repeated later.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "files")]
    today: Option<Date>,
}

impl WaiverArguments {
    /// Reads the files; `None` where there are none. A file that has a mistake, or a waiver that does not hold,
    /// is of no use at all.
    pub(super) fn read(&self) -> Result<Option<Waivers>, CliError> {
        if self.files.is_empty() {
            return Ok(None);
        }
        let mut waivers = Waivers::on(self.today.unwrap_or_else(today));
        for path in &self.files {
            let name = path.display().to_string();
            let text = fs::read_to_string(path).map_err(|error| {
                CliError::input(format!("cannot read {name}: {error}"))
                    .help("`--waivers` names a file such as `waivers.toml`; docs/waivers.md has an example")
            })?;
            waivers.read(&name, &text).map_err(CliError::input)?;
        }
        Ok(Some(waivers))
    }
}

/// Says which waivers were good for nothing in the results of a run; whether all were good for something.
pub(super) fn all_matched<'a>(waivers: &Waivers, results: impl Iterator<Item = &'a CheckResult>) -> bool {
    let unmatched: Vec<_> = results.flat_map(|result| waivers.unmatched(result).0).collect();
    let all = unmatched.is_empty();
    if !all {
        CliError::input(PackErrors(unmatched)).print();
    }
    all
}

fn today() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::from_days(i64::try_from(since.as_secs() / DAY).unwrap_or(i64::MAX))
}
