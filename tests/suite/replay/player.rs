//! The player without sockets: what goes out because of what came in, and when.

use std::sync::Arc;
use std::time::Duration;

use tilltape::conversation::{Offset, Party};
use tilltape::mask::{Masker, Policy};
use tilltape::replay::{
    Action, Answer, Closes, Deed, Ids, LinkId, Mismatch, Outcome, Outgoing, Pace, Player, Received, Script,
    Settings, Steps, Unknown, Wire,
};

use super::scripted;

/// A player under test, and the time.
struct Seat {
    player: Player,
    now: Offset,
}

impl Seat {
    fn new(script: &Arc<Script>, role: Party, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            role,
            pace: Pace::Instant,
            ids: Ids::Recorded,
            unknown: Unknown::Fail,
            ignore: Vec::new(),
            closes: Closes::Compared,
            patience: Duration::from_secs(30),
            patience_for_people: Duration::from_secs(120),
            linger: None,
            steps: Steps::Flowing,
            harm: Vec::new(),
            wire: Wire::Sockets,
            masker: Masker::new(Policy::standard(), [0; 32]),
        };
        change(&mut settings);
        let player = Player::new(Arc::clone(script), settings, Offset::ZERO).unwrap();
        Self { player, now: Offset::ZERO }
    }

    /// As the terminal, with one connection open.
    fn terminal(text: &str) -> (Self, LinkId) {
        let mut seat = Self::new(&scripted(text, Some("bluechip-tsi")), Party::Terminal, |_| {});
        let link = seat.dials("/tsi/v1/payment");
        (seat, link)
    }

    #[track_caller]
    fn dials(&mut self, target: &str) -> LinkId {
        match self.player.dialled(target, &[], self.now) {
            Answer::Accept { link, .. } => {
                self.player.opened(link, None, self.now);
                link
            }
            other => panic!("{target}: {other:?}"),
        }
    }

    /// The peer says something; what goes out at once.
    fn hears(&mut self, link: LinkId, text: &str) -> Vec<String> {
        self.player.received(link, &Received::Text(text), self.now);
        self.sends()
    }

    fn sends(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(Action { deed, .. }) = self.player.take(self.now) {
            match deed {
                Deed::Send { message: Outgoing::Text(text), .. } => sent.push(text),
                Deed::Dial { link } => {
                    sent.push(format!("dial {}", self.player.target(link)));
                    self.player.opened(link, None, self.now);
                }
                Deed::Close { code, .. } => sent.push(format!("close {}", code.unwrap_or_default())),
                Deed::Show { note } => sent.push(format!("show {note}")),
                other => sent.push(format!("{other:?}")),
            }
        }
        sent
    }

    /// Time passes; what goes out then.
    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now = self.now.after(time);
        self.sends()
    }

    fn mismatch(&self) -> &Mismatch {
        match self.player.outcome() {
            Some(Outcome::Mismatch(mismatch)) => mismatch,
            other => panic!("{other:?}"),
        }
    }
}

fn request(id: &str, amount: u32) -> String {
    format!(r#"{{"request":{{"flow_id":"{id}","resource":{{"type":"sale","amount":{amount}}}}}}}"#)
}

fn started(id: &str) -> String {
    format!(r#"{{"response":{{"flow_id":"{id}","resource":{{"status":"started"}}}}}}"#)
}

fn busy(id: &str) -> String {
    format!(
        r#"{{"response":{{"flow_id":"{id}","resource":{{"status":"error","error_info":{{"text":"TSI busy"}}}}}}}}"#
    )
}

fn event(id: &str, reference: &str) -> String {
    format!(
        r#"{{"event":{{"flow_id":"{id}","resource":{{"status":"completed","results":[{{"status":"approved","reference_no":"{reference}"}}]}}}}}}"#
    )
}

fn ack(id: &str) -> String {
    format!(r#"{{"event_ack":{{"flow_id":"{id}","resource":{{"status":"ok"}}}}}}"#)
}

fn void(id: &str, reference: &str) -> String {
    format!(r#"{{"request":{{"flow_id":"{id}","resource":{{"type":"void","reference_no":"{reference}"}}}}}}"#)
}

fn sale(id: &str, amount: u32, reference: &str) -> String {
    format!(
        "pos +1s {}\nterminal +2ms {}\nterminal +9s {}\npos +3ms {}\n",
        request(id, amount),
        started(id),
        event(id, reference),
        ack(id)
    )
}

fn opened(rest: &str) -> String {
    format!(
        "open pos → terminal /tsi/v1/payment\n{rest}close +1ms pos 1000\nclose terminal 1000\nend stopped\n"
    )
}

#[test]
fn fresh_ids_of_the_peer_are_rewritten_in_every_answer() {
    let (mut seat, link) = Seat::terminal(&opened(&sale("111111", 500, "58")));
    assert_eq!(seat.hears(link, &request("909090", 500)), [started("909090"), event("909090", "58")]);
    assert_eq!(seat.hears(link, &ack("909090")), [""; 0]);
    seat.player.received(link, &Received::Close { code: Some(1000), reason: "" }, seat.now);
    assert_eq!(seat.sends(), ["close 1000"]);
    assert_eq!(seat.player.outcome(), Some(&Outcome::Complete));
}

#[test]
fn as_the_till_ids_are_fresh_and_a_void_carries_the_reference_this_run_got() {
    let text = opened(
        &(sale("111111", 500, "58")
            + &format!("pos +4s {}\nterminal +2ms {}\n", void("222222", "58"), started("222222"))),
    );
    let script = scripted(&text, Some("bluechip-tsi"));
    let play = |seed| {
        let mut seat = Seat::new(&script, Party::Pos, |settings| settings.ids = Ids::Fresh(seed));
        let sent = seat.sends();
        assert_eq!(sent[0], "dial /tsi/v1/payment");
        let id = sent[1][23..29].to_owned();
        assert_eq!(sent[1], request(&id, 500));
        assert!(seat.hears(LinkId(0), &started(&id)).is_empty());
        let acked = seat.hears(LinkId(0), &event(&id, "7001"));
        assert_eq!(acked[0], ack(&id));
        let other = acked[1][23..29].to_owned();
        assert_eq!(acked[1], void(&other, "7001"));
        assert!(![&*id, "111111", "222222"].contains(&&*other));
        (id, other)
    };
    assert_ne!(play(1).0, "111111");
    assert_eq!(play(1), play(1));
    assert_ne!(play(1), play(2));
}

#[test]
fn a_wrong_reference_and_a_wrong_ack_are_named() {
    let text = opened(&(sale("111111", 500, "58") + &format!("pos +4s {}\n", void("222222", "58"))));
    let (mut seat, link) = Seat::terminal(&text);
    seat.hears(link, &request("1", 500));
    seat.hears(link, &ack("1"));
    seat.hears(link, &void("2", "59"));
    let mismatch = seat.mismatch();
    assert_eq!(mismatch.expected.as_ref().unwrap().n.0, 6);
    let [difference] = mismatch.differences.as_slice() else { panic!("{mismatch:?}") };
    assert_eq!(difference.at, "/request/resource/reference_no");
    assert_eq!(difference.to_string(), "expected \"58\", the id of this run, got \"59\"");

    let (mut seat, link) = Seat::terminal(&text);
    seat.hears(link, &request("1", 500));
    seat.hears(link, &ack("8"));
    assert_eq!(seat.mismatch().differences[0].to_string(), "expected \"1\", the id of this run, got \"8\"");
}

#[test]
fn a_till_that_takes_another_order_is_served() {
    let text = opened(&(sale("111111", 500, "58") + &sale("222222", 700, "59")));
    let (mut seat, link) = Seat::terminal(&text);
    assert_eq!(seat.hears(link, &request("b", 700)), [started("b"), event("b", "59")]);
    seat.hears(link, &ack("b"));
    assert_eq!(seat.hears(link, &request("a", 500)), [started("a"), event("a", "58")]);
    assert!(seat.player.outcome().is_none());
    assert_eq!(seat.hears(link, &ack("a")), [""; 0]);
    assert_eq!(seat.player.tally().matched, 4);
}

#[test]
fn the_same_request_twice_gets_its_two_answers_in_order() {
    let twice = format!(
        "{}pos +1s {}\nterminal +2ms {}\n",
        sale("111111", 500, "58"),
        request("222222", 500),
        busy("222222")
    );
    let (mut seat, link) = Seat::terminal(&opened(&twice));
    assert_eq!(seat.hears(link, &request("1", 500)), [started("1"), event("1", "58")]);
    seat.hears(link, &ack("1"));
    assert_eq!(seat.hears(link, &request("2", 500)), [busy("2")]);
}

#[test]
fn a_refusal_because_another_sale_runs_waits_for_that_sale() {
    let text = format!(
        "[1] open pos → terminal /tsi/v1/payment\n[2] open pos → terminal /tsi/v1/payment\n\
         [1] pos {}\n[1] terminal +1ms {}\n[2] pos {}\n[2] terminal +1ms {}\n[1] terminal +9s {}\n[1] pos {}\nend stopped\n",
        request("111111", 500),
        started("111111"),
        request("222222", 700),
        busy("222222"),
        event("111111", "58"),
        ack("111111")
    );
    let script = scripted(&text, Some("bluechip-tsi"));
    let mut seat = Seat::new(&script, Party::Terminal, |settings| settings.pace = Pace::Recorded);
    let (one, two) = (seat.dials("/tsi/v1/payment"), seat.dials("/tsi/v1/payment"));
    assert_eq!(seat.hears(two, &request("b", 700)), [""; 0], "nothing runs that could be the reason");
    assert_eq!(seat.hears(one, &request("a", 500)), [""; 0]);
    let sent = seat.after(Duration::from_millis(1));
    assert!(sent.contains(&started("a")) && sent.contains(&busy("b")), "{sent:?}");
}

#[test]
fn a_time_out_keeps_its_length_at_every_pace_and_people_do_not() {
    let text = opened(&format!(
        "pos {}\nterminal +6s {}\nterminal +9s {}\n",
        request("111111", 500),
        started("111111"),
        event("111111", "58")
    ));
    for (pace, wait) in [(Pace::Instant, 0), (Pace::Scaled(10.0), 900), (Pace::Recorded, 9000)] {
        let script = scripted(&text, Some("bluechip-tsi"));
        let mut seat = Seat::new(&script, Party::Terminal, |settings| settings.pace = pace);
        let link = seat.dials("/tsi/v1/payment");
        assert_eq!(seat.hears(link, &request("1", 500)), [""; 0]);
        assert_eq!(seat.player.due(), Some(Offset::from_micros(6_000_000)), "the response was late");
        let mut sent = seat.after(Duration::from_secs(6));
        assert_eq!(sent.remove(0), started("1"));
        if wait > 0 {
            assert_eq!(seat.player.due(), Some(Offset::from_micros((6000 + wait) * 1000)));
            sent = seat.after(Duration::from_millis(wait));
        }
        assert_eq!(sent, [event("1", "58")]);
    }
}

#[test]
fn what_comes_too_early_is_told_from_what_is_wrong() {
    let script = scripted(&opened(&sale("111111", 500, "58")), Some("bluechip-tsi"));
    let mut seat = Seat::new(&script, Party::Terminal, |settings| settings.pace = Pace::Recorded);
    let link = seat.dials("/tsi/v1/payment");
    seat.hears(link, &request("1", 500));
    seat.hears(link, &ack("1"));
    assert_eq!(
        seat.mismatch().what,
        "the POS sent its event_ack too early: before #3 (response `started`) of the terminal"
    );
}

#[test]
fn a_mismatch_says_which_message_which_field_and_what_would_settle_it() {
    let (mut seat, link) = Seat::terminal(&opened(&sale("111111", 500, "58")));
    seat.hears(link, r#"{"request":{"flow_id":"1","resource":{"amount":501,"type":"sale","clerk_id":"7"}}}"#);
    let mismatch = seat.mismatch();
    assert_eq!(mismatch.what, "the POS sent another sale request than the cassette has");
    let expected = mismatch.expected.as_ref().unwrap();
    assert_eq!(
        (expected.n.0, expected.flow.as_deref(), expected.purpose.as_deref()),
        (2, Some("111111"), Some("opens it"))
    );
    let shown: Vec<String> = mismatch.differences.iter().map(|d| format!("{} {d}", d.at)).collect();
    assert_eq!(
        shown,
        [
            "/request/resource/amount expected 500, got 501",
            "/request/resource/clerk_id expected nothing, got \"7\""
        ]
    );
    assert_eq!(
        mismatch.settle.as_deref(),
        Some("--ignore /request/resource/amount --ignore /request/resource/clerk_id")
    );
    let ignore = ["/request/resource/amount", "clerk_id"].map(|spot| spot.parse().unwrap()).to_vec();
    let script = scripted(&opened(&sale("111111", 500, "58")), Some("bluechip-tsi"));
    let mut seat = Seat::new(&script, Party::Terminal, |settings| settings.ignore = ignore);
    let link = seat.dials("/tsi/v1/payment");
    let sent = seat
        .hears(link, r#"{"request":{"flow_id":"1","resource":{"amount":501,"type":"sale","clerk_id":"7"}}}"#);
    assert_eq!(sent.len(), 2, "what it proposes does settle it");
}

#[test]
fn the_order_of_keys_and_the_spelling_of_numbers_are_free_but_types_are_not() {
    let (mut seat, link) = Seat::terminal(&opened(&sale("111111", 500, "58")));
    let text = r#"{"request": {"resource":{"amount":5.00e2, "type":"s\u0061le"}, "flow_id":"1"}}"#;
    assert_eq!(seat.hears(link, text).len(), 2);
    let (mut seat, link) = Seat::terminal(&opened(&sale("111111", 500, "58")));
    seat.hears(link, r#"{"request":{"flow_id":"1","resource":{"type":"sale","amount":"500"}}}"#);
    assert_eq!(seat.mismatch().differences[0].to_string(), "expected 500, got \"500\" (another type)");
}

#[test]
fn no_card_number_leaves_in_the_text_of_a_mismatch() {
    let (mut seat, link) = Seat::terminal(&opened(&sale("111111", 500, "58")));
    seat.hears(
        link,
        r#"{"request":{"flow_id":"1","resource":{"type":"sale","amount":500,"pan":"4111111111111111"}}}"#,
    );
    let said = format!("{:?}", seat.mismatch());
    assert!(!said.contains("4111111111111111"), "{said}");
    assert!(said.contains("/request/resource/pan"), "{said}");
}

#[test]
fn a_till_that_reconnects_goes_on_where_it_was() {
    let text = opened(&(sale("111111", 500, "58") + &sale("222222", 700, "59")));
    let (mut seat, link) = Seat::terminal(&text);
    seat.hears(link, &request("1", 500));
    seat.hears(link, &ack("1"));
    seat.player.received(link, &Received::Close { code: Some(1000), reason: "" }, seat.now);
    seat.player.received(link, &Received::End { reset: false }, seat.now);
    assert!(seat.player.outcome().is_none(), "{:?}", seat.player.outcome());
    let link = seat.dials("/tsi/v1/payment");
    assert_eq!(seat.hears(link, &request("2", 700)), [started("2"), event("2", "59")]);
    seat.hears(link, &ack("2"));
    seat.player.received(link, &Received::Close { code: Some(1000), reason: "" }, seat.now);
    seat.sends();
    assert_eq!(seat.player.outcome(), Some(&Outcome::Complete));
    let remarks: Vec<&str> = seat.player.remarks().iter().map(|(text, _)| text).collect();
    assert_eq!(
        remarks,
        [
            "the POS left its connection to /tsi/v1/payment earlier than in the cassette",
            "the POS connected to /tsi/v1/payment again"
        ]
    );
}

#[test]
fn a_till_that_keeps_one_connection_where_the_cassette_has_two_is_served() {
    let text = format!(
        "[1] open pos → terminal /tsi/v1/payment\n{}[1] close pos 1000\n[1] close terminal 1000\n\
         [2] open pos → terminal /tsi/v1/payment\n{}[2] close pos 1000\n[2] close terminal 1000\nend stopped\n",
        sale("111111", 500, "58"),
        sale("222222", 700, "59").replace("pos +", "[2] pos +").replace("terminal +", "[2] terminal +")
    );
    let (mut seat, link) = Seat::terminal(&text);
    seat.hears(link, &request("1", 500));
    seat.hears(link, &ack("1"));
    assert_eq!(seat.hears(link, &request("2", 700)), [started("2"), event("2", "59")]);
    seat.hears(link, &ack("2"));
    seat.player.received(link, &Received::Close { code: Some(1000), reason: "" }, seat.now);
    seat.sends();
    assert_eq!(seat.player.outcome(), Some(&Outcome::Complete), "{:?}", seat.player);
    assert_eq!(seat.player.connections_used(), 1);
}

#[test]
fn a_till_that_closes_instead_of_acknowledging_is_named() {
    let (mut seat, link) = Seat::terminal(&opened(&sale("111111", 500, "58")));
    seat.hears(link, &request("1", 500));
    seat.player.received(link, &Received::Close { code: Some(1000), reason: "" }, seat.now);
    let mismatch = seat.mismatch();
    assert_eq!(mismatch.what, "the POS sent close 1000 instead of sending its event_ack");
    assert_eq!(mismatch.expected.as_ref().unwrap().purpose.as_deref(), Some("acknowledges #4 (approval)"));
}

#[test]
fn silence_ends_in_what_was_waited_for() {
    let (mut seat, link) = Seat::terminal(&opened(&sale("111111", 500, "58")));
    seat.hears(link, &request("1", 500));
    assert_eq!(seat.player.gives_up_at(), Some(Offset::from_micros(30_000_000)));
    seat.now = Offset::from_micros(30_000_000);
    seat.player.give_up(seat.now);
    let Some(Outcome::Incomplete(incomplete)) = seat.player.outcome() else { panic!() };
    assert_eq!(incomplete.waited_for.len(), 1);
    assert_eq!((incomplete.waited_for[0].n.0, incomplete.waited_for[0].what.as_str()), (5, "event_ack"));
}

#[test]
fn a_till_waits_longer_where_a_person_has_to_act_and_shows_the_note() {
    let text = "open pos → terminal /tsi/v1/payment\n".to_owned()
        + &format!(
            "pos {}\nterminal +2ms {}\nnote +1s tap card A\nterminal +8s {}\npos {}\nend stopped\n",
            request("111111", 500),
            started("111111"),
            event("111111", "58"),
            ack("111111")
        );
    let mut seat = Seat::new(&scripted(&text, Some("bluechip-tsi")), Party::Pos, |_| {});
    assert_eq!(seat.sends(), ["dial /tsi/v1/payment".to_owned(), request("111111", 500)]);
    assert_eq!(seat.player.gives_up_at(), Some(Offset::from_micros(30_000_000)));
    assert_eq!(seat.hears(LinkId(0), &started("111111")), ["show tap card A"]);
    assert_eq!(seat.player.gives_up_at(), Some(Offset::from_micros(120_000_000)));
    seat.now = Offset::from_micros(120_000_000);
    seat.player.give_up(seat.now);
    let Some(Outcome::Incomplete(incomplete)) = seat.player.outcome() else { panic!() };
    assert_eq!(incomplete.note.as_deref(), Some("tap card A"));
}

#[test]
fn a_message_nobody_expects_is_ignored_or_answered_as_busy_where_that_is_wished() {
    let text = opened(
        &(sale("111111", 500, "58")
            + &format!("pos +1s {}\nterminal +2ms {}\n", request("222222", 9), busy("222222"))),
    );
    let strange = r#"{"request":{"flow_id":"77","resource":{"type":"terminal_info"}}}"#;
    let with = |unknown| {
        let mut seat =
            Seat::new(&scripted(&text, Some("bluechip-tsi")), Party::Terminal, |s| s.unknown = unknown);
        let link = seat.dials("/tsi/v1/payment");
        let sent = seat.hears(link, strange);
        (sent, seat.player.outcome().is_some(), seat.player.tally().unexpected)
    };
    assert_eq!(with(Unknown::Fail), (vec![], true, 1));
    assert_eq!(with(Unknown::Ignore), (vec![], false, 1));
    assert_eq!(with(Unknown::AnswerAsBusy), (vec![busy("77")], false, 1));
}
