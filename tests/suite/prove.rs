//! The mutation proof: every rule catches a fault, with the right party; what means nothing changes nothing.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::thread;

use serde_json::Value;
use tilltape::cassette::Reader;
use tilltape::pack::{self, Sources};
use tilltape::prove::{self, Event, Proof, Tape};
use tilltape::report;

/// The proof of every pack, by its exchanges and by the committed cassettes.
static PROOFS: LazyLock<Vec<(String, Proof)>> = LazyLock::new(|| {
    let sources = Sources::embedded();
    let prove = |name: &str| {
        let pack = Arc::new(pack::load(&sources, name).unwrap());
        let mut tapes = prove::exchanges(&pack);
        tapes.extend(cassettes(name));
        let (left, right): (Vec<_>, Vec<_>) = tapes.into_iter().enumerate().partition(|(n, _)| n % 2 == 0);
        let of = |half: Vec<(usize, Tape)>| {
            let half: Vec<Tape> = half.into_iter().map(|(_, tape)| tape).collect();
            Proof::of(&pack, &half)
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| of(right));
            let mut proof = of(left);
            proof.absorb(other.join().unwrap());
            (name.to_owned(), proof)
        })
    };
    sources.packs().map(prove).collect()
});

#[test]
fn one_fault_has_one_root_finding_and_accuses_the_right_party() {
    for (pack, proof) in &*PROOFS {
        assert!(
            proof.mistakes.is_empty() && proof.unclean.is_empty(),
            "{}",
            report::proof(proof, pack, report::Look::PLAIN)
        );
    }
}

#[test]
fn every_rule_is_caught_by_an_operator() {
    for (pack, proof) in &*PROOFS {
        let uncaught: Vec<_> = proof.uncaught().map(|rule| rule.code.to_string()).collect();
        assert!(uncaught.is_empty(), "{pack}: nothing is caught by {uncaught:?}");
    }
}

#[test]
fn neutral_twins_change_nothing() {
    for (pack, proof) in &*PROOFS {
        assert!(proof.changes.is_empty(), "{}", report::proof(proof, pack, report::Look::PLAIN));
        assert!(proof.twins.values().all(|&count| count > 0), "{pack}: {:?}", proof.twins);
    }
}

/// With `TILLTAPE_UPDATE` set, the page is written.
#[test]
fn the_published_matrix_is_the_one_of_today() {
    const START: &str = "<!-- proof: written by the test `prove` -->\n";
    const END: &str = "<!-- end of proof -->";
    let page = root().join("docs/proof.md");
    let text = fs::read_to_string(&page).unwrap();
    let start = text.find(START).unwrap() + START.len();
    let end = text.find(END).unwrap();
    let mut today = String::from("\n");
    for (pack, proof) in &*PROOFS {
        today.push_str(&format!("### {pack}\n\n{}\n", prove::markdown(proof)));
    }
    today.push_str(&format!("## What is done\n\n{}\n", prove::legend()));
    if std::env::var_os("TILLTAPE_UPDATE").is_some() {
        fs::write(&page, format!("{}{today}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    let difference = similar::TextDiff::from_lines(&text[start..end], &today).unified_diff().to_string();
    assert!(difference.is_empty(), "docs/proof.md is not of today:\n{difference}");
}

/// The proof proves: a pack that accuses the wrong party, folds nothing, or never fires does not hold.
#[test]
fn a_pack_that_is_wrong_does_not_hold() {
    let cases = [
        ("ACK-1", "obligor = \"pos\"", "obligor = \"terminal\"", "wrong party accused"),
        ("ACK-3", "root = true", "root = false", "several roots"),
        (
            "ACK-4",
            "at = \"/event_ack/resource/status\", equals = \"ok\"",
            "has = \"/event_ack\"",
            "NOT CAUGHT",
        ),
    ];
    let specs = tempfile::tempdir().unwrap();
    for pack in ["core", "bluechip-tsi"] {
        copy(&root().join("specs").join(pack), &specs.path().join(pack));
    }
    for (code, old, new, _) in cases {
        let page = specs.path().join(format!("bluechip-tsi/rules/{code}.md"));
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains(old), "{code} has changed");
        fs::write(&page, text.replace(old, new)).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .args(["pack", "prove", "bluechip-tsi", "--specs"])
        .arg(specs.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    for (code, _, _, said) in cases {
        let one = stdout.lines().any(|line| line.contains(said));
        assert!(one && stdout.contains(code), "{code}: {stdout}");
    }
}

/// A report carries the proof of the pack it was made by, for people and for programs. What a pack says whose proof
/// does not hold is not to be relied on.
#[test]
fn a_report_can_carry_the_proof() {
    let check = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
        command.current_dir(root()).args(["check", "cassettes/gochip/sale-approved.cassette.jsonl"]);
        let output = command.args(["--pack", "core"]).args(more).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, plain) = check(&[]);
    let (same, proved) = check(&["--proof"]);
    assert_eq!(code, same, "{proved}");
    let proof = proved.strip_prefix(&plain).unwrap_or_else(|| panic!("{proved}"));
    assert!(proof.trim_start().starts_with("PROOF  that each rule can fail"), "{proof}");
    assert!(proof.contains("core: 14 of 14 rules caught, 0 faults"), "{proof}");

    let specs = tempfile::tempdir().unwrap();
    copy(&root().join("specs/core"), &specs.path().join("core"));
    let page = specs.path().join("core/rules/JSON-2.md");
    let text = fs::read_to_string(&page).unwrap();
    let blind =
        text.replace("require = [{ duplicate-keys = false }]", "require = [{ bytes-at-most = 1000000 }]");
    assert_ne!(blind, text, "JSON-2 has changed");
    fs::write(&page, blind).unwrap();
    let specs = specs.path().to_str().unwrap();
    let (code, report) = check(&["--proof", "--format", "json", "--specs", specs]);
    assert_eq!(code, Some(4), "{report}");
    let report: Value = serde_json::from_str(&report).unwrap();
    let schema = fs::read_to_string(root().join("specs/schema/report.schema.json")).unwrap();
    let schema = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(report["proof"]["holds"], false);
    let rules = report["proof"]["rules"].as_array().unwrap().iter();
    let uncaught: Vec<&Value> =
        rules.filter(|rule| rule["caught"] == false).map(|rule| &rule["code"]).collect();
    assert_eq!(uncaught, ["JSON-2"]);
}

/// A recording is broken for the packs it is of, and for those that hold for every protocol.
#[test]
fn a_recording_proves_only_the_packs_it_is_of() {
    const GOCHIP: &str = "cassettes/gochip/sale-approved.cassette.jsonl";
    let prove = |packs: &[&str], cassettes: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
        command.current_dir(root()).args(["pack", "prove"]).args(packs);
        let output = command.args(cassettes).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, stdout, stderr) = prove(&["castle"], &["--cassette", GOCHIP]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    let said = format!(
        "error: {GOCHIP}: expected a recording of castle, got one of another protocol\n\
         help: `tilltape check {GOCHIP}` says which; or leave it out\n"
    );
    assert_eq!(stderr, said);

    let head = |out: &str, pack: &str| {
        let head = |line: &&str| line.starts_with(&format!("{pack}: ")) && line.contains(" clean recordings");
        out.lines().find(head).unwrap().to_owned()
    };
    let (_, with, _) = prove(&["core", "castle"], &["--cassette", GOCHIP]);
    let (_, without, _) = prove(&["core", "castle"], &[]);
    assert_eq!(head(&with, "castle"), head(&without, "castle"));
    assert_ne!(head(&with, "core"), head(&without, "core"));

    let (code, stdout, stderr) = prove(&["castel"], &[]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("did you mean `castle`?"), "{stderr}");
}

fn cassettes(pack: &str) -> Vec<Tape> {
    let Ok(folder) = fs::read_dir(root().join("cassettes").join(pack)) else { return Vec::new() };
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.to_string_lossy().ends_with(".cassette.jsonl"));
    // Long ones repeat what short ones show, and cost most of the time.
    const LONGEST: usize = 20;
    files.iter().map(|file| tape(file)).filter(|tape| tape.events.len() <= LONGEST).collect()
}

fn tape(file: &Path) -> Tape {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let mut reader = Reader::open(BufReader::new(File::open(file).unwrap()), &name).unwrap();
    let mut events = Vec::new();
    while let Some(event) = reader.next_event() {
        events.push(Event::of(&event.unwrap()));
    }
    Tape { name, events }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &target) } else { fs::copy(&entry, &target).map(drop).unwrap() }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
