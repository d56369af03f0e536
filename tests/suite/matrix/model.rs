//! The model POS, good and bad.

use std::fs;

use similar::TextDiff;
use tilltape::cassette::Reader;

use super::{SALE, cells, grid, matrix, root, said};

const GOCHIP: &str = "cassettes/gochip/sale-approved.cassette.jsonl";

#[test]
fn a_good_pos_is_safe_in_every_break_of_every_sale() {
    for name in [
        "sale-approved",
        "sale-declined",
        "sale-failed",
        "void-known-and-unknown",
        "completion-known-and-unknown",
        "settlement-interim",
        "single-endpoint",
        "normal-day",
    ] {
        let (grid, code) = grid(&[&format!("cassettes/bluechip-tsi/{name}.cassette.jsonl")]);
        assert_eq!((grid["verdict"].as_str(), code), (Some("safe"), Some(0)), "{name}: {grid:#}");
        let all = grid["cells"].as_array().unwrap();
        assert_eq!(all.len() as u64, grid["planned"].as_u64().unwrap());
        assert!(all.iter().all(|cell| cell["struck"] == true), "{name}: every break happens");
        assert!(
            cells(&grid, "ok").len() == all.len(),
            "{name}: and nothing is less than it was meant: {grid:#}"
        );
    }
}

#[test]
fn a_good_pos_is_safe_in_every_break_of_every_sale_where_messages_have_no_ids() {
    for name in [
        "sale-with-signature",
        "refund",
        "keyed-refund",
        "cancel-not-allowed",
        "card-timeout",
        "comm-error-enquiry",
    ] {
        let (grid, code) = grid(&[&format!("cassettes/gochip/{name}.cassette.jsonl")]);
        assert_eq!((grid["verdict"].as_str(), code), (Some("safe"), Some(0)), "{name}: {grid:#}");
        let all = grid["cells"].as_array().unwrap();
        assert!(all.iter().all(|cell| cell["struck"] == true), "{name}: every break happens");
        assert_eq!(cells(&grid, "ok").len(), all.len(), "{name}: {grid:#}");
    }
}

#[test]
fn bad_habits_show_where_messages_have_no_ids() {
    let of = |habit: &str, verdict: &str| {
        let (grid, code) = grid(&[GOCHIP, "--pos", &format!("simulated:{habit}")]);
        assert_eq!((grid["verdict"].as_str(), code), (Some("unsafe"), Some(1)), "{habit}");
        let bad = grid["cells"].as_array().unwrap().iter().filter(|cell| cell["bad"] == true).count();
        let cells: Vec<String> = cells(&grid, verdict).into_iter().map(str::to_owned).collect();
        assert_eq!(cells.len(), bad, "{habit}: nothing else is bad: {grid:#}");
        cells
    };
    let restarts = of("forgets-on-restart", "charged-twice");
    assert_eq!(restarts, [10, 11, 12, 13, 14, 15].map(|at| format!("pos-restart-after-{at}")));
    let asleep = of("waits-for-ever", "never-asked");
    assert_eq!(asleep, [10, 11, 12, 13].map(|at| format!("half-open-after-{at}")));
    // Before the approval is told, it is open; after, the POS knows.
    let open = of("never-asks", "never-asked");
    assert!(open.contains(&"cut-after-10".to_owned()) && open.contains(&"late-14".to_owned()));
    assert!(!open.iter().any(|cell| cell.starts_with("cut-after-14") || cell.ends_with("-9")), "{open:?}");
    let twice = of("retries-blindly", "charged-twice");
    assert!(open.iter().all(|cell| twice.contains(cell)), "{twice:?}");
    assert!(
        of("reverses-on-doubt", "reversed-without-cause")
            .iter()
            .all(|cell| cell.ends_with('4') || cell.ends_with('5'))
    );
}

#[test]
fn a_refund_that_moves_money_every_time_is_not_to_be_sent_again_blindly() {
    let (grid, code) = grid(&[
        "cassettes/gochip/refund.cassette.jsonl",
        "--pos",
        "simulated:retries-blindly",
        "--cell",
        "cut-after-16",
    ]);
    assert_eq!((cells(&grid, "charged-twice"), code), (vec!["cut-after-16"], Some(1)), "{grid:#}");
    assert_eq!(grid["cells"][0]["faults"][0]["fault"], "reversed-twice");
}

#[test]
fn whoever_retries_blindly_charges_twice_wherever_the_request_may_have_arrived() {
    let (grid, code) = grid(&[SALE, "--pos", "simulated:retries-blindly"]);
    assert_eq!((grid["verdict"].as_str(), code), (Some("unsafe"), Some(1)));
    let fine = ["cut-before-2", "twice-3", "half-open-after-4", "twice-4", "half-open-after-5"];
    assert_eq!(cells(&grid, "ok"), fine);
    assert_eq!(cells(&grid, "charged-twice").len(), 24 - fine.len());
}

#[test]
fn whoever_never_asks_leaves_every_open_charge_open() {
    let (grid, code) = grid(&[SALE, "--pos", "simulated:never-asks"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        cells(&grid, "never-asked"),
        [
            "cut-after-2",
            "half-open-after-2",
            "terminal-restart-after-2",
            "pos-restart-after-2",
            "cut-before-3",
            "cut-after-3",
            "half-open-after-3",
            "late-3",
            "terminal-restart-after-3",
            "pos-restart-after-3",
            "cut-before-4",
            "late-4",
        ]
    );
    assert_eq!(
        cells(&grid, "forgotten"),
        ["pos-restart-after-4"],
        "approved, and gone before it was written down"
    );
    assert_eq!(
        cells(&grid, "not-paid"),
        ["cut-before-2"],
        "the request never arrived, and nobody was charged"
    );
}

#[test]
fn whoever_reverses_on_doubt_takes_back_what_it_knows_to_be_paid() {
    let (grid, code) = grid(&[SALE, "--pos", "simulated:reverses-on-doubt"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        cells(&grid, "reversed-without-cause"),
        ["cut-before-5", "cut-after-5", "terminal-restart-after-5", "pos-restart-after-5"]
    );
    // Before the POS knows, taking it back is a way to be safe.
    assert!(cells(&grid, "not-paid").contains(&"cut-after-3"));
}

#[test]
fn whoever_forgets_on_restart_sells_again_after_every_restart_of_its_own() {
    let (grid, code) = grid(&[SALE, "--pos", "simulated:forgets-on-restart"]);
    assert_eq!(code, Some(1));
    let restarts =
        ["pos-restart-after-2", "pos-restart-after-3", "pos-restart-after-4", "pos-restart-after-5"];
    assert_eq!(cells(&grid, "charged-twice"), restarts);
    assert_eq!(cells(&grid, "ok").len(), 20);
}

#[test]
fn whoever_waits_for_ever_never_asks_where_the_link_only_looks_alive() {
    let (grid, code) = grid(&[SALE, "--pos", "simulated:waits-for-ever"]);
    assert_eq!(code, Some(1));
    assert_eq!(cells(&grid, "never-asked"), ["half-open-after-2", "half-open-after-3"]);
    assert_eq!(cells(&grid, "ok").len(), 22);
}

#[test]
fn one_cell_can_be_run_alone_and_comes_out_as_in_the_grid() {
    let (all, _) = grid(&[SALE, "--pos", "simulated:retries-blindly"]);
    let (one, code) = grid(&[SALE, "--pos", "simulated:retries-blindly", "--cell", "late-4"]);
    let [cell] = one["cells"].as_array().unwrap().as_slice() else { panic!("{one:#}") };
    let same = all["cells"].as_array().unwrap().iter().find(|other| other["cell"] == "late-4");
    assert_eq!((Some(cell), code), (same, Some(1)));
}

#[test]
fn two_runs_say_the_same_byte_for_byte() {
    let run = || said(matrix(&[SALE, "--pos", "simulated:never-asks"]).output().unwrap());
    assert_eq!(run(), run());
}

#[test]
fn cells_are_kept_as_cassettes_that_open_and_hold_no_card_number() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("cells");
    let record = to.to_str().unwrap();
    let arguments = [SALE, "--cell", "cut-after-4", "--record", record];
    assert_eq!(said(matrix(&arguments).output().unwrap()).0, Some(0));
    for name in ["as-recorded", "cut-after-4"] {
        let file = fs::File::open(to.join(format!("{name}.cassette.jsonl"))).unwrap();
        let mut reader = Reader::open(file, name).unwrap();
        assert_eq!(reader.header().labels["cell"], name);
        let mut events = 0;
        while let Some(event) = reader.next_event() {
            event.unwrap();
            events += 1;
        }
        assert!(events > 4);
    }
    let (code, _, error) = said(matrix(&arguments).output().unwrap());
    assert!(code == Some(2) && error.contains("is there already"), "{error}");
    assert_eq!(said(matrix(&arguments).arg("--force").output().unwrap()).0, Some(0));
}

#[test]
fn what_is_no_matrix_says_what_would_be() {
    for (arguments, wanted) in [
        (&[SALE, "--pos", "simulated:retries-blindy"][..], "did you mean `retries-blindly`?"),
        (&[SALE, "--cell", "cut-after-44"], "did you mean `cut-after-4`?"),
        (&[SALE, "--pack", "none"], "says what moves money"),
        (&[SALE, "--pack", "castle"], "does not say what moves money"),
        (&["cassettes/bluechip-tsi/terminal-info.cassette.jsonl"], "expected a request that moves money"),
        (&["nowhere.cassette.jsonl"], "nowhere.cassette.jsonl"),
    ] {
        let (code, out, error) = said(matrix(arguments).output().unwrap());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {error}");
        assert!(error.contains(wanted), "{arguments:?}: {error}");
    }
}

/// Pages for people and programs, of good and bad ones.
#[test]
fn the_sample_grids_are_what_the_tool_says_today() {
    for (name, pos) in [
        ("good", "simulated"),
        ("retries-blindly", "simulated:retries-blindly"),
        ("never-asks", "simulated:never-asks"),
    ] {
        for (format, extension) in [("text", "txt"), ("json", "json")] {
            let output = matrix(&[SALE, "--pos", pos, "--format", format]).output().unwrap();
            let (_, wanted, _) = said(output);
            let file = root().join(format!("reports/matrix/{name}.{extension}"));
            if std::env::var_os("TILLTAPE_UPDATE").is_some() && std::env::var_os("CI").is_none() {
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, &wanted).unwrap();
            }
            let committed = fs::read_to_string(&file).unwrap_or_default();
            let diff = TextDiff::from_lines(committed.as_str(), &wanted);
            assert!(
                committed == wanted,
                "{} is not what the tool says today; run with TILLTAPE_UPDATE=1 and review\n{}",
                file.display(),
                diff.unified_diff().context_radius(3)
            );
        }
    }
}
