//! What the tool says of the curated cassettes: the documented verdicts, the table of their README, the samples.
//!
//! `TILLTAPE_UPDATE=1 cargo test --test suite verdicts` writes the table and the reports; the verdicts
//! themselves stand here and are changed by hand.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use similar::TextDiff;
use tilltape::net::demo::catalogue;

const C: &str = "CONFORMANT";
const N: &str = "NON-CONFORMANT";
const U: &str = "UNDECIDED";

/// A cassette, its verdict, and each failed rule with whom it accuses.
type Expectation = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// What each cassette must be judged as.
const EXPECTED: &[Expectation] = &[
    ("normal-day", C, &[]),
    ("sale-approved", C, &[]),
    ("sale-declined", C, &[]),
    ("sale-cancelled", C, &[]),
    ("sale-timed-out", C, &[]),
    ("sale-refused-busy", C, &[]),
    ("sale-failed", C, &[]),
    ("busy-with-another-till", C, &[]),
    ("refund-approved", C, &[]),
    ("void-known-and-unknown", C, &[]),
    ("completion-known-and-unknown", C, &[]),
    ("settlement-interim", C, &[]),
    ("terminal-info", C, &[]),
    ("set-date-time", C, &[]),
    ("summary-report", C, &[]),
    ("single-endpoint", C, &[]),
    ("connection-per-transaction", C, &[]),
    ("terminal-silent", C, &[]),
    ("terminal-late-response", C, &[("RESP-2", "terminal")]),
    ("terminal-malformed-event", N, &[("JSON-1", "terminal")]),
    ("terminal-duplicate-event", C, &[("EVT-5", "terminal")]),
    ("terminal-drops-link", C, &[]),
    ("terminal-no-results", N, &[("EVT-1", "terminal")]),
    ("terminal-no-error-details", N, &[("EVT-2", "terminal")]),
    ("terminal-no-response", N, &[("EVT-3", "terminal"), ("RESP-1", "terminal"), ("RESP-2", "terminal")]),
    ("till-forgets-ack", N, &[("ACK-1", "pos"), ("ACK-2", "pos")]),
    ("till-acks-twice", C, &[("ACK-3", "pos")]),
    ("till-reuses-flow-id", N, &[("FLOW-1", "pos")]),
    ("till-acks-wrong-id", N, &[("ACK-1", "pos"), ("ACK-2", "pos"), ("ACK-3", "pos")]),
    ("till-bare-request", U, &[("ENV-2", "pos")]),
    ("till-closes-owing", N, &[("ACK-1", "pos")]),
    ("bad-till", N, &[("ACK-1", "pos"), ("FLOW-1", "pos")]),
];

/// The cassettes whose reports are published as samples.
const SAMPLES: [&str; 8] = [
    "normal-day",
    "bad-till",
    "till-reuses-flow-id",
    "till-closes-owing",
    "terminal-no-results",
    "terminal-no-response",
    "terminal-late-response",
    "terminal-drops-link",
];

#[test]
fn every_entry_of_the_catalogue_has_its_expectation() {
    let names: Vec<&str> = catalogue().iter().map(|entry| entry.name).collect();
    let expected: Vec<&str> = EXPECTED.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, expected);
}

#[test]
fn every_cassette_is_judged_as_documented() {
    let mut wrong = String::new();
    for (name, verdict, rules) in EXPECTED {
        let report = report_of(name, "json");
        let report: Value = serde_json::from_str(&report).unwrap();
        let failed = failed(&report);
        let expected: Vec<(String, String)> =
            rules.iter().map(|(code, accused)| ((*code).to_owned(), (*accused).to_owned())).collect();
        if report["verdict"] != *verdict || failed != expected {
            writeln!(wrong, "{name}: {} {failed:?}", report["verdict"]).unwrap();
        }
    }
    assert_eq!(wrong, "", "judged otherwise");
}

#[test]
fn the_readme_lists_every_cassette_with_its_verdict() {
    let mut table = String::from("| Cassette | What it shows | Verdict |\n|---|---|---|\n");
    for (entry, (name, verdict, rules)) in catalogue().iter().zip(EXPECTED) {
        let rules: Vec<String> = rules
            .iter()
            .map(|(code, accused)| format!("{code} accuses the {}", accused.replace("pos", "POS")))
            .collect();
        let because = if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) };
        let link = format!("[{name}](bluechip-tsi/{name}.cassette.jsonl)");
        writeln!(table, "| {link} | {} | {verdict}{because} |", entry.about).unwrap();
    }
    let readme = root().join("cassettes/README.md");
    let text = fs::read_to_string(&readme).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    same(&readme, &format!("{head}{BEGIN}\n{table}{END}{tail}"));
}

#[test]
fn the_sample_reports_are_what_the_tool_says_today() {
    for name in SAMPLES {
        for (format, extension) in [("text", "txt"), ("json", "json")] {
            same(&root().join(format!("reports/{name}.{extension}")), &report_of(name, format));
        }
    }
    let files = fs::read_dir(root().join("reports")).unwrap().count();
    assert_eq!(files, 2 * SAMPLES.len() + 1, "the samples, and their README");
}

/// The failed rules of a report and whom each first accuses.
fn failed(report: &Value) -> Vec<(String, String)> {
    let rules = report["rules"].as_array().unwrap();
    let failed = rules.iter().filter(|rule| rule["verdict"] == "FAIL");
    failed
        .map(|rule| {
            let accused: BTreeSet<&str> = rule["findings"]
                .as_array()
                .unwrap()
                .iter()
                .map(|finding| finding["accused"].as_str().unwrap())
                .collect();
            let accused: Vec<&str> = accused.into_iter().collect();
            (rule["code"].as_str().unwrap().to_owned(), accused.join(" and "))
        })
        .collect()
}

/// A report as the program prints it, run where the repository's root is.
fn report_of(name: &str, format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .current_dir(root())
        .args(["check", "--format", format])
        .arg(format!("cassettes/bluechip-tsi/{name}.cassette.jsonl"))
        .output()
        .unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Compares a committed file with what it should be, or writes it where that is asked for.
fn same(file: &Path, wanted: &str) {
    if std::env::var_os("TILLTAPE_UPDATE").is_some() && std::env::var_os("CI").is_none() {
        return fs::write(file, wanted).unwrap();
    }
    let committed = fs::read_to_string(file).unwrap_or_default();
    let diff = TextDiff::from_lines(committed.as_str(), wanted);
    assert!(
        committed == wanted,
        "{} is not what the tool says today; run with TILLTAPE_UPDATE=1 and review\n{}",
        file.display(),
        diff.unified_diff().context_radius(3)
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const BEGIN: &str = "<!-- table: written by the test `verdicts` -->";
const END: &str = "<!-- end of table -->";
