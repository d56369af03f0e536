//! The money ledger: every judgement has an exchange that passes and one that fails, and none of them depends
//! on how things are called.

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use tilltape::conversation::{OwnedEvent, transcript};
use tilltape::money::{Book, Fault, Judgement, Ledger, Standing, judge};
use tilltape::pack::{self, Pack, Sources};

/// One sale, as it is meant to be.
const SALE: &str = r#"
open pos → terminal /tsi/v1/payment
pos      +1s  {"request":{"flow_id":"1","resource":{"type":"sale","amount":2350}}}
terminal +2ms {"response":{"flow_id":"1","resource":{"status":"started"}}}
terminal +9s  {"event":{"flow_id":"1","resource":{"status":"completed","results":[{"type":"sale","status":"approved","reference_no":"58"}]}}}
pos      +3ms {"event_ack":{"flow_id":"1","resource":{"status":"ok"}}}
close pos 1000
"#;

/// The beginning of that sale, and the end of its link.
const CUT: &str = r#"
open pos → terminal /tsi/v1/payment
pos      +1s  {"request":{"flow_id":"1","resource":{"type":"sale","amount":2350}}}
terminal +2ms {"response":{"flow_id":"1","resource":{"status":"started"}}}
drop
open pos → terminal /tsi/v1/payment
"#;

/// The approval of the sale, and the end of its link.
const APPROVED: &str = r#"
open pos → terminal /tsi/v1/payment
pos      +1s  {"request":{"flow_id":"1","resource":{"type":"sale","amount":2350}}}
terminal +9s  {"event":{"flow_id":"1","resource":{"status":"completed","results":[{"type":"sale","status":"approved","reference_no":"58"}]}}}
drop
open pos → terminal /tsi/v1/payment
"#;

const ASK: &str = r#"
pos      +1s  {"request":{"flow_id":"2","resource":{"type":"recall_last_transaction"}}}
"#;

const TOLD_APPROVED: &str = r#"
terminal +9ms {"event":{"flow_id":"2","resource":{"status":"completed","results":[{"type":"sale","status":"approved","reference_no":"58"}]}}}
"#;

const TOLD_NOT_FOUND: &str = r#"
terminal +9ms {"event":{"flow_id":"2","resource":{"status":"completed","results":[{"type":"recall_last_transaction","status":"transaction_record_not_found"}]}}}
"#;

const AGAIN: &str = r#"
pos      +1s  {"request":{"flow_id":"3","resource":{"type":"sale","amount":2350}}}
terminal +9s  {"event":{"flow_id":"3","resource":{"status":"completed","results":[{"type":"sale","status":"approved","reference_no":"59"}]}}}
pos      +3ms {"event_ack":{"flow_id":"3","resource":{"status":"ok"}}}
"#;

fn void(reference: &str) -> String {
    format!(
        r#"
pos      +1s  {{"request":{{"flow_id":"4","resource":{{"type":"void","reference_no":"{reference}"}}}}}}
terminal +9ms {{"event":{{"flow_id":"4","resource":{{"status":"completed","results":[{{"type":"void","status":"approved","reference_no":"{reference}"}}]}}}}}}
pos      +3ms {{"event_ack":{{"flow_id":"4","resource":{{"status":"ok"}}}}}}
"#
    )
}

fn tsi() -> Arc<Pack> {
    static PACK: OnceLock<Arc<Pack>> = OnceLock::new();
    Arc::clone(PACK.get_or_init(|| Arc::new(pack::load(&Sources::embedded(), "bluechip-tsi").unwrap())))
}

fn book(text: &str) -> Book {
    let mut ledger = Ledger::new(tsi());
    for event in events(text) {
        ledger.see(&event.view());
    }
    ledger.book().clone()
}

fn events(text: &str) -> Vec<OwnedEvent> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let lines = lines.join("\n");
    let parsed = transcript::parse(&lines).unwrap_or_else(|error| panic!("{error}"));
    parsed.iter().map(OwnedEvent::of).collect()
}

/// What is said of an exchange, where one sale was meant.
fn judged(parts: &[&str]) -> Judgement {
    judge(&book(&parts.concat()), &book(SALE))
}

#[track_caller]
fn fine(parts: &[&str], standing: Standing) {
    let judgement = judged(parts);
    assert_eq!((judgement.faults.as_slice(), judgement.standing), (&[][..], standing));
}

#[test]
fn a_sale_as_it_is_meant_is_as_it_is_meant() {
    fine(&[SALE], Standing::AsMeant);
    assert_eq!(judged(&[SALE]).charged, (1, 0));
}

#[test]
fn nothing_was_charged_and_nothing_is_wrong() {
    fine(&["open pos → terminal /tsi/v1/payment\nclose pos 1000"], Standing::Less);
}

#[test]
fn charged_twice_is_a_second_approval_of_a_purchase_meant_once() {
    let twice = judged(&[SALE, "\nopen pos → terminal /tsi/v1/payment\n", AGAIN]);
    assert!(
        matches!(twice.faults.as_slice(), [Fault::ChargedTwice { meant: 1, certain: 2, possible: 0, .. }]),
        "{twice:?}"
    );
    // Meant twice, it is fine twice.
    let meant = book(&[SALE, "\nopen pos → terminal /tsi/v1/payment\n", AGAIN].concat());
    assert_eq!(judge(&meant, &meant).faults, []);
    // Another amount is another purchase: it was not meant at all.
    let other = AGAIN.replace("2350", "9900");
    assert!(matches!(
        judged(&[SALE, "\nopen pos → terminal /tsi/v1/payment\n", &other]).faults.as_slice(),
        [Fault::ChargedTwice { meant: 0, certain: 1, .. }]
    ));
}

#[test]
fn charged_twice_perhaps_is_a_sale_sent_again_before_anybody_asked() {
    let blind = judged(&[CUT, AGAIN]);
    assert!(
        matches!(blind.faults.as_slice(), [Fault::ChargedTwice { meant: 1, certain: 1, possible: 1, .. }]),
        "{blind:?}"
    );
    fine(&[CUT, ASK, TOLD_NOT_FOUND, AGAIN], Standing::AsMeant);
    // Whoever asks, is told that it was paid, and sells again, has charged twice for certain.
    let deaf = judged(&[CUT, ASK, TOLD_APPROVED, AGAIN]);
    assert!(
        matches!(deaf.faults.as_slice(), [Fault::ChargedTwice { certain: 2, possible: 0, .. }]),
        "{deaf:?}"
    );
}

#[test]
fn a_second_charge_that_is_taken_back_leaves_one() {
    fine(&[CUT, ASK, TOLD_APPROVED, AGAIN, &void("59")], Standing::AsMeant);
}

#[test]
fn approved_and_forgotten_is_an_approval_neither_acknowledged_nor_asked_for() {
    assert!(matches!(judged(&[APPROVED]).faults.as_slice(), [Fault::Forgotten { .. }]));
    fine(&[APPROVED, ASK, TOLD_APPROVED], Standing::AsMeant);
    let ack = "\npos +1ms {\"event_ack\":{\"flow_id\":\"1\",\"resource\":{\"status\":\"ok\"}}}";
    fine(&[APPROVED, ack], Standing::AsMeant);
}

#[test]
fn an_acknowledgement_that_never_arrived_shows_what_the_pos_knows_and_a_request_moves_no_money() {
    let mut ledger = Ledger::new(tsi());
    for event in events(APPROVED) {
        ledger.see(&event.view());
    }
    ledger.lost(r#"{"request":{"flow_id":"7","resource":{"type":"sale","amount":2350}}}"#);
    assert!(matches!(judge(ledger.book(), &book(SALE)).faults.as_slice(), [Fault::Forgotten { .. }]));
    ledger.lost(r#"{"event_ack":{"flow_id":"1","resource":{"status":"ok"}}}"#);
    assert_eq!(judge(ledger.book(), &book(SALE)).faults, []);
}

#[test]
fn reversed_without_cause_is_taking_back_what_is_meant_and_known() {
    let reconnect = "\nopen pos → terminal /tsi/v1/payment\n";
    let known = judged(&[SALE, reconnect, &void("58")]);
    assert!(
        matches!(known.faults.as_slice(), [Fault::ReversedWithoutCause { same: Some(_), .. }]),
        "{known:?}"
    );
    // What was in doubt may be taken back: the customer has not paid, and the POS knows.
    fine(&[APPROVED, ASK, TOLD_APPROVED, &void("58")], Standing::Less);
    fine(&[APPROVED, &void("58")], Standing::Less);
    // Meant to be taken back, it may be, and as often as the POS likes.
    let meant = book(&[SALE, reconnect, &void("58")].concat());
    let again = book(&[SALE, reconnect, &void("58"), &void("58")].concat());
    assert_eq!(judge(&again, &meant).faults, []);
    // What this POS never made is not its to take back.
    let strange = judged(&[SALE, reconnect, &void("4711")]);
    assert!(matches!(strange.faults.as_slice(), [Fault::ReversedWithoutCause { same: None, .. }]));
}

#[test]
fn what_was_to_be_taken_back_and_stands_is_said() {
    let meant = book(&[SALE, "\nopen pos → terminal /tsi/v1/payment\n", &void("58")].concat());
    assert!(matches!(judge(&book(SALE), &meant).faults.as_slice(), [Fault::StillStands { .. }]));
    assert_eq!(judge(&meant, &meant).faults, []);
}

#[test]
fn unknown_is_fine_for_whoever_asked_and_a_fault_for_whoever_did_not() {
    assert!(matches!(judged(&[CUT]).faults.as_slice(), [Fault::NeverAsked { .. }]));
    fine(&[CUT, ASK], Standing::Unknown);
    fine(&[CUT, ASK, TOLD_APPROVED], Standing::AsMeant);
    fine(&[CUT, ASK, TOLD_NOT_FOUND], Standing::Less);
}

#[test]
fn a_terminal_that_tells_of_an_earlier_sale_never_began_the_last_one() {
    let two = "\nopen pos → terminal /tsi/v1/payment\n";
    let third = r#"
pos      +1s  {"request":{"flow_id":"9","resource":{"type":"sale","amount":777}}}
drop
open pos → terminal /tsi/v1/payment
"#;
    let meant = book(&[SALE, two, &AGAIN.replace("2350", "777")].concat());
    let told = book(&[SALE, two, third, ASK, TOLD_APPROVED].concat());
    let judgement = judge(&told, &meant);
    assert_eq!((judgement.faults.as_slice(), judgement.standing), (&[][..], Standing::Less));
    assert_eq!(judgement.charged, (1, 0));
}

#[test]
fn a_refund_sent_again_before_anybody_knew_is_a_fault_where_it_moves_money_every_time() {
    let pack = Arc::new(pack::load(&Sources::embedded(), "gochip").unwrap());
    let book = |text: &str| {
        let mut ledger = Ledger::new(Arc::clone(&pack));
        for event in events(text) {
            ledger.see(&event.view());
        }
        ledger.book().clone()
    };
    let sale = r#"
open pos → terminal /middleware
pos      +1s  {"type":"REQ_PROCESS_SALE","data":{"amount":"8.40"}}
terminal +2s  {"type":"RES_ON_SALE_RESPONSE","responseType":"RESPONSE_OK","data":{"saleResponse":{"code":"A","uniqueRef":"S1"}}}
"#;
    let refund = r#"
pos      +1s  {"type":"REQ_PROCESS_REFUND","data":{"uniqueRef":"S1","amount":"8.40","reason":"damaged"}}
"#;
    let lost = "drop\nopen pos → terminal /middleware\n";
    let done = r#"
terminal +2s  {"type":"RES_ON_REFUND_RESPONSE","responseType":"RESPONSE_OK","data":{"refundResponse":{"code":"A","uniqueRef":"R1"}}}
"#;
    let ask = r#"
pos      +1s  {"type":"REQ_GET_TRANSACTIONS","data":{}}
"#;
    let list = |reference: &str| {
        format!(
            r#"
terminal +1s  {{"type":"RES_ON_TRANSACTION_LIST_RESPONSE","responseType":"RESPONSE_OK","data":{{"transactions":[{{"uniqueRef":"{reference}","code":"A"}}]}}}}
"#
        )
    };
    let meant = book(&[sale, refund, done].concat());
    let faults = |parts: &[&str]| judge(&book(&parts.concat()), &meant);
    let blind = faults(&[sale, refund, lost, refund, done]);
    assert!(matches!(blind.faults.as_slice(), [Fault::ReversedTwice { .. }]), "{blind:?}");
    // The list shows the sale: the refund was never made, and may be.
    assert_eq!(faults(&[sale, refund, lost, ask, &list("S1"), refund, done]).faults, []);
    // It shows the refund: there is nothing to do.
    assert_eq!(faults(&[sale, refund, lost, ask, &list("R1")]).faults, []);
    let deaf = faults(&[sale, refund, lost, ask, &list("R1"), refund, done]);
    assert!(matches!(deaf.faults.as_slice(), [Fault::ReversedTwice { .. }]), "{deaf:?}");
    let silent = faults(&[sale, refund, lost]);
    assert!(matches!(silent.faults.as_slice(), [Fault::NeverAsked { .. }]), "{silent:?}");
    let asked = faults(&[sale, refund, lost, ask]);
    assert_eq!((asked.faults.as_slice(), asked.standing), (&[][..], Standing::Unknown));
}

/// Exchanges put together from parts, sensible or not.
fn exchange() -> impl Strategy<Value = Vec<String>> {
    let part = prop_oneof![
        Just(SALE.to_owned() + "open pos → terminal /tsi/v1/payment\n"),
        Just(CUT.to_owned()),
        Just(APPROVED.to_owned()),
        Just(ASK.to_owned()),
        Just([ASK, TOLD_APPROVED].concat()),
        Just([ASK, TOLD_NOT_FOUND].concat()),
        Just(AGAIN.to_owned()),
        Just(void("58")),
        Just(void("59")),
    ];
    proptest::collection::vec(part, 0..7).prop_map(|mut parts| {
        parts.insert(0, "open pos → terminal /tsi/v1/payment\n".to_owned());
        parts
    })
}

/// A judgement without the numbers of events.
fn numberless(judgement: &Judgement) -> String {
    let text = format!("{judgement:?}");
    let mut out = String::new();
    for (index, part) in text.split("EventNumber(").enumerate() {
        out.push_str(if index == 0 { part } else { part.split_once(')').unwrap().1 });
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn how_flows_and_references_are_called_changes_no_judgement(parts in exchange(), shift in 1_u32..9000) {
        let plain = parts.concat();
        let mut renamed = plain.clone();
        for id in 1..=9_u32 {
            let (own, other) = (format!("\"flow_id\":\"{id}\""), format!("\"flow_id\":\"x{}\"", id + shift));
            renamed = renamed.replace(&own, &other);
        }
        for reference in ["58", "59"] {
            let (own, other) = (format!("\"{reference}\""), format!("\"R{reference}{shift}\""));
            renamed = renamed.replace(&own, &other);
        }
        prop_assert_eq!(judge(&book(&plain), &book(SALE)), judge(&book(&renamed), &book(SALE)));
    }

    #[test]
    fn when_things_happen_and_what_else_is_said_changes_no_judgement(parts in exchange(), pause in 1_u32..500) {
        let plain = parts.concat();
        let slow = plain.replace("+1s ", &format!("+{pause}s "));
        prop_assert_eq!(numberless(&judge(&book(&plain), &book(SALE))), numberless(&judge(&book(&slow), &book(SALE))));
        let info = "pos +1ms {\"request\":{\"flow_id\":\"77\",\"resource\":{\"type\":\"detail_report\"}}}\n";
        let chatty = parts.iter().map(|part| part.clone() + "\n" + info).collect::<String>();
        let chatty = judge(&book(&chatty), &book(SALE));
        prop_assert_eq!(numberless(&judge(&book(&plain), &book(SALE))), numberless(&chatty));
    }

    #[test]
    fn an_amount_called_otherwise_everywhere_changes_no_judgement_but_its_name(parts in exchange(), amount in 1_u32..99999) {
        let other = |text: &str| text.replace("2350", &amount.to_string());
        let plain = judge(&book(&parts.concat()), &book(SALE));
        let renamed = judge(&book(&other(&parts.concat())), &book(&other(SALE)));
        prop_assert_eq!(plain.charged, renamed.charged);
        prop_assert_eq!(plain.standing, renamed.standing);
        prop_assert_eq!(plain.faults.len(), renamed.faults.len());
    }
}
