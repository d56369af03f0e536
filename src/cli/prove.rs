//! `tilltape pack prove`: breaks clean recordings in every way and shows which rule catches what.
//!
//! The exchanges of the rule pages are broken, and the cassettes given with `--cassette`. Recordings are
//! proved on all processors; what comes out does not depend on how many there are.

use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::error::CliError;
use super::{Exit, output, specs};
use crate::cassette::Reader;
use crate::pack::{self, Pack, RuleSelector};
use crate::prove::{self, Event, Proof, Tape};

/// Proves that each rule catches its fault and accuses the right party.
///
/// Exchanges of the rule pages, and the cassettes given, are broken in every way: messages dropped, doubled,
/// delayed, fields emptied, links cut. One fault must give one root finding against the party it belongs to;
/// changes that mean nothing must change nothing. Exit code 1 where that is not so.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The packs; all without any.
    #[arg(value_name = "PACK")]
    packs: Vec<String>,
    /// Folder of packs that take the place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
    /// Only these rules, and faults they were found by: `ACK`, `ACK-1`, `bluechip-tsi/ACK-1`.
    #[arg(long = "rule", value_name = "CODE", num_args = 1..)]
    rules: Vec<RuleSelector>,
    /// Cassettes, or folders of them, to break besides the exchanges.
    #[arg(long = "cassette", value_name = "PATH", num_args = 1..)]
    cassettes: Vec<PathBuf>,
    /// How to print it.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A line for each rule, then every mistake with its transcript.
    Text,
    /// Everything, for programs.
    Json,
    /// The matrix, as published.
    Markdown,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let sources = specs::sources(arguments.specs.as_deref())?;
    let all: Vec<String> = sources.packs().map(str::to_owned).collect();
    let chosen = if arguments.packs.is_empty() { &all } else { &arguments.packs };
    let recorded = recorded(&arguments.cassettes)?;
    let mut holds = true;
    let mut proofs = Vec::new();
    for name in chosen {
        let pack = Arc::new(pack::load(&sources, name).map_err(CliError::input)?);
        let mut proof = proved(&pack, &recorded);
        confine(&mut proof, &arguments.rules);
        holds &= proof.holds();
        match arguments.format {
            Format::Text => output::print(&prove::text(&proof, name))?,
            Format::Markdown => output::print(&format!("## {name}\n\n{}\n", prove::markdown(&proof)))?,
            Format::Json => proofs.push(prove::json(&proof, name)),
        }
    }
    if let Format::Json = arguments.format {
        output::print(&format!("{:#}\n", serde_json::Value::Array(proofs)))?;
    }
    Ok(if holds { Exit::Success } else { Exit::NonConformant })
}

/// Proves with all recordings, on all processors.
fn proved(pack: &Arc<Pack>, recorded: &[Tape]) -> Proof {
    let mut tapes = prove::exchanges(pack);
    tapes.extend_from_slice(recorded);
    // The long ones first, so that no processor is left with one at the end.
    let mut shares: Vec<Vec<Tape>> = vec![Vec::new(); processors()];
    tapes.sort_by_key(|tape| std::cmp::Reverse(tape.events.len()));
    let count = shares.len();
    for (index, tape) in tapes.into_iter().enumerate() {
        shares[index % count].push(tape);
    }
    let parts = thread::scope(|scope| {
        let running: Vec<_> = shares.iter().map(|share| scope.spawn(|| Proof::of(pack, share))).collect();
        running.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut parts = parts.into_iter().map(|part| match part {
        Ok(proof) => proof,
        Err(panic) => std::panic::resume_unwind(panic),
    });
    let mut proof = parts.next().unwrap_or_default();
    for part in parts {
        proof.absorb(part);
    }
    proof
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(16)
}

/// Leaves only what concerns the rules asked for.
fn confine(proof: &mut Proof, rules: &[RuleSelector]) {
    if rules.is_empty() {
        return;
    }
    proof
        .rules
        .retain(|proved| rules.iter().any(|selector| selector.picks(&proved.rule.pack, &proved.rule.code)));
    let codes: Vec<String> = proof.rules.iter().map(|proved| proved.rule.code.to_string()).collect();
    proof.mistakes.retain(|mistake| mistake.findings.iter().any(|finding| codes.contains(&finding.code)));
    proof.changes.retain(|change| codes.contains(&change.code));
}

fn recorded(paths: &[PathBuf]) -> Result<Vec<Tape>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let failed = |error| CliError::input(format!("cannot read {}: {error}", path.display()));
            for entry in std::fs::read_dir(path).map_err(failed)? {
                let entry = entry.map_err(failed)?.path();
                if entry.to_string_lossy().contains(".cassette.jsonl") {
                    files.push(entry);
                }
            }
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.iter().map(|file| tape(file)).collect()
}

fn tape(path: &Path) -> Result<Tape, CliError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| CliError::input(format!("cannot open {name}: {error}")))?;
    let mut reader = Reader::open(BufReader::new(file), &name).map_err(CliError::input)?;
    let mut events = Vec::new();
    while let Some(event) = reader.next_event() {
        events.push(Event::of(&event.map_err(CliError::input)?));
    }
    Ok(Tape { name, events })
}
