//! A virtual till without sockets: an errand becomes a request, a message becomes replies.
//!
//! It keeps the rules of `tsi.md`, section 7, but for the one its [`Habit`] breaks. Whether it waits,
//! and how a wait is spent, is the caller's business.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::chance::Chance;
use super::habit::Habit;
use super::message::{Door, Endpoint, Envelope, Flow, Kind};
use super::object::Object;
use super::pace::Wait;
use super::scenario::Ask;

/// A virtual till.
#[derive(Debug)]
pub struct Till {
    habit: Habit,
    doors: Doors,
    chance: Chance,
    /// Apart from the ids, so that these do not depend on how often it connects.
    keys: Chance,
    /// Every id used, in order; a till that runs for years would keep these in its database.
    flow_ids: Vec<String>,
    last_reference: Option<String>,
    current: Option<Current>,
}

/// How a till reaches the endpoints of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doors {
    /// A socket for each path.
    Multiple,
    /// One socket on `/`, and the endpoint in every body.
    Single,
}

impl Doors {
    /// The door to an endpoint.
    pub const fn to(self, endpoint: Endpoint) -> Door {
        match self {
            Self::Multiple => Door::One(endpoint),
            Self::Single => Door::Single,
        }
    }
}

#[derive(Debug)]
struct Current {
    flow_id: String,
    ending: Option<Ending>,
}

/// What a till does about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Sends a text message after a wait.
    Send(Wait, String),
    /// Closes the connection after a wait.
    HangUp(Wait),
}

/// How an errand ended, as far as the till can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A final event with the status of its first result; `None` where it had none.
    Completed(Option<String>),
    /// A final event of status `error`, with its text.
    Failed(String),
    /// The terminal refused the request, with its text.
    Refused(String),
    /// Nothing came although the till waited long enough.
    Unanswered,
    /// The link went before the end was known.
    LinkLost,
}

impl Ending {
    /// Whether the till knows what became of the transaction.
    pub const fn is_known(&self) -> bool {
        match self {
            Self::Completed(_) | Self::Failed(_) | Self::Refused(_) => true,
            Self::Unanswered | Self::LinkLost => false,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed(Some(status)) => f.write_str(&status.replace('_', " ")),
            Self::Completed(None) => f.write_str("completed, without results"),
            Self::Failed(text) => write!(f, "failed: {text}"),
            Self::Refused(text) => write!(f, "refused: {text}"),
            Self::Unanswered => f.write_str("no answer"),
            Self::LinkLost => f.write_str("the link was lost"),
        }
    }
}

impl Till {
    /// A till of that habit, whose ids depend on `seed`.
    pub const fn new(habit: Habit, doors: Doors, seed: u64) -> Self {
        let (chance, keys) = (Chance::new(seed), Chance::new(!seed));
        Self { habit, doors, chance, keys, flow_ids: Vec::new(), last_reference: None, current: None }
    }

    /// How it reaches the endpoints.
    pub(crate) const fn doors(&self) -> Doors {
        self.doors
    }

    /// The nonce of its next opening handshake.
    pub(crate) fn handshake_key(&mut self) -> [u8; 16] {
        std::array::from_fn(|_| u8::try_from(self.keys.below(256)).unwrap_or_default())
    }

    /// Whether it follows up a transaction whose end it does not know.
    pub(crate) fn asks_after(&self, ask: &Ask, ending: &Ending) -> bool {
        self.habit == Habit::Good && !ending.is_known() && ask.moves_money()
    }

    /// Begins an errand: gives its request.
    pub(crate) fn begin(&mut self, ask: &Ask) -> String {
        let id = match (self.habit, self.flow_ids.first()) {
            (Habit::ReusesFlowId, Some(first)) => first.clone(),
            _ => self.new_flow_id(),
        };
        self.flow_ids.push(id.clone());
        self.current = Some(Current { flow_id: id.clone(), ending: None });
        let resource = ask.resource(self.last_reference.as_deref());
        let flow = self.flow(id, Some(ask.endpoint().path()));
        match self.habit {
            Habit::BareRequest => flow.body(resource).finish(),
            Habit::Good
            | Habit::ForgetsAck
            | Habit::AcksTwice
            | Habit::ReusesFlowId
            | Habit::AcksWrongId
            | Habit::ClosesOwing
            | Habit::SellsBlind => flow.wrap("request", resource),
        }
    }

    /// A text message came: what to do, in order.
    pub(crate) fn receive(&mut self, text: &str) -> Vec<Reply> {
        let Some(message) = Envelope::parse(text) else { return Vec::new() };
        // As the vendor's clients: an event of somebody else's flow is not ours to acknowledge.
        if !self.flow_ids.contains(&message.flow.id) {
            return Vec::new();
        }
        match message.kind {
            Kind::Response => {
                self.response(&message);
                Vec::new()
            }
            Kind::Event => self.event(&message),
            Kind::Request | Kind::EventAck => Vec::new(),
        }
    }

    /// How the current errand ended; `None` while it has not.
    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.current.as_ref()?.ending.as_ref()
    }

    fn response(&mut self, response: &Envelope) {
        let ending = match response.text("status") {
            Some("error") => Ending::Refused(error_text(response)),
            Some("completed") => Ending::Completed(first_status(response)),
            Some(_) | None => return,
        };
        self.end(&response.flow.id, ending);
    }

    fn event(&mut self, event: &Envelope) -> Vec<Reply> {
        let ending = match event.text("status") {
            Some("completed" | "ok") => Ending::Completed(first_status(event)),
            Some("error") => Ending::Failed(error_text(event)),
            // Interim, or a status nobody documented: acknowledged, and more is expected.
            Some(_) | None => return vec![self.ack(&event.flow, SOON)],
        };
        if ending == Ending::Completed(Some("approved".to_owned()))
            && let Some(reference) =
                first_result(event).and_then(|result| result.get("reference_no")?.as_str())
        {
            self.last_reference = Some(reference.to_owned());
        }
        self.end(&event.flow.id, ending);
        match self.habit {
            Habit::Good | Habit::ReusesFlowId | Habit::BareRequest | Habit::SellsBlind => {
                vec![self.ack(&event.flow, SOON)]
            }
            Habit::ForgetsAck => Vec::new(),
            Habit::AcksTwice => vec![self.ack(&event.flow, SOON), self.ack(&event.flow, AGAIN)],
            Habit::AcksWrongId => {
                let wrong = Flow { id: self.new_flow_id(), endpoint: event.flow.endpoint.clone() };
                vec![self.ack(&wrong, SOON)]
            }
            Habit::ClosesOwing => vec![Reply::HangUp(SOON)],
        }
    }

    fn end(&mut self, flow_id: &str, ending: Ending) {
        if let Some(current) = self.current.as_mut().filter(|current| current.flow_id == flow_id) {
            current.ending = Some(ending);
        }
    }

    fn ack(&self, of: &Flow, after: Wait) -> Reply {
        let flow = self.flow(of.id.clone(), of.endpoint.as_deref());
        Reply::Send(after, flow.wrap("event_ack", Object::new().text("status", "ok")))
    }

    fn flow(&self, id: String, endpoint: Option<&str>) -> Flow {
        let endpoint = match self.doors {
            Doors::Multiple => None,
            Doors::Single => endpoint.map(str::to_owned),
        };
        Flow { id, endpoint }
    }

    /// Six digits, the first not 0, as the vendor's tools write them; never one used before.
    fn new_flow_id(&mut self) -> String {
        loop {
            let id = (100_000 + self.chance.below(900_000)).to_string();
            // More than half of the ids used would take years; longer ids then, not a search for ever.
            let id = if self.flow_ids.len() < 450_000 { id } else { format!("{id}{}", self.flow_ids.len()) };
            if !self.flow_ids.contains(&id) {
                return id;
            }
        }
    }
}

fn first_result(message: &Envelope) -> Option<&Value> {
    message.resource.get("results")?.get(0)
}

fn first_status(message: &Envelope) -> Option<String> {
    first_result(message)?.get("status")?.as_str().map(presentable)
}

fn error_text(message: &Envelope) -> String {
    let info = message.resource.get("error_info");
    let text = info.and_then(|info| info.get("text").or_else(|| info.get("facility"))?.as_str());
    text.map_or_else(|| "no reason given".to_owned(), presentable)
}

/// A peer's word as it may be shown: short, printable, and never as many digits as a card has.
fn presentable(text: &str) -> String {
    if text.chars().filter(char::is_ascii_digit).count() >= 12 {
        return "(withheld)".to_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// How soon a till acknowledges, and how soon a confused one does so again.
const SOON: Wait = Wait::Device(Duration::from_millis(3));
const AGAIN: Wait = Wait::Device(Duration::from_millis(5));

#[cfg(test)]
mod tests {
    use super::*;

    const SALE: Ask = Ask::Sale { amount: 2350, tip: 0 };

    /// Begins a sale and lets it be approved; gives the id and the replies to the final event.
    fn sale(till: &mut Till) -> (String, Vec<Reply>) {
        let request = till.begin(&SALE);
        let id = Envelope::parse(&request).map_or_else(String::new, |request| request.flow.id);
        till.receive(&format!(r#"{{"response":{{"flow_id":"{id}","resource":{{"status":"started"}}}}}}"#));
        assert_eq!(till.ending(), None);
        let result = r#"[{"status":"approved","reference_no":"61"}]"#;
        let replies = till.receive(&format!(
            r#"{{"event":{{"flow_id":"{id}","resource":{{"status":"completed","results":{result}}}}}}}"#
        ));
        assert_eq!(till.ending(), Some(&Ending::Completed(Some("approved".into()))));
        (id, replies)
    }

    fn acked(replies: &[Reply]) -> Vec<String> {
        let id = |reply: &Reply| match reply {
            Reply::Send(_, text) => Envelope::parse(text).unwrap().flow.id,
            Reply::HangUp(_) => "hang up".into(),
        };
        replies.iter().map(id).collect()
    }

    #[test]
    fn a_good_till_acknowledges_and_remembers_the_reference() {
        let mut till = Till::new(Habit::Good, Doors::Multiple, 1);
        let (id, replies) = sale(&mut till);
        assert_eq!(acked(&replies), [id.as_str()]);
        assert!(
            till.begin(&Ask::Void(super::super::scenario::Reference::Last))
                .contains(r#""reference_no":"61""#)
        );
        let (other, _) = sale(&mut till);
        assert_ne!(id, other);
    }

    #[test]
    fn each_habit_breaks_its_rule() {
        let finals = |habit| {
            let mut till = Till::new(habit, Doors::Multiple, 1);
            let (id, replies) = sale(&mut till);
            (id, acked(&replies), till)
        };
        assert_eq!(finals(Habit::ForgetsAck).1, [""; 0]);
        let (id, acks, _) = finals(Habit::AcksTwice);
        assert_eq!(acks, [id.as_str(), id.as_str()]);
        let (id, acks, _) = finals(Habit::AcksWrongId);
        assert!(acks.len() == 1 && acks[0] != id);
        assert_eq!(finals(Habit::ClosesOwing).1, ["hang up"]);
        let (id, _, mut till) = finals(Habit::ReusesFlowId);
        assert_eq!(sale(&mut till).0, id);
        let bare = Till::new(Habit::BareRequest, Doors::Multiple, 1).begin(&SALE);
        assert!(bare.starts_with(r#"{"flow_id":""#), "{bare}");
    }

    #[test]
    fn interim_events_are_acknowledged_and_foreign_ones_are_not() {
        let mut till = Till::new(Habit::ForgetsAck, Doors::Single, 1);
        let request = Envelope::parse(&till.begin(&Ask::Settlement)).unwrap();
        assert_eq!(request.flow.endpoint.as_deref(), Some("/tsi/v1/payment"));
        let proceed = request.flow.wrap("event", Object::new().text("status", "proceed"));
        assert_eq!(acked(&till.receive(&proceed)), [request.flow.id.as_str()]);
        assert_eq!(till.ending(), None);
        let foreign = proceed.replace(&request.flow.id, "1");
        assert_eq!(till.receive(&foreign), []);
        assert_eq!(till.receive("not json"), []);
    }

    #[test]
    fn a_refusal_ends_the_errand_and_long_numbers_are_never_shown() {
        let mut till = Till::new(Habit::Good, Doors::Multiple, 1);
        let flow = Envelope::parse(&till.begin(&SALE)).unwrap().flow;
        let details = Object::new().text("text", "card 4111 1111 1111 1111 refused");
        let refusal = Object::new().text("status", "error").object("error_info", details);
        assert_eq!(till.receive(&flow.wrap("response", refusal)), []);
        assert_eq!(till.ending(), Some(&Ending::Refused("(withheld)".into())));
    }
}
