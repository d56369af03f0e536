//! A virtual goChip service without sockets: a message comes in, what to do about it comes out.
//!
//! It keeps the rules of `gochip.md`, section 4, unless a [`Behaviour`] breaks one on purpose. What the
//! sources leave open is decided here and said: every connection starts up anew; the keys of
//! `REQ_SET_API_KEY` are taken without an answer; polling needs a reader that lets go of the card at once;
//! a refund of a whole sale becomes its reversal; a request it does not know is refused.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::super::calendar::WallTime;
use super::super::chance::Chance;
use super::super::object::Object;
use super::super::pace::Wait;
use super::super::terminal::LinkId;
use super::amount::Major;
use super::answers::{device_connected, device_info, polling, settings, token};
use super::behaviour::Behaviour;
use super::course::Cancelling;
use super::edition::Edition;
use super::gateway::{Books, NoRefund};
use super::message::{Message, fine, fine_bare, refusal};
use super::stage::{Line, Phase};

/// How a virtual service behaves.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSettings {
    /// What it does with every sale; `None` lets the amount choose.
    pub behaviour: Option<Behaviour>,
    /// Which dialect it speaks.
    pub edition: Edition,
    /// Seed of its references and of how long people take.
    pub seed: u64,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self { behaviour: None, edition: Edition::default(), seed: 1 }
    }
}

/// A virtual service with one card reader.
#[derive(Debug)]
pub struct Service {
    pub(super) settings: ServiceSettings,
    pub(super) books: Books,
    pub(super) chance: Chance,
    sessions: HashMap<LinkId, Session>,
    pub(super) sale: Option<Sale>,
    /// The connection for which the reader listens by itself.
    listening: Option<LinkId>,
    /// Whether the reader lets go of a card at once.
    quick_chip: bool,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Session {
    /// It was told to begin.
    #[default]
    New,
    /// `REQ_WS_INIT` was answered.
    Initialised,
    /// The settings were given.
    Configured,
    /// The card reader is there.
    Ready,
}

/// The sale that runs.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) link: LinkId,
    pub(super) cancelling: Cancelling,
    pub(super) phase: Phase,
}

/// What a message makes the service do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doing {
    /// Plays a line beside whatever runs.
    Answer(Line),
    /// Begins a sale.
    Sell(Line),
    /// Gives up the sale and plays a line.
    Cancel(Line),
    /// Goes on with the sale whose question was answered.
    GoOn,
}

/// What was asked and what became of it, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The type of the request.
    pub kind: String,
    /// The amount, where it had one.
    pub amount: Option<Major>,
    /// What the service does: a behaviour, or why it refuses.
    pub how: String,
}

impl Service {
    /// A service that was just started.
    pub fn new(settings: ServiceSettings) -> Self {
        Self {
            settings,
            books: Books::new(settings.seed, settings.edition),
            chance: Chance::new(!settings.seed),
            sessions: HashMap::new(),
            sale: None,
            listening: None,
            quick_chip: false,
        }
    }

    /// A connection was opened: what it is greeted with.
    pub(crate) fn greet(&mut self, link: LinkId) -> Line {
        self.sessions.insert(link, Session::New);
        Line::saying(SOON, fine_bare("RES_ON_WS_INIT_REQUIRED"))
    }

    /// A connection ended, and its sale with it.
    pub(crate) fn leave(&mut self, link: LinkId) {
        self.sessions.remove(&link);
        self.sale.take_if(|sale| sale.link == link);
        self.listening.take_if(|listening| *listening == link);
    }

    /// The sale of `link` has come so far.
    pub(crate) fn reached(&mut self, link: LinkId, phase: Phase) {
        match phase {
            Phase::Over => drop(self.sale.take_if(|sale| sale.link == link)),
            Phase::Card | Phase::Online => {
                if let Some(sale) = self.sale.as_mut().filter(|sale| sale.link == link) {
                    sale.phase = phase;
                }
            }
        }
    }

    /// A text message came in on `link`; `None` where it is not one of the protocol.
    pub(crate) fn receive(&mut self, link: LinkId, text: &str, now: WallTime) -> Option<(Doing, Served)> {
        let request = Message::parse(text).filter(|message| message.kind.starts_with("REQ_"))?;
        let amount = request.amount(&["amount"]).or_else(|| request.amount(&["sale", "amount"]));
        let (doing, how) = self.serve(link, &request, amount, now);
        Some((doing, Served { kind: request.kind, amount, how }))
    }

    fn serve(
        &mut self,
        link: LinkId,
        request: &Message,
        amount: Option<Major>,
        now: WallTime,
    ) -> (Doing, String) {
        let session = self.sessions.get(&link).copied().unwrap_or_default();
        let edition = self.settings.edition;
        let fine = |text: String| (Doing::Answer(Line::saying(SOON, text)), "served".to_owned());
        let refused = |error: &str, why: &str| {
            let text = refusal(&request.kind, error, why);
            (Doing::Answer(Line::saying(SOON, text)), format!("refused: {why}"))
        };
        let wants = match request.kind.as_str() {
            "REQ_WS_INIT" => Session::New,
            "REQ_INIT_DEVICE" | "REQ_RETRIEVE_SETTINGS" => Session::Configured,
            "REQ_PROCESS_SALE"
            | "REQ_PROCESS_REFUND"
            | "REQ_PROCESS_UNREFERENCED_REFUND"
            | "REQ_SET_POLLING_ENABLED"
            | "REQ_GET_DEVICE_INFO" => Session::Ready,
            _ => Session::Initialised,
        };
        if session < wants {
            return match session {
                Session::New => refused("ERROR_NOT_INITIALISED", "REQ_WS_INIT has to come first"),
                Session::Initialised => refused("INCORRECT_SETTINGS_TERMINAL", "no terminal is configured"),
                Session::Configured | Session::Ready => refused("ERROR_NO_DEVICE", "no device is connected"),
            };
        }
        match request.kind.as_str() {
            "REQ_WS_INIT" => {
                self.sessions.insert(link, session.max(Session::Initialised));
                fine(fine_bare("RES_ON_WS_INIT"))
            }
            "REQ_SET_API_KEY" | "REQ_SET_INTEGRATION_ID" => {
                (Doing::Answer(Line::default()), "taken".to_owned())
            }
            "REQ_INIT_WITH_CONFIGURATION" if request.text(&["terminalId"]).is_none() => {
                refused("INCORRECT_SETTINGS_TERMINAL", "a terminalId is missing")
            }
            "REQ_INIT_WITH_CONFIGURATION" => {
                self.sessions.insert(link, session.max(Session::Configured));
                fine(settings())
            }
            "REQ_RETRIEVE_SETTINGS" => fine(settings()),
            "REQ_INIT_DEVICE" => {
                self.sessions.insert(link, Session::Ready);
                self.quick_chip = request.text(&["emvType"]) == Some("QUICK_CHIP");
                let line = Line::saying(Wait::World(Duration::from_secs(2)), device_connected());
                (Doing::Answer(line), "served".to_owned())
            }
            "REQ_GET_DEVICE_INFO" => fine(device_info()),
            "REQ_GET_TRANSACTIONS" => fine(self.transactions()),
            "REQ_RETRIEVE_SECURE_TOKEN" if edition == Edition::Since3028 => fine(token(edition)),
            "REQ_LOAD_SECURE_CARD" if edition == Edition::Before3028 => fine(token(edition)),
            "REQ_PROCESS_SALE" if self.listening.is_some() => {
                refused("ERROR_POLLING", "the reader listens by itself")
            }
            "REQ_PROCESS_SALE" => match (amount.filter(|amount| amount.0 > 0), &self.sale) {
                (None, _) => refused("ERROR_INVALID_AMOUNT", "no amount"),
                (Some(_), Some(_)) => refused("ERROR_BUSY", "a sale runs already"),
                (Some(amount), None) => self.sell(link, amount, now),
            },
            "REQ_SET_POLLING_ENABLED" => match (request.at(&["enabled"]), self.quick_chip) {
                (Some(Value::Bool(true)), false) => {
                    refused("ERROR_NOT_SUPPORTED", "polling needs QUICK_CHIP")
                }
                (Some(Value::Bool(true)), true) => {
                    self.listening = Some(link);
                    let reply = Line::saying(SOON, polling("RES_ON_SET_POLLING_ENABLED", true));
                    (Doing::Sell(self.listen(reply, FIRST_CUSTOMER)), "listens".to_owned())
                }
                (Some(_) | None, _) => {
                    self.listening = None;
                    let reply = Line::saying(SOON, polling("RES_ON_SET_POLLING_ENABLED", false));
                    (Doing::Cancel(reply), "listens no more".to_owned())
                }
            },
            "REQ_GET_POLLING_ENABLED" => {
                fine(polling("RES_ON_GET_POLLING_ENABLED", self.listening.is_some()))
            }
            "REQ_SUBMIT_AMOUNT" => match (amount, self.listening, &self.sale) {
                (Some(amount), Some(listening), None) if listening == link => {
                    self.sell_polled(link, amount, now)
                }
                _ => refused("ERROR_NOT_ASKED", "nobody asked for an amount"),
            },
            "REQ_PROCESS_REFUND" => {
                let reference = request.text(&["uniqueRef"]).unwrap_or_default();
                let amount = amount.unwrap_or(Major(0));
                // Before the batch is closed, a whole sale is taken back rather than refunded.
                let response = match self.books.is_whole(reference, amount) {
                    true => self.books.reverse(reference).map(|sale| ("saleResponse", sale)),
                    false => {
                        self.books.refund(reference, amount, now).map(|refund| ("refundResponse", refund))
                    }
                };
                match response {
                    Ok((field, response)) => self.told("RES_ON_REFUND_RESPONSE", field, response),
                    Err(NoRefund::Unknown) => {
                        refused("ERROR_NOT_FOUND", "no approved sale of that reference")
                    }
                    Err(NoRefund::TooMuch) => {
                        refused("ERROR_INVALID_AMOUNT", "more than is left of the sale")
                    }
                }
            }
            "REQ_PROCESS_UNREFERENCED_REFUND" => match amount.filter(|amount| amount.0 > 0) {
                Some(amount) => {
                    let response = self.books.unreferenced_refund(amount, now);
                    self.told("RES_ON_REFUND_RESPONSE", "refundResponse", response)
                }
                None => refused("ERROR_INVALID_AMOUNT", "no amount"),
            },
            "REQ_PROCESS_REVERSAL" => {
                let reference = request.text(&["uniqueRef"]).unwrap_or_default();
                match self.books.reverse(reference) {
                    Ok(response) => self.told("RES_ON_REVERSAL_RETRIEVED", "reversalResponse", response),
                    Err(NoRefund::Unknown | NoRefund::TooMuch) => {
                        refused("ERROR_NOT_FOUND", "no approved sale of that reference")
                    }
                }
            }
            "REQ_CANCEL_TRANSACTION" => self.cancel(),
            "REQ_SUBMIT_SIGNATURE" | "REQ_SUBMIT_APPLICATION" => (Doing::GoOn, "taken".to_owned()),
            "REQ_WS_RESTART" => {
                self.sessions.insert(link, Session::New);
                self.sale = None;
                let line = Line::saying(SOON, fine_bare("RES_ON_WS_RESTART"))
                    .say(Wait::World(Duration::from_secs(1)), fine_bare("RES_ON_WS_INIT_REQUIRED"));
                (Doing::Cancel(line), "restarted".to_owned())
            }
            _ => refused("ERROR_UNKNOWN_REQUEST", "this service does not know the request"),
        }
    }

    /// What the host has to say of a request: after a while, and as one object.
    fn told(&mut self, kind: &str, field: &str, response: Object) -> (Doing, String) {
        let host = Wait::World(self.chance.around(Duration::from_millis(1500)));
        let text = fine(kind, Object::new().object(field, response));
        (Doing::Answer(Line::saying(host, text)), "served".to_owned())
    }

    fn transactions(&self) -> String {
        fine(
            "RES_ON_TRANSACTION_LIST_RESPONSE",
            Object::new().array("transactions", self.books.transactions()),
        )
    }
}

/// When the first customer comes to a reader that listens.
const FIRST_CUSTOMER: Wait = Wait::World(Duration::from_secs(8));
/// How soon the service answers what needs no host and no card.
pub(super) const SOON: Wait = Wait::Device(Duration::from_millis(3));

#[cfg(test)]
mod tests {
    use super::super::super::calendar::ShopDay;
    use super::super::stage::Act;
    use super::*;

    const LINK: LinkId = LinkId(1);

    /// What the service says to these requests, each played to its end before the next one; a request in
    /// brackets comes once the sale before it has reached its first question or the card.
    fn says(edition: Edition, requests: &[&str]) -> Vec<String> {
        let mut service = Service::new(ServiceSettings { edition, ..ServiceSettings::default() });
        service.greet(LINK);
        service.sessions.insert(LINK, Session::Ready);
        let mut said = Vec::new();
        for text in requests {
            let Some((doing, _)) = service.receive(LINK, text, ShopDay::OPENING) else {
                said.push("(ignored)".to_owned());
                continue;
            };
            let line = match doing {
                Doing::Answer(line) | Doing::Sell(line) | Doing::Cancel(line) => line,
                Doing::GoOn => Line::default(),
            };
            for act in line.acts() {
                match act {
                    Act::Send(text) => said.push(outline(&text)),
                    Act::Reach(phase) => service.reached(LINK, phase),
                    Act::Await => said.push("(waits)".to_owned()),
                    Act::Drop => said.push("(drops)".to_owned()),
                }
            }
        }
        said
    }

    fn outline(text: &str) -> String {
        let message = Message::parse(text).unwrap();
        let word = [
            &["error"][..],
            &["message"],
            &["saleResponse", "code"],
            &["refundResponse", "code"],
            &["reversalResponse", "code"],
            &["cancellationStatus"],
            &["deviceError"],
        ]
        .iter()
        .find_map(|path| message.text(path));
        let kind = message.kind.trim_start_matches("RES_ON_");
        word.map_or_else(|| kind.to_owned(), |word| format!("{kind} {word}"))
    }

    fn sale_of(amount: &str) -> Vec<String> {
        let sale = format!(r#"{{"type":"REQ_PROCESS_SALE","data":{{"amount":"{amount}"}}}}"#);
        let said = says(Edition::Since3028, &[&sale]);
        said.into_iter().filter(|line| !line.starts_with("MESSAGE ")).collect()
    }

    #[test]
    fn the_amount_chooses_how_a_sale_ends() {
        for (amount, end) in [
            ("8.40", &["SALE_RESPONSE A"][..]),
            ("7.01", &["SALE_RESPONSE D"]),
            ("7.02", &["SALE_RESPONSE R"]),
            ("45.67", &["TRANSACTION_COMM_ERROR ERROR_TIMEOUT"]),
            ("1.26", &["TRANSACTION_COMM_ERROR ERROR_TIMEOUT"]),
            ("101.05", &["SALE_RESPONSE D"]),
            ("1.21", &["DEVICE_ERROR TIMEOUT"]),
            ("1.22", &["SIGNATURE_REQUIRED", "(waits)", "SALE_RESPONSE A"]),
            ("1.23", &["SELECT_APPLICATION", "(waits)", "SALE_RESPONSE A"]),
            ("1.31", &[]),
            ("1.34", &["ERROR ERROR_INVALID_EMV_TAGS"]),
            ("1.35", &["(drops)"]),
            ("0.00", &["ERROR ERROR_INVALID_AMOUNT"]),
        ] {
            assert_eq!(sale_of(amount), end, "{amount}");
        }
    }

    #[test]
    fn what_is_cancelled_depends_on_how_far_the_sale_is_and_on_the_edition() {
        const CANCEL: &str = r#"{"type":"REQ_CANCEL_TRANSACTION"}"#;
        let at = |edition, phase: Option<Phase>| {
            let mut service = Service::new(ServiceSettings { edition, ..ServiceSettings::default() });
            service.sessions.insert(LINK, Session::Ready);
            service.sale =
                phase.map(|phase| Sale { link: LINK, cancelling: Cancelling::AsDocumented, phase });
            let (doing, _) = service.receive(LINK, CANCEL, ShopDay::OPENING).unwrap();
            let (Doing::Answer(line) | Doing::Sell(line) | Doing::Cancel(line)) = doing else {
                return vec![];
            };
            let sent = |act| match act {
                Act::Send(text) => Some(outline(&text)),
                Act::Reach(_) | Act::Await | Act::Drop => None,
            };
            line.acts().filter_map(sent).collect::<Vec<_>>()
        };
        const ATTEMPT: &str = "CANCEL_TRANSACTION_ATTEMPT";
        let now = Edition::Since3028;
        assert_eq!(
            at(now, Some(Phase::Card)),
            [format!("{ATTEMPT} CANCELLING"), format!("{ATTEMPT} CANCELLED")]
        );
        assert_eq!(at(now, Some(Phase::Online)), [format!("{ATTEMPT} NOT_ALLOWED")]);
        assert_eq!(at(now, None), [format!("{ATTEMPT} NOTHING_TO_CANCEL")]);
        let before = Edition::Before3028;
        assert_eq!(at(before, Some(Phase::Card)), ["MESSAGE TRANSACTION_CANCELLED_BY_USER"]);
        assert_eq!(at(before, Some(Phase::Online)), ["MESSAGE TRANSACTION_CANNOT_BE_CANCELED_AT_THIS_STAGE"]);
        assert_eq!(at(before, None), ["ERROR ERROR_NOT_FOUND"]);
    }

    #[test]
    fn a_listening_reader_asks_for_the_amount_and_takes_no_sale() {
        const ON: &str = r#"{"type":"REQ_SET_POLLING_ENABLED","data":{"enabled":true,"initialAmount":1}}"#;
        const OFF: &str = r#"{"type":"REQ_SET_POLLING_ENABLED","data":{"enabled":false}}"#;
        const DEVICE: &str = r#"{"type":"REQ_INIT_DEVICE","data":{"emvType":"QUICK_CHIP"}}"#;
        const AMOUNT: &str = r#"{"type":"REQ_SUBMIT_AMOUNT","data":{"sale":{"amount":8.4}}}"#;
        const SALE: &str = r#"{"type":"REQ_PROCESS_SALE","data":{"amount":"8.40"}}"#;
        let said = says(Edition::Since3028, &[ON, DEVICE, ON, SALE, AMOUNT, OFF, AMOUNT]);
        let said: Vec<&str> =
            said.iter().map(String::as_str).filter(|line| !line.starts_with("MESSAGE ")).collect();
        assert_eq!(
            said,
            [
                "ERROR ERROR_NOT_SUPPORTED",
                "DEVICE_CONNECTED",
                "SET_POLLING_ENABLED",
                "REQUEST_SET_AMOUNT",
                "(waits)",
                "ERROR ERROR_POLLING",
                "SALE_RESPONSE A",
                "REQUEST_SET_AMOUNT",
                "(waits)",
                "SET_POLLING_ENABLED",
                "ERROR ERROR_NOT_ASKED",
            ]
        );
    }

    #[test]
    fn tokens_are_called_what_the_edition_calls_them() {
        const NEW: &str = r#"{"type":"REQ_RETRIEVE_SECURE_TOKEN","data":{"secureTokenMerchantRef":"M1"}}"#;
        const OLD: &str = r#"{"type":"REQ_LOAD_SECURE_CARD","data":{"secureCardMerchantRef":"M1"}}"#;
        let unknown = "ERROR ERROR_UNKNOWN_REQUEST";
        assert_eq!(says(Edition::Since3028, &[NEW, OLD]), ["SECURE_TOKEN_RESPONSE", unknown]);
        assert_eq!(says(Edition::Before3028, &[NEW, OLD]), [unknown, "SECURE_CARD_RESPONSE"]);
    }

    #[test]
    fn a_sale_needs_a_device_and_one_sale_runs_at_a_time() {
        const SALE: &str = r#"{"type":"REQ_PROCESS_SALE","data":{"amount":"1.31"}}"#;
        let said = says(Edition::Since3028, &[SALE, SALE, "no json", r#"{"type":"REQ_DANCE"}"#]);
        assert_eq!(said[3..], ["ERROR ERROR_BUSY", "(ignored)", "ERROR ERROR_UNKNOWN_REQUEST"]);
        let mut service = Service::new(ServiceSettings::default());
        service.greet(LINK);
        let (_, served) = service.receive(LINK, SALE, ShopDay::OPENING).unwrap();
        assert_eq!(served.how, "refused: REQ_WS_INIT has to come first");
    }
}
