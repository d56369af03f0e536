//! `tilltape pack prove`: breaks clean recordings in every way and shows which rule catches what.
//!
//! The exchanges of the rule pages are broken, and the cassettes given with `--cassette`. Recordings are
//! proved on all processors; what comes out does not depend on how many there are.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::error::CliError;
use super::inputs::{Inputs, Verify};
use super::{Exit, output, specs};
use crate::check::{Recogniser, Recognition, can_tell};
use crate::pack::{self, Pack, RuleSelector};
use crate::prove::{self, Event, Proof, Tape};
use crate::report::{self, Unreadable};

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
    let mut packs = Vec::new();
    for name in specs::chosen(&sources, &arguments.packs)? {
        packs.push(Arc::new(pack::load(&sources, &name).map_err(CliError::input)?));
    }
    let recorded = recorded(&arguments.cassettes, &packs)?;
    let look = output::look_of_stdout();
    let mut holds = true;
    let mut proofs = Vec::new();
    for (index, pack) in packs.iter().enumerate() {
        let own: Vec<Tape> =
            recorded.iter().filter(|one| one.is_of(pack)).map(|one| one.tape.clone()).collect();
        let mut proof = proved(pack, own);
        confine(&mut proof, &arguments.rules);
        holds &= proof.holds();
        let name = &pack.name;
        let gap = if index == 0 { "" } else { "\n" };
        match arguments.format {
            Format::Text => output::print(&format!("{gap}{}", report::proof(&proof, name, look)))?,
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
pub(super) fn proved(pack: &Arc<Pack>, recorded: Vec<Tape>) -> Proof {
    let mut tapes = prove::exchanges(pack);
    tapes.extend(recorded);
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
pub(super) fn confine(proof: &mut Proof, rules: &[RuleSelector]) {
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

/// A cassette, and the packs its messages are of.
struct Recorded {
    tape: Tape,
    seen: Recognition,
}

impl Recorded {
    /// Whether a pack may be proved with it: a quarter of its messages is of that pack, or the pack holds for
    /// every protocol.
    fn is_of(&self, pack: &Pack) -> bool {
        let own = self.seen.likeness(&pack.name).map_or(0, |own| own.messages);
        !can_tell(pack) || (own > 0 && own * 4 >= self.seen.messages)
    }
}

/// The cassettes at `paths`; each has to be of one of `packs`.
fn recorded(paths: &[PathBuf], packs: &[Arc<Pack>]) -> Result<Vec<Recorded>, CliError> {
    let mut inputs = Inputs::find(paths, Verify::Small);
    let unreadable = |one: &Unreadable| CliError::input(format!("{}: {}", one.place(), one.message));
    if let Some(one) = inputs.unreadable.first() {
        return Err(unreadable(one));
    }
    let mut recorded = Vec::new();
    for input in std::mem::take(&mut inputs.inputs) {
        let name = input.name();
        let mut reader = inputs.open(&input).map_err(|one| unreadable(&one))?;
        let mut events = Vec::new();
        let mut recogniser = Recogniser::new(packs.iter().map(Arc::clone));
        while let Some(event) = reader.next_event() {
            let event = event.map_err(CliError::input)?;
            recogniser.observe(&event);
            events.push(Event::of(&event));
        }
        let one = Recorded { tape: Tape { name, events }, seen: recogniser.finish() };
        if !packs.iter().any(|pack| one.is_of(pack)) {
            return Err(foreign(&one, packs));
        }
        recorded.push(one);
    }
    Ok(recorded)
}

fn foreign(one: &Recorded, packs: &[Arc<Pack>]) -> CliError {
    let names: Vec<&str> = packs.iter().map(|pack| pack.name.as_str()).collect();
    let name = &one.tape.name;
    CliError::input(format!(
        "{name}: expected a recording of {}, got one of another protocol",
        names.join(" or ")
    ))
    .help(format!("`tilltape check {name}` says which; or leave it out"))
}
