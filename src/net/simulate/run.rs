//! Runs one simulated peer until it is done or a signal ends it: runtime, signals, the real clock.

use std::io;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::watch;

use super::calendar::WallTime;
use super::dial::{DialError, Manner, TillNews, dial};
use super::scenario::{Ask, Errand};
use super::serve::{Play, TerminalNews, serve};
use super::terminal::Terminal;
use super::till::{Ending, Till};
use crate::net::interrupt::signals;

/// Why a simulated peer could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event loop or the signal handlers could not be set up.
    #[error("cannot start the event loop: {0}")]
    Start(io::Error),
    /// The address to listen on cannot be used.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The terminal cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// A signal came before the till had done its errands.
    #[error("stopped before the scenario came to its end")]
    Interrupted,
}

/// Serves as a terminal until SIGINT or SIGTERM; `ready` is told the address before anyone is accepted.
pub fn run_terminal<E: From<RunError>>(
    listen: SocketAddr,
    terminal: Terminal,
    play: Play,
    ready: impl FnOnce(SocketAddr) -> Result<(), E>,
    watcher: impl Fn(TerminalNews) + Send + Sync + 'static,
) -> Result<(), E> {
    run_server(listen, ready, |listener, stopped| serve(listener, terminal, play, watcher, stopped))
}

/// Runs a till's errands against the terminal at `authority` (`host:port`).
pub fn run_till(
    authority: &str,
    till: Till,
    errands: Vec<Errand>,
    manner: Manner,
    watcher: impl FnMut(TillNews<'_>),
) -> Result<Vec<(Ask, Ending)>, RunError> {
    run_client(dial(authority, till, errands, manner, watcher))
}

/// Listens, tells `ready` the address, and lets `serving` serve until SIGINT or SIGTERM.
pub(super) fn run_server<E: From<RunError>, F: Future<Output = ()>>(
    listen: SocketAddr,
    ready: impl FnOnce(SocketAddr) -> Result<(), E>,
    serving: impl FnOnce(TcpListener, watch::Receiver<()>) -> F,
) -> Result<(), E> {
    start()?.block_on(async {
        let unusable = |source| RunError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(unusable)?;
        // Before `ready`: whoever hears it may send a signal at once.
        let signals = signals().map_err(RunError::Start)?;
        ready(listener.local_addr().map_err(unusable)?)?;
        let (stop, stopped) = watch::channel(());
        let serving = serving(listener, stopped);
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => {}
            () = signals => {
                drop(stop);
                serving.await;
            }
        }
        Ok(())
    })
}

/// Runs what dials to its end, or until SIGINT or SIGTERM.
pub(super) fn run_client<T>(dialling: impl Future<Output = Result<T, DialError>>) -> Result<T, RunError> {
    start()?.block_on(async {
        let signals = signals().map_err(RunError::Start)?;
        tokio::select! {
            ended = dialling => Ok(ended?),
            () = signals => Err(RunError::Interrupted),
        }
    })
}

/// The real time, to the second.
pub fn wall_time() -> WallTime {
    WallTime::from_unix(since_1970().as_secs())
}

/// A seed that differs from run to run.
pub fn fresh_seed() -> u64 {
    u64::from(since_1970().subsec_nanos()) ^ since_1970().as_secs()
}

fn since_1970() -> std::time::Duration {
    // A clock set before 1970 is as good as none.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn start() -> Result<runtime::Runtime, RunError> {
    runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Start)
}
