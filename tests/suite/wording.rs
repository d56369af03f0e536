//! What findings say, so that who did not write the rule can act on them: where, what, who, and since when.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The text report on a curated cassette.
fn report(cassette: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    checked(&root.join(format!("cassettes/{cassette}.cassette.jsonl")))
}

fn checked(path: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    let output = command.arg("check").arg(path).stdin(Stdio::null()).output().unwrap();
    // Lines are broken where the terminal ends; what is said is not.
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(report: &str, parts: &[&str]) {
    for part in parts {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn card_data_is_named_by_its_kind_and_its_place() {
    says(
        &report("gochip/keyed-refund"),
        &[
            "the POS sent an unreferenced refund with a card number and a card verification value in clear",
            "got a card number at `/data/cardNumber` and a card verification value at `/data/cvv`, masked by the \
             recorder",
        ],
    );
}

#[test]
fn card_data_in_a_recording_made_elsewhere_is_pointed_at_and_not_repeated() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clear.cassette.jsonl");
    let lines = [
        r#"{"cassette":1,"tool":"by hand","pack":"core"}"#,
        r#"{"n":1,"t_us":0,"conn":1,"event":"open","client":"pos","peer":{"pos":"127.0.0.1:1","terminal":"127.0.0.1:2"},"request":{"target":"/x","headers":[]},"response":{"status":101,"headers":[]}}"#,
        r#"{"n":2,"t_us":1000,"conn":1,"from":"terminal","event":"text","json":{"card":{"account_no":"4111111111111111"}}}"#,
    ];
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let report = checked(&path);
    says(
        &report,
        &[
            "the terminal sent a JSON message with a card number in clear",
            "{\"card\":{\"account_no\":\"****************\"}} ^^^^^^^^^^^^^^^^",
            "got a card number at `/card/account_no` see",
        ],
    );
    assert!(!report.contains("4111"), "{report}");
}

#[test]
fn what_is_no_json_is_shown_where_it_ends_to_be() {
    says(
        &report("bluechip-tsi/terminal-malformed-event"),
        &["got no JSON: expected the end of the string at byte 336, where it ends"],
    );
}

#[test]
fn a_key_is_called_by_its_name_and_the_first_use_by_its_event() {
    says(
        &report("bluechip-tsi/bad-till"),
        &[
            "the POS used the flow_id `307049` again, for a void request",
            "expected one that no request has used before got `307049`, as in event #8",
        ],
    );
}

#[test]
fn a_member_that_may_have_been_meant_is_named() {
    says(&report("gochip/till-capital-type"), &["got no `/type`, but `/Type`"]);
}

#[test]
fn a_lost_link_names_the_flow_it_has_left_open() {
    says(
        &report("bluechip-tsi/till-sells-blind"),
        &[
            "#4 7.219s, before the link was lost while flow 203067, begun with event #2, was under way",
            "expected no sale request while the last payment is of unknown outcome",
            "got a sale request 687 µs after event #4",
        ],
    );
}

#[test]
fn what_was_owed_when_a_connection_ended_is_shown_with_its_end() {
    says(&report("bluechip-tsi/terminal-silent"), &["#4 pos at 40.154s (+40 s), closed here close 1000"]);
    says(
        &report("bluechip-tsi/terminal-drops-link"),
        &["the connection ended first, and was not closed by the one who owed the answer", "lost here"],
    );
    says(
        &report("gochip/service-missing-final"),
        &["none in the 96.1 s until the POS closed the connection"],
    );
}

#[test]
fn a_rule_calls_a_message_what_it_is_to_the_rule() {
    says(
        &report("gochip/till-old-names"),
        &["the POS sent a name of before 3.0.28 after a message of a service that is 3.0.28 or later"],
    );
    says(&report("gochip/service-silent-cancel"), &["the terminal sent no answer to the cancel request"]);
    says(
        &report("bluechip-tsi/busy-with-another-till"),
        &[
            "the POS opened one connection to the endpoint too many",
            "at most 1 at a time got another one, and event #1 had not ended",
        ],
    );
    says(
        &report("gochip/till-polls-without-quick-chip"),
        &["a request to enable polling while the service was with a reader that does not use Quick Chip"],
    );
    says(
        &report("gochip/service-wrong-amount"),
        &["an approval whose `/data/saleResponse/authorizedAmount` does not agree with the sale before it"],
    );
}

#[test]
fn what_does_not_decide_the_verdict_says_so_where_it_is_undecided_too() {
    says(
        &report("bluechip-tsi/normal-day"),
        &[
            "UNDECIDED BATCH-1 the sales of a settlement are the sum of what was approved derived SHOULD, money at \
           stake; does not decide the verdict;",
        ],
    );
}
