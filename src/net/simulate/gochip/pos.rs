//! A virtual goChip POS without sockets: an errand becomes requests, a message becomes replies.
//!
//! It keeps the rules of `gochip.md`, section 4, but for the one its [`Habit`] breaks. Whether it waits,
//! and how a wait is spent, is the caller's business.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::chance::Chance;
use super::super::object::Object;
use super::super::pace::Wait;
use super::amount::Major;
use super::errand::{Ask, Meddling};
use super::habit::Habit;
use super::message::{Message, bare, request};

/// A virtual POS.
#[derive(Debug)]
pub struct Pos {
    habit: Habit,
    keys: Chance,
    /// The `uniqueRef` of the last sale it takes for approved.
    last_reference: Option<String>,
    current: Option<Current>,
    /// What it heard between errands: the service speaks first.
    unread: VecDeque<Message>,
}

#[derive(Debug)]
struct Current {
    ask: Ask,
    ending: Option<Ending>,
    cancel_sent: bool,
}

/// A text message to be sent after a wait.
pub(crate) type Reply = (Wait, String);

/// How an errand ended, as far as the POS can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was asked for was done.
    Done,
    /// The host approved so much.
    Approved(Option<Major>),
    /// The host did not approve: its code.
    NotApproved(String),
    /// The sale was cancelled.
    Cancelled,
    /// There was nothing to cancel.
    NothingToCancel,
    /// The reader gave up, with its reason.
    DeviceError(String),
    /// Nobody knows what became of the sale: the host could not be reached.
    CommError,
    /// The service refused the request, with its reason.
    Refused(String),
    /// The POS did not wait for the end.
    Abandoned,
    /// Nothing came although the POS waited long enough.
    Unanswered,
    /// The link went before the end was known.
    LinkLost,
}

impl Ending {
    /// Whether the POS knows what became of the errand.
    pub const fn is_known(&self) -> bool {
        match self {
            Self::Done
            | Self::Approved(_)
            | Self::NotApproved(_)
            | Self::Cancelled
            | Self::NothingToCancel
            | Self::DeviceError(_)
            | Self::Refused(_) => true,
            Self::CommError | Self::Abandoned | Self::Unanswered | Self::LinkLost => false,
        }
    }
}

impl Pos {
    /// A POS of that habit; only its handshakes depend on `seed`.
    pub const fn new(habit: Habit, seed: u64) -> Self {
        let keys = Chance::new(!seed);
        Self { habit, keys, last_reference: None, current: None, unread: VecDeque::new() }
    }

    /// The nonce of its next opening handshake.
    pub(crate) fn handshake_key(&mut self) -> [u8; 16] {
        std::array::from_fn(|_| u8::try_from(self.keys.below(256)).unwrap_or_default())
    }

    /// Whether it asks for the transactions after an errand that ended like this.
    pub(crate) fn enquires_after(&self, ending: &Ending) -> bool {
        match ending {
            Ending::CommError => self.habit != Habit::SkipsEnquiry,
            Ending::Done
            | Ending::Approved(_)
            | Ending::NotApproved(_)
            | Ending::Cancelled
            | Ending::NothingToCancel
            | Ending::DeviceError(_)
            | Ending::Refused(_)
            | Ending::Abandoned
            | Ending::Unanswered
            | Ending::LinkLost => false,
        }
    }

    /// Begins an errand: gives its requests.
    pub(crate) fn begin(&mut self, ask: Ask) -> Vec<Reply> {
        self.current = Some(Current { ask, ending: None, cancel_sent: false });
        match ask {
            Ask::StartUp => {
                let heard = std::mem::take(&mut self.unread);
                heard.into_iter().flat_map(|message| self.hear(&message)).collect()
            }
            Ask::Sale { amount, .. } => {
                let sale = (Wait::NONE, self.sale(amount));
                match self.habit {
                    Habit::SecondSale => vec![sale.clone(), (Wait::World(Duration::from_secs(1)), sale.1)],
                    Habit::Good
                    | Habit::ProgressIsFinal
                    | Habit::StripsZeros
                    | Habit::SkipsDevice
                    | Habit::ForgetsCancel
                    | Habit::NeverSigns
                    | Habit::SkipsEnquiry
                    | Habit::RefundsDeclined
                    | Habit::CapitalType
                    | Habit::RestartsService => vec![sale],
                }
            }
            Ask::Refund { amount } => {
                // Nothing was approved yet: a reference of no sale, which is what the POS then has.
                let reference = self.last_reference.as_deref().unwrap_or("NONE");
                let data = Object::new()
                    .text("uniqueRef", reference)
                    .text("amount", &amount.to_string())
                    .text("reason", "returned");
                vec![(Wait::NONE, request("REQ_PROCESS_REFUND", data))]
            }
            Ask::CancelNothing => vec![(Wait::NONE, bare("REQ_CANCEL_TRANSACTION"))],
            Ask::Enquiry => vec![(Wait::NONE, request("REQ_GET_TRANSACTIONS", Object::new()))],
            Ask::DeviceInfo => vec![(Wait::NONE, bare("REQ_GET_DEVICE_INFO"))],
        }
    }

    /// A text message came: what to send, in order.
    pub(crate) fn receive(&mut self, text: &str) -> Vec<Reply> {
        let Some(message) = Message::parse(text) else { return Vec::new() };
        if self.current.is_none() {
            self.unread.push_back(message);
            return Vec::new();
        }
        self.hear(&message)
    }

    /// How the current errand ended; `None` while it has not.
    pub(crate) fn ending(&self) -> Option<&Ending> {
        self.current.as_ref()?.ending.as_ref()
    }

    fn hear(&mut self, message: &Message) -> Vec<Reply> {
        match message.kind.as_str() {
            "RES_ON_WS_INIT_REQUIRED" => {
                let data = Object::new().text("mode", "TEST").text("logLevel", "LEVEL_FULL");
                vec![(SOON, request("REQ_WS_INIT", data))]
            }
            "RES_ON_WS_INIT" => {
                let key = request("REQ_SET_API_KEY", Object::new().text("key", "demo-key"));
                let terminal = Object::new().text("terminalId", "900100");
                vec![(SOON, key), (SOON, request("REQ_INIT_WITH_CONFIGURATION", terminal))]
            }
            "RES_ON_SETTINGS_RETRIEVED" => self.configured(),
            "RES_ON_DEVICE_CONNECTED" => self.end_of(Asked::StartUp, Ending::Done),
            "RES_ON_DEVICE_INFO_RETURNED" => self.end_of(Asked::Question, Ending::Done),
            "RES_ON_TRANSACTION_LIST_RESPONSE" => self.end_of(Asked::Question, Ending::Done),
            "RES_ON_MESSAGE" => self.progress(message.text(&["message"]).unwrap_or_default()),
            "RES_ON_SELECT_APPLICATION" => {
                let data = Object::new().number("index", 0);
                vec![(PEOPLE, request("REQ_SUBMIT_APPLICATION", data))]
            }
            "RES_ON_SIGNATURE_REQUIRED" if self.habit == Habit::NeverSigns => Vec::new(),
            "RES_ON_SIGNATURE_REQUIRED" => {
                let data = Object::new().text("signatureData", "[[1,1],[2,2]]");
                vec![(PEOPLE, request("REQ_SUBMIT_SIGNATURE", data))]
            }
            "RES_ON_SALE_RESPONSE" => self.sold(message),
            "RES_ON_REFUND_RESPONSE" => {
                let approved = message.text(&["refundResponse", "code"]) == Some("A");
                let code = message.text(&["refundResponse", "code"]).unwrap_or("none");
                let ending =
                    if approved { Ending::Approved(None) } else { Ending::NotApproved(presentable(code)) };
                self.end_of(Asked::Refund, ending)
            }
            "RES_ON_CANCEL_TRANSACTION_ATTEMPT" => match message.text(&["cancellationStatus"]) {
                Some("CANCELLED") => self.end_of(Asked::Sale, Ending::Cancelled),
                Some("NOTHING_TO_CANCEL") => self.end_of(Asked::Any, Ending::NothingToCancel),
                Some(_) | None => Vec::new(),
            },
            "RES_ON_DEVICE_ERROR" => {
                let error = presentable(message.text(&["deviceError"]).unwrap_or("no reason given"));
                self.end_of(Asked::Sale, Ending::DeviceError(error))
            }
            "RES_ON_TRANSACTION_COMM_ERROR" => self.end_of(Asked::Sale, Ending::CommError),
            "RES_ON_ERROR" | "RES_ON_WS_ERROR" => self.refused(message),
            _ => Vec::new(),
        }
    }

    fn configured(&mut self) -> Vec<Reply> {
        if self.habit == Habit::SkipsDevice {
            return self.end_of(Asked::StartUp, Ending::Done);
        }
        let data = Object::new()
            .text("device", "IDTECH")
            .text("connectionType", "USB")
            .text("inputMethod", "INSERT_OR_TAP")
            .text("emvType", "STANDARD");
        vec![(SOON, request("REQ_INIT_DEVICE", data))]
    }

    fn progress(&mut self, text: &str) -> Vec<Reply> {
        match (text, self.meddling()) {
            ("PLEASE_WAIT", Some(Meddling::CancelsEarly)) | ("GOING_ONLINE", Some(Meddling::CancelsLate)) => {
                self.cancel()
            }
            ("GOING_ONLINE", Some(_)) if self.habit == Habit::ProgressIsFinal => {
                self.end_of(Asked::Sale, Ending::Abandoned)
            }
            // Before 3.0.28 this is how a cancellation was told.
            ("TRANSACTION_CANCELLED_BY_USER", Some(_)) if self.cancel_alone_tells() => {
                self.end_of(Asked::Sale, Ending::Cancelled)
            }
            _ => Vec::new(),
        }
    }

    fn cancel(&mut self) -> Vec<Reply> {
        let Some(current) = self.current.as_mut() else { return Vec::new() };
        current.cancel_sent = true;
        match self.habit {
            Habit::RestartsService => {
                current.ending = Some(Ending::Abandoned);
                vec![(PEOPLE, bare("REQ_WS_RESTART"))]
            }
            Habit::ForgetsCancel => {
                current.ending = Some(Ending::Abandoned);
                vec![(PEOPLE, bare("REQ_CANCEL_TRANSACTION"))]
            }
            Habit::Good
            | Habit::SecondSale
            | Habit::ProgressIsFinal
            | Habit::StripsZeros
            | Habit::SkipsDevice
            | Habit::NeverSigns
            | Habit::SkipsEnquiry
            | Habit::RefundsDeclined
            | Habit::CapitalType => vec![(PEOPLE, bare("REQ_CANCEL_TRANSACTION"))],
        }
    }

    fn sold(&mut self, message: &Message) -> Vec<Reply> {
        let code = message.text(&["saleResponse", "code"]).unwrap_or("none");
        let approved = code == "A";
        let ending = if approved {
            Ending::Approved(message.amount(&["saleResponse", "authorizedAmount"]))
        } else {
            Ending::NotApproved(presentable(code))
        };
        if (approved || self.habit == Habit::RefundsDeclined)
            && let Some(reference) = message.text(&["saleResponse", "uniqueRef"])
        {
            self.last_reference = Some(reference.to_owned());
        }
        self.end_of(Asked::Sale, ending)
    }

    fn refused(&mut self, message: &Message) -> Vec<Reply> {
        let error = message.text(&["error"]).unwrap_or("no reason given");
        let of_sale = message.source.as_deref() == Some("REQ_PROCESS_SALE");
        match (of_sale, error) {
            // The second sale was refused; the first one runs.
            (true, "ERROR_BUSY") if self.habit == Habit::SecondSale => Vec::new(),
            // Before 3.0.28 this is how a communication error was told.
            (true, "ERROR_TIMEOUT" | "ERROR_NETWORK") => self.end_of(Asked::Sale, Ending::CommError),
            _ => self.end_of(Asked::Any, Ending::Refused(presentable(error))),
        }
    }

    fn end_of(&mut self, asked: Asked, ending: Ending) -> Vec<Reply> {
        let fits = |ask: &Ask| match ask {
            Ask::StartUp => matches!(asked, Asked::StartUp | Asked::Any),
            Ask::Sale { .. } => matches!(asked, Asked::Sale | Asked::Any),
            Ask::Refund { .. } => matches!(asked, Asked::Refund | Asked::Any),
            Ask::CancelNothing => asked == Asked::Any,
            Ask::Enquiry | Ask::DeviceInfo => matches!(asked, Asked::Question | Asked::Any),
        };
        if let Some(current) = self.current.as_mut().filter(|current| fits(&current.ask)) {
            current.ending.get_or_insert(ending);
        }
        Vec::new()
    }

    fn sale(&self, amount: Major) -> String {
        let spelled =
            if self.habit == Habit::StripsZeros { amount.zero_stripped() } else { amount.to_string() };
        let data = Object::new().text("amount", &spelled);
        match self.habit {
            Habit::CapitalType => {
                Object::new().text("Type", "REQ_PROCESS_SALE").object("data", data).finish()
            }
            Habit::Good
            | Habit::SecondSale
            | Habit::ProgressIsFinal
            | Habit::StripsZeros
            | Habit::SkipsDevice
            | Habit::ForgetsCancel
            | Habit::NeverSigns
            | Habit::SkipsEnquiry
            | Habit::RefundsDeclined
            | Habit::RestartsService => request("REQ_PROCESS_SALE", data),
        }
    }

    fn meddling(&self) -> Option<Meddling> {
        match self.current.as_ref()?.ask {
            Ask::Sale { meddling, .. } => Some(meddling),
            Ask::StartUp | Ask::Refund { .. } | Ask::CancelNothing | Ask::Enquiry | Ask::DeviceInfo => None,
        }
    }

    /// Whether the POS asked to cancel, and a progress text may be all the answer it gets.
    fn cancel_alone_tells(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.cancel_sent)
    }
}

/// Which errand a message may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    StartUp,
    Sale,
    Refund,
    Question,
    Any,
}

/// A peer's word as it may be shown: short, printable, and never as many digits as a card has.
fn presentable(text: &str) -> String {
    if text.chars().filter(char::is_ascii_digit).count() >= 12 {
        return "(withheld)".to_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// How soon a POS answers what needs no people.
const SOON: Wait = Wait::Device(Duration::from_millis(3));
/// How soon cashier or cardholder do.
const PEOPLE: Wait = Wait::World(Duration::from_secs(2));

#[cfg(test)]
mod tests {
    use super::*;

    fn said(replies: &[Reply]) -> Vec<&str> {
        replies.iter().map(|(_, text)| text.as_str()).collect()
    }

    fn progress(text: &str) -> String {
        super::super::message::progress(text)
    }

    #[test]
    fn the_start_up_follows_what_the_service_says() {
        let mut pos = Pos::new(Habit::Good, 1);
        assert_eq!(pos.receive(r#"{"type":"RES_ON_WS_INIT_REQUIRED"}"#), []);
        let first = pos.begin(Ask::StartUp);
        assert!(said(&first)[0].contains("REQ_WS_INIT"), "what came before the errand counts");
        assert_eq!(pos.receive(r#"{"type":"RES_ON_WS_INIT"}"#).len(), 2);
        assert!(said(&pos.receive(r#"{"type":"RES_ON_SETTINGS_RETRIEVED"}"#))[0].contains("REQ_INIT_DEVICE"));
        assert_eq!(pos.ending(), None);
        pos.receive(r#"{"type":"RES_ON_DEVICE_CONNECTED"}"#);
        assert_eq!(pos.ending(), Some(&Ending::Done));
    }

    #[test]
    fn progress_ends_a_sale_only_where_the_habit_says_so() {
        for (habit, ending) in [(Habit::Good, None), (Habit::ProgressIsFinal, Some(&Ending::Abandoned))] {
            let mut pos = Pos::new(habit, 1);
            pos.begin(Ask::sale(840));
            assert_eq!(pos.receive(&progress("GOING_ONLINE")), []);
            assert_eq!(pos.ending(), ending);
        }
    }

    #[test]
    fn only_code_a_is_an_approval() {
        for (code, known) in
            [("A", Ending::Approved(Some(Major(840)))), ("D", Ending::NotApproved("D".into()))]
        {
            let mut pos = Pos::new(Habit::Good, 1);
            pos.begin(Ask::sale(840));
            pos.receive(&format!(
                r#"{{"type":"RES_ON_SALE_RESPONSE","data":{{"saleResponse":{{"code":"{code}","authorizedAmount":8.4}}}}}}"#
            ));
            assert_eq!(pos.ending(), Some(&known));
        }
    }

    #[test]
    fn habits_show_in_what_is_sent() {
        let sale = |habit| Pos::new(habit, 1).begin(Ask::sale(505));
        assert_eq!(said(&sale(Habit::Good)), [r#"{"type":"REQ_PROCESS_SALE","data":{"amount":"5.05"}}"#]);
        assert!(said(&sale(Habit::StripsZeros))[0].contains(r#""amount":"5.5""#));
        assert!(said(&sale(Habit::CapitalType))[0].starts_with(r#"{"Type""#));
        assert_eq!(sale(Habit::SecondSale).len(), 2);
        let cancels = |habit| {
            let mut pos = Pos::new(habit, 1);
            pos.begin(Ask::cancelled(1224, Meddling::CancelsEarly));
            let replies = pos.receive(&progress("PLEASE_WAIT"));
            (replies[0].1.clone(), pos.ending().cloned())
        };
        assert_eq!(cancels(Habit::Good), (r#"{"type":"REQ_CANCEL_TRANSACTION"}"#.into(), None));
        assert_eq!(cancels(Habit::ForgetsCancel).1, Some(Ending::Abandoned));
        assert!(cancels(Habit::RestartsService).0.contains("REQ_WS_RESTART"));
    }
}
