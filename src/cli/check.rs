//! `tilltape check`: judges recordings by the rules of a pack.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::error::CliError;
use super::inputs::{Inputs, Verify};
use super::judge::{self, Judged};
use super::{Exit, output, replay, specs};
use crate::check::Options;
use crate::net;
use crate::pack::{self, Pack, RuleSelector, Sources};
use crate::report::{self, Report, Unreadable};
use crate::rule::RunVerdict;

/// Checks cassettes against the documented rules of a protocol.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Cassettes, folders to search for `*.cassette.jsonl` and `*.cassette.jsonl.zst`, or `-`.
    #[arg(required = true, value_name = "CASSETTE")]
    cassettes: Vec<PathBuf>,
    /// The pack to judge by; without it, the one the recordings name.
    #[arg(long)]
    pack: Option<String>,
    /// Folder of packs that take the place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
    /// Only these rules: `ACK-1`, a family `ACK`, `core/JSON-1`; repeat it or separate with commas.
    #[arg(long = "rule", value_name = "CODE", value_delimiter = ',')]
    rules: Vec<RuleSelector>,
    /// Sets a parameter of the pack: `ack_ms=3000`; may be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<Setting>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Compares files above 64 MiB with the hash in their last line, too; smaller ones always are.
    #[arg(long)]
    verify: bool,
    /// Demands that every recording plays itself, byte for byte (`replay self`), before it is judged.
    #[arg(long)]
    replayable: bool,
    /// Writes the report to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs; `specs/schema/report.schema.json` describes it.
    Json,
}

/// A parameter given as `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    name: String,
    value: u64,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("expected `name=value`")?;
        match value.trim().parse() {
            Ok(value) => Ok(Self { name: name.trim().to_owned(), value }),
            Err(_) => Err(format!("expected a whole number for `{name}`, got `{value}`")),
        }
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    let Arguments { cassettes, pack, specs, rules, parameters, format, verify, replayable, out } = arguments;
    if let Some(path) = &out {
        spare_the_evidence(path, &cassettes)?;
    }
    if replayable {
        let wished = replay::Wished { pack: pack.clone(), specs: specs.clone(), fixed: Vec::new() };
        replay::demand(&cassettes, &wished)?;
    }
    let sources = specs::sources(specs.as_deref())?;
    if let Some(name) = &pack {
        known(&sources, name, None)?;
    }
    let work = move || -> Result<Judged, CliError> {
        let mut inputs = Inputs::find(&cassettes, if verify { Verify::All } else { Verify::Small });
        let name = match pack {
            Some(name) => name,
            None => pack_of(&mut inputs, &sources)?,
        };
        let pack = load(&sources, &name, &parameters, &rules)?;
        Ok(judge::judge(&mut inputs, Arc::new(pack), Options { rules }))
    };
    let judged = net::until_interrupted(work)
        .map_err(|error| CliError::environment(format!("cannot start a thread: {error}")))?;
    let Some(judged) = judged else {
        // The thread that showed progress was left where it stood.
        let clear = if io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
        talk(&format!("{clear}interrupted: nothing was decided"));
        return Ok(Exit::Undecided);
    };
    let Judged { result, unreadable } = judged?;
    if result.sources.is_empty() {
        return Err(none_readable(&unreadable));
    }
    let report = Report { result: &result, unreadable: &unreadable };
    let look = if out.is_some() { report::Look::PLAIN } else { output::look_of_stdout() };
    let text = match format {
        Format::Text => report::text(&report, look),
        Format::Json => report::json(&report),
    };
    if out.is_some() || format == Format::Json {
        unreadable.iter().for_each(|input| CliError::input(said(input)).print());
    }
    match &out {
        Some(path) => {
            output::write_atomically(path, &text)?;
            talk(&format!("{}: report written to {}", result.verdict, path.display()));
        }
        None => output::print(&text)?,
    }
    Ok(exit(result.verdict, &unreadable))
}

/// A report never takes the place of a recording.
fn spare_the_evidence(out: &Path, cassettes: &[PathBuf]) -> Result<(), CliError> {
    let real = |path: &Path| path.canonicalize().ok();
    let is_input =
        real(out).is_some_and(|out| cassettes.iter().any(|input| real(input).as_ref() == Some(&out)));
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_cassette = name.ends_with(".cassette.jsonl") || name.ends_with(".cassette.jsonl.zst");
    if is_input || is_cassette {
        let what = format!("expected `--out` to name a report, got the cassette {}", out.display());
        return Err(CliError::input(what).help("name another file, such as `report.txt`"));
    }
    Ok(())
}

/// The exit code of a run.
pub(super) fn exit(verdict: RunVerdict, unreadable: &[Unreadable]) -> Exit {
    if !unreadable.is_empty() {
        return Exit::Usage;
    }
    match verdict {
        RunVerdict::Conformant | RunVerdict::ConformantWithWaivers => Exit::Success,
        RunVerdict::NonConformant => Exit::NonConformant,
        RunVerdict::Undecided => Exit::Undecided,
        RunVerdict::Invalid => Exit::Invalid,
    }
}

/// The pack the first recording that names one was made for.
fn pack_of(inputs: &mut Inputs, sources: &Sources) -> Result<String, CliError> {
    match inputs.first_pack() {
        Some((input, name)) => known(sources, &name, Some(&input)).map(|()| name),
        None if inputs.inputs.is_empty() => Err(none_readable(&inputs.unreadable)),
        None => Err(CliError::input("expected a pack to judge by: no recording names one")
            .help(format!("say `--pack NAME`; known packs: {}", names(sources).join(", ")))),
    }
}

/// Whether there is a pack of that name, which `asked_by` may have asked for.
fn known(sources: &Sources, name: &str, asked_by: Option<&str>) -> Result<(), CliError> {
    let names = names(sources);
    if names.contains(&name) {
        return Ok(());
    }
    let what = format!("expected the name of a pack, got `{name}`");
    let (what, remedy) = match asked_by {
        Some(input) => (format!("{input}: {what}"), "; say `--pack NAME` to judge by another"),
        None => (what, ""),
    };
    let near =
        pack::suggestion(name, names.iter().copied()).map(|near| format!("{near} ")).unwrap_or_default();
    Err(CliError::input(what).help(format!("{near}known packs: {}{remedy}", names.join(", "))))
}

fn names(sources: &Sources) -> Vec<&str> {
    sources.packs().collect()
}

/// The pack with its parameters set, after a look whether every selector picks one of its rules.
pub(super) fn load(
    sources: &Sources,
    name: &str,
    settings: &[Setting],
    rules: &[RuleSelector],
) -> Result<Pack, CliError> {
    let settings = settings.iter().map(|setting| (setting.name.clone(), setting.value)).collect();
    let pack = pack::load_with(sources, name, &settings).map_err(CliError::input)?;
    for selector in rules {
        if pack.rules.iter().any(|rule| selector.picks(&rule.info.pack, &rule.info.code)) {
            continue;
        }
        let codes: Vec<String> = pack.rules.iter().map(|rule| rule.info.code.to_string()).collect();
        let rule = selector.to_string();
        let rule = rule.rsplit('/').next().unwrap_or_default();
        let help = pack::suggestion(rule, codes.iter().map(String::as_str))
            .unwrap_or_else(|| format!("its rules: {}", codes.join(", ")));
        let what = format!("expected a rule of pack `{name}`, got `{selector}`");
        return Err(CliError::input(what).help(help));
    }
    Ok(pack)
}

fn none_readable(unreadable: &[Unreadable]) -> CliError {
    let said: Vec<String> = unreadable.iter().map(said).collect();
    CliError::input(said.join("\nerror: "))
}

fn said(input: &Unreadable) -> String {
    format!("{}: {}", input.place(), input.message)
}

#[expect(clippy::print_stderr, reason = "the command line talks on standard error")]
fn talk(line: &str) {
    eprintln!("{line}");
}
