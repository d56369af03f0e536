//! A small POS in Rust for terminals that speak TSI over WebSocket, and its tests: none of them needs a terminal.
//!
//! ```sh
//! cargo run --example rust_pos     # a sale before the simulated terminal
//! cargo test --example rust_pos    # the tests, against terminals made of cassettes
//! ```
//!
//! In a project of your own, `Cargo.toml` has
//!
//! ```toml
//! [dev-dependencies]
//! insta = "1"
//! rstest = "0.26"
//! tilltape = { version = "0.1", default-features = false, features = ["testing"] }
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program of its own, with sockets and a clock"
)]

use std::collections::HashSet;
use std::fmt;
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket, connect};

/// A POS for the terminal at `url`: `ws://192.168.1.50:50000`.
struct Pos {
    url: String,
    /// How long the terminal has to say how a transaction ended.
    card_time: Duration,
    /// The reference of the last transaction whose end was seen; one in a shop keeps it over a restart.
    last_reference: Option<String>,
    /// A terminal is never given the same id twice.
    flow_ids: HashSet<u32>,
}

/// What the cashier is told.
#[derive(Debug, PartialEq)]
enum Receipt {
    Approved {
        cents: u64,
        reference: String,
    },
    Declined {
        why: String,
    },
    /// The terminal did not begin.
    Refused {
        why: String,
    },
    /// Nobody can say whether money moved: look at the terminal.
    Unknown {
        why: String,
    },
}

/// Why a transaction has no result.
enum Failure {
    /// Nothing happened.
    Refused(String),
    /// The end was not seen.
    NotSeen(String),
}

const RECALL: &str = "recall_last_transaction";
const ANSWER_TIME: Duration = Duration::from_secs(5);

impl Pos {
    fn new(url: &str) -> Self {
        let (card_time, last_reference, flow_ids) = (Duration::from_secs(60), None, HashSet::new());
        Self { url: url.to_owned(), card_time, last_reference, flow_ids }
    }

    /// Sells for an amount in cents.
    fn sale(&mut self, amount: u64, tip: Option<u64>) -> Receipt {
        let mut request = json!({"type": "sale", "amount": amount, "tender_type": "credit"});
        if let Some(tip) = tip {
            request["tip_amount"] = tip.into();
        }
        self.pay(&request)
    }

    /// Takes back a transaction of this batch.
    fn void(&mut self, reference: &str) -> Receipt {
        self.pay(&json!({"type": "void", "reference_no": reference}))
    }

    fn pay(&mut self, request: &Value) -> Receipt {
        match self.transact(request) {
            Ok(result) => self.receipt(&result),
            Err(Failure::Refused(why)) => Receipt::Refused { why },
            Err(Failure::NotSeen(why)) => self.recover(request, &why),
        }
    }

    /// A transaction whose end was not seen is asked for, never tried again. A terminal that still works on it says
    /// that it is busy; one that answers has nothing more to come.
    fn recover(&mut self, request: &Value, why: &str) -> Receipt {
        let unknown =
            |said: &str| Receipt::Unknown { why: format!("{why}; asked for the last transaction: {said}") };
        let last = match self.transact(&json!({ "type": RECALL })) {
            Ok(last) => last,
            Err(Failure::Refused(said) | Failure::NotSeen(said)) => return unknown(&said),
        };
        let status = last["status"].as_str().unwrap_or_default();
        if self.is_that_of(&last, request) {
            self.receipt(&last)
        } else if last["type"] == RECALL && status != "transaction_record_not_found" {
            // An answer that is no transaction says nothing about one.
            unknown(status)
        } else {
            Receipt::Declined { why: "the terminal has not taken it".into() }
        }
    }

    /// Whether the last transaction of the terminal is the one that was asked for, and not one before it.
    fn is_that_of(&self, last: &Value, request: &Value) -> bool {
        if last["type"] != request["type"] {
            return false;
        }
        if request["type"] == "void" {
            return last["reference_no"] == request["reference_no"];
        }
        last["transaction_amount"].as_str() == Some(&request["amount"].to_string())
            && last["reference_no"].as_str() != self.last_reference.as_deref()
    }

    fn receipt(&mut self, result: &Value) -> Receipt {
        let text = |name: &str| result[name].as_str().map(str::to_owned);
        self.last_reference = text("reference_no").or(self.last_reference.take());
        // `completed` only says that the transaction is over: whether it was approved stands in the result.
        if result["status"] != "approved" {
            let why = text("host_response_text").or(text("status")).unwrap_or_default();
            return Receipt::Declined { why };
        }
        let cents = text("total_amount").and_then(|total| total.parse().ok()).unwrap_or_default();
        Receipt::Approved { cents, reference: text("reference_no").unwrap_or_default() }
    }

    /// Sends one request and stays until the terminal has said how it ended.
    fn transact(&mut self, resource: &Value) -> Result<Value, Failure> {
        // Where nothing was sent, nothing was charged.
        let opened = connect(format!("{}/tsi/v1/payment", self.url));
        let (mut link, _) = opened.map_err(|error| Failure::Refused(format!("no connection: {error}")))?;
        let result = self.converse(&mut link, resource);
        let done = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if link.close(Some(done)).is_ok() {
            limit(&link, Duration::from_secs(1));
            while link.read().is_ok() {}
        }
        result
    }

    fn converse(&mut self, link: &mut Link, resource: &Value) -> Result<Value, Failure> {
        let flow_id = self.flow_id();
        send(link, &json!({"request": {"flow_id": flow_id, "resource": resource}}))?;
        limit(link, ANSWER_TIME);
        let answer = next(link, "response", &flow_id)?;
        if answer["status"] != "started" {
            let why = answer["error_info"]["text"].as_str().or(answer["status"].as_str());
            return Err(Failure::Refused(why.unwrap_or("no reason given").to_owned()));
        }
        limit(link, self.card_time);
        loop {
            let event = next(link, "event", &flow_id)?;
            send(link, &json!({"event_ack": {"flow_id": flow_id, "resource": {"status": "ok"}}}))?;
            match event["status"].as_str() {
                Some("completed") if event["results"][0].is_object() => {
                    return Ok(event["results"][0].clone());
                }
                Some("completed") => return Err(Failure::NotSeen("the terminal gave no result".into())),
                Some("error") => {
                    let why = event["error_info"]["text"].as_str().unwrap_or("error");
                    return Ok(json!({"type": resource["type"], "status": why}));
                }
                _ => {}
            }
        }
    }

    fn flow_id(&mut self) -> String {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut id = 100_000 + since_1970.subsec_nanos() % 900_000;
        while !self.flow_ids.insert(id) {
            id = 100_000 + (id - 100_000 + 1) % 900_000;
        }
        id.to_string()
    }
}

type Link = WebSocket<MaybeTlsStream<TcpStream>>;

fn send(link: &mut Link, message: &Value) -> Result<(), Failure> {
    link.send(Message::text(message.to_string())).map_err(lost)
}

/// The body of the next message of that kind and flow; others are left aside.
fn next(link: &mut Link, kind: &str, flow_id: &str) -> Result<Value, Failure> {
    loop {
        let message = link.read().map_err(lost)?;
        let Ok(text) = message.to_text() else { continue };
        let mut message: Value = serde_json::from_str(text).unwrap_or_default();
        if message[kind]["flow_id"] == flow_id {
            return Ok(message[kind]["resource"].take());
        }
    }
}

fn lost(error: tungstenite::Error) -> Failure {
    let late = |error: &std::io::Error| {
        matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
    };
    Failure::NotSeen(match error {
        tungstenite::Error::Io(error) if late(&error) => "the terminal did not answer in time".into(),
        _ => "the link was lost".into(),
    })
}

/// How long the terminal may be silent.
fn limit(link: &Link, time: Duration) {
    if let MaybeTlsStream::Plain(socket) = link.get_ref() {
        // A socket that is gone says so at the next read.
        let _ = socket.set_read_timeout(Some(time));
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approved { cents, reference } => {
                write!(f, "approved: {}.{:02}, reference {reference}", cents / 100, cents % 100)
            }
            Self::Declined { why } => write!(f, "declined: {why}"),
            Self::Refused { why } => write!(f, "refused: {why}"),
            Self::Unknown { why } => write!(f, "unknown, look at the terminal: {why}"),
        }
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let terminal = tilltape::testing::simulated_terminal(tilltape::testing::Protocol::Tsi).start()?;
    let mut pos = Pos::new(terminal.url());
    println!("{}", pos.sale(2350, Some(300)));
    println!("{}", pos.sale(4561, None));
    println!("{}", pos.void("9001"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::{fixture, rstest};
    use tilltape::testing::{self, Protocol, Running, Unknown};

    use super::*;

    /// A terminal made of the cassette of that name; the POS is judged by the rules of the protocol, too.
    #[fixture]
    fn terminal(#[default("sale-approved")] cassette: &str) -> Running {
        let path = format!("{}/cassettes/bluechip-tsi/{cassette}.cassette.jsonl", env!("CARGO_MANIFEST_DIR"));
        testing::terminal(path).checked().start().unwrap()
    }

    #[rstest]
    fn a_sale_with_a_tip_is_approved(terminal: Running) {
        let receipt = Pos::new(terminal.url()).sale(2350, Some(300));
        assert_eq!(receipt, Receipt::Approved { cents: 2650, reference: "58".into() });
        let run = terminal.verdict().unwrap();
        run.assert_green();
        // What passed, without times and with aliases: `cargo insta review` shows it as a conversation.
        insta::assert_snapshot!(run.transcript());
    }

    #[rstest]
    fn a_decline_is_no_sale(#[with("sale-declined")] terminal: Running) {
        let receipt = Pos::new(terminal.url()).sale(4561, None);
        assert_eq!(receipt, Receipt::Declined { why: "INSUFF FUNDS".into() });
        terminal.verdict().unwrap().assert_green();
    }

    #[rstest]
    fn a_sale_is_voided_by_the_reference_that_the_terminal_gave(
        #[with("void-known-and-unknown")] terminal: Running,
    ) {
        let mut pos = Pos::new(terminal.url());
        let Receipt::Approved { reference, .. } = pos.sale(2350, None) else {
            panic!("the sale is approved")
        };
        assert_eq!(pos.void(&reference), Receipt::Approved { cents: 2350, reference });
        assert_eq!(pos.void("9001"), Receipt::Declined { why: "transaction_record_not_found".into() });
        terminal.verdict().unwrap().assert_green();
    }

    #[rstest]
    fn after_a_lost_link_the_pos_asks_instead_of_selling_again(
        #[with("terminal-drops-link")] terminal: Running,
    ) {
        let receipt = Pos::new(terminal.url()).sale(1275, None);
        assert_eq!(receipt, Receipt::Approved { cents: 1275, reference: "58".into() });
        let run = terminal.verdict().unwrap();
        run.assert_green();
        insta::assert_snapshot!(run.transcript());
    }

    #[test]
    fn where_nobody_can_say_what_happened_the_pos_does_not_guess() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/bluechip-tsi/sale-approved.cassette.jsonl");
        let terminal = testing::terminal(path)
            .fault("cut after response")
            .unknown(Unknown::AnswerAsBusy)
            .patience(Duration::from_secs(1))
            .start()
            .unwrap();
        let receipt = Pos::new(terminal.url()).sale(2350, Some(300));
        let why = "the link was lost; asked for the last transaction: TSI busy".to_owned();
        assert_eq!(receipt, Receipt::Unknown { why });
        terminal.verdict().unwrap().assert_green();
    }

    #[test]
    fn a_day_before_the_simulated_terminal() {
        let terminal = testing::simulated_terminal(Protocol::Tsi).start().unwrap();
        let mut pos = Pos::new(terminal.url());
        let Receipt::Approved { reference, .. } = pos.sale(1999, None) else {
            panic!("the sale is approved")
        };
        assert!(
            matches!(pos.sale(4561, None), Receipt::Declined { .. }),
            "amounts that end in 61 are declined"
        );
        assert!(matches!(pos.void(&reference), Receipt::Approved { cents: 1999, .. }));
        assert_eq!(terminal.served(), ["sale: served", "sale: declined", "void: served"]);
    }
}
