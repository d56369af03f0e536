//! Plays virtual tills and a virtual terminal against each other through the real proxy and recorder.
//!
//! Everything runs inside this process on loopback ports the system chooses, and all of it has ended
//! when [`play`] returns. What is played comes as values; where the cassette goes is the caller's.

use std::cell::RefCell;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::thread;

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::act::{Act, GochipAct, TsiAct};
use crate::cassette::Header;
use crate::conversation::EndReason;
use crate::mask::Policy;
use crate::net::interrupt::signals;
use crate::net::record::{Plan, Proxy, RecordError, Shelf, Summary, Upstream};
use crate::net::simulate::{
    DialError, Manner, Pace, Play, ShopClock, ShopDay, Terminal, Till, TillNews, dial, gochip, serve,
};

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
    /// What was asked and how it ended, in words, visit after visit.
    pub endings: Vec<(String, String)>,
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

/// Plays an act: terminal, proxy with recorder, and the tills, until all of them are done. `watcher` is told
/// of each errand what was asked, and how it ended.
pub fn play(
    act: Act,
    pace: Pace,
    tape: Tape,
    mut watcher: impl FnMut(&str, &str),
) -> Result<Played, PlayError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = signals()?;
        let listener = TcpListener::bind(LOOPBACK).await?;
        let terminal_address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let serving = serving(&act, listener, pace, stopped);
        let recording = Recording::start(terminal_address, tape).await?;
        let told = RefCell::new(Vec::new());
        let tell = |ask: &dyn Display, ending: &dyn Display| {
            let (ask, ending) = (ask.to_string(), ending.to_string());
            watcher(&ask, &ending);
            told.borrow_mut().push((ask, ending));
        };
        let authority = recording.address.to_string();
        let visited = async {
            match act {
                Act::Tsi(act) => tills(act, pace, &authority, tell).await,
                Act::Gochip(act) => visits(act, pace, &authority, tell).await,
            }
        };
        let played = tokio::select! {
            visited = visited => visited.map_err(PlayError::from),
            () = signals => Err(PlayError::Interrupted),
        };
        // The recorder ends first: what the terminal does when it is switched off is not part of the act.
        let reason = if played.is_ok() { EndReason::Finished } else { EndReason::Stopped };
        let summary = recording.finish(reason).await;
        drop(stop);
        // The terminal's task cannot fail: it returns once it is told to stop.
        let _ = serving.await;
        played?;
        Ok(Played { endings: told.into_inner(), summary: summary? })
    })
}

/// The terminal, or the service, of the shop at work.
fn serving(act: &Act, listener: TcpListener, pace: Pace, stopped: watch::Receiver<()>) -> JoinHandle<()> {
    let play = |seed| Play { pace, clock: ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, seed)) };
    match act {
        Act::Tsi(act) => {
            let terminal = Terminal::new(act.terminal.clone());
            tokio::spawn(serve(listener, terminal, play(act.terminal.seed), |_| {}, stopped))
        }
        Act::Gochip(act) => {
            let service = gochip::Service::new(act.service);
            tokio::spawn(gochip::serve(listener, service, play(act.service.seed), |_| {}, stopped))
        }
    }
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

/// The tills of a TSI shop, round after round.
async fn tills(
    act: TsiAct,
    pace: Pace,
    authority: &str,
    tell: impl FnMut(&dyn Display, &dyn Display),
) -> Result<(), DialError> {
    let tell = RefCell::new(tell);
    for round in act.rounds {
        let visits = round.into_iter().map(|visit| {
            let till = Till::new(visit.habit, visit.doors, visit.seed);
            let manner = Manner { pace, patience: act.patience, connections: visit.connections };
            let tell = &tell;
            async move {
                tokio::time::sleep(pace.length(visit.arrives)).await;
                let watcher = |news: TillNews<'_>| {
                    if let TillNews::Ended(ask, ending) = news {
                        (tell.borrow_mut())(ask, ending);
                    }
                };
                dial(authority, till, visit.errands, manner, watcher).await
            }
        });
        try_join_all(visits).await?;
    }
    Ok(())
}

/// The POS of a goChip shop, one after the other.
async fn visits(
    act: GochipAct,
    pace: Pace,
    authority: &str,
    mut tell: impl FnMut(&dyn Display, &dyn Display),
) -> Result<(), DialError> {
    for visit in act.visits {
        let pos = gochip::Pos::new(visit.habit, act.service.edition, visit.seed);
        let manner = gochip::Manner { pace, patience: act.patience };
        let watcher = |news: gochip::PosNews<'_>| {
            if let gochip::PosNews::Ended(ask, ending) = news {
                tell(ask, ending);
            }
        };
        gochip::dial(authority, pos, visit.errands, manner, watcher).await?;
    }
    Ok(())
}

const LOOPBACK: &str = "127.0.0.1:0";
