//! `tilltape pack`: what packs there are, whether they are well formed, whether their pages prove their rules.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;

use super::error::CliError;
use super::{Exit, export, output, prove, specs};
use crate::check;
use crate::pack::{self, Pack, Sources};
use crate::report::{self, Look};

/// Lists, validates and tests packs.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the packs with their rules.
    List(Choice),
    /// Prints a table of each pack's rules, as Markdown.
    Index(Choice),
    /// Validates packs: every file, every reference.
    Check(Choice),
    /// Runs the exchanges of every rule page.
    Test(Choice),
    Prove(prove::Arguments),
    Export(export::Arguments),
}

#[derive(Debug, clap::Args)]
struct Choice {
    /// The packs; all without any.
    #[arg(value_name = "PACK")]
    packs: Vec<String>,
    /// Folder of packs that take the place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    specs: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    match arguments.command {
        Command::List(choice) => list(&choice),
        Command::Index(choice) => each(&choice, index),
        Command::Check(choice) => each(&choice, validate),
        Command::Test(choice) => each(&choice, test),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    }
}

/// What a subcommand says of one pack, and whether it is well.
type Said = (String, bool);

/// Where the packs of a command stand, and how it draws.
struct Desk {
    sources: Sources,
    /// What paths of files start with.
    root: String,
    look: Look,
}

impl Desk {
    fn load(&self, name: &str) -> Result<Pack, Said> {
        pack::load(&self.sources, name).map_err(|errors| {
            let count = errors.0.len();
            let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
            (format!("{}{name}: {mistakes}\n", report::mistakes(&errors, &self.root, self.look)), false)
        })
    }
}

fn each(choice: &Choice, say: fn(&Desk, &str) -> Said) -> Result<Exit, CliError> {
    let sources = specs::sources(choice.specs.as_deref())?;
    let chosen = specs::chosen(&sources, &choice.packs)?;
    let root =
        choice.specs.as_deref().map_or_else(|| "specs/".to_owned(), |root| format!("{}/", root.display()));
    let desk = Desk { sources, root: root.replace("//", "/"), look: output::look_of_stdout() };
    let mut text = String::new();
    let mut well = true;
    for name in &chosen {
        let (said, pack_is_well) = say(&desk, name);
        text.push_str(&said);
        well &= pack_is_well;
    }
    output::print(&text)?;
    Ok(if well { Exit::Success } else { Exit::Usage })
}

/// All packs in a few lines each, or those asked for with their rules.
fn list(choice: &Choice) -> Result<Exit, CliError> {
    if !choice.packs.is_empty() {
        return each(choice, |desk, name| match desk.load(name) {
            Ok(pack) => (report::pack_overview(&pack, desk.look), true),
            Err(said) => said,
        });
    }
    let sources = specs::sources(choice.specs.as_deref())?;
    let packs: Result<Vec<Pack>, _> = sources.packs().map(|name| pack::load(&sources, name)).collect();
    match packs {
        Ok(packs) => {
            output::print(&report::pack_list(&packs, output::look_of_stdout()))?;
            Ok(Exit::Success)
        }
        // Each is said with its mistakes.
        Err(_) => each(choice, validate),
    }
}

fn index(desk: &Desk, name: &str) -> Said {
    match desk.load(name) {
        Ok(pack) => (report::rule_index(&pack), true),
        Err(said) => said,
    }
}

fn validate(desk: &Desk, name: &str) -> Said {
    match desk.load(name) {
        Ok(pack) => {
            let (rules, kinds) = (pack.rules.len(), pack.kinds.len());
            (format!("{name}: {rules} rules, {kinds} kinds of messages, no mistakes\n"), true)
        }
        Err(said) => said,
    }
}

fn test(desk: &Desk, name: &str) -> Said {
    let pack = match desk.load(name) {
        Ok(pack) => Arc::new(pack),
        Err(said) => return said,
    };
    let mut text = String::new();
    let (mut rules, mut exchanges, mut failed, mut lacking) = (0, 0, 0, 0);
    for rule in pack.rules.iter().filter(|rule| rule.info.pack == pack.name) {
        rules += 1;
        if let Some(failure) = check::unshown(rule) {
            lacking += 1;
            text.push_str(&report::exchange_failure(&failure, &desk.root, desk.look));
        }
        for exchange in &rule.page.exchanges {
            exchanges += 1;
            if let Err(failure) = check::try_exchange(&pack, rule, exchange) {
                failed += 1;
                text.push_str(&report::exchange_failure(&failure, &desk.root, desk.look));
            }
        }
    }
    let of =
        |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let ran = format!("{} of {}", of(exchanges, "exchange"), of(rules, "rule"));
    let _ = match failed {
        0 if lacking > 0 => writeln!(text, "{name}: {ran}, and {} lacking", of(lacking, "exchange")),
        0 => writeln!(text, "{name}: {ran}, all as their pages say"),
        1 => writeln!(text, "{name}: {ran}, 1 not as its page says"),
        n => writeln!(text, "{name}: {ran}, {n} not as their pages say"),
    };
    (text, failed + lacking == 0)
}
