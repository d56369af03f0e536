//! What the endpoint does: one run at a time, begun, asked and ended from outside.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{oneshot, watch};

use super::answer::Refusal;
use super::call::{Call, Inject, Load};
use super::witness::Witness;
use crate::conversation::{ConnectionId, Party};
use crate::mask::Masker;
use crate::net::replay::{Judge, Order, Plan, Reply, Session, Standing};
use crate::replay::{Expected, Fault, Outgoing, Verdict};

/// The version of the endpoint, the value of its key `control`.
const VERSION: u32 = 1;

/// How long a run has to end once it was told to.
const END_TIME: Duration = Duration::from_secs(5);

/// A cassette that can be played.
pub struct Loaded {
    /// What is played; where it listens is the desk's to say.
    pub plan: Plan,
    /// Masks what the judge sees.
    pub masker: Masker,
    /// Judges the peer.
    pub judge: Option<Judge>,
}

/// Keeps one run, and plays what `load` makes of a wish.
pub struct Desk<L> {
    load: L,
    /// `host:port` where peers connect, the same in all runs.
    listen: String,
    url: String,
    number: Cell<u64>,
    current: RefCell<Option<Rc<Current>>>,
}

/// The run that goes on, or was the last.
struct Current {
    number: u64,
    cassette: String,
    /// Messages of the cassette: ours, and those of the peer.
    messages: (u64, u64),
    script: Arc<crate::replay::Script>,
    session: Session<Witness>,
    verdict: watch::Receiver<Option<Arc<Verdict>>>,
}

impl<L: Fn(&Load) -> Result<Loaded, Refusal>> Desk<L> {
    /// A desk without a run; peers will connect to `url`, which is at `listen` (`host:port`, no port 0).
    pub fn new(listen: String, url: String, load: L) -> Self {
        Self { load, listen, url, number: Cell::new(0), current: RefCell::new(None) }
    }

    /// Where peers connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Begins a run before anybody asks.
    pub fn begin(&self, load: &Load) -> Result<(), Refusal> {
        let loaded = (self.load)(load)?;
        self.start(load, loaded)
    }

    /// Ends the run that goes on.
    pub(super) async fn end(&self) {
        let Some(current) = self.current.borrow_mut().take() else { return };
        current.session.order(Order::Stop);
        // One that does not end in time keeps the port, and the next one says so.
        let _ = tokio::time::timeout(END_TIME, current.session.gone()).await;
    }

    pub(super) async fn serve(&self, call: Call) -> Result<String, Refusal> {
        match call {
            Call::State => self.state().await,
            Call::OpenApi => Ok(super::OPENAPI.to_owned()),
            Call::Load(load) => {
                // What is wrong with it is found before the run that goes on is ended.
                let loaded = (self.load)(&load)?;
                self.end().await;
                self.start(&load, loaded)?;
                self.state().await
            }
            Call::Advance(messages) => {
                let current = self.playing()?;
                for _ in 0..messages.min(10_000) {
                    current.session.order(Order::Advance);
                }
                self.state().await
            }
            Call::Inject(inject) => self.inject(inject).await,
            Call::Fault(fault) => {
                let current = self.playing()?;
                let fault: Fault = fault.parse().map_err(unusable_fault)?;
                let harm = fault.aim(&current.script, Party::Terminal).map_err(unusable_fault)?;
                let added = ask(&current, |answer| Order::Harm(harm, answer)).await?;
                added.map_err(|late| Refusal::conflict("too-late", late.to_string()))?;
                self.state().await
            }
            Call::Stop => {
                let current = self.playing()?;
                current.session.order(Order::Stop);
                settled(&current, END_TIME).await;
                self.state().await
            }
            Call::Verdict(wait) => self.verdict(wait).await,
        }
    }

    fn start(&self, load: &Load, loaded: Loaded) -> Result<(), Refusal> {
        let Loaded { mut plan, masker, judge } = loaded;
        plan.listen = Some(self.listen.clone());
        let script = Arc::clone(&plan.script);
        let (sender, verdict) = watch::channel(None);
        let cassette = load.cassette.clone();
        let times = plan.times;
        let witness = Witness { cassette: cassette.clone(), times, masker, judge, runs: 0, verdict: sender };
        let session = Session::start(plan, witness)
            .map_err(|error| Refusal::failed(format!("the run cannot begin: {}", chain(&error))))?;
        self.number.set(self.number.get() + 1);
        let (number, messages) = (self.number.get(), script.messages_by(Party::Terminal));
        *self.current.borrow_mut() =
            Some(Rc::new(Current { number, cassette, messages, script, session, verdict }));
        Ok(())
    }

    fn any(&self) -> Result<Rc<Current>, Refusal> {
        self.current.borrow().clone().ok_or_else(|| {
            Refusal::conflict("nothing-loaded", "expected a run, got none since this process was started")
                .help("`PUT /v1/cassette` begins one")
        })
    }

    /// The run that goes on.
    fn playing(&self) -> Result<Rc<Current>, Refusal> {
        let current = self.any()?;
        if current.verdict.borrow().is_some() { Err(over()) } else { Ok(current) }
    }

    async fn inject(&self, inject: Inject) -> Result<String, Refusal> {
        let current = self.playing()?;
        let message = match (inject.json, inject.text) {
            (Some(json), None) => json.get().to_owned(),
            (None, Some(text)) => text,
            (Some(_), Some(_)) | (None, None) => {
                return Err(Refusal::unusable("expected one of `json` and `text`"));
            }
        };
        let connection = inject.connection.map(ConnectionId);
        let message = Outgoing::Text(message);
        let sent = ask(&current, |answer| Order::Inject { connection, message, answer }).await?;
        sent.map_err(|nowhere| Refusal::conflict("no-connection", nowhere.to_string()))?;
        self.state().await
    }

    async fn verdict(&self, wait: Duration) -> Result<String, Refusal> {
        let current = self.any()?;
        match settled(&current, wait).await {
            Some(verdict) => Ok(verdict.json()),
            None if current.verdict.has_changed().is_err() => {
                Err(Refusal::failed("the run ended without a verdict"))
            }
            None => Err(Refusal::conflict("playing", "expected a run that is over, got one that goes on")
                .help("`?wait=30s` waits for its end, `POST /v1/stop` ends it")),
        }
    }

    async fn state(&self) -> Result<String, Refusal> {
        let current = self.current.borrow().clone();
        let mut line = StateLine {
            control: VERSION,
            tool: concat!("tilltape ", env!("CARGO_PKG_VERSION")),
            state: "idle",
            url: &self.url,
            run: None,
            cassette: None,
            messages: None,
            connections: Vec::new(),
            held: None,
            waits_for: Vec::new(),
            faults: Vec::new(),
            verdict: None,
        };
        let Some(current) = &current else { return Ok(line.render()) };
        line.run = Some(current.number);
        line.cassette = Some(&current.cassette);
        let standing = match ask(current, Order::Look).await {
            Ok(standing) if !standing.over => standing,
            // Whoever hears that it is over can have the verdict.
            Ok(_) | Err(_) => {
                let verdict = settled(current, END_TIME).await;
                line.state = "over";
                line.verdict = verdict.as_ref().map(|verdict| verdict.word());
                return Ok(line.render());
            }
        };
        line.state = "playing";
        line.stand(&standing, current.messages);
        Ok(line.render())
    }
}

/// The verdict, if there is one within that time.
async fn settled(current: &Current, wait: Duration) -> Option<Arc<Verdict>> {
    let mut verdict = current.verdict.clone();
    let there = tokio::time::timeout(wait, verdict.wait_for(Option::is_some)).await;
    // A thread that ended without a verdict gives an error.
    there.ok()?.ok()?.clone()
}

async fn ask<T: Send + 'static>(
    current: &Current,
    order: impl FnOnce(Reply<T>) -> Order,
) -> Result<T, Refusal> {
    let (answer, answered) = oneshot::channel();
    current.session.order(order(Reply::new(move |value| drop(answer.send(value)))));
    answered.await.map_err(|_| over())
}

fn over() -> Refusal {
    Refusal::conflict("over", "expected a run that goes on, got one that is over")
        .help("`GET /v1/verdict` says how it ended, `PUT /v1/cassette` begins the next")
}

fn unusable_fault(error: crate::replay::FaultError) -> Refusal {
    Refusal::unusable(error.to_string()).help("`tilltape replay --faults` lists them")
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

/// How things stand.
#[derive(Serialize)]
struct StateLine<'a> {
    control: u32,
    tool: &'static str,
    state: &'static str,
    url: &'a str,
    run: Option<u64>,
    cassette: Option<&'a str>,
    messages: Option<MessagesLine>,
    connections: Vec<u64>,
    held: Option<Box<RawValue>>,
    waits_for: Vec<Box<RawValue>>,
    faults: Vec<FaultLine>,
    verdict: Option<&'static str>,
}

#[derive(Serialize)]
struct MessagesLine {
    sent: u64,
    to_send: u64,
    matched: u64,
    to_match: u64,
    unexpected: u64,
}

#[derive(Serialize)]
struct FaultLine {
    fault: String,
    n: u64,
}

impl StateLine<'_> {
    fn stand(&mut self, standing: &Standing, (to_send, to_match): (u64, u64)) {
        let step = |step: &Expected| RawValue::from_string(step.json()).ok();
        let tally = standing.tally;
        self.messages = Some(MessagesLine {
            sent: tally.sent,
            to_send,
            matched: tally.matched,
            to_match,
            unexpected: tally.unexpected,
        });
        self.connections = standing.open.iter().map(|connection| connection.0).collect();
        self.held = standing.held.as_ref().and_then(step);
        self.waits_for = standing.waits_for.iter().filter_map(step).collect();
        let struck = standing.struck.iter();
        self.faults = struck.map(|(fault, n)| FaultLine { fault: fault.clone(), n: *n }).collect();
    }

    fn render(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}
