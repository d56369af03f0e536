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
use tilltape::net::simulate::Protocol;

const C: &str = "CONFORMANT";
const N: &str = "NON-CONFORMANT";
const U: &str = "UNDECIDED";

/// A cassette, its verdict, and each failed rule with whom it accuses.
type Expectation = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// What each cassette of TSI must be judged as.
const TSI: &[Expectation] = &[
    ("normal-day", C, &[]),
    ("sale-approved", C, &[]),
    ("sale-declined", C, &[]),
    ("sale-cancelled", C, &[]),
    ("sale-timed-out", C, &[]),
    ("sale-refused-busy", C, &[]),
    ("sale-failed", C, &[]),
    ("busy-with-another-till", C, &[("CONN-1", "pos")]),
    ("refund-approved", C, &[]),
    ("void-known-and-unknown", C, &[]),
    ("completion-known-and-unknown", C, &[]),
    ("settlement-interim", C, &[]),
    ("terminal-info", C, &[]),
    ("set-date-time", C, &[]),
    ("summary-report", C, &[]),
    ("single-endpoint", C, &[]),
    ("connection-per-transaction", C, &[]),
    ("terminal-silent", U, &[]),
    ("terminal-late-response", C, &[("RESP-2", "terminal")]),
    ("terminal-malformed-event", N, &[("JSON-1", "terminal")]),
    ("terminal-duplicate-event", C, &[("EVT-5", "terminal")]),
    ("terminal-drops-link", U, &[]),
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
    ("till-sells-blind", U, &[("LOST-1", "pos")]),
    ("whole-batch", C, &[]),
];

/// What each cassette of goChip must be judged as.
const GOCHIP: &[Expectation] = &[
    ("normal-day", C, &[]),
    ("sale-approved", C, &[]),
    ("sale-declined", C, &[]),
    ("sale-referral", C, &[]),
    ("sale-declined-cvv", C, &[]),
    ("sale-with-signature", C, &[]),
    ("sale-with-application", C, &[]),
    ("polling-set-amount", C, &[]),
    ("cancel-allowed", C, &[]),
    ("cancel-not-allowed", C, &[]),
    ("cancel-nothing", C, &[]),
    ("cancel-before-3-0-28", C, &[]),
    ("card-timeout", C, &[]),
    ("comm-error-enquiry", C, &[]),
    ("comm-error-before-3-0-28", C, &[]),
    ("comm-error-reversal", C, &[]),
    ("refund", C, &[]),
    ("refund-becomes-reversal", C, &[]),
    ("keyed-refund", C, &[("CARD-1", "pos")]),
    ("secure-token", C, &[]),
    ("secure-card-before-3-0-28", C, &[]),
    ("service-missing-final", N, &[("SALE-2", "terminal")]),
    ("service-wrong-amount", C, &[("AMT-3", "terminal")]),
    ("service-smiling-error", N, &[("ERR-1", "terminal")]),
    ("service-drops-link", U, &[]),
    ("service-silent-cancel", N, &[("CXL-1", "terminal")]),
    ("service-cancel-unfinished", C, &[("CXL-2", "terminal")]),
    ("service-forgets-sale", C, &[("CXL-4", "terminal")]),
    ("service-old-cancel-text", N, &[("VER-1", "terminal")]),
    ("till-second-sale", C, &[("SALE-1", "pos")]),
    ("till-progress-is-final", C, &[("SALE-1", "pos")]),
    ("till-strips-zeros", C, &[("AMT-2", "pos")]),
    ("till-skips-device", N, &[("START-1", "pos")]),
    ("till-forgets-cancel", C, &[("CXL-6", "pos"), ("SALE-1", "pos")]),
    ("till-never-signs", N, &[("ASK-1", "pos")]),
    ("till-skips-enquiry", C, &[("COM-2", "pos")]),
    ("till-refunds-declined", C, &[("REF-2", "pos")]),
    ("till-capital-type", N, &[("TYPE-1", "pos")]),
    ("till-restarts-service", C, &[("PROG-1", "pos")]),
    ("till-polls-without-quick-chip", N, &[("POLL-2", "pos")]),
    ("till-sells-while-polling", N, &[("POLL-1", "pos")]),
    ("till-old-names", N, &[("VER-4", "pos")]),
    ("bad-till", N, &[("AMT-2", "pos"), ("REF-2", "pos"), ("START-1", "pos")]),
];

/// The cassettes whose reports are published as samples, and where.
const SAMPLES: [(Protocol, &str, &[&str]); 2] = [
    (
        Protocol::Tsi,
        "reports",
        &[
            "normal-day",
            "bad-till",
            "till-reuses-flow-id",
            "till-closes-owing",
            "terminal-no-results",
            "terminal-no-response",
            "terminal-late-response",
            "terminal-drops-link",
        ],
    ),
    (
        Protocol::Gochip,
        "reports/gochip",
        &["bad-till", "keyed-refund", "service-missing-final", "till-forgets-cancel", "till-old-names"],
    ),
];

const fn expected(protocol: Protocol) -> &'static [Expectation] {
    match protocol {
        Protocol::Tsi => TSI,
        Protocol::Gochip => GOCHIP,
    }
}

#[test]
fn every_entry_of_the_catalogue_has_its_expectation() {
    for protocol in Protocol::ALL {
        let names: Vec<&str> = catalogue(protocol).iter().map(|entry| entry.name).collect();
        let expected: Vec<&str> = expected(protocol).iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, expected);
    }
}

#[test]
fn every_cassette_is_judged_as_documented() {
    let mut wrong = String::new();
    for protocol in Protocol::ALL {
        for (name, verdict, rules) in expected(protocol) {
            let report = report_of(protocol, name, "json");
            let report: Value = serde_json::from_str(&report).unwrap();
            let failed = failed(&report);
            let expected: Vec<(String, String)> =
                rules.iter().map(|(code, accused)| ((*code).to_owned(), (*accused).to_owned())).collect();
            if report["verdict"] != *verdict || failed != expected {
                writeln!(wrong, "{protocol} {name}: {} {failed:?}", report["verdict"]).unwrap();
            }
        }
    }
    assert_eq!(wrong, "", "judged otherwise");
}

#[test]
fn the_readme_lists_every_cassette_with_its_verdict() {
    let readme = root().join("cassettes/README.md");
    let mut text = fs::read_to_string(&readme).unwrap();
    for protocol in Protocol::ALL {
        let begin = format!("<!-- table of {protocol}: written by the test `verdicts` -->");
        let (head, rest) = text.split_once(&begin).unwrap();
        let (_, tail) = rest.split_once(END).unwrap();
        text = format!("{head}{begin}\n{}{END}{tail}", table(protocol));
    }
    same(&readme, &text);
}

fn table(protocol: Protocol) -> String {
    let mut table = String::from("| Cassette | What it shows | Verdict |\n|---|---|---|\n");
    for (entry, (name, verdict, rules)) in catalogue(protocol).iter().zip(expected(protocol)) {
        let rules: Vec<String> = rules
            .iter()
            .map(|(code, accused)| format!("{code} accuses the {}", accused.replace("pos", "POS")))
            .collect();
        let because = if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) };
        let link = format!("[{name}]({protocol}/{name}.cassette.jsonl)");
        writeln!(table, "| {link} | {} | {verdict}{because} |", entry.about).unwrap();
    }
    table
}

#[test]
fn the_sample_reports_are_what_the_tool_says_today() {
    for (protocol, folder, names) in SAMPLES {
        let folder = root().join(folder);
        for name in names {
            for (format, extension) in [("text", "txt"), ("json", "json")] {
                let file = folder.join(format!("{name}.{extension}"));
                same(&file, &report_of(protocol, name, format));
            }
        }
        let files = fs::read_dir(&folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file());
        let others = usize::from(folder.join("README.md").is_file());
        assert_eq!(files.count(), 2 * names.len() + others, "the samples, and their README");
    }
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
fn report_of(protocol: Protocol, name: &str, format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .current_dir(root())
        .args(["check", "--format", format])
        .arg(format!("cassettes/{protocol}/{name}.cassette.jsonl"))
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
        fs::create_dir_all(file.parent().unwrap()).unwrap();
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

const END: &str = "<!-- end of table -->";
