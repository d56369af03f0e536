//! Live identity: what counts as an id, where it is born and where it reappears, and what never is one.

use super::{said, scripted, tilltape};
use tilltape::mask::{Masker, Policy};

/// What `show --lineage` says of a transcript.
fn learned(text: &str, pack: Option<&str>) -> String {
    scripted(text, pack).lineage_in_words(&Masker::new(Policy::standard(), [0; 32]))
}

/// The names of what counts as an id, in the order of birth.
#[track_caller]
fn check(text: &str, expected: &[&str]) -> String {
    let words = learned(text, None);
    let ids: Vec<&str> = words
        .lines()
        .take_while(|line| !line.starts_with("flows, but"))
        .filter(|line| line.contains(", given by "))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(ids, expected, "{words}");
    words
}

#[test]
fn an_id_that_flows_through_every_message_is_learned() {
    let words = check(
        "open pos → terminal /x\n\
         pos {\"ask\":{\"id\":\"a1\",\"amount\":500}}\n\
         terminal {\"answer\":{\"id\":\"a1\",\"amount\":500}}\n\
         pos {\"ask\":{\"id\":\"b2\",\"amount\":500}}\n\
         terminal {\"answer\":{\"id\":\"b2\",\"amount\":500}}\n",
        &["id"],
    );
    assert!(words.contains("born       pos       message  /ask/id"), "{words}");
    assert!(words.contains("reappears  terminal  message  /answer/id"), "{words}");
    assert!(words.contains("/ask/amount → /answer/amount  2 times, such as \"500\""), "{words}");
}

#[test]
fn amounts_kinds_and_statuses_never_are_ids_however_well_they_flow() {
    check(
        "open pos → terminal /x\n\
         pos {\"type\":\"sale\",\"amount\":804213,\"status\":\"open\",\"currency_code\":\"USD\"}\n\
         terminal {\"type\":\"sale\",\"amount\":804213,\"status\":\"open\",\"currency_code\":\"USD\"}\n",
        &[],
    );
}

#[test]
fn a_flow_that_does_not_hold_everywhere_is_none() {
    let text = |last: &str| {
        format!(
            "open pos → terminal /x\n\
             pos {{\"ask\":{{\"ref\":\"r1\"}}}}\n\
             terminal {{\"answer\":{{\"ref\":\"r1\"}}}}\n\
             pos {{\"ask\":{{\"ref\":\"r2\"}}}}\n\
             terminal {{\"answer\":{{\"ref\":\"{last}\"}}}}\n"
        )
    };
    check(&text("r2"), &["ref"]);
    check(&text("r9"), &[]);
}

#[test]
fn an_id_is_one_under_another_name_as_a_number_and_inside_a_text() {
    let words = check(
        "open pos → terminal /x\n\
         pos {\"order\":{\"orderId\":\"804213\"}}\n\
         terminal {\"done\":{\"originalRef\":804213,\"receipt\":\"ORDER 804213, thank you\"}}\n\
         pos {\"order\":{\"orderId\":\"804214\"}}\n\
         terminal {\"done\":{\"originalRef\":804214,\"receipt\":\"ORDER 804214, thank you\"}}\n",
        &["orderId"],
    );
    assert!(words.contains("/done/originalRef  as a number"), "{words}");
    assert!(words.contains("/done/receipt  inside a longer text"), "{words}");
}

#[test]
fn an_amount_that_is_the_number_of_its_flow_stays_an_amount() {
    let words = check(
        "open pos → terminal /x\n\
         pos {\"ask\":{\"flow_id\":\"804213\",\"total\":804213}}\n\
         terminal {\"answer\":{\"flow_id\":\"804213\",\"total\":804213}}\n",
        &["flow_id"],
    );
    assert!(!words.contains("as a number"), "{words}");
}

#[test]
fn ids_counted_anew_on_every_connection_are_told_apart() {
    let words = check(
        "[1] open pos → terminal /x\n\
         [2] open pos → terminal /x\n\
         [1] pos {\"ask\":{\"id\":1}}\n\
         [1] terminal {\"answer\":{\"id\":1}}\n\
         [2] pos {\"ask\":{\"id\":1}}\n\
         [2] terminal {\"answer\":{\"id\":1}}\n",
        &["id"],
    );
    assert!(words.contains("id  2 values"), "{words}");
}

#[test]
fn the_pack_has_the_last_word() {
    let text = "open pos → terminal /tsi/v1/payment\n\
        pos {\"request\":{\"flow_id\":\"1\",\"resource\":{\"type\":\"sale\",\"amount\":5,\"invoice_no\":\"A-1009\"}}}\n\
        terminal {\"event\":{\"flow_id\":\"1\",\"resource\":{\"status\":\"completed\",\"results\":[{\"invoice_no\":\"A-1009\"}]}}}\n";
    let words = learned(text, Some("bluechip-tsi"));
    assert!(words.starts_with("flow_id  1 value, given by the POS\n"), "{words}");
    assert!(words.contains("named like an id, which the pack does not call one"), "{words}");
    assert!(learned(text, None).contains("invoice_no  1 value"));
}

#[test]
fn what_keys_of_a_pack_only_name_kinds_by_is_no_id() {
    let words = learned(
        "open pos → terminal /middleware\n\
         pos {\"type\":\"REQ_WS_INIT\",\"data\":{\"mode\":\"TEST\"}}\n\
         terminal {\"type\":\"RES_ON_WS_INIT\",\"responseType\":\"RESPONSE_OK\"}\n",
        Some("gochip"),
    );
    assert!(words.starts_with("no identities"), "{words}");
}

#[test]
fn show_prints_where_ids_are_born_and_where_they_reappear() {
    let cassette = "cassettes/bluechip-tsi/void-known-and-unknown.cassette.jsonl";
    let (code, out, err) = said(tilltape(&["show", "--lineage", cassette]).output().unwrap());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("lineage_of_a_void", out);
}
