//! Whom `--check` judges: the peer by its own obligations, and never by what our side of the cassette still owes.

use std::sync::Arc;

use tilltape::conversation::{Party, transcript};
use tilltape::net::replay::{Judge, Judged};
use tilltape::pack::{self, Sources};

const STARTED: &str = r#"open pos → terminal /tsi/v1/payment
pos          {"request":{"flow_id":"7","resource":{"type":"sale","amount":2350}}}
terminal +2ms {"response":{"flow_id":"7","resource":{"status":"started"}}}
"#;
const DONE: &str = r#"terminal +9s {"event":{"flow_id":"7","resource":{"status":"completed","results":[{"type":"sale","status":"approved","transaction_amount":"2350","reference_no":"58"}]}}}
"#;

fn judged(peer: Party, text: &str) -> Judged {
    let pack = Arc::new(pack::load(&Sources::embedded(), "bluechip-tsi").unwrap());
    let mut judge = Judge::new(pack, peer);
    for event in transcript::parse(text).unwrap() {
        judge.observe(&event);
    }
    judge.finish().1
}

#[test]
fn a_result_the_terminal_of_the_cassette_owes_leaves_nothing_open_about_the_pos() {
    let lost = format!("{STARTED}drop +1s\n");
    assert_eq!(judged(Party::Pos, &lost), Judged::Conformant);
    assert_eq!(judged(Party::Terminal, &lost), Judged::Undecided);
}

#[test]
fn what_the_pos_itself_still_owes_stays_open() {
    let open = format!("{STARTED}{DONE}end +1s\n");
    assert_eq!(judged(Party::Pos, &open), Judged::Undecided);
    assert_eq!(judged(Party::Terminal, &open), Judged::Conformant);
}

#[test]
fn without_a_word_of_the_protocol_nothing_is_shown() {
    assert_eq!(judged(Party::Pos, "open pos → terminal /tsi/v1/payment\ndrop +1s\n"), Judged::Undecided);
}
