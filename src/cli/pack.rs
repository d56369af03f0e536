//! `tilltape pack`: what packs there are, whether they are well formed, whether their pages prove their rules.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;

use super::error::CliError;
use super::{Exit, export, output, prove, specs};
use crate::check;
use crate::pack::{self, Pack, Sources};
use crate::report;

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
        Command::List(choice) => each(&choice, list),
        Command::Index(choice) => each(&choice, index),
        Command::Check(choice) => each(&choice, validate),
        Command::Test(choice) => each(&choice, test),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    }
}

/// What a subcommand says of one pack, and whether it is well.
type Said = (String, bool);

fn each(choice: &Choice, say: fn(&Sources, &str) -> Said) -> Result<Exit, CliError> {
    let sources = specs::sources(choice.specs.as_deref())?;
    let all: Vec<String> = sources.packs().map(str::to_owned).collect();
    let chosen = if choice.packs.is_empty() { &all } else { &choice.packs };
    if chosen.is_empty() {
        return Err(CliError::input("expected a pack, found none")
            .help("a pack is a folder with a `pack.toml` below the folder given with `--specs`"));
    }
    let mut text = String::new();
    let mut well = true;
    for name in chosen {
        let (said, pack_is_well) = say(&sources, name);
        text.push_str(&said);
        well &= pack_is_well;
    }
    output::print(&text)?;
    Ok(if well { Exit::Success } else { Exit::Usage })
}

fn load(sources: &Sources, name: &str) -> Result<Pack, Said> {
    pack::load(sources, name).map_err(|errors| (format!("{errors}\n\n"), false))
}

fn list(sources: &Sources, name: &str) -> Said {
    let pack = match load(sources, name) {
        Ok(pack) => pack,
        Err(said) => return said,
    };
    let mut text = format!("{} {}: {}\n", pack.name, pack.version, pack.title);
    if let Some(why) = &pack.experimental {
        let _ = writeln!(text, "  experimental: {why}");
    }
    if !pack.extends.is_empty() {
        let _ = writeln!(text, "  builds on {}", pack.extends.join(", "));
    }
    for rule in pack.rules.iter().filter(|rule| rule.info.pack == pack.name) {
        let info = &rule.info;
        let code = info.code.to_string();
        let _ = writeln!(text, "  {code:<8} {:<6} {:<10} {}", info.level, info.authority, info.title);
    }
    text.push('\n');
    (text, true)
}

fn index(sources: &Sources, name: &str) -> Said {
    match load(sources, name) {
        Ok(pack) => (report::rule_index(&pack), true),
        Err(said) => said,
    }
}

fn validate(sources: &Sources, name: &str) -> Said {
    match load(sources, name) {
        Ok(pack) => {
            let text = format!(
                "{name}: {} rules, {} kinds of messages, no mistakes\n",
                pack.rules.len(),
                pack.kinds.len()
            );
            (text, true)
        }
        Err(said) => said,
    }
}

fn test(sources: &Sources, name: &str) -> Said {
    let pack = match load(sources, name) {
        Ok(pack) => Arc::new(pack),
        Err(said) => return said,
    };
    let mut text = String::new();
    let (mut exchanges, mut failed) = (0, 0);
    for rule in pack.rules.iter().filter(|rule| rule.info.pack == pack.name) {
        for exchange in &rule.page.exchanges {
            exchanges += 1;
            if let Err(failure) = check::try_exchange(&pack, rule, exchange) {
                failed += 1;
                let check::ExchangeFailure { page, line, expected, got } = failure;
                let _ = writeln!(text, "{page}:{line}\n  expected {expected}\n  got      {got}");
            }
        }
    }
    let _ = writeln!(text, "{name}: {exchanges} exchanges, {failed} failed");
    (text, failed == 0)
}
