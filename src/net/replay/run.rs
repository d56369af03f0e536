//! The loop of a replay: accepts, dials, wakes when something is due, ends when the player says so.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::client::{Phone, dial};
use super::device::{Device, bridge};
use super::order::Order;
use super::plan::{Plan, ReplayError, Watcher};
use super::server::{Door, serve};
use super::stage::Stage;
use crate::conversation::{Leg, Offset};
use crate::net::record::Dialler;
use crate::replay::{Ids, Player, Settings};

/// Connections at once; those beyond wait to be accepted.
const MOST_CONNECTIONS: usize = 1024;

/// How long a failing `accept` is waited out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long links have to say goodbye when a run is over.
const GOODBYE: Duration = Duration::from_millis(700);

/// Plays a plan to its end, or until `stop`; `orders` are obeyed as they come.
pub fn run<W: Watcher>(
    plan: Plan,
    watcher: W,
    stop: impl Future<Output = ()>,
    orders: mpsc::UnboundedReceiver<Order>,
) -> Result<W, ReplayError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ReplayError::Start)?.block_on(play(plan, watcher, stop, orders))
}

type Task<'t> = Pin<Box<dyn Future<Output = Result<(), ReplayError>> + 't>>;

async fn play<W: Watcher>(
    plan: Plan,
    watcher: W,
    stop: impl Future<Output = ()>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> Result<W, ReplayError> {
    let Plan {
        script,
        settings,
        listen,
        identity,
        dial: to,
        device,
        credentials,
        times,
        handshake_time,
        message_size,
    } = plan;
    let role = settings.role;
    let client = if listen.is_some() { Leg::PosTerminal.peer(role) } else { role };
    let limits =
        WebSocketConfig::default().max_message_size(Some(message_size)).max_frame_size(Some(message_size));
    let mut listener = match &listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let phone = match to {
        Some((upstream, trust)) => {
            let dialler = Dialler::new(upstream, &trust)?;
            let credentials = &credentials;
            Some(Phone { script: &script, dialler, credentials, limits, handshake_time, role })
        }
        None => None,
    };
    let device = match device {
        Some((upstream, trust)) => {
            let dialler = Dialler::new(upstream, &trust)?;
            Some(Device { dialler, limits, handshake_time })
        }
        None => None,
    };
    let acceptor = identity.map(|identity| identity.acceptor);
    let door = Door { script: &script, acceptor, limits, handshake_time, client };
    let started = Instant::now();
    let player = Player::new(Arc::clone(&script), settings_of(&settings, 0), Offset::ZERO)?;
    let stage = Stage::new(player, watcher, role, started);
    if let Some(address) = address {
        stage.ready(address);
    }
    let mut stop = std::pin::pin!(stop);
    let mut failed = None;
    for played in 1..=times {
        let mut tasks: FuturesUnordered<Task<'_>> = FuturesUnordered::new();
        let mut stopped = false;
        while !stage.pump() {
            for link in stage.take_dials() {
                if let Some(phone) = &phone {
                    tasks.push(Box::pin(dial(&stage, phone, link)));
                }
            }
            for wanted in stage.take_bridges() {
                if let Some(device) = &device {
                    tasks.push(Box::pin(bridge(&stage, device, wanted)));
                }
            }
            if let Some(away) = stage.take_away() {
                // Nobody listens: whoever dials is refused by the system.
                listener = None;
                rest(&mut tasks, away).await;
                if let Some(address) = address {
                    listener = Some(bind(&address.to_string()).await?);
                }
            }
            let wake = stage.wakes_at();
            tokio::select! {
                () = stage.changed.notified() => {}
                Some(done) = tasks.next(), if !tasks.is_empty() => {
                    if let Err(error) = done {
                        failed = Some(error);
                        break;
                    }
                }
                socket = accept(listener.as_ref()), if tasks.len() < MOST_CONNECTIONS => {
                    if let Some((socket, peer)) = socket {
                        let (stage, door) = (&stage, &door);
                        tasks.push(Box::pin(async move {
                            serve(stage, door, socket, peer).await;
                            Ok(())
                        }));
                    }
                }
                () = until(wake) => {}
                () = &mut stop, if !stopped => {
                    stopped = true;
                    stage.stop();
                }
                Some(order) = orders.recv() => stage.obey(order),
            }
        }
        if failed.is_some() {
            break;
        }
        let goes_on = stage.finish();
        rest(&mut tasks, GOODBYE).await;
        drop(tasks);
        if !goes_on || played == times {
            break;
        }
        let player = Player::new(Arc::clone(&script), settings_of(&settings, played), stage.now())?;
        stage.play(player);
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(stage.into_watcher()),
    }
}

/// Lets tasks go on for so long, or until none is left.
async fn rest(tasks: &mut FuturesUnordered<Task<'_>>, time: Duration) {
    let all = async { while tasks.next().await.is_some() {} };
    // What is not over by then is dropped, and its link with it.
    let _ = tokio::time::timeout(time, all).await;
}

async fn bind(address: &str) -> Result<TcpListener, ReplayError> {
    let failed = |source| ReplayError::Listen { address: address.to_owned(), source };
    TcpListener::bind(address).await.map_err(failed)
}

async fn accept(listener: Option<&TcpListener>) -> Option<(TcpStream, SocketAddr)> {
    let Some(listener) = listener else { return std::future::pending().await };
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

/// The settings of a run: each has ids of its own.
fn settings_of(settings: &Settings, run: u32) -> Settings {
    let ids = match settings.ids {
        Ids::Fresh(seed) => Ids::Fresh(seed.wrapping_add(u64::from(run))),
        Ids::Recorded => Ids::Recorded,
    };
    Settings { ids, ..settings.clone() }
}
