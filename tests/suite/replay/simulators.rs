//! Curated cassettes against the virtual tills and terminals: those that made them, and all the others.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rstest::rstest;
use tilltape::cassette::Header;
use tilltape::conversation::{Content, EventKind, Party};
use tilltape::net::demo::{Act, Entry, catalogue};
use tilltape::net::simulate::{Behaviour, Habit, Protocol, TerminalSettings, gochip};
use tilltape::replay::{Outcome, Pace, Script, Settings, Wishes, rehearse};

use super::live::{
    Seen, against, against_service, against_that_of, as_terminal, curated, entry, settings, tsi, visit_again,
};
use super::scripted;

/// A till that does what the till of a cassette did finds in the replayed terminal what that one found.
#[rstest]
#[case::tsi(Protocol::Tsi)]
#[case::gochip(Protocol::Gochip)]
fn every_curated_till_is_served_by_its_cassette(#[case] protocol: Protocol) {
    all_complete(catalogue(protocol), |entry| {
        let pace = pace_of(protocol);
        let settings = Settings { patience: Duration::from_secs(3), pace, ..settings(Party::Terminal) };
        as_terminal(&curated(entry), settings, 1, async |address| {
            visit_again(entry, &address, patience_of(entry.name)).await;
        })
    });
}

/// A terminal that does what the terminal of a cassette did is driven through it by the replayed till.
#[rstest]
#[case::tsi(Protocol::Tsi)]
#[case::gochip(Protocol::Gochip)]
fn every_curated_terminal_is_driven_by_its_cassette(#[case] protocol: Protocol) {
    let entries = catalogue(protocol).into_iter().filter(|entry| !WAITS_OUT_A_WINDOW.contains(&entry.name));
    all_complete(entries.collect(), |entry| {
        let pace = pace_of(protocol);
        let patience = Duration::from_secs(3);
        let patience_for_people = Duration::from_secs(4);
        against_that_of(entry, Settings { patience_for_people, patience, pace, ..settings(Party::Pos) })
    });
}

/// Cassettes whose POS waits until a window of its pack has run out: that keeps its time at every pace.
const WAITS_OUT_A_WINDOW: [&str; 4] =
    ["service-missing-final", "service-silent-cancel", "service-cancel-unfinished", "service-forgets-sale"];

/// Plays curated recordings, all of them at once.
fn all_complete(entries: Vec<Entry>, play: impl Fn(&Entry) -> Seen + Sync) {
    let wrong = thread::scope(|scope| {
        let play = &play;
        let plays: Vec<_> =
            entries.into_iter().map(|entry| scope.spawn(move || (entry.name, play(&entry)))).collect();
        let seen = plays.into_iter().map(|play| play.join().unwrap());
        let wrong = seen.filter(|(_, seen)| !is_complete(seen));
        wrong.map(|(name, seen)| format!("{name}:\n{}", seen.verdict.text())).collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_complete(seen: &Seen) -> bool {
    seen.verdict.outcome == Outcome::Complete && seen.verdict.tally.matched == seen.verdict.messages.1
}

/// How fast a cassette is played: a POS of goChip cancels in the middle of what the service says, and that
/// needs its time.
pub(super) fn pace_of(protocol: Protocol) -> Pace {
    if protocol == Protocol::Tsi { Pace::Instant } else { Pace::Scaled(20.0) }
}

/// How long a till waits: longer than a late response takes, and not long for one that never comes.
pub(super) fn patience_of(name: &str) -> Duration {
    match name {
        "terminal-late-response" => Duration::from_secs(9),
        // What they wait for comes when the window of an answer that never comes has run out.
        "terminal-no-response" | "service-silent-cancel" => Duration::from_secs(14),
        "card-timeout" => Duration::from_secs(3),
        _ => Duration::from_millis(800),
    }
}

#[rstest]
#[case::sale("sale-approved")]
fn a_cassette_played_three_times_is_green_three_times(#[case] name: &str) {
    let entry = entry(name);
    let seen = as_terminal(&tsi(name), settings(Party::Terminal), 3, async |address| {
        for _ in 0..3 {
            visit_again(&entry, &address, Duration::from_secs(1)).await;
        }
    });
    assert_eq!(
        (&seen.verdict.outcome, seen.verdict.run),
        (&Outcome::Complete, (3, 3)),
        "{}",
        seen.verdict.text()
    );
}

/// What a replayed till says of each behaviour of a terminal: the word, the message named, the fields.
#[rstest]
#[case::approved(Behaviour::Approved, "complete", 0, &[])]
#[case::late(Behaviour::LateResponse, "complete", 0, &[])]
#[case::declined(Behaviour::Declined, "mismatch", 4, &["/event/resource/results/0/status"])]
#[case::cancelled(Behaviour::Cancelled, "mismatch", 4, &["/event/resource/results/0/status"])]
#[case::timed_out(Behaviour::TimedOut, "mismatch", 4, &["/event/resource/results/0/status"])]
#[case::busy(Behaviour::Busy, "mismatch", 3, &["/response/resource/status"])]
#[case::error_event(Behaviour::ErrorEvent, "mismatch", 4, &["/event/resource/status"])]
#[case::no_error_details(Behaviour::NoErrorDetails, "mismatch", 4, &["/event/resource/status"])]
#[case::silent(Behaviour::Silent, "incomplete", 4, &[])]
#[case::malformed(Behaviour::MalformedEvent, "mismatch", 4, &[""])]
#[case::duplicate(Behaviour::DuplicateEvent, "mismatch", 7, &[])]
#[case::drop(Behaviour::DropMidFlow, "mismatch", 4, &[])]
#[case::no_results(Behaviour::NoResults, "mismatch", 4, &["/event/resource/results/0/status"])]
#[case::no_response(Behaviour::NoResponse, "mismatch", 3, &[])]
fn every_behaviour_of_a_terminal_gives_its_verdict(
    #[case] behaviour: Behaviour,
    #[case] word: &str,
    #[case] named: u64,
    #[case] fields: &[&str],
) {
    let settings = Settings {
        // The till lingers for a tenth of a second, as it did.
        pace: Pace::Recorded,
        patience: Duration::from_secs(1),
        patience_for_people: Duration::from_secs(3),
        ..settings(Party::Pos)
    };
    let terminal =
        TerminalSettings { behaviour: Some(behaviour), lateness: Duration::from_millis(200), seed: 9 };
    let seen = against(&tsi("sale-approved"), settings, terminal);
    check(&seen, word, named, fields);
}

/// What a replayed terminal says of each habit of a till.
#[rstest]
#[case::good(Habit::Good, "complete", 0, &[])]
#[case::forgets_ack(Habit::ForgetsAck, "mismatch", 5, &[])]
#[case::acks_twice(Habit::AcksTwice, "mismatch", 6, &[])]
#[case::reuses_flow_id(Habit::ReusesFlowId, "mismatch", 6, &["/request/flow_id"])]
#[case::acks_wrong_id(Habit::AcksWrongId, "mismatch", 5, &["/event_ack/flow_id"])]
#[case::bare_request(Habit::BareRequest, "mismatch", 2, &[])]
#[case::closes_owing(Habit::ClosesOwing, "mismatch", 5, &[])]
fn every_habit_of_a_till_gives_its_verdict(
    #[case] habit: Habit,
    #[case] word: &str,
    #[case] named: u64,
    #[case] fields: &[&str],
) {
    let mut entry = entry("void-known-and-unknown");
    if let Act::Tsi(act) = &mut entry.act {
        act.rounds[0][0].habit = habit;
    }
    let seen = as_terminal(&curated(&entry), settings(Party::Terminal), 1, async |address| {
        visit_again(&entry, &address, Duration::from_millis(600)).await;
    });
    check(&seen, word, named, fields);
}

/// What a replayed POS of goChip says of each behaviour of a service, as a table.
#[test]
fn every_behaviour_of_a_service_gives_its_verdict() {
    let entries = catalogue(Protocol::Gochip);
    let of = |behaviour| match behaviour {
        gochip::Behaviour::OldCancelText
        | gochip::Behaviour::SilentCancel
        | gochip::Behaviour::CancelUnfinished => "cancel-allowed",
        gochip::Behaviour::ForgetsSale => "cancel-not-allowed",
        _ => "sale-approved",
    };
    let table = rows(
        gochip::Behaviour::ALL
            .iter()
            .map(|behaviour| (format!("{behaviour}, {}", of(*behaviour)), *behaviour)),
        |behaviour| {
            let settings = Settings {
                pace: Pace::Scaled(20.0),
                patience: Duration::from_secs(2),
                patience_for_people: Duration::from_secs(3),
                ..settings(Party::Pos)
            };
            let service = gochip::ServiceSettings { behaviour: Some(behaviour), ..Default::default() };
            let entry = entries.iter().find(|entry| entry.name == of(behaviour)).unwrap();
            against_service(&curated(entry), settings, service)
        },
    );
    insta::assert_snapshot!("behaviours_of_a_service", table);
}

/// What a replayed service of goChip says of each habit of a POS, as a table: of a POS with that habit where a
/// cassette of good ones gives it the occasion, else of a good POS where the cassette has the habit.
#[test]
fn every_habit_of_a_gochip_pos_gives_its_verdict() {
    use gochip::Habit;
    let of = |habit| match habit {
        Habit::Good | Habit::SecondSale | Habit::SkipsDevice | Habit::CapitalType => "sale-approved",
        Habit::NeverSigns => "sale-with-signature",
        Habit::RestartsService => "cancel-allowed",
        Habit::ForgetsCancel => "till-forgets-cancel",
        Habit::SkipsEnquiry => "comm-error-enquiry",
        Habit::SellsWhilePolling => "polling-set-amount",
        Habit::OldNames => "secure-token",
        Habit::ProgressIsFinal => "till-progress-is-final",
        Habit::StripsZeros => "till-strips-zeros",
        Habit::RefundsDeclined => "till-refunds-declined",
    };
    let cases = Habit::ALL.iter().map(|&habit| (format!("{habit}, {}", of(habit)), habit));
    let table = rows(cases, |habit| {
        let mut entries = catalogue(Protocol::Gochip).into_iter();
        let mut entry = entries.find(|entry| entry.name == of(habit)).unwrap();
        if let Act::Gochip(act) = &mut entry.act {
            for visit in &mut act.visits {
                visit.habit = if entry.name.starts_with("till-") { Habit::Good } else { habit };
            }
        }
        let settings = Settings { pace: pace_of(Protocol::Gochip), ..settings(Party::Terminal) };
        as_terminal(&curated(&entry), settings, 1, async |address| {
            visit_again(&entry, &address, Duration::from_millis(800)).await;
        })
    });
    insta::assert_snapshot!("habits_of_a_gochip_pos", table);
}

/// A line for each case: its verdict, the message named, the fields; all of them at once.
fn rows<T: Send>(cases: impl Iterator<Item = (String, T)>, play: impl Fn(T) -> Seen + Sync) -> String {
    thread::scope(|scope| {
        let play = &play;
        let plays: Vec<_> = cases.map(|(name, case)| (name, scope.spawn(move || play(case)))).collect();
        let row = |(name, play): (String, thread::ScopedJoinHandle<'_, Seen>)| {
            let verdict = play.join().unwrap().verdict;
            let named = match &verdict.outcome {
                Outcome::Complete => String::new(),
                Outcome::Incomplete(incomplete) => {
                    let waited = incomplete.waited_for.iter();
                    waited.map(|step| format!("  #{} {}", step.n.0, step.what)).collect()
                }
                Outcome::Mismatch(mismatch) => {
                    let got = mismatch.expected.is_none().then(|| format!("  {}", mismatch.what));
                    let expected =
                        mismatch.expected.iter().map(|step| format!("  #{} {}", step.n.0, step.what));
                    let fields = mismatch.differences.iter().map(|difference| format!("  {}", difference.at));
                    got.into_iter().chain(expected).chain(fields).collect()
                }
            };
            format!("{name:<40} {:<10}{named}\n", verdict.word())
        };
        plays.into_iter().map(row).collect()
    })
}

#[track_caller]
fn check(seen: &Seen, word: &str, named: u64, fields: &[&str]) {
    let text = seen.verdict.text();
    assert_eq!(seen.verdict.word(), word, "{text}");
    match &seen.verdict.outcome {
        Outcome::Complete => assert_eq!(named, 0),
        Outcome::Mismatch(mismatch) => {
            assert_eq!(mismatch.expected.as_ref().map(|expected| expected.n.0), Some(named), "{text}");
            for field in fields {
                assert!(
                    mismatch.differences.iter().any(|difference| difference.at == *field),
                    "{field}: {text}"
                );
            }
        }
        Outcome::Incomplete(incomplete) => {
            assert!(incomplete.waited_for.iter().any(|expected| expected.n.0 == named), "{text}");
        }
    }
}

/// Time, ports and live ids differ from run to run; nothing of that is in a verdict.
#[test]
fn a_hundred_runs_give_the_same_bytes() {
    let (good, bad) = (entry("sale-approved"), entry("till-acks-wrong-id"));
    let script = tsi("sale-approved");
    let verdict = |entry: &Entry| {
        let seen = as_terminal(&script, settings(Party::Terminal), 1, async |address| {
            visit_again(entry, &address, Duration::from_millis(300)).await;
        });
        seen.verdict.json() + &seen.verdict.text()
    };
    let first = [verdict(&good), verdict(&bad)];
    assert!(first[0].contains("complete") && first[1].contains("mismatch"), "{first:?}");
    for _ in 0..50 {
        assert_eq!([verdict(&good), verdict(&bad)], first);
    }
}

/// The same as the POS; its ids come from a seed.
#[test]
fn a_hundred_runs_as_the_pos_give_the_same_bytes() {
    let script = tsi("sale-approved");
    let verdict = |behaviour| {
        let terminal = TerminalSettings { behaviour: Some(behaviour), lateness: Duration::ZERO, seed: 9 };
        let seen = against(&script, settings(Party::Pos), terminal);
        seen.verdict.json() + &seen.verdict.text()
    };
    let both = || [verdict(Behaviour::Approved), verdict(Behaviour::Declined)];
    let first = both();
    assert!(first[0].contains("complete") && first[1].contains("mismatch"), "{first:?}");
    for _ in 0..50 {
        assert_eq!(both(), first);
    }
}

#[test]
fn what_happened_is_a_recording_like_any_other_and_notes_are_shown_when_they_are_due() {
    let text = "open pos → terminal /tsi/v1/payment\n\
        pos {\"request\":{\"flow_id\":\"1\",\"resource\":{\"type\":\"sale\",\"amount\":500}}}\n\
        terminal +2ms {\"response\":{\"flow_id\":\"1\",\"resource\":{\"status\":\"started\"}}}\n\
        note +1s tap card A\n";
    let seen =
        against(&scripted(text, Some("bluechip-tsi")), settings(Party::Pos), TerminalSettings::default());
    assert_eq!((seen.verdict.word(), seen.notes.as_slice()), ("complete", &["tap card A".to_owned()][..]));
    let kinds: Vec<&str> = seen
        .events
        .iter()
        .map(|event| match &event.content {
            Content::Json(message) => message.from.as_str(),
            Content::Other(EventKind::Open(_)) => "open",
            Content::Other(_) => "other",
        })
        .collect();
    assert_eq!(kinds, ["open", "pos", "terminal"]);
    let script = Script::new(Header::default(), seen.events, None, &Wishes::default());
    rehearse(&Arc::new(script), |_| {}).unwrap();
}
