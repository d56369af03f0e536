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
use super::simulate::{parse_pace, parse_protocol};
use super::{Exit, error::CliError, output};
use crate::cassette::{Facts, Header};
use crate::check::{CheckResult, Options};
use crate::conversation::Party;
use crate::net::demo::{BAD_TILL, Entry, NORMAL_DAY, PlayError, Played, Tape, catalogue, play};
use crate::net::record::{Spread, Summary};
use crate::net::simulate::{Pace, Protocol};
use crate::pack::{self, Pack, Sources};
use crate::report::{self, Look, Report};
use crate::rule::{RunVerdict, Verdict};

/// Plays a shop's day through the proxy: virtual till and terminal, recorded, checked, reported.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The protocol of the shop, named by its pack: `bluechip-tsi` or `gochip`.
    #[arg(long, value_name = "NAME", default_value_t, value_parser = parse_protocol)]
    pack: Protocol,
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
    let Arguments { pack: protocol, out, pace, cassettes } = arguments;
    let shop = Shop { protocol, pack: Arc::new(load_pack(protocol)?), pace };
    match cassettes {
        Some(folder) => shop.curate(&folder),
        None => shop.demo(&out),
    }
}

/// What a demo is made with.
struct Shop {
    protocol: Protocol,
    pack: Arc<Pack>,
    pace: Pace,
}

/// What is said before the scenes of a protocol.
struct Words {
    who: &'static str,
    bad_till: &'static str,
    upstream: &'static str,
}

impl Words {
    const fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tsi => Self {
                who: "A virtual till and a virtual terminal talk TSI",
                bad_till: "It forgets an acknowledgement, and uses a flow_id twice.",
                upstream: "ws://TERMINAL:50000",
            },
            Protocol::Gochip => Self {
                who: "A virtual POS and the virtual service of a card reader talk goChip",
                bad_till: "It writes 5.05 as 5.5, refunds what was declined, and sells without a reader.",
                upstream: "ws://127.0.0.1:8080",
            },
        }
    }
}

impl Shop {
    fn demo(&self, out: &Path) -> Result<Exit, CliError> {
        let folder = make_folder(out)?;
        let words = Words::of(self.protocol);
        say(&format!("{} through the recording proxy, all on this machine.", words.who));
        say("\n1  A normal day. Both sides keep the rules.");
        let good = self.scene(NORMAL_DAY, &folder)?;
        say(&format!("\n2  A bad till. {}", words.bad_till));
        let bad = self.scene(BAD_TILL, &folder)?;
        say("");
        output::print(&self.ending(&good, &bad, words.upstream))?;
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

    fn scene(&self, name: &str, folder: &Path) -> Result<Scene, CliError> {
        let entry = catalogue(self.protocol).into_iter().find(|entry| entry.name == name);
        let entry = entry.expect("the catalogue holds the scenes of the demo");
        let cassette = cassette_path(folder, name);
        let played = self.record(entry, &cassette, |ask, ending| say(&format!("   {ask:32} {ending}")))?;
        let totals = &played.summary.totals;
        say(&format!(
            "   recorded {} connections, {} messages: {}",
            totals.connections,
            totals.messages,
            cassette.display()
        ));
        let Judged { result, unreadable, .. } = judge::judge(
            &mut Inputs::find(std::slice::from_ref(&cassette), Verify::default()),
            Arc::clone(&self.pack),
            Options::default(),
        );
        let report = Report { result: &result, unreadable: &unreadable, proof: None };
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

    fn ending(&self, good: &Scene, bad: &Scene, upstream: &str) -> String {
        let mut text = String::new();
        for (what, scene) in [("normal day", good), ("bad till", bad)] {
            let CheckResult { verdict, .. } = &scene.result;
            let (exercised, in_scope) = (scene.result.exercised(), scene.result.in_scope());
            let _ = writeln!(text, "{what:12}{verdict:16}{exercised} of {in_scope} rules exercised");
            for Accusation { code, title, accused, .. } in accusations(&scene.result) {
                let _ = writeln!(text, "{:12}the {} broke {code}: {title}", "", called(accused));
            }
        }
        let program = program();
        let cassette = quoted(&bad.cassette.display().to_string());
        let report = bad.cassette.with_file_name(format!("{BAD_TILL}.report.txt"));
        let first = accusations(&bad.result).into_iter().next();
        let rule = first.map_or_else(String::new, |first| first.address);
        let pack = self.protocol.pack();
        let _ = write!(
            text,
            "
try next
  # what was said, message by message
  {program} show {cassette}
  # the verdict with its witnesses, times and clauses; it also stands in {}
  {program} check {cassette}
  # the rule: what it requires, who says so, what to do
  {program} explain {rule}
  # your own terminal; point the till at port 50000 of this machine
  {program} record --listen 0.0.0.0:50000 --upstream {upstream} --pack {pack} --out mine.cassette.jsonl
",
            report.display()
        );
        text
    }

    /// Records every entry of the catalogue, each on a thread of its own: at real pace they take a minute
    /// or two.
    fn curate(&self, folder: &Path) -> Result<Exit, CliError> {
        let folder = make_folder(folder)?;
        thread::scope(|scope| {
            let recordings: Vec<_> = catalogue(self.protocol)
                .into_iter()
                .map(|entry| {
                    let cassette = cassette_path(&folder, entry.name);
                    scope.spawn(move || self.record(entry, &cassette, |_, _| {}))
                })
                .collect();
            for recording in recordings {
                match recording.join() {
                    Ok(played) => drop(played?),
                    Err(panicked) => std::panic::resume_unwind(panicked),
                }
            }
            Ok(Exit::Success)
        })
    }

    fn record(
        &self,
        entry: Entry,
        cassette: &Path,
        watcher: impl FnMut(&str, &str),
    ) -> Result<Played, CliError> {
        let shelf = FileShelf::new(cassette, Spread::Together, Existing::Replaced)?;
        let tape = Tape { header: header(&entry), policy: self.pack.masking(), shelf: Box::new(shelf) };
        let played =
            play(entry.act, self.pace, tape, watcher).map_err(|error| played_badly(entry.name, &error))?;
        complete(&played.summary)?;
        Ok(played)
    }
}

/// One recording of the demo and what is said of it.
struct Scene {
    cassette: PathBuf,
    result: CheckResult,
}

/// A rule that was broken, and by whom.
struct Accusation {
    /// `gochip/AMT-2`
    address: String,
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
            Some(Accusation {
                address: format!("{}/{}", rule.rule.pack, rule.rule.code),
                code: rule.rule.code.to_string(),
                title: rule.rule.title.clone(),
                accused,
            })
        })
        .collect()
}

/// A party as people call it.
fn called(party: Party) -> &'static str {
    match party {
        Party::Pos => "POS",
        Party::Terminal | Party::Gateway => party.as_str(),
    }
}

fn header(entry: &Entry) -> Header {
    let facts = |pairs: &[(&str, &str)]| -> Facts {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let protocol = entry.act.protocol();
    let (pos, terminal) = match protocol {
        Protocol::Tsi => ("virtual till", "virtual terminal"),
        Protocol::Gochip => ("virtual POS", "virtual goChip service"),
    };
    Header {
        pack: Some(protocol.pack().to_owned()),
        vantage: Some("proxy".to_owned()),
        subject: [
            ("pos".to_owned(), facts(&[("name", pos)])),
            ("terminal".to_owned(), facts(&[("model", terminal)])),
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

fn load_pack(protocol: Protocol) -> Result<Pack, CliError> {
    pack::load(&Sources::embedded(), protocol.pack()).map_err(CliError::environment)
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

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn commands_can_be_copied_whatever_the_folder_is_called() {
        assert_eq!(quoted("tilltape-demo/bad-till.cassette.jsonl"), "tilltape-demo/bad-till.cassette.jsonl");
        assert_eq!(quoted("my folder/it's"), r"'my folder/it'\''s'");
    }
}
