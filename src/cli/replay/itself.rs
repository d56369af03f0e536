//! `tilltape replay self`: both sides in virtual time, held against the cassette byte for byte.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::load::{Wished, load};
use crate::cli::error::CliError;
use crate::cli::inputs::{Input, Inputs, Verify};
use crate::cli::{Exit, output};
use crate::replay::{Rehearsal, RehearsalError, Script, rehearse};
use crate::report::{Glyphs, printable};

/// Plays both sides of a cassette in virtual time: what comes out must be the cassette, byte for byte.
///
/// It is the proof that a red run is never the tool's fault: the players that meet real peers play against
/// each other, with the recorded ids and the recorded times. Hours of waiting take milliseconds.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The cassettes, plain or compressed; `-` reads standard input.
    #[arg(required = true, value_name = "CASSETTE")]
    cassettes: Vec<PathBuf>,
    #[command(flatten)]
    wished: Wished,
}

const HELP: &str = "Exit codes: 0 every cassette came out as it is, 1 one did not, 2 usage or a cassette that \
cannot be read.";

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let mut exit = Exit::Success;
    let mut out = String::new();
    for path in &arguments.cassettes {
        let name = path.display().to_string();
        let script = load(path, &arguments.wished)?;
        match rehearsed(&name, &script) {
            Ok(said) => out.push_str(&said),
            Err(said) => {
                exit = Exit::NonConformant;
                out.push_str(&said);
            }
        }
    }
    output::print(&out)?;
    Ok(exit)
}

/// Plays both sides of every cassette at `paths`, which may be folders; an error where one does not come out.
pub(crate) fn demand(paths: &[PathBuf], wished: &Wished) -> Result<(), CliError> {
    for input in Inputs::find(paths, Verify::Small).inputs {
        let Input::File(path) = input else {
            return Err(CliError::input(
                "`--replayable` reads a recording twice: expected files, got standard input",
            ));
        };
        let script = load(&path, wished)?;
        rehearsed(&path.display().to_string(), &script).map_err(|said| {
            CliError::environment(said.trim_end()).help("nothing was judged; please report it")
        })?;
    }
    Ok(())
}

/// Plays both sides; what became of it, in words, is an error where the cassette did not come out.
fn rehearsed(name: &str, script: &Arc<Script>) -> Result<String, String> {
    match rehearse(script, |_| {}) {
        Ok(Rehearsal { events, lasted }) => {
            let plural = if events == 1 { "" } else { "s" };
            let lasted =
                humantime::format_duration(std::time::Duration::from_millis(lasted.as_millis() as u64));
            let mut said = format!("equal     {name}: {events} event{plural}, {lasted} of virtual time\n");
            if script.respelled() > 0 {
                let _ = writeln!(
                    said,
                    "          {} of its lines are spelled otherwise than a recorder does: compared by what they say",
                    script.respelled()
                );
            }
            Ok(said)
        }
        Err(error) => {
            let mut said = format!("DIFFERS   {name}: {error}\n");
            match error {
                RehearsalError::Differs { expected, got, .. } => {
                    let _ = writeln!(said, "expected  {}", printable(&expected, Glyphs::Unicode));
                    let _ = writeln!(said, "got       {}", printable(&got, Glyphs::Unicode));
                }
                RehearsalError::NotTaken { mismatch, .. } => {
                    for difference in &mismatch.differences {
                        let _ = writeln!(said, "differs   {}  {difference}", difference.at);
                    }
                }
                RehearsalError::Unplayable(_) | RehearsalError::Stuck { .. } => {}
            }
            Err(said)
        }
    }
}
