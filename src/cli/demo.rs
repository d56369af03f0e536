//! `tilltape demo`: a good day and a bad till, both real recordings of virtual peers, judged and explained.
//!
//! The talk (a line for each step) goes to stderr; stdout gets the two verdicts and what to try next.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::files::{EXTENSION, Existing, FileShelf};
use super::inputs::{Inputs, Verify};
use super::judge::{self, Judged};
use super::simulate::{in_words, parse_pace};
use super::{Exit, error::CliError, output};
use crate::cassette::{Facts, Header};
use crate::check::{CheckResult, Options};
use crate::conversation::Party;
use crate::mask::Policy;
use crate::net::demo::{BAD_TILL, Entry, NORMAL_DAY, PlayError, Played, Tape, catalogue, play};
use crate::net::record::{Spread, Summary};
use crate::net::simulate::{Pace, TillNews};
use crate::pack::{self, Pack, Sources};
use crate::report::{self, Look, Report};
use crate::rule::{RunVerdict, Verdict};

/// Plays a shop's day through the proxy: virtual till and terminal, recorded, checked, reported.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folder for the cassettes and reports; files of an earlier demo in it are replaced, no others.
    #[arg(long, value_name = "DIR", default_value = "tilltape-demo")]
    out: PathBuf,
    /// How fast people and hosts are: `real`, `fast` (40x), `instant`, or a factor such as `5x`.
    #[arg(long, value_name = "PACE", default_value = "fast", value_parser = parse_pace)]
    pace: Pace,
    /// Records every curated cassette into this folder instead, all at the same time.
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "out")]
    cassettes: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    let Arguments { out, pace, cassettes } = arguments;
    match cassettes {
        Some(folder) => curate(&folder, pace),
        None => demo(&out, pace),
    }
}

fn demo(out: &Path, pace: Pace) -> Result<Exit, CliError> {
    let folder = make_folder(out)?;
    let pack = Arc::new(load_pack()?);
    say("A virtual till and a virtual terminal talk TSI through the recording proxy, all on this machine.");
    say("\n1  A normal day. Both sides keep the rules.");
    let good = scene(NORMAL_DAY, &folder, pace, &pack)?;
    say("\n2  A bad till. It forgets an acknowledgement, and uses a flow_id twice.");
    let bad = scene(BAD_TILL, &folder, pace, &pack)?;
    say("");
    output::print(&ending(&good, &bad))?;
    let till_accused = accusations(&bad.result).iter().all(|accusation| accusation.accused == Party::Pos);
    let shown = good.result.verdict == RunVerdict::Conformant
        && bad.result.verdict == RunVerdict::NonConformant
        && till_accused;
    if shown {
        return Ok(Exit::Success);
    }
    Err(CliError::environment(format!(
        "the demo did not show what it should: expected {} and {}, got {} and {}",
        RunVerdict::Conformant,
        RunVerdict::NonConformant,
        good.result.verdict,
        bad.result.verdict
    ))
    .help("the reports say why; a machine under heavy load can make the virtual terminal late"))
}

/// One recording of the demo and what is said of it.
struct Scene {
    cassette: PathBuf,
    result: CheckResult,
}

fn scene(name: &str, folder: &Path, pace: Pace, pack: &Arc<Pack>) -> Result<Scene, CliError> {
    let entry = catalogue().into_iter().find(|entry| entry.name == name);
    let entry = entry.expect("the catalogue holds the scenes of the demo");
    let cassette = cassette_path(folder, name);
    let played = record(entry, &cassette, pace, |news| {
        if let TillNews::Ended(ask, ending) = news {
            say(&format!("   {:32} {}", ask.to_string(), in_words(ending)));
        }
    })?;
    let totals = &played.summary.totals;
    say(&format!(
        "   recorded {} connections, {} messages: {}",
        totals.connections,
        totals.messages,
        cassette.display()
    ));
    let Judged { result, unreadable } = judge::judge(
        &mut Inputs::find(std::slice::from_ref(&cassette), Verify::default()),
        Arc::clone(pack),
        Options::default(),
    );
    let report = Report { result: &result, unreadable: &unreadable };
    output::write_atomically(
        &folder.join(format!("{name}.report.txt")),
        &report::text(&report, Look::PLAIN),
    )?;
    output::write_atomically(&folder.join(format!("{name}.report.json")), &report::json(&report))?;
    if let Some(input) = unreadable.first() {
        return Err(CliError::environment(format!("{}: {}", input.place(), input.message)));
    }
    say(&format!("   {}", result.verdict));
    Ok(Scene { cassette, result })
}

/// A rule that was broken, and by whom.
struct Accusation {
    code: String,
    title: String,
    accused: Party,
}

/// The accused party of each failed rule's first finding.
fn accusations(result: &CheckResult) -> Vec<Accusation> {
    let failed = result.rules.iter().filter(|rule| rule.verdict == Verdict::Fail);
    failed
        .filter_map(|rule| {
            let accused = rule.findings.iter().find(|finding| finding.follows_from.is_none())?.accused;
            Some(Accusation { code: rule.rule.code.to_string(), title: rule.rule.title.clone(), accused })
        })
        .collect()
}

fn ending(good: &Scene, bad: &Scene) -> String {
    let mut text = String::new();
    for (what, scene) in [("normal day", good), ("bad till", bad)] {
        let CheckResult { verdict, .. } = &scene.result;
        let (exercised, in_scope) = (scene.result.exercised(), scene.result.in_scope());
        let _ = writeln!(text, "{what:12}{verdict:16}{exercised} of {in_scope} rules exercised");
        for Accusation { code, title, accused } in accusations(&scene.result) {
            let _ = writeln!(text, "{:12}the {} broke {code}: {title}", "", called(accused));
        }
    }
    let program = program();
    let cassette = quoted(&bad.cassette.display().to_string());
    let report = bad.cassette.with_file_name(format!("{BAD_TILL}.report.txt"));
    let code = accusations(&bad.result).into_iter().next().map_or_else(String::new, |first| first.code);
    let _ = write!(
        text,
        "
try next
  # what was said, message by message
  {program} show {cassette}
  # the verdict with its witnesses, times and clauses; it also stands in {}
  {program} check {cassette}
  # the rule: what it requires, who says so, what to do
  {program} explain {code}
  # your own terminal; point the till at port 50000 of this machine
  {program} record --listen 0.0.0.0:50000 --upstream ws://TERMINAL:50000 --pack {PACK} --out mine.cassette.jsonl
",
        report.display()
    );
    text
}

/// A party as people call it.
fn called(party: Party) -> &'static str {
    match party {
        Party::Pos => "POS",
        Party::Terminal | Party::Gateway => party.as_str(),
    }
}

/// Records every entry of the catalogue, each on a thread of its own: at real pace they take a minute.
fn curate(folder: &Path, pace: Pace) -> Result<Exit, CliError> {
    let folder = make_folder(folder)?;
    let recordings: Vec<_> = catalogue()
        .into_iter()
        .map(|entry| {
            let cassette = cassette_path(&folder, entry.name);
            thread::spawn(move || record(entry, &cassette, pace, |_| {}))
        })
        .collect();
    for recording in recordings {
        match recording.join() {
            Ok(played) => drop(played?),
            Err(panicked) => std::panic::resume_unwind(panicked),
        }
    }
    Ok(Exit::Success)
}

fn record(
    entry: Entry,
    cassette: &Path,
    pace: Pace,
    watcher: impl FnMut(TillNews<'_>),
) -> Result<Played, CliError> {
    let shelf = FileShelf::new(cassette, Spread::Together, Existing::Replaced)?;
    let tape = Tape { header: header(&entry), policy: Policy::standard(), shelf: Box::new(shelf) };
    let played = play(entry.act, pace, tape, watcher).map_err(|error| played_badly(entry.name, &error))?;
    complete(&played.summary)?;
    Ok(played)
}

fn header(entry: &Entry) -> Header {
    let facts = |pairs: &[(&str, &str)]| -> Facts {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    Header {
        pack: Some(PACK.to_owned()),
        vantage: Some("proxy".to_owned()),
        subject: [
            ("pos".to_owned(), facts(&[("name", "virtual till")])),
            ("terminal".to_owned(), facts(&[("model", "virtual terminal")])),
        ]
        .into(),
        labels: facts(&[("about", entry.about), ("scenario", entry.name)]),
        ..Header::default()
    }
}

fn complete(summary: &Summary) -> Result<(), CliError> {
    if summary.is_complete() && summary.totals.clear.unwrap_or(0) == 0 {
        return Ok(());
    }
    let why = summary.trouble.clone().unwrap_or_else(|| "the recorder could not keep up".to_owned());
    Err(CliError::environment(format!("the recording is not complete: {why}")))
}

fn played_badly(name: &str, error: &PlayError) -> CliError {
    CliError::environment(format!("`{name}` could not be played: {error}"))
}

fn load_pack() -> Result<Pack, CliError> {
    pack::load(&Sources::embedded(), PACK).map_err(CliError::environment)
}

fn make_folder(folder: &Path) -> Result<PathBuf, CliError> {
    fs::create_dir_all(folder).map_err(|error| {
        CliError::environment(format!("cannot make the folder `{}`: {error}", folder.display()))
            .help("name another one with `--out DIR`")
    })?;
    Ok(folder.to_owned())
}

fn cassette_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{EXTENSION}"))
}

/// This program as the user called it, so that the commands shown can be copied.
fn program() -> String {
    let called = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    called.filter(|name| !name.is_empty()).map_or_else(|| "tilltape".to_owned(), |name| quoted(&name))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./\\:".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[expect(clippy::print_stderr, reason = "the talk of the demo")]
fn say(line: &str) {
    eprintln!("{line}");
}

const PACK: &str = "bluechip-tsi";

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn commands_can_be_copied_whatever_the_folder_is_called() {
        assert_eq!(quoted("tilltape-demo/bad-till.cassette.jsonl"), "tilltape-demo/bad-till.cassette.jsonl");
        assert_eq!(quoted("my folder/it's"), r"'my folder/it'\''s'");
    }
}
