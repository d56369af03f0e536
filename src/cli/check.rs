//! `tilltape check`: judges recordings by the rules of a pack.

use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::assign::{self, Assigned};
use super::error::CliError;
use super::inputs::{Inputs, Verify};
use super::judge::{self, Judged};
use super::waivers::{self, WaiverArguments};
use super::{Exit, output, prove, replay, specs};
use crate::check::{Check, Options, Waivers};
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
    /// The pack to judge by; without it, each recording is judged by the one its header names, or the one its
    /// messages are of.
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
    /// Adds the proof that each rule of the pack can fail (`pack prove`). Where it does not hold, the run is invalid.
    #[arg(long)]
    proof: bool,
    /// How many recordings are judged at once; unless said, as many as there are processors.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Writes the report to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    waivers: WaiverArguments,
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
    let Arguments {
        cassettes,
        pack,
        specs,
        rules,
        parameters,
        format,
        verify,
        replayable,
        proof,
        jobs,
        out,
        waivers,
    } = arguments;
    if let Some(path) = &out {
        spare_the_evidence(path, &cassettes)?;
    }
    if replayable {
        let wished = replay::Wished { pack: pack.clone(), specs: specs.clone(), fixed: Vec::new() };
        replay::demand(&cassettes, &wished)?;
    }
    let waivers = waivers.read()?;
    let sources = specs::sources(specs.as_deref())?;
    if let Some(name) = &pack {
        known(&sources, name)?;
    }
    let work = move || -> Result<(Vec<Judged>, Option<Waivers>), CliError> {
        let mut inputs = Inputs::find(&cassettes, if verify { Verify::All } else { Verify::Small });
        let judged = judge_all(
            &mut inputs,
            &sources,
            pack.as_deref(),
            &parameters,
            &rules,
            waivers.as_ref(),
            (jobs, proof),
        )?;
        Ok((judged, waivers))
    };
    let judged = net::until_interrupted(work)
        .map_err(|error| CliError::environment(format!("cannot start a thread: {error}")))?;
    let Some(judged) = judged else {
        // The thread that showed progress was left where it stood.
        let clear = if io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
        talk(&format!("{clear}interrupted: nothing was decided"));
        return Ok(Exit::Undecided);
    };
    let (judged, waivers) = judged?;
    let unreadable = || judged.iter().flat_map(|one| &one.unreadable);
    if judged.iter().all(|one| one.result.sources.is_empty()) {
        return Err(none_readable(unreadable()));
    }
    let reports: Vec<Report<'_>> = judged.iter().map(Judged::report).collect();
    let look = if out.is_some() { report::Look::PLAIN } else { output::look_of_stdout() };
    let text = match format {
        Format::Text => report::texts(&reports, look),
        Format::Json => report::jsons(&reports),
    };
    if out.is_some() || format == Format::Json {
        unreadable().for_each(|input| CliError::input(said(input)).print());
    }
    match &out {
        Some(path) => {
            output::write_atomically(path, &text)?;
            let verdicts: Vec<String> = judged.iter().map(|one| verdict(one, judged.len())).collect();
            talk(&format!("{}: report written to {}", verdicts.join(", "), path.display()));
        }
        None => output::print(&text)?,
    }
    let of_use =
        waivers.is_none_or(|waivers| waivers::all_matched(&waivers, judged.iter().map(|one| &one.result)));
    if !of_use {
        return Ok(Exit::Usage);
    }
    let exits = judged.iter().map(|one| match &one.proof {
        Some(proof) if !proof.holds() && one.unreadable.is_empty() => Exit::Invalid,
        _ => exit(one.result.verdict, &one.unreadable),
    });
    Ok(exits.max_by_key(|exit| gravity(*exit)).unwrap_or(Exit::Undecided))
}

/// Judges every recording by its pack: one result for each pack.
fn judge_all(
    inputs: &mut Inputs,
    sources: &Sources,
    asked: Option<&str>,
    settings: &[Setting],
    rules: &[RuleSelector],
    waivers: Option<&Waivers>,
    (jobs, proof): (Option<NonZeroUsize>, bool),
) -> Result<Vec<Judged>, CliError> {
    let assigned = assign::assign(inputs, sources, asked, &mut talk)?;
    if let Some(waivers) = waivers {
        let packs: Vec<&str> = assigned.iter().map(|one| one.pack.as_str()).collect();
        waivers.are_for(&packs).map_err(CliError::input)?;
    }
    let packs = match assigned.as_slice() {
        [] => return Err(none_readable(&inputs.unreadable)),
        [one] => vec![load(sources, &one.pack, settings, rules, waivers)?],
        many => load_several(sources, many, settings, rules, waivers)?,
    };
    let several = packs.len() > 1;
    let mut judged = Vec::new();
    for (Assigned { pack: name, inputs: own }, pack) in assigned.into_iter().zip(packs) {
        let picks = |selector: &RuleSelector| is_picked(&pack, selector);
        if several && !rules.is_empty() && !rules.iter().any(picks) {
            talk(&format!("{} of {name} not judged: none of its rules was asked for", recordings(own.len())));
            continue;
        }
        inputs.inputs = own;
        inputs.done.store(0, Ordering::Relaxed);
        let pack = Arc::new(pack);
        let options = Options { rules: rules.to_vec(), ..Options::default() };
        let mut check = Check::new(Arc::clone(&pack), options);
        if let Some(waivers) = waivers {
            check.waive(waivers).map_err(CliError::input)?;
        }
        let mut one = judge::judge_by(inputs, check, jobs);
        if proof {
            let mut proof = prove::proved(&pack, Vec::new());
            prove::confine(&mut proof, rules);
            one.proof = Some(proof);
        }
        judged.push(one);
    }
    Ok(judged)
}

fn recordings(count: usize) -> String {
    if count == 1 { "1 recording".to_owned() } else { format!("{count} recordings") }
}

/// `CONFORMANT`, with the name of its pack where there are several.
fn verdict(judged: &Judged, of: usize) -> String {
    let result = &judged.result;
    if of == 1 { result.verdict.to_string() } else { format!("{} {}", result.pack, result.verdict) }
}

/// Which of several exit codes is that of the run: what could not be read, then what proves nothing, then
/// what was broken, then what is open.
const fn gravity(exit: Exit) -> u8 {
    match exit {
        Exit::Success => 0,
        Exit::Undecided => 1,
        Exit::NonConformant => 2,
        Exit::Invalid => 3,
        Exit::Usage => 4,
    }
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

/// Whether there is a pack of that name.
pub(super) fn known(sources: &Sources, name: &str) -> Result<(), CliError> {
    let names = names(sources);
    if names.contains(&name) {
        return Ok(());
    }
    let near =
        pack::suggestion(name, names.iter().copied()).map(|near| format!("{near} ")).unwrap_or_default();
    let what = format!("expected the name of a pack, got `{name}`");
    Err(CliError::input(what).help(format!("{near}known packs: {}", names.join(", "))))
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
    waivers: Option<&Waivers>,
) -> Result<Pack, CliError> {
    let settings = settings.iter().map(|setting| (setting.name.clone(), setting.value)).collect();
    let lenses = waivers.map_or_else(Vec::new, |waivers| waivers.lenses(name));
    let pack = pack::load_through(sources, name, &settings, &lenses).map_err(CliError::input)?;
    for selector in rules {
        if is_picked(&pack, selector) {
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

/// Several packs, each with the parameters it has. What none of them has is an error of the first.
fn load_several(
    sources: &Sources,
    assigned: &[Assigned],
    settings: &[Setting],
    rules: &[RuleSelector],
    waivers: Option<&Waivers>,
) -> Result<Vec<Pack>, CliError> {
    let mut packs = Vec::new();
    for Assigned { pack: name, .. } in assigned {
        let pack = load(sources, name, &[], &[], None)?;
        let has = |setting: &&Setting| pack.parameter(&setting.name).is_some();
        let own: Vec<Setting> = settings.iter().filter(has).cloned().collect();
        packs.push(load(sources, name, &own, &[], waivers)?);
    }
    let is_nobodys = |setting: &&Setting| packs.iter().all(|pack| pack.parameter(&setting.name).is_none());
    let nobodys: Vec<Setting> = settings.iter().filter(is_nobodys).cloned().collect();
    let unpicked = |selector: &&RuleSelector| !packs.iter().any(|pack| is_picked(pack, selector));
    let unpicked: Vec<RuleSelector> = rules.iter().filter(unpicked).cloned().collect();
    if let (Some(first), false) = (assigned.first(), nobodys.is_empty() && unpicked.is_empty()) {
        load(sources, &first.pack, &nobodys, &unpicked, None)?;
    }
    Ok(packs)
}

fn is_picked(pack: &Pack, selector: &RuleSelector) -> bool {
    pack.rules.iter().any(|rule| selector.picks(&rule.info.pack, &rule.info.code))
}

fn none_readable<'a>(unreadable: impl IntoIterator<Item = &'a Unreadable>) -> CliError {
    let said: Vec<String> = unreadable.into_iter().map(said).collect();
    CliError::input(said.join("\nerror: "))
}

fn said(input: &Unreadable) -> String {
    format!("{}: {}", input.place(), input.message)
}

#[expect(clippy::print_stderr, reason = "the command line talks on standard error")]
fn talk(line: &str) {
    eprintln!("{line}");
}
