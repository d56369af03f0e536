//! A virtual goChip POS without sockets: an errand becomes requests, a message becomes replies.
//!
//! It keeps the rules of `gochip.md`, section 4, but for the one its [`Habit`] breaks. Whether it waits,
//! and how a wait is spent, is the caller's business.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::chance::Chance;
use super::super::pace::Wait;
use super::amount::Major;
use super::edition::Edition;
use super::ending::Ending;
use super::errand::{Ask, Emv, Meddling};
use super::habit::Habit;
use super::message::{Message, bare};
use super::requests;

/// A virtual POS.
#[derive(Debug)]
pub struct Pos {
    habit: Habit,
    edition: Edition,
    keys: Chance,
    /// The `uniqueRef` of the last sale it takes for approved.
    last_reference: Option<String>,
    /// The sale of which nobody knows what became.
    unsettled: Option<Major>,
    /// The `uniqueRef` of a sale that the host has and the customer does not.
    to_reverse: Option<String>,
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

impl Pos {
    /// A POS of that habit, written for that edition; only its handshakes depend on `seed`.
    pub const fn new(habit: Habit, edition: Edition, seed: u64) -> Self {
        Self {
            habit,
            edition,
            keys: Chance::new(!seed),
            last_reference: None,
            unsettled: None,
            to_reverse: None,
            current: None,
            unread: VecDeque::new(),
        }
    }

    /// The nonce of its next opening handshake.
    pub(crate) fn handshake_key(&mut self) -> [u8; 16] {
        std::array::from_fn(|_| u8::try_from(self.keys.below(256)).unwrap_or_default())
    }

    /// What it adds to its errands after one that ended: it finds out what became of a sale, takes back
    /// what nobody got, looks how a switch stands that could not be set, and starts up a service it restarted.
    pub(crate) fn adds_after(&self, ask: Ask, ending: &Ending) -> Option<Ask> {
        match (ask, ending) {
            (_, Ending::CommError) if self.habit != Habit::SkipsEnquiry => Some(Ask::Enquiry),
            (Ask::Enquiry, Ending::Done) if self.to_reverse.is_some() => Some(Ask::Reversal),
            (Ask::Polling { .. }, Ending::Refused(_)) => Some(Ask::PollingState),
            (Ask::Sale { .. }, Ending::Abandoned) if self.habit == Habit::RestartsService => {
                Some(Ask::START_UP)
            }
            _ => None,
        }
    }

    /// Begins an errand: gives its requests.
    pub(crate) fn begin(&mut self, ask: Ask) -> Vec<Reply> {
        self.current = Some(Current { ask, ending: None, cancel_sent: false });
        let text = match ask {
            Ask::StartUp { .. } => {
                let heard = std::mem::take(&mut self.unread);
                return heard.into_iter().flat_map(|message| self.hear(&message)).collect();
            }
            Ask::Sale { amount, .. } => {
                let sale = requests::sale(amount, self.habit);
                if self.habit == Habit::SecondSale {
                    return vec![(Wait::NONE, sale.clone()), (Wait::World(Duration::from_secs(1)), sale)];
                }
                sale
            }
            Ask::Polling { on: true } if self.habit == Habit::SellsWhilePolling => {
                let sale = requests::sale(Major(840), self.habit);
                return vec![
                    (Wait::NONE, requests::polling(true)),
                    (Wait::World(Duration::from_secs(2)), sale),
                ];
            }
            Ask::Polling { on } => requests::polling(on),
            Ask::PollingState => bare("REQ_GET_POLLING_ENABLED"),
            // Somebody presents a card; the POS asks for nothing.
            Ask::PolledSale { .. } => return Vec::new(),
            // Nothing was approved yet: a reference of no sale, which is what the POS then has.
            Ask::Refund { amount } => {
                requests::refund(self.last_reference.as_deref().unwrap_or("NONE"), amount)
            }
            Ask::KeyedRefund { amount } => requests::keyed_refund(amount),
            Ask::Reversal => requests::reversal(&self.to_reverse.take().unwrap_or_default()),
            Ask::CancelNothing => bare("REQ_CANCEL_TRANSACTION"),
            Ask::Enquiry => requests::enquiry(),
            Ask::DeviceInfo => bare("REQ_GET_DEVICE_INFO"),
            Ask::Token => requests::token(match self.habit {
                Habit::OldNames => Edition::Before3028,
                _ => self.edition,
            }),
        };
        vec![(Wait::NONE, text)]
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
            "RES_ON_WS_INIT_REQUIRED" => return vec![(SOON, requests::ws_init())],
            "RES_ON_WS_INIT" => {
                return vec![(SOON, requests::api_key()), (SOON, requests::configuration())];
            }
            "RES_ON_SETTINGS_RETRIEVED" => return self.configured(),
            "RES_ON_DEVICE_CONNECTED" => self.end_of(Asked::StartUp, Ending::Done),
            "RES_ON_DEVICE_INFO_RETURNED"
            | "RES_ON_SECURE_TOKEN_RESPONSE"
            | "RES_ON_SECURE_CARD_RESPONSE"
            | "RES_ON_SET_POLLING_ENABLED"
            | "RES_ON_GET_POLLING_ENABLED" => self.end_of(Asked::Question, Ending::Done),
            "RES_ON_TRANSACTION_LIST_RESPONSE" => self.found_out(message),
            "RES_ON_MESSAGE" => return self.progress(message.text(&["message"]).unwrap_or_default()),
            "RES_ON_SELECT_APPLICATION" => return vec![(PEOPLE, requests::application(0))],
            "RES_ON_SIGNATURE_REQUIRED" if self.habit == Habit::NeverSigns => {}
            "RES_ON_SIGNATURE_REQUIRED" => return vec![(PEOPLE, requests::signature())],
            "RES_ON_REQUEST_SET_AMOUNT" => {
                return self
                    .polled_amount()
                    .map(|amount| (PEOPLE, requests::amount(amount)))
                    .into_iter()
                    .collect();
            }
            "RES_ON_SALE_RESPONSE" => self.sold(message),
            "RES_ON_REFUND_RESPONSE" => self.refunded(message),
            "RES_ON_REVERSAL_RETRIEVED" => self.end_of(Asked::Reversal, Ending::Reversed),
            "RES_ON_CANCEL_TRANSACTION_ATTEMPT" => match message.text(&["cancellationStatus"]) {
                Some("CANCELLED") => self.end_of(Asked::Sale, Ending::Cancelled),
                Some("NOTHING_TO_CANCEL") => self.end_of(Asked::Any, Ending::NothingToCancel),
                Some(_) | None => {}
            },
            "RES_ON_DEVICE_ERROR" => {
                let error = presentable(message.text(&["deviceError"]).unwrap_or("no reason given"));
                self.end_of(Asked::Sale, Ending::DeviceError(error));
            }
            "RES_ON_TRANSACTION_COMM_ERROR" => self.lost(),
            "RES_ON_ERROR" | "RES_ON_WS_ERROR" => self.refused(message),
            _ => {}
        }
        Vec::new()
    }

    fn configured(&mut self) -> Vec<Reply> {
        if self.habit == Habit::SkipsDevice {
            self.end_of(Asked::StartUp, Ending::Done);
            return Vec::new();
        }
        let emv = match self.current.as_ref().map(|current| current.ask) {
            Some(Ask::StartUp { emv }) => emv,
            _ => Emv::Standard,
        };
        vec![(SOON, requests::init_device(emv))]
    }

    fn progress(&mut self, text: &str) -> Vec<Reply> {
        match (text, self.meddling()) {
            ("PLEASE_WAIT", Some(Meddling::CancelsEarly)) | ("GOING_ONLINE", Some(Meddling::CancelsLate)) => {
                return self.cancel();
            }
            ("GOING_ONLINE", Some(_)) if self.habit == Habit::ProgressIsFinal => {
                self.end_of(Asked::Sale, Ending::Abandoned);
            }
            // Before 3.0.28 this is how a cancellation was told.
            ("TRANSACTION_CANCELLED_BY_USER", Some(_)) if self.cancel_alone_tells() => {
                self.end_of(Asked::Sale, Ending::Cancelled);
            }
            _ => {}
        }
        Vec::new()
    }

    fn cancel(&mut self) -> Vec<Reply> {
        let Some(current) = self.current.as_mut() else { return Vec::new() };
        current.cancel_sent = true;
        if matches!(self.habit, Habit::RestartsService | Habit::ForgetsCancel) {
            current.ending = Some(Ending::Abandoned);
        }
        let restarts = self.habit == Habit::RestartsService;
        vec![(PEOPLE, bare(if restarts { "REQ_WS_RESTART" } else { "REQ_CANCEL_TRANSACTION" }))]
    }

    fn sold(&mut self, message: &Message) {
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
        self.end_of(Asked::Sale, ending);
    }

    /// The answer to a refund: one that was made, or a reversal in its place, told by a sale response.
    fn refunded(&mut self, message: &Message) {
        let ending =
            match (message.text(&["refundResponse", "code"]), message.text(&["saleResponse", "code"])) {
                (Some("A"), _) => Ending::Approved(None),
                (None, Some("A")) => Ending::Reversed,
                (code, other) => Ending::NotApproved(presentable(code.or(other).unwrap_or("none"))),
            };
        self.end_of(Asked::Refund, ending);
    }

    /// A sale went online and nobody knows what became of it.
    fn lost(&mut self) {
        self.unsettled = match self.current.as_ref().map(|current| current.ask) {
            Some(Ask::Sale { amount, .. } | Ask::PolledSale { amount }) => Some(amount),
            _ => None,
        };
        self.end_of(Asked::Sale, Ending::CommError);
    }

    /// The list of transactions: whether the sale of which nobody knew is the latest of them.
    fn found_out(&mut self, message: &Message) {
        if let Some(amount) = self.unsettled.take() {
            let latest = ["transactions", "0"];
            let text = |key: &str| message.text(&[latest[0], latest[1], key]);
            let is_it = text("transactionType") == Some("SALE")
                && text("code") == Some("A")
                && message.amount(&[latest[0], latest[1], "amount"]) == Some(amount)
                && text("uniqueRef") != self.last_reference.as_deref();
            self.to_reverse = text("uniqueRef").filter(|_| is_it).map(str::to_owned);
        }
        self.end_of(Asked::Question, Ending::Done);
    }

    fn refused(&mut self, message: &Message) {
        let error = message.text(&["error"]).unwrap_or("no reason given");
        let of_sale = message.source.as_deref() == Some("REQ_PROCESS_SALE");
        match (of_sale, error) {
            // The second sale was refused; the first one runs.
            (true, "ERROR_BUSY") if self.habit == Habit::SecondSale => {}
            // Before 3.0.28 this is how a communication error was told.
            (true, "ERROR_TIMEOUT" | "ERROR_NETWORK") => self.lost(),
            _ => self.end_of(Asked::Any, Ending::Refused(presentable(error))),
        }
    }

    fn end_of(&mut self, asked: Asked, ending: Ending) {
        let fits = |ask: &Ask| {
            asked == Asked::Any
                || match ask {
                    Ask::StartUp { .. } => asked == Asked::StartUp,
                    Ask::Sale { .. } | Ask::PolledSale { .. } => asked == Asked::Sale,
                    Ask::Refund { .. } | Ask::KeyedRefund { .. } => asked == Asked::Refund,
                    Ask::Reversal => asked == Asked::Reversal,
                    Ask::CancelNothing => false,
                    Ask::Enquiry | Ask::DeviceInfo | Ask::Token | Ask::Polling { .. } | Ask::PollingState => {
                        asked == Asked::Question
                    }
                }
        };
        if let Some(current) = self.current.as_mut().filter(|current| fits(&current.ask)) {
            current.ending.get_or_insert(ending);
        }
    }

    fn meddling(&self) -> Option<Meddling> {
        match self.current.as_ref()?.ask {
            Ask::Sale { meddling, .. } => Some(meddling),
            _ => None,
        }
    }

    /// What the customer at a listening reader owes.
    fn polled_amount(&self) -> Option<Major> {
        match self.current.as_ref()?.ask {
            Ask::PolledSale { amount } => Some(amount),
            _ => None,
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
    Reversal,
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
        let mut pos = Pos::new(Habit::Good, Edition::Since3028, 1);
        assert_eq!(pos.receive(r#"{"type":"RES_ON_WS_INIT_REQUIRED"}"#), []);
        let first = pos.begin(Ask::START_UP);
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
            let mut pos = Pos::new(habit, Edition::Since3028, 1);
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
            let mut pos = Pos::new(Habit::Good, Edition::Since3028, 1);
            pos.begin(Ask::sale(840));
            pos.receive(&format!(
                r#"{{"type":"RES_ON_SALE_RESPONSE","data":{{"saleResponse":{{"code":"{code}","authorizedAmount":8.4}}}}}}"#
            ));
            assert_eq!(pos.ending(), Some(&known));
        }
    }

    #[test]
    fn habits_show_in_what_is_sent() {
        let sale = |habit| Pos::new(habit, Edition::Since3028, 1).begin(Ask::sale(505));
        assert_eq!(said(&sale(Habit::Good)), [r#"{"type":"REQ_PROCESS_SALE","data":{"amount":"5.05"}}"#]);
        assert!(said(&sale(Habit::StripsZeros))[0].contains(r#""amount":"5.5""#));
        assert!(said(&sale(Habit::CapitalType))[0].starts_with(r#"{"Type""#));
        assert_eq!(sale(Habit::SecondSale).len(), 2);
        let cancels = |habit| {
            let mut pos = Pos::new(habit, Edition::Since3028, 1);
            pos.begin(Ask::cancelled(1224, Meddling::CancelsEarly));
            let replies = pos.receive(&progress("PLEASE_WAIT"));
            (replies[0].1.clone(), pos.ending().cloned())
        };
        assert_eq!(cancels(Habit::Good), (r#"{"type":"REQ_CANCEL_TRANSACTION"}"#.into(), None));
        assert_eq!(cancels(Habit::ForgetsCancel).1, Some(Ending::Abandoned));
        assert!(cancels(Habit::RestartsService).0.contains("REQ_WS_RESTART"));
    }
}
