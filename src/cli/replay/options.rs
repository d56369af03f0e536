//! What `replay terminal` and `replay pos` have in common on the command line.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;

use super::load::Wished;
use crate::cli::check::Setting;
use crate::cli::error::CliError;
use crate::cli::size::{Size, duration};
use crate::conversation::Party;
use crate::mask::Masker;
use crate::net::control::Load;
use crate::pack;
use crate::replay::{
    Closes, Fault, FaultError, Harm, Ids, Pace, Script, Settings, Spot, Steps, Unknown, Verb, Wire,
};

/// Options of every replay against a real peer.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) wished: Wished,
    /// How fast our own messages come: `recorded`, `instant`, or a factor such as `40x`. A pause in which a
    /// time-out of the pack ran out keeps its length at every pace.
    #[arg(long, value_name = "PACE", default_value = "recorded")]
    pub(crate) pace: Pace,
    /// Lets our messages go one by one: Enter sends the next.
    #[arg(long)]
    step: bool,
    /// Plays the cassette so many times, one run after the other; the first that fails is the last.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) times: u32,
    /// For people or for programs; `specs/schema/replay.schema.json` describes the second.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Leaves out of the comparison what stands there: a JSON Pointer (`*` for any key or index) or the name of
    /// a field; may be repeated.
    #[arg(long, value_name = "POINTER|NAME", help_heading = "Matching")]
    ignore: Vec<Spot>,
    /// Leaves out of the comparison how connections end: code, reason, with or without a close frame.
    #[arg(long, help_heading = "Matching")]
    ignore_close: bool,
    /// What becomes of a message that the cassette does not have.
    #[arg(long, value_enum, default_value_t = Policy::Fail, help_heading = "Matching")]
    unknown: Policy,

    /// What goes wrong on purpose, such as `drop event#1`; may be repeated. `replay --faults` lists them.
    #[arg(long = "fault", value_name = "FAULT", help_heading = "Faults")]
    faults: Vec<Fault>,

    /// How long nothing may come that the cassette waits for.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, help_heading = "Limits")]
    patience: Duration,
    /// How long connections may stay open once every message was exchanged, before they are closed and all is
    /// well; without it they must close as in the cassette.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Limits")]
    linger: Option<Duration>,
    /// How long a handshake may take, on either side.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, help_heading = "Limits")]
    pub(crate) handshake_timeout: Duration,
    /// Largest message taken, in bytes; twice the largest of the cassette where that is more.
    #[arg(long, value_name = "SIZE", default_value = "1MiB", help_heading = "Limits")]
    pub(crate) max_message: Size,

    /// Records the run as a cassette, masked like every recording.
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    pub(crate) record: Option<PathBuf>,
    /// Overwrite the cassette of `--record` if it is there.
    #[arg(long, requires = "record", help_heading = "Evidence")]
    pub(crate) force: bool,
    /// Judges the peer by the rules of the pack, too; the verdict holds both.
    #[arg(long, help_heading = "Evidence")]
    pub(crate) check: bool,
    /// Sets a parameter of the pack: `ack_ms=3000`; may be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE", help_heading = "Evidence")]
    pub(crate) parameters: Vec<Setting>,
}

/// The formats of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One line for programs.
    Json,
}

/// What becomes of a message that the cassette does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Policy {
    /// The run ends: mismatch.
    Fail,
    /// It is listed in the verdict, and nothing else.
    Ignore,
    /// It is listed, and answered with the refusal of the cassette, else of the pack.
    AnswerAsBusy,
}

/// What only one of the two roles has.
pub(crate) struct Own {
    pub(crate) role: Party,
    pub(crate) ids: Ids,
    pub(crate) patience_for_people: Duration,
}

impl Common {
    /// The settings of a player.
    pub(crate) fn settings(&self, script: &Script, own: Own, masker: Masker) -> Result<Settings, CliError> {
        let mut harm: Vec<Harm> = Vec::new();
        for fault in &self.faults {
            let aimed = fault.aim(script, own.role);
            harm.extend(aimed.map_err(no_fault)?);
        }
        Ok(Settings {
            role: own.role,
            pace: self.pace,
            ids: own.ids,
            unknown: match self.unknown {
                Policy::Fail => Unknown::Fail,
                Policy::Ignore => Unknown::Ignore,
                Policy::AnswerAsBusy => Unknown::AnswerAsBusy,
            },
            ignore: self.ignore.clone(),
            closes: if self.ignore_close { Closes::Ignored } else { Closes::Compared },
            patience: self.patience,
            patience_for_people: own.patience_for_people.max(self.patience),
            linger: self.linger,
            steps: if self.step { Steps::ByHand } else { Steps::Flowing },
            harm,
            wire: Wire::Sockets,
            masker,
        })
    }

    /// The option that makes no sense while a live device answers and is recorded, if one was given.
    pub(crate) fn at_odds_with_recording(&self) -> Option<&'static str> {
        let given = [
            ("--fault", !self.faults.is_empty()),
            ("--times", self.times > 1),
            ("--step", self.step),
            ("--record", self.record.is_some()),
            ("--unknown", self.unknown != Policy::Fail),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    /// The same, but for what a wish says otherwise.
    pub(crate) fn with(&self, load: &Load) -> Result<Self, CliError> {
        let mut common = self.clone();
        if let Some(pace) = &load.pace {
            common.pace = read("pace", pace, pace.parse())?;
        }
        if let Some(spots) = &load.ignore {
            let spots = spots.iter().map(|spot| read("ignore", spot, spot.parse()));
            common.ignore = spots.collect::<Result<_, _>>()?;
        }
        if let Some(faults) = &load.faults {
            let faults = faults.iter().map(|fault| fault.parse().map_err(no_fault));
            common.faults = faults.collect::<Result<_, _>>()?;
        }
        if let Some(unknown) = &load.unknown {
            common.unknown = read("unknown", unknown, Policy::from_str(unknown, false))?;
        }
        if let Some(patience) = &load.patience {
            common.patience = read("patience", patience, duration(patience))?;
        }
        if let Some(linger) = &load.linger {
            common.linger = Some(read("linger", linger, humantime::parse_duration(linger))?);
        }
        common.step = load.step.unwrap_or(common.step);
        common.ignore_close = load.ignore_close.unwrap_or(common.ignore_close);
        common.check = load.check.unwrap_or(common.check);
        common.times = load.times.unwrap_or(common.times).max(1);
        Ok(common)
    }

    /// Whether messages go one by one.
    pub(crate) const fn by_hand(&self) -> bool {
        self.step
    }

    /// The pack that judges the peer, with its parameters set; `None` where nothing is judged.
    pub(crate) fn judging_pack(&self, script: &Script) -> Result<Option<Arc<pack::Pack>>, CliError> {
        if !self.check {
            return Ok(None);
        }
        let Some(known) = script.pack() else {
            return Err(CliError::input("expected a pack to judge by: the cassette names none")
                .help("say `--pack NAME`, or leave `--check` out"));
        };
        if self.parameters.is_empty() {
            return Ok(Some(Arc::clone(known)));
        }
        let sources = crate::cli::specs::sources(self.wished.specs.as_deref())?;
        crate::cli::check::load(&sources, &known.name, &self.parameters, &[], None)
            .map(|pack| Some(Arc::new(pack)))
    }
}

fn no_fault(error: FaultError) -> CliError {
    CliError::input(error).help("`tilltape replay --faults` lists them")
}

/// A value of a wish, read as the command line reads it.
fn read<T>(key: &str, text: &str, value: Result<T, impl std::fmt::Display>) -> Result<T, CliError> {
    value.map_err(|error| CliError::input(format!("`{key}`: `{text}`: {error}")))
}

/// What `replay --faults` prints.
pub(crate) fn faults() -> String {
    let mut out = String::from("Faults, as `--fault 'drop event#1'`:\n\n");
    for (form, about) in Verb::HELP {
        out.push_str(&format!("  {form:24}  {about}\n"));
    }
    out.push_str(
        "\nMESSAGE is a kind of the pack (`event`, `response-started`), a role (`request`, `response`, `progress`,\n\
         `final`, `ack`), or `message`; `#2` means the second of the cassette, counted over both parties, `#*`\n\
         every one, and the first where nothing is said. What follows a fault in its flow may come and need not.\n",
    );
    out
}
