//! `tilltape replay matrix`: every break of a cassette against the POS under test, and a grid of what came of it.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use super::keep::Keeper;
use super::load::{Wished, load};
use super::options::Format;
use super::play::{fresh_enough, header_of};
use crate::cli::endpoint::chain;
use crate::cli::error::CliError;
use crate::cli::size::duration;
use crate::cli::{Exit, output, show};
use crate::conversation::{ConversationEvent, Party};
use crate::mask::{Masker, Policy};
use crate::money::Book;
use crate::net::matrix::{CellError, CellPlan, Command, play};
use crate::net::stop_requested;
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
    /// The POS under test: a command line for the shell, started anew for every cell; or a model of one,
    /// `simulated` or `simulated:HABIT` (below).
    #[arg(long, value_name = "COMMAND", default_value = "simulated")]
    pos: Pos,
    /// How many cells are tried at once. Each has a terminal, a port and a POS of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
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
The command finds in its environment:
  TILLTAPE_URL        where the terminal waits: ws://127.0.0.1:PORT, without a path
  TILLTAPE_CELL       the name of the cell; `as-recorded` where nothing breaks
  TILLTAPE_RESTARTED  1 where it is started anew after a break, else 0
It does what the POS of the cassette does, takes up again after a break, and ends. Its last words on standard
error are shown where it fails. Where a cell restarts the POS, it and all it started are killed.

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
    Command(Command),
}

impl FromStr for Pos {
    type Err = UnknownManner;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let manner = text.strip_prefix("simulated:").or_else(|| (text == "simulated").then_some("good"));
        match manner {
            Some(manner) => manner.parse().map(Self::Simulated),
            None => Ok(Self::Command(Command { line: text.to_owned() })),
        }
    }
}

impl Pos {
    fn name(&self) -> String {
        match self {
            Self::Simulated(Manner::Good) => "simulated".to_owned(),
            Self::Simulated(manner) => format!("simulated:{manner}"),
            Self::Command(command) => command.line.clone(),
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
    let masker = Masker::new(policy, show::random_key()?);
    let bench = Bench { arguments, script: &script, masker, stop: stop()? };
    let as_recorded = through(&bench.try_one(None)?, &meant);
    let tried = match as_recorded {
        Ok(()) => bench.try_all(&planned, &meant)?,
        Err(_) => Vec::new(),
    };
    let grid = Grid::new(Arc::clone(&script), name, arguments.pos.name(), meant, tried, planned.len())
        .as_recorded(as_recorded);
    output::print(&match arguments.format {
        Format::Text => grid.text().lines().map(|line| printable(line, Glyphs::Unicode) + "\n").collect(),
        Format::Json => grid.json(),
    })?;
    if *bench.stop.borrow() {
        return Ok(Exit::Undecided);
    }
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
    /// `true` once the operator stops everything.
    stop: watch::Receiver<bool>,
}

impl Bench<'_> {
    /// Tries every cell, several at once where that is wished; those that were tried when it was stopped.
    fn try_all(&self, planned: &[CellId], meant: &Book) -> Result<Vec<Cell>, CliError> {
        let next = AtomicUsize::new(0);
        let tried = Mutex::new((Vec::new(), Progress::new(planned.len())));
        let failed = Mutex::new(None);
        let work = || {
            while !*self.stop.borrow()
                && let Some(&id) = planned.get(next.fetch_add(1, Ordering::Relaxed))
            {
                match self.try_one(Some(id)) {
                    Ok(run) => {
                        let cell = weigh(id, run, meant);
                        let (cells, progress) = &mut *tried.lock().unwrap_or_else(PoisonError::into_inner);
                        progress.done(&cell);
                        cells.push(cell);
                    }
                    Err(error) => {
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        next.store(planned.len(), Ordering::Relaxed);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..usize::from(self.arguments.jobs) {
                scope.spawn(work);
            }
            work();
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(tried.into_inner().unwrap_or_else(PoisonError::into_inner).0),
        }
    }

    /// Plays one cell, and keeps it where that is wished; without a cell, the run in which nothing breaks.
    fn try_one(&self, id: Option<CellId>) -> Result<Run, CliError> {
        let mut keeper = Keeper::new(self.masker.clone(), None);
        if let Some(folder) = &self.arguments.record {
            let name = id.map_or_else(|| "as-recorded".to_owned(), |id| id.to_string());
            let mut header = header_of(self.script, Party::Terminal, &self.arguments.cassette);
            header.labels.insert("cell".to_owned(), name.clone());
            keeper.record(&folder.join(name + ".cassette.jsonl"), &header, self.arguments.force)?;
        }
        let run = self.play(id, &mut |event| keeper.event(event));
        if let Some(recorded) = keeper.finish().recorded {
            if let Some(error) = recorded.failed {
                return Err(CliError::environment(format!("cannot write `{}`: {error}", recorded.path)));
            }
            if recorded.clear > 0 {
                let what = format!("{} values stand in clear in `{}`", recorded.clear, recorded.path);
                return Err(CliError::environment(what).help("do not pass it on"));
            }
        }
        run
    }

    fn play(
        &self,
        cell: Option<CellId>,
        see: &mut dyn FnMut(&ConversationEvent<'_>),
    ) -> Result<Run, CliError> {
        let Arguments { late, away, quiet, cell_time, ignore, pos, cassette, .. } = self.arguments;
        let times = Times { late: *late, away: *away, quiet: *quiet, cell: *cell_time };
        let (script, masker) = (self.script, &self.masker);
        let without = || without_money(&cassette.display().to_string(), script);
        match pos {
            Pos::Simulated(manner) => {
                simulate(script, cell, times, ignore, *manner, masker, see).ok_or_else(without)
            }
            Pos::Command(command) => {
                let message_size = (1 << 20).max(2 * script.largest_message());
                let stop = self.stop.clone();
                let plan = CellPlan { script, cell, times, ignore, masker, command, message_size, stop };
                play(&plan, see).map_err(|error| match error {
                    CellError::NoMoney => without(),
                    CellError::Start(_) | CellError::Listen(_) | CellError::Pos { .. } => {
                        CliError::environment(chain(&error))
                    }
                })
            }
        }
    }
}

/// Turns to `true` at SIGINT and SIGTERM.
fn stop() -> Result<watch::Receiver<bool>, CliError> {
    let failed = |error: std::io::Error| CliError::environment(format!("cannot listen for signals: {error}"));
    let asked = stop_requested(|| std::process::exit(Exit::Invalid as i32)).map_err(failed)?;
    let (say, stop) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failed)?;
    // Ends with the process; nobody waits for it.
    let waiting = thread::Builder::new().name("stop".into()).spawn(move || {
        runtime.block_on(asked);
        let _ = say.send(true);
        // As long as somebody may ask, the answer stays.
        thread::park();
    });
    waiting.map_err(failed)?;
    Ok(stop)
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
