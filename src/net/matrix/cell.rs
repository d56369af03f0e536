//! The loop of a cell: starts the POS, serves it, restarts it where the cell says so, and ends in any case.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::link::serve;
use super::process::{Command, Process};
use super::stage::{Stage, Wanted};
use crate::conversation::{ConversationEvent, Offset};
use crate::mask::Masker;
use crate::money::Ledger;
use crate::replay::{CellId, PosEnd, Run, Script, Spot, Terminal, Times};

/// Connections at once; those beyond wait to be accepted.
const MOST_CONNECTIONS: usize = 256;

/// How long what a POS said before it ended is taken in.
const LAST_BYTES: Duration = Duration::from_millis(100);

/// How much of the last words of a POS is shown, in bytes.
const WORDS: usize = 200;

/// A cell to be played against a process.
pub struct CellPlan<'p> {
    /// The cassette.
    pub script: &'p Arc<Script>,
    /// The cell; `None` for the run in which nothing breaks.
    pub cell: Option<CellId>,
    /// How long things take.
    pub times: Times,
    /// What is not compared before the break.
    pub ignore: &'p [Spot],
    /// Masks what is shown of live messages.
    pub masker: &'p Masker,
    /// How the POS is started.
    pub command: &'p Command,
    /// The largest message that is taken, in bytes.
    pub message_size: usize,
    /// `true` once the operator stops everything.
    pub stop: watch::Receiver<bool>,
}

/// Why a cell could not be played.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The event loop could not be set up.
    #[error("cannot start the event loop")]
    Start(#[source] io::Error),
    /// No port could be had.
    #[error("cannot listen on 127.0.0.1")]
    Listen(#[source] io::Error),
    /// The POS could not be started.
    #[error("cannot start the shell for `{command}`")]
    Pos {
        /// As given.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// The pack says nothing of money.
    #[error("expected a pack that says what moves money")]
    NoMoney,
}

/// Plays a cell to its end, which comes in any case; `see` gets what happens on the wire, unmasked.
pub fn play(plan: &CellPlan<'_>, see: &mut dyn FnMut(&ConversationEvent<'_>)) -> Result<Run, CellError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CellError::Start)?;
    let run = LocalSet::new().block_on(&runtime, act(plan, see));
    // A task that still reads standard error of something the POS left behind holds nobody up.
    runtime.shutdown_timeout(Duration::ZERO);
    run
}

async fn act(plan: &CellPlan<'_>, see: &mut dyn FnMut(&ConversationEvent<'_>)) -> Result<Run, CellError> {
    let terminal = Terminal::new(plan.script, plan.cell, plan.times, plan.ignore, plan.masker.clone());
    let (Some(terminal), Some(pack)) = (terminal, plan.script.pack()) else { return Err(CellError::NoMoney) };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(CellError::Listen)?;
    let address = listener.local_addr().map_err(CellError::Listen)?;
    let stage = Stage::new(terminal, Ledger::new(Arc::clone(pack)), see);
    let url = format!("ws://{address}");
    let mut pos = start(plan, &url, false)?;
    let end = serve_all(plan, &stage, &url, listener, &mut pos).await;
    pos.end().await;
    let end = end?;
    let (terminal, ledger) = stage.into_parts();
    Ok(Run {
        book: ledger.book().clone(),
        struck: terminal.struck(),
        off_script: terminal.off_script().map(str::to_owned),
        end,
    })
}

type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

async fn serve_all(
    plan: &CellPlan<'_>,
    stage: &Stage<'_>,
    url: &str,
    listener: TcpListener,
    pos: &mut Process,
) -> Result<PosEnd, CellError> {
    let limits = WebSocketConfig::default()
        .max_message_size(Some(plan.message_size))
        .max_frame_size(Some(plan.message_size));
    let address = listener.local_addr().map_err(CellError::Listen)?;
    let mut listener = Some(listener);
    let mut back_at: Option<Instant> = None;
    let mut tasks: FuturesUnordered<Task<'_>> = FuturesUnordered::new();
    let mut stop = plan.stop.clone();
    let times = plan.times;
    let limit = stage.moment(Offset::ZERO.after(times.cell));
    loop {
        for wanted in stage.pump() {
            match wanted {
                Wanted::Away => {
                    // Nobody listens: whoever dials is refused by the system.
                    listener = None;
                    back_at = Some(Instant::now() + times.away);
                }
                Wanted::Restart => {
                    let next = start(plan, url, true);
                    std::mem::replace(pos, next?).end().await;
                }
            }
        }
        if let Some(count) = stage.flooded() {
            return Ok(PosEnd::Flooded(count));
        }
        if stage.is_off_script() {
            return Ok(PosEnd::Finished);
        }
        let quiet = stage.moment(stage.happened().after(times.quiet));
        let next = [stage.due_at(), back_at, Some(quiet), Some(limit)].into_iter().flatten().min();
        let now = Instant::now();
        if now >= limit {
            return Ok(PosEnd::Busy(times.cell));
        }
        if now >= quiet {
            return Ok(PosEnd::Quiet(times.quiet));
        }
        if back_at.is_some_and(|at| at <= now) {
            back_at = None;
            listener = Some(TcpListener::bind(address).await.map_err(CellError::Listen)?);
        }
        tokio::select! {
            () = stage.changed.notified() => {}
            Some(()) = tasks.next(), if !tasks.is_empty() => {}
            socket = accept(listener.as_ref()), if tasks.len() < MOST_CONNECTIONS => {
                if let Some(socket) = socket {
                    tasks.push(Box::pin(serve(stage, socket, limits)));
                }
            }
            ended = pos.ended() => {
                let rest = async { while tasks.next().await.is_some() {} };
                // What is not over by then is dropped, and its link with it.
                let _ = tokio::time::timeout(LAST_BYTES, rest).await;
                // A break that its last message brought about comes too late to matter, but for a restart.
                if stage.pump().contains(&Wanted::Restart) {
                    *pos = start(plan, url, true)?;
                    continue;
                }
                stage.end_all();
                return Ok(match ended {
                    Ok(status) if status.success() => PosEnd::Finished,
                    Ok(status) => PosEnd::Failed { how: in_words(status), said: words(plan, pos).await },
                    Err(error) => PosEnd::Failed { how: error.to_string(), said: None },
                });
            }
            () = until(next) => {}
            _ = stop.wait_for(|stopped| *stopped) => return Ok(PosEnd::Stopped),
        }
    }
}

fn start(plan: &CellPlan<'_>, url: &str, restarted: bool) -> Result<Process, CellError> {
    let name = plan.cell.map_or_else(|| "as-recorded".to_owned(), |cell| cell.to_string());
    let started = plan.command.start(url, &name, restarted);
    started.map_err(|source| CellError::Pos { command: plan.command.line.clone(), source })
}

/// The last words of a POS, masked, and not too long.
async fn words(plan: &CellPlan<'_>, pos: &mut Process) -> Option<String> {
    let said = pos.last_words().await?;
    let masked = plan.masker.inspect(&said).masked;
    let said = masked.map_or(said, |masked| masked.text);
    let cut = (0..=WORDS.min(said.len())).rev().find(|&at| said.is_char_boundary(at)).unwrap_or(0);
    Some(said[..cut].to_owned())
}

fn in_words(status: ExitStatus) -> String {
    match status.code() {
        Some(127) => "exit code 127, which a shell gives for a command it cannot find".to_owned(),
        Some(code) => format!("exit code {code}"),
        None => "a signal".to_owned(),
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    let Some(listener) = listener else { return std::future::pending().await };
    match listener.accept().await {
        Ok((socket, _)) => Some(socket),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(LAST_BYTES).await;
            None
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
