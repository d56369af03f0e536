//! Plays virtual tills and a virtual terminal against each other through the real proxy and recorder.
//!
//! Everything runs inside this process on loopback ports the system chooses, and all of it has ended
//! when [`play`] returns. What is played comes as values; where the cassette goes is the caller's.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{oneshot, watch};

use crate::cassette::Header;
use crate::conversation::EndReason;
use crate::mask::Policy;
use crate::net::interrupt::signals;
use crate::net::record::{Plan, Proxy, RecordError, Shelf, Summary, Upstream};
use crate::net::simulate::{
    Ask, Connections, DialError, Doors, Ending, Errand, Habit, Manner, Pace, Play, ShopClock, ShopDay,
    Terminal, TerminalSettings, Till, TillNews, Wait, dial, serve,
};

/// One recording to be made.
#[derive(Clone, Debug)]
pub struct Act {
    /// The terminal of the shop.
    pub terminal: TerminalSettings,
    /// Who comes, one round after the other; the visits of a round take place at the same time.
    pub rounds: Vec<Vec<Visit>>,
    /// How long a till waits for the next message before it gives up; never compressed.
    pub patience: Duration,
}

/// A till that comes, does its errands and goes.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What it does wrong.
    pub habit: Habit,
    /// How it reaches the endpoints.
    pub doors: Doors,
    /// When it connects.
    pub connections: Connections,
    /// How long after the round began it comes.
    pub arrives: Wait,
    /// What it does.
    pub errands: Vec<Errand>,
    /// Seed of its ids.
    pub seed: u64,
}

/// What the recorder needs to know.
pub struct Tape {
    /// Stands at the head of the cassette.
    pub header: Header,
    /// What is masked.
    pub policy: Policy,
    /// Where the cassette goes.
    pub shelf: Box<dyn Shelf>,
}

/// What came of an act.
#[derive(Debug)]
pub struct Played {
    /// How each errand ended, visit after visit.
    pub endings: Vec<(Ask, Ending)>,
    /// What the recorder has to say.
    pub summary: Summary,
}

/// Why an act could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// No event loop, thread or loopback port could be had.
    #[error("cannot set the stage: {0}")]
    Stage(#[from] io::Error),
    /// The recorder failed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A till could not reach the proxy.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// SIGINT or SIGTERM came first; the cassette was finished.
    #[error("stopped before the end; the cassette holds what was played until then")]
    Interrupted,
}

/// Plays an act: terminal, proxy with recorder, and the tills, until all of them are done.
pub fn play(
    act: Act,
    pace: Pace,
    tape: Tape,
    watcher: impl FnMut(TillNews<'_>),
) -> Result<Played, PlayError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = signals()?;
        let listener = TcpListener::bind(LOOPBACK).await?;
        let terminal_address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let clock = ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, act.terminal.seed));
        let terminal = Terminal::new(act.terminal.clone());
        let serving = tokio::spawn(serve(listener, terminal, Play { pace, clock }, |_| {}, stopped));
        let recording = Recording::start(terminal_address, tape).await?;
        let watcher = RefCell::new(watcher);
        let endings = tokio::select! {
            endings = visits(act, pace, recording.address, &watcher) => endings,
            () = signals => Err(PlayError::Interrupted),
        };
        // The recorder ends first: what the terminal does when it is switched off is not part of the act.
        let reason = if endings.is_ok() { EndReason::Finished } else { EndReason::Stopped };
        let summary = recording.finish(reason).await;
        drop(stop);
        // The terminal's task cannot fail: it returns once it is told to stop.
        let _ = serving.await;
        Ok(Played { endings: endings?, summary: summary? })
    })
}

/// A proxy that records on a thread of its own.
struct Recording {
    address: SocketAddr,
    stop: oneshot::Sender<EndReason<'static>>,
    summary: oneshot::Receiver<Result<Summary, RecordError>>,
    thread: thread::JoinHandle<()>,
}

impl Recording {
    async fn start(terminal: SocketAddr, tape: Tape) -> Result<Self, PlayError> {
        let (ready, address) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let (done, summary) = oneshot::channel();
        // The proxy is bound to the thread it is made on.
        let thread = thread::Builder::new().name("proxy".into()).spawn(move || {
            let result = bind(terminal, tape).and_then(|proxy| {
                // Nobody waits for the address any more only where the act was given up.
                let _ = ready.send(proxy.address());
                proxy.run(async { stopped.await.unwrap_or(EndReason::Stopped) })
            });
            let _ = done.send(result);
        })?;
        match address.await {
            Ok(address) => Ok(Self { address, stop, summary, thread }),
            Err(_) => Err(PlayError::Record(match summary.await {
                Ok(Err(error)) => error,
                Ok(Ok(_)) | Err(_) => RecordError::RecorderDied,
            })),
        }
    }

    async fn finish(self, reason: EndReason<'static>) -> Result<Summary, PlayError> {
        // A proxy that ended before has its reason in its result.
        let _ = self.stop.send(reason);
        let summary = self.summary.await.map_err(|_| PlayError::Record(RecordError::RecorderDied))?;
        // It sent its summary last.
        let _ = self.thread.join();
        Ok(summary?)
    }
}

fn bind(terminal: SocketAddr, tape: Tape) -> Result<Proxy, RecordError> {
    let mut plan = Plan::new(LOOPBACK, upstream(terminal));
    plan.header = tape.header;
    plan.policy = tape.policy;
    Proxy::bind(plan, tape.shelf, None)
}

fn upstream(terminal: SocketAddr) -> Upstream {
    format!("ws://{terminal}").parse().expect("a socket address is a host and a port")
}

async fn visits(
    act: Act,
    pace: Pace,
    proxy: SocketAddr,
    watcher: &RefCell<impl FnMut(TillNews<'_>)>,
) -> Result<Vec<(Ask, Ending)>, PlayError> {
    let authority = proxy.to_string();
    let mut endings = Vec::new();
    for round in act.rounds {
        let visits = round.into_iter().map(|visit| {
            let till = Till::new(visit.habit, visit.doors, visit.seed);
            let manner = Manner { pace, patience: act.patience, connections: visit.connections };
            let authority = &authority;
            async move {
                tokio::time::sleep(pace.length(visit.arrives)).await;
                dial(authority, till, visit.errands, manner, |news| (watcher.borrow_mut())(news)).await
            }
        });
        endings.extend(try_join_all(visits).await?.into_iter().flatten());
    }
    Ok(endings)
}

const LOOPBACK: &str = "127.0.0.1:0";
