//! A virtual TSI terminal without sockets: a message comes in, what to do about it comes out.
//!
//! It keeps the rules of `tsi.md`, section 7, unless a [`Behaviour`] breaks one on purpose. What the
//! sources leave open is decided here and said: a request it cannot read is ignored, as by the vendor's
//! simulator; a reused `flow_id` is served; the final event frees the terminal without its ack.

use std::time::Duration;

use super::behaviour::Behaviour;
use super::calendar::WallTime;
use super::chance::Chance;
use super::ledger::Ledger;
use super::message::{Door, Endpoint, Envelope, Flow, Kind};
use super::object::Object;
use super::order::Order;
use super::pace::Wait;
use super::receipt::{self, Approval, Outcome};
use super::timeline::{Action, Timeline};

/// How a virtual terminal behaves.
#[derive(Clone, Debug)]
pub struct TerminalSettings {
    /// What it does with every request; `None` lets the amount choose.
    pub behaviour: Option<Behaviour>,
    /// How late a late response is.
    pub lateness: Duration,
    /// Seed of its authorisation numbers and of how long people take.
    pub seed: u64,
}

impl TerminalSettings {
    /// A second beyond the response time-out of the vendor's clients (5 s).
    pub const LATENESS: Duration = Duration::from_secs(6);
}

impl Default for TerminalSettings {
    fn default() -> Self {
        Self { behaviour: None, lateness: Self::LATENESS, seed: 1 }
    }
}

/// The link a message came in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(pub u64);

/// A virtual terminal.
#[derive(Debug)]
pub struct Terminal {
    settings: TerminalSettings,
    ledger: Ledger,
    chance: Chance,
    busy_with: Option<LinkId>,
}

/// What a message makes the terminal do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reaction {
    /// Plays a timeline.
    Play(Timeline, Served),
    /// Goes on with the flow whose event was acknowledged.
    Acknowledged(String),
    /// Nothing: not a message it understands.
    Ignore,
}

/// What was asked and what became of it, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The type of the request; `?` where it had none.
    pub kind: String,
    /// The amount, in cents.
    pub amount: Option<u64>,
    /// What the terminal does: a behaviour, or why it refuses.
    pub how: String,
}

impl Terminal {
    /// A terminal that was just switched on.
    pub fn new(settings: TerminalSettings) -> Self {
        let chance = Chance::new(settings.seed);
        Self { settings, ledger: Ledger::new(), chance, busy_with: None }
    }

    /// A text message came in on `link` through `door`.
    pub(crate) fn receive(&mut self, link: LinkId, door: Door, text: &str, now: WallTime) -> Reaction {
        let Some(message) = Envelope::parse(text) else { return Reaction::Ignore };
        match message.kind {
            Kind::Request => self.request(link, door, &message, now),
            Kind::EventAck => Reaction::Acknowledged(message.flow.id),
            Kind::Response | Kind::Event => Reaction::Ignore,
        }
    }

    /// The transaction of `link` came to its end, or the link did.
    pub(crate) fn free(&mut self, link: LinkId) {
        if self.busy_with == Some(link) {
            self.busy_with = None;
        }
    }

    fn request(&mut self, link: LinkId, door: Door, request: &Envelope, now: WallTime) -> Reaction {
        let endpoint = match door {
            Door::One(endpoint) => Some(endpoint),
            Door::Single => request.flow.endpoint.as_deref().and_then(Endpoint::of_path),
        };
        let served = |kind: &str, amount, how: String| Served { kind: kind.to_owned(), amount, how };
        let Some(endpoint) = endpoint else { return Reaction::Ignore };
        let order = match Order::parse(request, endpoint) {
            Ok(order) => order,
            Err(refusal) => {
                let kind = request.text("type").unwrap_or("?");
                let how = format!("refused: {refusal}");
                return Reaction::Play(
                    refused(&request.flow, &refusal.to_string(), now),
                    served(kind, None, how),
                );
            }
        };
        let behaviour = self.behaviour(&order);
        if behaviour == Behaviour::Busy || self.busy_with.is_some() {
            let how = "refused: TSI busy".to_owned();
            let served = served(order.kind(), order.amount(), how);
            return Reaction::Play(refused(&request.flow, "TSI busy", now), served);
        }
        self.busy_with = Some(link);
        let how = if behaviour == Behaviour::Approved { "served".to_owned() } else { behaviour.to_string() };
        let served = served(order.kind(), order.amount(), how);
        Reaction::Play(self.serve(&request.flow, &order, behaviour, now), served)
    }

    fn behaviour(&self, order: &Order) -> Behaviour {
        let chosen = self.settings.behaviour;
        chosen.or_else(|| order.amount().map(Behaviour::of_amount)).unwrap_or(Behaviour::Approved)
    }

    fn serve(&mut self, flow: &Flow, order: &Order, behaviour: Behaviour, now: WallTime) -> Timeline {
        let mut timeline = Timeline::new(&flow.id);
        let device = Wait::Device(ANSWERS_IN);
        match behaviour {
            Behaviour::NoResponse => {}
            Behaviour::LateResponse => {
                timeline = timeline.then(Wait::Timer(self.settings.lateness), started(flow));
            }
            Behaviour::Approved
            | Behaviour::Declined
            | Behaviour::Cancelled
            | Behaviour::TimedOut
            | Behaviour::Busy
            | Behaviour::ErrorEvent
            | Behaviour::Silent
            | Behaviour::MalformedEvent
            | Behaviour::DuplicateEvent
            | Behaviour::DropMidFlow
            | Behaviour::NoResults
            | Behaviour::NoErrorDetails => timeline = timeline.then(device, started(flow)),
        }
        let takes = Wait::World(self.chance.around(duration_of(order, behaviour)));
        match behaviour {
            Behaviour::Silent => return timeline,
            Behaviour::DropMidFlow => {
                // The money moves all the same: only `recall_last_transaction` can tell the POS.
                self.results(order, Outcome::Approved, now);
                return timeline.then(takes, Action::Free).then(Wait::NONE, Action::Drop);
            }
            Behaviour::ErrorEvent => {
                let details = receipt::error_info("9", "printer out of paper", now);
                timeline = timeline.then(takes, event(flow, "error", |e| e.object("error_info", details)));
            }
            Behaviour::NoErrorDetails => timeline = timeline.then(takes, event(flow, "error", |e| e)),
            Behaviour::NoResults => {
                self.results(order, Outcome::Approved, now);
                timeline = timeline.then(takes, event(flow, "completed", |e| e));
            }
            Behaviour::MalformedEvent => {
                let text = completed_text(flow, self.results(order, Outcome::Approved, now));
                let cut = text.chars().take(text.chars().count() * 2 / 3).collect();
                timeline = timeline.then(takes, Action::Send(cut));
            }
            Behaviour::DuplicateEvent => {
                let text = completed_text(flow, self.results(order, Outcome::Approved, now));
                let again = Action::Send(text.clone());
                timeline = timeline.then(takes, Action::Send(text)).then(Wait::Device(REPEATS_AFTER), again);
            }
            Behaviour::Approved
            | Behaviour::LateResponse
            | Behaviour::NoResponse
            | Behaviour::Busy
            | Behaviour::Declined
            | Behaviour::Cancelled
            | Behaviour::TimedOut => {
                let outcome = outcome_of(behaviour, order);
                if *order == Order::Settlement && outcome == Outcome::Approved {
                    let interim = receipt::settled(0, &self.ledger.batch(), self.ledger.totals(), now);
                    timeline = timeline
                        .then(takes, event(flow, "proceed", |e| e.array("results", [interim])))
                        .then(Wait::NONE, Action::AwaitAck);
                }
                let text = completed_text(flow, self.results(order, outcome, now));
                timeline = timeline.then(takes, Action::Send(text));
            }
        }
        timeline.then(Wait::NONE, Action::Free)
    }

    /// Does what was ordered and gives its results.
    fn results(&mut self, order: &Order, outcome: Outcome, now: WallTime) -> Vec<Object> {
        let batch = self.ledger.batch();
        let kind = order.kind();
        let single = match order {
            Order::Settlement if outcome == Outcome::Approved => {
                let totals = self.ledger.totals();
                self.ledger.settle();
                return (0..receipt::MERCHANTS.len())
                    .map(|merchant| receipt::settled(merchant, &batch, totals, now))
                    .collect();
            }
            Order::Purchase { amount, tip, .. } if outcome == Outcome::Approved => {
                self.approve(kind, *amount, *tip, now)
            }
            Order::Completion { amount, reference } if outcome == Outcome::Approved => {
                match self.ledger.complete(reference) {
                    Some(_) => self.approve(kind, *amount, 0, now),
                    None => receipt::not_found(kind, Some(reference), now),
                }
            }
            Order::Void { reference } if outcome == Outcome::Approved => match self.ledger.void(reference) {
                Some(entry) => receipt::voided(reference, entry.total, now),
                None => receipt::not_found(kind, Some(reference), now),
            },
            Order::Purchase { amount, .. } | Order::Completion { amount, .. }
                if outcome == Outcome::Declined =>
            {
                receipt::declined(kind, *amount, now)
            }
            Order::Purchase { .. } | Order::Completion { .. } | Order::Void { .. } | Order::Settlement => {
                receipt::unapproved(kind, outcome, now)
            }
            Order::Recall => {
                let last = self.ledger.last().cloned();
                return vec![last.unwrap_or_else(|| receipt::not_found(kind, None, now))];
            }
            Order::TerminalInfo => return vec![receipt::terminal_info(now)],
            Order::SetDateTime => return vec![receipt::done()],
            Order::Report { kind } => return vec![receipt::report(kind, &batch, self.ledger.totals(), now)],
            Order::Other { .. } => return vec![receipt::information()],
        };
        self.ledger.remember(single.clone());
        vec![single]
    }

    fn approve(&mut self, kind: &str, amount: u64, tip: u64, now: WallTime) -> Object {
        let batch = self.ledger.batch();
        let reference = self.ledger.enter(kind, amount + tip);
        let approval = Approval { kind, amount, tip, reference: &reference, batch: &batch };
        receipt::approved(&approval, &mut self.chance, now)
    }
}

fn refused(flow: &Flow, text: &str, now: WallTime) -> Timeline {
    let details = receipt::error_info("0", text, now);
    let resource = Object::new().text("status", "error").object("error_info", details);
    Timeline::new(&flow.id).then(Wait::Device(ANSWERS_IN), Action::Send(flow.wrap("response", resource)))
}

fn started(flow: &Flow) -> Action {
    Action::Send(flow.wrap("response", Object::new().text("status", "started")))
}

fn event(flow: &Flow, status: &str, with: impl FnOnce(Object) -> Object) -> Action {
    Action::Send(flow.wrap("event", with(Object::new().text("status", status))))
}

fn completed_text(flow: &Flow, results: Vec<Object>) -> String {
    flow.wrap("event", Object::new().text("status", "completed").array("results", results))
}

/// Only a cardholder can cancel or walk away; what needs none is approved then.
const fn outcome_of(behaviour: Behaviour, order: &Order) -> Outcome {
    match behaviour {
        Behaviour::Declined => Outcome::Declined,
        Behaviour::Cancelled if order.needs_a_card() => Outcome::Cancelled,
        Behaviour::TimedOut if order.needs_a_card() => Outcome::TimedOut,
        Behaviour::Approved
        | Behaviour::Cancelled
        | Behaviour::TimedOut
        | Behaviour::Busy
        | Behaviour::ErrorEvent
        | Behaviour::Silent
        | Behaviour::LateResponse
        | Behaviour::MalformedEvent
        | Behaviour::DuplicateEvent
        | Behaviour::DropMidFlow
        | Behaviour::NoResults
        | Behaviour::NoErrorDetails
        | Behaviour::NoResponse => Outcome::Approved,
    }
}

/// How long people and host take, in life.
const fn duration_of(order: &Order, behaviour: Behaviour) -> Duration {
    Duration::from_millis(match (order, behaviour) {
        (Order::Purchase { .. }, Behaviour::TimedOut) => 30_000,
        (Order::Purchase { .. }, Behaviour::Cancelled) => 5_000,
        (Order::Purchase { .. }, _) => 9_000,
        (Order::Void { .. } | Order::Completion { .. }, _) => 2_500,
        (Order::Settlement, _) => 4_000,
        (Order::Report { .. } | Order::Recall | Order::Other { .. }, _) => 800,
        (Order::TerminalInfo | Order::SetDateTime, _) => 300,
    })
}

/// How long the terminal takes to answer a request.
const ANSWERS_IN: Duration = Duration::from_millis(2);
/// How soon the second copy of a duplicated event follows.
const REPEATS_AFTER: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::super::calendar::ShopDay;
    use super::*;

    const LINK: LinkId = LinkId(1);
    const PAYMENT: Door = Door::One(Endpoint::Payment);

    fn receive(terminal: &mut Terminal, door: Door, text: &str) -> Reaction {
        terminal.receive(LINK, door, text, ShopDay::OPENING)
    }

    /// What the terminal sends for one request, all waits and acks done; it is free then.
    fn sends(terminal: &mut Terminal, resource: &str) -> Vec<String> {
        let text = format!(r#"{{"request":{{"flow_id":"7","resource":{resource}}}}}"#);
        let Reaction::Play(timeline, _) = receive(terminal, PAYMENT, &text) else { return Vec::new() };
        terminal.free(LINK);
        timeline
            .cues
            .into_iter()
            .filter_map(|cue| match cue.action {
                Action::Send(text) => Some(text),
                Action::Drop => Some("(drop)".to_owned()),
                Action::AwaitAck | Action::Free => None,
            })
            .collect()
    }

    fn sale_of(cents: u64) -> Vec<String> {
        let mut terminal = Terminal::new(TerminalSettings::default());
        sends(&mut terminal, &format!(r#"{{"type":"sale","amount":{cents}}}"#))
    }

    #[test]
    fn the_amount_chooses_what_is_sent() {
        const STARTED: &str = r#"{"response":{"flow_id":"7","resource":{"status":"started"}}}"#;
        let status = |sent: &str, word: &str| sent.contains(&format!(r#""status":"{word}""#));
        assert_eq!(sale_of(71), [STARTED]);
        assert_eq!(sale_of(75), [STARTED, "(drop)"]);
        for (cents, event, result) in [
            (2350, "completed", "approved"),
            (61, "completed", "decline_by_host_or_card"),
            (62, "completed", "cancelled_by_user"),
            (63, "completed", "timeout_on_user_input"),
            (72, "completed", "approved"),
        ] {
            let sent = sale_of(cents);
            assert_eq!((sent.len(), sent[0].as_str()), (2, STARTED));
            assert!(status(&sent[1], event) && status(&sent[1], result), "{cents}: {}", sent[1]);
        }
        let busy = sale_of(64);
        assert!(busy.len() == 1 && busy[0].contains("TSI busy"));
        assert!(sale_of(65)[1].contains(r#""status":"error","error_info":{"code":"9""#));
        assert!(serde_json::from_str::<serde_json::Value>(&sale_of(73)[1]).is_err());
        let twice = sale_of(74);
        assert_eq!((twice.len(), &twice[1]), (3, &twice[2]));
        assert_eq!(sale_of(76)[1], r#"{"event":{"flow_id":"7","resource":{"status":"completed"}}}"#);
        assert_eq!(sale_of(77)[1], r#"{"event":{"flow_id":"7","resource":{"status":"error"}}}"#);
        assert!(sale_of(78).len() == 1 && status(&sale_of(78)[0], "completed"));
    }

    #[test]
    fn references_are_known_until_voided_and_the_last_result_is_recalled() {
        let mut terminal = Terminal::new(TerminalSettings::default());
        let sale = sends(&mut terminal, r#"{"type":"sale","amount":1000,"tip_amount":150}"#);
        assert!(sale[1].contains(r#""total_amount":"1150""#) && sale[1].contains(r#""reference_no":"58""#));
        let recalled = sends(&mut terminal, r#"{"type":"recall_last_transaction"}"#);
        assert_eq!(recalled[1], sale[1]);
        let void = r#"{"type":"void","reference_no":"58"}"#;
        assert!(sends(&mut terminal, void)[1].contains("VOIDED"));
        assert!(sends(&mut terminal, void)[1].contains("transaction_record_not_found"));
        let completion = r#"{"type":"pre_auth_completion","reference_no":"9001","amount":500}"#;
        assert!(sends(&mut terminal, completion)[1].contains("transaction_record_not_found"));
    }

    #[test]
    fn a_settlement_has_an_interim_event_and_opens_the_next_batch() {
        let mut terminal = Terminal::new(TerminalSettings::default());
        sends(&mut terminal, r#"{"type":"sale","amount":1000}"#);
        let sent = sends(&mut terminal, r#"{"type":"settlement"}"#);
        assert_eq!(sent.len(), 3);
        assert!(sent[1].contains(r#""status":"proceed""#));
        assert!(sent[2].contains("M55001") && sent[2].contains("M55002"));
        assert!(sent[2].contains(r#""batch_sale_amount":"1000""#));
        assert!(sends(&mut terminal, r#"{"type":"void","reference_no":"58"}"#)[1].contains("not_found"));
    }

    #[test]
    fn one_transaction_at_a_time() {
        let mut terminal = Terminal::new(TerminalSettings::default());
        let sale = r#"{"request":{"flow_id":"1","resource":{"type":"sale","amount":1000}}}"#;
        assert!(
            matches!(receive(&mut terminal, PAYMENT, sale), Reaction::Play(_, served) if served.how == "served")
        );
        let info = r#"{"request":{"flow_id":"2","resource":{"type":"terminal_info"}}}"#;
        let answer = receive(&mut terminal, Door::One(Endpoint::Info), info);
        assert!(matches!(answer, Reaction::Play(_, served) if served.how == "refused: TSI busy"));
        terminal.free(LinkId(2));
        assert!(terminal.busy_with.is_some(), "only its own link frees it");
        terminal.free(LINK);
        assert!(
            matches!(receive(&mut terminal, PAYMENT, sale), Reaction::Play(_, served) if served.how == "served")
        );
    }

    #[test]
    fn single_endpoint_mode_echoes_the_endpoint_and_bare_requests_are_ignored() {
        let mut terminal = Terminal::new(TerminalSettings::default());
        let info =
            r#"{"request":{"flow_id":"2","endpoint":"/tsi/v1/info","resource":{"type":"terminal_info"}}}"#;
        let Reaction::Play(timeline, _) = receive(&mut terminal, Door::Single, info) else {
            panic!("not served")
        };
        for cue in timeline.cues {
            if let Action::Send(text) = cue.action {
                assert!(text.contains(r#""flow_id":"2","endpoint":"/tsi/v1/info""#), "{text}");
            }
        }
        terminal.free(LINK);
        let bare = r#"{"flow_id":"3","resource":{"type":"sale","amount":1}}"#;
        assert_eq!(receive(&mut terminal, PAYMENT, bare), Reaction::Ignore);
        assert_eq!(receive(&mut terminal, PAYMENT, "hello"), Reaction::Ignore);
    }
}
