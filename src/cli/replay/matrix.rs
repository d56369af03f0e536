//! `tilltape replay matrix`: every break of a cassette against the POS under test, and a grid of what came of it.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::keep::Keeper;
use super::load::{Wished, load};
use super::options::Format;
use super::play::{fresh_enough, header_of};
use crate::cli::error::CliError;
use crate::cli::size::duration;
use crate::cli::{Exit, output, show};
use crate::conversation::{ConversationEvent, Party};
use crate::mask::{Masker, Policy};
use crate::replay::{
    Cell, CellId, Grid, Manner, MatrixVerdict, Run, Script, Spot, Times, UnknownManner, cell, cells, meant,
    simulate, through, weigh,
};
use crate::report::{Glyphs, printable};

/// Breaks a cassette at every message, in every way, against the POS under test, and says what became of the
/// money.
///
/// Each cell of the grid is a run of its own: the terminal of the cassette breaks once, and then answers
/// what the POS asks. A money ledger reads the wire of each, and nothing else: never charged twice, never
/// approved and forgotten, never reversed without cause, unknown only where nobody could know.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The cassette, plain or compressed; `-` reads standard input.
    #[arg(value_name = "CASSETTE")]
    cassette: PathBuf,
    #[command(flatten)]
    wished: Wished,
    /// The POS under test: a model of one, `simulated` or `simulated:HABIT` (below).
    #[arg(long, value_name = "POS", default_value = "simulated")]
    pos: Pos,
    /// Tries this cell only, such as `cut-after-4`; may be repeated.
    #[arg(long = "cell", value_name = "NAME")]
    cells: Vec<String>,
    /// Keeps a cassette of every cell in this folder, masked like every recording.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Overwrite cassettes of `--record` that are there.
    #[arg(long, requires = "record")]
    force: bool,
    /// For people or for programs; `specs/schema/matrix.schema.json` describes the second.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Leaves out of the comparison, before the break, what stands there: a JSON Pointer or the name of a field;
    /// may be repeated.
    #[arg(long, value_name = "POINTER|NAME")]
    ignore: Vec<Spot>,
    /// How late a late message is; it should be longer than the POS waits.
    #[arg(long, value_name = "TIME", default_value = "45s", value_parser = duration, help_heading = "Limits")]
    late: Duration,
    /// How long a terminal that restarts is away.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration, help_heading = "Limits")]
    away: Duration,
    /// How long nothing may happen before a cell is over; it should be longer than the POS waits.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, help_heading = "Limits")]
    quiet: Duration,
    /// How long a cell may last in all.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration, help_heading = "Limits")]
    cell_time: Duration,
}

const HELP: &str = "\
Habits of the simulated POS:
  good                asks what became of an open transaction before it does anything else
  retries-blindly     sends the sale again after a lost link, without asking
  never-asks          lets an open transaction be
  reverses-on-doubt   takes back whatever was approved last when a link was lost
  forgets-on-restart  keeps nothing over a restart, and begins again
  waits-for-ever      waits for an answer for ever

Exit codes:
  0  safe: no break makes the money go wrong
  1  unsafe: some do, or the POS fails
  2  usage, a cassette that cannot be read, or one in which nothing is charged
  3  undecided: not every cell was tried to its end
  4  the tool or its environment failed: the run proves nothing";

/// The POS under test.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pos {
    Simulated(Manner),
}

impl FromStr for Pos {
    type Err = UnknownManner;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let manner = text.strip_prefix("simulated:").or_else(|| (text == "simulated").then_some("good"));
        manner.unwrap_or(text).parse().map(Self::Simulated)
    }
}

impl Pos {
    fn name(&self) -> String {
        match self {
            Self::Simulated(Manner::Good) => "simulated".to_owned(),
            Self::Simulated(manner) => format!("simulated:{manner}"),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, CliError> {
    let script = load(&arguments.cassette, &arguments.wished)?;
    fresh_enough(&arguments.cassette, &script)?;
    let name = arguments.cassette.display().to_string();
    let meant = meant(&script).ok_or_else(|| without_money(&name, &script))?;
    if meant.charges.is_empty() {
        return Err(CliError::input(format!("{name}: expected a request that moves money, got none"))
            .help("the matrix is about money: record a sale"));
    }
    let planned = match arguments.cells.as_slice() {
        [] => cells(&script),
        names => names.iter().map(|name| named(&script, name)).collect::<Result<Vec<_>, _>>()?,
    };
    if let Some(folder) = &arguments.record {
        fs::create_dir_all(folder).map_err(|error| {
            CliError::environment(format!("cannot make the folder `{}`: {error}", folder.display()))
        })?;
    }
    let policy = script.pack().map_or_else(Policy::standard, |pack| pack.masking());
    let bench = Bench { arguments, script: &script, masker: Masker::new(policy, show::random_key()?) };
    let as_recorded = through(&bench.try_one(None)?, &meant);
    let mut tried = Vec::new();
    if as_recorded.is_ok() {
        let mut progress = Progress::new(planned.len());
        for &id in &planned {
            let cell = weigh(id, bench.try_one(Some(id))?, &meant);
            progress.done(&cell);
            tried.push(cell);
        }
    }
    let grid = Grid::new(Arc::clone(&script), name, arguments.pos.name(), meant, tried, planned.len())
        .as_recorded(as_recorded);
    output::print(&match arguments.format {
        Format::Text => grid.text().lines().map(|line| printable(line, Glyphs::Unicode) + "\n").collect(),
        Format::Json => grid.json(),
    })?;
    Ok(match grid.verdict() {
        MatrixVerdict::Safe => Exit::Success,
        MatrixVerdict::Unsafe | MatrixVerdict::NotTried => Exit::NonConformant,
        MatrixVerdict::Undecided => Exit::Undecided,
    })
}

/// Everything that cells have in common.
struct Bench<'a> {
    arguments: &'a Arguments,
    script: &'a Arc<Script>,
    masker: Masker,
}

impl Bench<'_> {
    /// Plays one cell, and keeps it where that is wished; without a cell, the run in which nothing breaks.
    fn try_one(&self, id: Option<CellId>) -> Result<Run, CliError> {
        let mut keeper = Keeper::new(self.masker.clone(), None);
        if let Some(folder) = &self.arguments.record {
            let name = id.map_or_else(|| "as-recorded".to_owned(), |id| id.to_string());
            let mut header = header_of(self.script, Party::Terminal, &self.arguments.cassette);
            header.labels.insert("cell".to_owned(), name.clone());
            keeper.record(&folder.join(name + ".cassette.jsonl"), &header, self.arguments.force)?;
        }
        let run = self.play(id, |event| keeper.event(event));
        let kept = keeper.finish();
        if let Some(error) = kept.recorded.and_then(|recorded| recorded.failed) {
            return Err(CliError::environment(format!("cannot write the cassette of a cell: {error}")));
        }
        run.ok_or_else(|| without_money(&self.arguments.cassette.display().to_string(), self.script))
    }

    fn play(&self, id: Option<CellId>, see: impl FnMut(&ConversationEvent<'_>)) -> Option<Run> {
        let Arguments { late, away, quiet, cell_time, ignore, .. } = self.arguments;
        let times = Times { late: *late, away: *away, quiet: *quiet, cell: *cell_time };
        match &self.arguments.pos {
            Pos::Simulated(manner) => simulate(self.script, id, times, ignore, *manner, &self.masker, see),
        }
    }
}

/// Says how far it is, where somebody looks.
struct Progress {
    all: usize,
    done: usize,
    shown: bool,
}

impl Progress {
    fn new(all: usize) -> Self {
        Self { all, done: 0, shown: std::io::stderr().is_terminal() }
    }

    fn done(&mut self, cell: &Cell) {
        self.done += 1;
        if !self.shown {
            return;
        }
        let end = if self.done == self.all { "\n" } else { "" };
        let line = format!("\r\x1b[K{} of {}  {}  {}{end}", self.done, self.all, cell.id, cell.word.shown());
        // Talk that nobody can hear hinders nothing.
        let _ = std::io::stderr().write_all(line.as_bytes());
        let _ = std::io::stderr().flush();
    }
}

fn named(script: &Script, name: &str) -> Result<CellId, CliError> {
    cell(script, name).map_err(|error| {
        let near = error.near.clone().unwrap_or_else(|| "the grid without `--cell` has them all".to_owned());
        CliError::input(error).help(near)
    })
}

fn without_money(cassette: &str, script: &Script) -> CliError {
    match script.pack() {
        Some(pack) => {
            CliError::input(format!("{cassette}: the pack {} does not say what moves money", pack.name))
                .help("`[money]` in its `pack.toml` says it; see docs/packs.md")
        }
        None => {
            CliError::input(format!("{cassette}: expected a pack, which says what moves money, got none"))
                .help("say `--pack NAME`")
        }
    }
}
