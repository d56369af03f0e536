//! Faults on purpose, over real sockets: what the till then sees, what the verdict says, and what is refused.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rstest::rstest;
use tilltape::conversation::{Content, Party};
use tilltape::net::simulate::{
    Connections, Doors, Ending, Habit, Manner, Pace as TillPace, Scenario, ShopDay, TerminalSettings, Till,
    dial,
};
use tilltape::replay::{Fault, Outcome, Script, Settings, Unknown};

use super::live::{Seen, against, as_terminal, settings, tsi};
use super::{said, tilltape};

fn harmed(script: &Script, role: Party, faults: &[&str]) -> Settings {
    let aim = |fault: &&str| fault.parse::<Fault>().unwrap().aim(script, role).unwrap();
    // What a till does once something went wrong is its own business.
    let unknown = Unknown::Ignore;
    Settings { harm: faults.iter().flat_map(aim).collect(), unknown, ..settings(role) }
}

/// A sale against the replayed terminal, with faults: what the replay saw, and how it ended for the till.
fn sale(faults: &[&str]) -> (Seen, Vec<Ending>, Duration) {
    let script = tsi("sale-declined");
    let endings = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&endings);
    let started = Instant::now();
    let took = Arc::new(Mutex::new(Duration::ZERO));
    let clock = Arc::clone(&took);
    let seen = as_terminal(&script, harmed(&script, Party::Terminal, faults), 1, async |address| {
        let errands = Scenario::Sale.errands(Some(4561), ShopDay::OPENING);
        let manner = Manner {
            pace: TillPace::Instant,
            patience: Duration::from_millis(400),
            connections: Connections::Kept,
        };
        let mut first = None;
        let watch = |news: tilltape::net::simulate::TillNews<'_>| {
            if let tilltape::net::simulate::TillNews::Ended(_, ending) = news {
                first.get_or_insert_with(|| started.elapsed());
                heard.lock().unwrap().push(ending.clone());
            }
        };
        let _ = dial(&address, Till::new(Habit::Good, Doors::Multiple, 77), errands, manner, watch).await;
        *clock.lock().unwrap() = first.unwrap_or_default();
    });
    let endings = endings.lock().unwrap().clone();
    let took = *took.lock().unwrap();
    (seen, endings, took)
}

fn declined() -> Ending {
    Ending::Completed(Some("decline_by_host_or_card".to_owned()))
}

#[rstest]
#[case::drop("drop event#1", Ending::Unanswered)]
#[case::drop_response("drop response", declined())]
#[case::duplicate("duplicate event", declined())]
#[case::corrupt("corrupt event", Ending::Unanswered)]
#[case::cut_before("cut before event_ack", declined())]
#[case::cut_before_ours("cut before event", Ending::LinkLost)]
#[case::cut_after("cut after response", Ending::LinkLost)]
#[case::cut_after_request("cut after request", Ending::LinkLost)]
#[case::half_open("half-open after response", Ending::Unanswered)]
#[case::swallow("swallow ack", declined())]
#[case::restart("restart after request", Ending::LinkLost)]
fn a_fault_strikes_where_it_is_aimed_and_the_till_sees_it(#[case] fault: &str, #[case] ending: Ending) {
    let (seen, endings, _) = sale(&[fault]);
    let text = seen.verdict.text();
    assert_eq!(seen.verdict.faults.len(), 1, "{text}");
    assert_eq!(seen.verdict.faults[0].0, fault);
    assert_eq!(endings.first(), Some(&ending), "{text}");
    // What follows a fault in its flow need not come.
    assert_eq!(seen.verdict.outcome, Outcome::Complete, "{text}");
}

#[test]
fn a_delay_takes_its_time_at_every_pace() {
    let (seen, endings, took) = sale(&["delay event 250ms"]);
    assert_eq!((endings, seen.verdict.outcome.clone()), (vec![declined()], Outcome::Complete));
    assert!(took >= Duration::from_millis(250), "{took:?}");
    let (_, endings, _) = sale(&["delay event 700ms"]);
    assert_eq!(endings[0], Ending::Unanswered, "the till waits for 400 ms");
}

#[test]
fn a_doubled_event_is_acknowledged_twice_and_that_is_no_mismatch() {
    let (seen, _, _) = sale(&["duplicate event"]);
    let events = |party: Party, kind: &str| {
        let sent = seen.events.iter().filter(|event| match &event.content {
            Content::Json(message) => {
                message.from == party && message.text.starts_with(&format!("{{\"{kind}\""))
            }
            Content::Other(_) => false,
        });
        sent.count()
    };
    assert_eq!((events(Party::Terminal, "event"), events(Party::Pos, "event_ack")), (2, 2));
    let remarks: Vec<&str> = seen.verdict.remarks.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(remarks, ["the POS repeated itself after a fault"]);
}

#[test]
fn a_corrupt_message_differs_in_one_byte_of_its_syntax() {
    let (seen, _, _) = sale(&["corrupt event"]);
    let broken = seen.events.iter().find_map(|event| match &event.content {
        Content::Other(tilltape::conversation::EventKind::Message(message)) => match &message.payload {
            tilltape::conversation::Payload::Text(text) => Some(text.to_string()),
            _ => None,
        },
        _ => None,
    });
    let broken = broken.unwrap();
    assert!(broken.starts_with("{\"event\";{\"flow_id\":"), "{broken}");
}

#[test]
fn faults_combine() {
    let (seen, endings, _) = sale(&["duplicate response", "cut after event"]);
    let struck: Vec<&str> = seen.verdict.faults.iter().map(|(fault, _)| fault.as_str()).collect();
    assert_eq!((struck, endings), (vec!["duplicate response", "cut after event"], vec![declined()]));
}

#[test]
fn without_a_policy_what_a_till_does_after_a_fault_is_a_mismatch() {
    let script = tsi("sale-declined");
    let settings =
        Settings { unknown: Unknown::Fail, ..harmed(&script, Party::Terminal, &["cut after response"]) };
    let seen = as_terminal(&script, settings, 1, async |address| {
        let errands = Scenario::Sale.errands(Some(4561), ShopDay::OPENING);
        let manner = Manner {
            pace: TillPace::Instant,
            patience: Duration::from_millis(300),
            connections: Connections::Kept,
        };
        let _ = dial(&address, Till::new(Habit::Good, Doors::Multiple, 77), errands, manner, |_| {}).await;
    });
    let Outcome::Mismatch(mismatch) = &seen.verdict.outcome else { panic!("{}", seen.verdict.text()) };
    assert!(mismatch.got.text.as_ref().unwrap().contains("recall_last_transaction"), "{mismatch:?}");
}

#[rstest]
#[case::drop("drop event_ack")]
#[case::cut("cut after request")]
#[case::twice("duplicate request")]
#[case::half_open("half-open after response")]
#[case::swallow("swallow event")]
fn a_till_can_do_wrong_to_a_terminal_too(#[case] fault: &str) {
    let script = tsi("sale-approved");
    let seen = against(&script, harmed(&script, Party::Pos, &[fault]), TerminalSettings::default());
    assert_eq!(seen.verdict.faults.len(), 1, "{}", seen.verdict.text());
    assert_eq!(seen.verdict.outcome, Outcome::Complete, "{}", seen.verdict.text());
}

#[test]
fn faults_are_listed_and_held_against_the_cassette() {
    let (code, out, _) = said(tilltape(&["replay", "--faults"]).output().unwrap());
    assert_eq!(code, Some(0));
    insta::assert_snapshot!("faults", out);
    let sale = "cassettes/bluechip-tsi/sale-declined.cassette.jsonl";
    for (fault, said_of_it) in [
        ("drop request", "message 2 is sent by the pos: `drop` is for messages we send"),
        ("swallow event", "message 4 is sent by us, the terminal"),
        ("drop event#2", "the cassette has `event` 1 times"),
        ("drop evnt", "did you mean `event`?"),
        ("drob event", "did you mean `drop`?"),
        ("cut event", "expected `cut before` or `cut after`"),
    ] {
        let (code, _, err) =
            said(tilltape(&["replay", "terminal", sale, "--fault", fault]).output().unwrap());
        assert_eq!(code, Some(2), "{fault}: {err}");
        assert!(err.contains(said_of_it), "{fault}: {err}");
    }
}
