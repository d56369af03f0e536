//! A virtual goChip service without sockets: a message comes in, what to do about it comes out.
//!
//! It keeps the rules of `gochip.md`, section 4, unless a [`Behaviour`] breaks one on purpose. What the
//! sources leave open is decided here and said: every connection starts up anew; the keys of
//! `REQ_SET_API_KEY` are taken without an answer; a request it does not know is refused.

use std::collections::HashMap;
use std::time::Duration;

use super::super::calendar::WallTime;
use super::super::chance::Chance;
use super::super::object::Object;
use super::super::pace::Wait;
use super::super::terminal::LinkId;
use super::amount::Major;
use super::behaviour::Behaviour;
use super::course::{Cancelling, Course, End, Question};
use super::edition::Edition;
use super::gateway::{Books, NoRefund, Verdict};
use super::message::{
    Message, cancellation, comm_error, device_error, fine, fine_bare, progress, refusal, smiling_refusal,
};
use super::stage::{Act, Line, Phase};

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
    settings: ServiceSettings,
    books: Books,
    chance: Chance,
    sessions: HashMap<LinkId, Session>,
    sale: Option<Sale>,
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
struct Sale {
    link: LinkId,
    cancelling: Cancelling,
    phase: Phase,
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
        let amount = request.amount(&["amount"]);
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
        let fine = |text: String| (Doing::Answer(Line::saying(SOON, text)), "served".to_owned());
        let refused = |error: &str, why: &str| {
            let text = refusal(&request.kind, error, why);
            (Doing::Answer(Line::saying(SOON, text)), format!("refused: {why}"))
        };
        let wants = match request.kind.as_str() {
            "REQ_WS_INIT" => Session::New,
            "REQ_INIT_DEVICE" | "REQ_RETRIEVE_SETTINGS" => Session::Configured,
            "REQ_PROCESS_SALE" | "REQ_PROCESS_REFUND" | "REQ_GET_DEVICE_INFO" => Session::Ready,
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
                let line = Line::saying(Wait::World(Duration::from_secs(2)), device_connected());
                (Doing::Answer(line), "served".to_owned())
            }
            "REQ_GET_DEVICE_INFO" => fine(device_info()),
            "REQ_GET_TRANSACTIONS" => fine(self.transactions()),
            "REQ_PROCESS_SALE" => match (amount.filter(|amount| amount.0 > 0), &self.sale) {
                (None, _) => refused("ERROR_INVALID_AMOUNT", "no amount"),
                (Some(_), Some(_)) => refused("ERROR_BUSY", "a sale runs already"),
                (Some(amount), None) => self.sell(link, amount, now),
            },
            "REQ_PROCESS_REFUND" => {
                let reference = request.text(&["uniqueRef"]).unwrap_or_default();
                match self.books.refund(reference, amount.unwrap_or(Major(0)), now) {
                    Ok(response) => {
                        let data = Object::new().object("refundResponse", response);
                        let text = self::fine("RES_ON_REFUND_RESPONSE", data);
                        let host = Wait::World(self.chance.around(Duration::from_millis(1500)));
                        (Doing::Answer(Line::saying(host, text)), "served".to_owned())
                    }
                    Err(NoRefund::Unknown) => {
                        refused("ERROR_NOT_FOUND", "no approved sale of that reference")
                    }
                    Err(NoRefund::TooMuch) => {
                        refused("ERROR_INVALID_AMOUNT", "more than is left of the sale")
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

    fn sell(&mut self, link: LinkId, amount: Major, now: WallTime) -> (Doing, String) {
        let behaviour = self.settings.behaviour.unwrap_or_else(|| Behaviour::of_amount(amount));
        let course = Course::of(behaviour);
        let how = if behaviour == Behaviour::Approved { "served".to_owned() } else { behaviour.to_string() };
        self.sale = Some(Sale { link, cancelling: course.cancelling, phase: Phase::Card });
        let card = Wait::World(self.chance.around(course.card));
        let mut line = Line::saying(SOON, progress("PLEASE_WAIT"));
        let ended = |line: Line| line.then(Wait::NONE, Act::Reach(Phase::Over));
        match course.end {
            End::Timeout => {
                line = line.say(Wait::World(course.card), device_error("TIMEOUT", "no card was presented"));
                return (Doing::Sell(ended(line)), how);
            }
            End::SmilingError => {
                let (error, words) = ("ERROR_INVALID_EMV_TAGS", "the card cannot be read");
                line = line.say(card, smiling_refusal("REQ_PROCESS_SALE", error, words));
                return (Doing::Sell(ended(line)), how);
            }
            End::Response(..) | End::TooMuch | End::CommError | End::Drop | End::Never => {}
        }
        line = line.say(card, progress("CARD_DETECTED"));
        if course.question == Some(Question::Application) {
            let applications = Object::new().texts("applications", &["VISA DEBIT", "VISA CREDIT"]);
            line =
                line.say(SOON, fine("RES_ON_SELECT_APPLICATION", applications)).then(Wait::NONE, Act::Await);
        }
        line = line
            .then(Wait::NONE, Act::Reach(Phase::Online))
            .say(Wait::World(Duration::from_millis(700)), progress("GOING_ONLINE"));
        let mut host = Wait::World(self.chance.around(course.host));
        if course.question == Some(Question::Signature) {
            line = line.say(host, fine_bare("RES_ON_SIGNATURE_REQUIRED")).then(Wait::NONE, Act::Await);
            host = SOON;
        }
        let line = match course.end {
            End::Response(code, words) => {
                let verdict = Verdict::new(code, &host_words(words, amount));
                self.answered(line, host, amount, verdict, now)
            }
            End::TooMuch => {
                let more = Major(amount.0.saturating_add(45));
                self.answered(line, host, more, Verdict::approved(), now)
            }
            End::CommError => ended(self.unreachable(line, host, amount)),
            End::Drop => ended(line.then(host, Act::Drop)),
            End::Never | End::Timeout | End::SmilingError => line,
        };
        (Doing::Sell(line), how)
    }

    /// The response is sent while the sale counts as running; only the card is still to be removed then.
    fn answered(&mut self, line: Line, host: Wait, amount: Major, verdict: Verdict, now: WallTime) -> Line {
        let response = Object::new().object("saleResponse", self.books.sale(amount, verdict, now));
        line.say(host, fine("RES_ON_SALE_RESPONSE", response))
            .then(Wait::NONE, Act::Reach(Phase::Over))
            .say(Wait::World(Duration::from_millis(300)), progress("REMOVE_CARD"))
    }

    fn unreachable(&self, line: Line, host: Wait, amount: Major) -> Line {
        let text = match self.settings.edition {
            Edition::Since3028 => comm_error(amount, "ERROR_TIMEOUT", "the host did not answer"),
            Edition::Before3028 => refusal("REQ_PROCESS_SALE", "ERROR_TIMEOUT", "the host did not answer"),
        };
        line.say(host, text)
    }

    fn cancel(&mut self) -> (Doing, String) {
        let edition = self.settings.edition;
        let said = |status: &str, words: &str| match edition {
            Edition::Since3028 => cancellation(status),
            Edition::Before3028 => progress(words),
        };
        let Some(sale) = self.sale.as_mut() else {
            let text = match edition {
                Edition::Since3028 => cancellation("NOTHING_TO_CANCEL"),
                Edition::Before3028 => refusal("REQ_CANCEL_TRANSACTION", "ERROR_NOT_FOUND", "no sale runs"),
            };
            return (Doing::Answer(Line::saying(SOON, text)), "nothing to cancel".to_owned());
        };
        if sale.cancelling == Cancelling::Silent {
            return (Doing::Answer(Line::default()), "not answered".to_owned());
        }
        if sale.phase != Phase::Card {
            let text = said("NOT_ALLOWED", "TRANSACTION_CANNOT_BE_CANCELED_AT_THIS_STAGE");
            let line = Line::saying(SOON, text);
            return match sale.cancelling {
                Cancelling::Forgets => (Doing::Cancel(line), "not allowed, and forgotten".to_owned()),
                Cancelling::AsDocumented
                | Cancelling::Silent
                | Cancelling::Unfinished
                | Cancelling::OldWords => (Doing::Answer(line), "not allowed".to_owned()),
            };
        }
        let mut line = match edition {
            Edition::Since3028 => Line::saying(SOON, cancellation("CANCELLING")),
            Edition::Before3028 => Line::default(),
        };
        if sale.cancelling == Cancelling::Unfinished {
            return (Doing::Cancel(line), "cancelled, without saying so".to_owned());
        }
        if sale.cancelling == Cancelling::OldWords {
            line = line.say(SOON, progress("TRANSACTION_CANCELLED_BY_USER"));
        }
        let reader = Wait::World(Duration::from_millis(600));
        line = line.say(reader, said("CANCELLED", "TRANSACTION_CANCELLED_BY_USER"));
        (Doing::Cancel(line.then(Wait::NONE, Act::Reach(Phase::Over))), "cancelled".to_owned())
    }

    fn transactions(&self) -> String {
        fine(
            "RES_ON_TRANSACTION_LIST_RESPONSE",
            Object::new().array("transactions", self.books.transactions()),
        )
    }
}

/// What the host says: with the code that the amount asked for, where it did.
fn host_words(words: &str, amount: Major) -> String {
    match (amount.0 / 10_000, amount.0 % 1000) {
        (0, _) | (_, 0) => words.to_owned(),
        (_, code) => format!("{words} {code:03}"),
    }
}

fn settings() -> String {
    let settings = Object::new()
        .text("currencySymbol", "€")
        .text("currency", "EUR")
        .object("features", Object::new())
        .object("merchantDetails", Object::new().text("name", "Corner Shop"))
        .array("taxList", [])
        .array("tipList", []);
    fine("RES_ON_SETTINGS_RETRIEVED", Object::new().object("settings", settings))
}

fn device_connected() -> String {
    fine("RES_ON_DEVICE_CONNECTED", Object::new().text("deviceType", "Idtech").object("deviceInfo", device()))
}

fn device_info() -> String {
    fine("RES_ON_DEVICE_INFO_RETURNED", Object::new().object("deviceInfo", device()))
}

fn device() -> Object {
    Object::new()
        .text("serialNumber", "55X1")
        .text("kernelVersion", "1.0")
        .text("firmwareVersion", "1.0")
        .text("connectionType", "USB")
}

/// How soon the service answers what needs no host and no card.
const SOON: Wait = Wait::Device(Duration::from_millis(3));

#[cfg(test)]
mod tests {
    use super::super::super::calendar::ShopDay;
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
