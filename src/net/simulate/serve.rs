//! The sockets of a virtual terminal: accepts WebSocket clients, plays what [`Terminal`] decides.
//!
//! One task per connection around one shared terminal, so that it is busy for everybody at once.
//! Decides nothing itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Message, WebSocketConfig, frame::coding::CloseCode,
};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::calendar::ShopDay;
use super::message::Door;
use super::pace::Pace;
use super::run::wall_time;
use super::terminal::{LinkId, Reaction, Served, Terminal};
use super::timeline::{Action, Stage};

/// Where a virtual terminal takes the time of its receipts from.
#[derive(Debug)]
pub enum ShopClock {
    /// The real one.
    Real,
    /// A scripted day, so that the same run prints the same times.
    Scripted(ShopDay),
}

/// Something a virtual terminal did, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalNews {
    /// A POS opened a connection.
    Connected {
        /// Which.
        link: LinkId,
        /// From where.
        peer: SocketAddr,
        /// The path it asked for.
        path: &'static str,
    },
    /// A handshake failed or asked for a path no terminal has.
    Rejected {
        /// From where.
        peer: SocketAddr,
    },
    /// A request was understood.
    Served(LinkId, Served),
    /// An event was acknowledged.
    Acknowledged(LinkId),
    /// A message was not understood, and ignored as devices do.
    Ignored(LinkId),
    /// The connection ended.
    Disconnected(LinkId),
}

/// Serves until `stop` says so (or its sender is gone), then closes every connection with code 1001.
///
/// Nothing is left running when this returns. A failing `accept` (no descriptors left, say) is waited out.
pub async fn serve<W>(
    listener: TcpListener,
    terminal: Terminal,
    play: Play,
    watcher: W,
    stop: watch::Receiver<()>,
) where
    W: Fn(TerminalNews) + Send + Sync + 'static,
{
    let shop = Arc::new(Shop { terminal: Mutex::new((terminal, play.clock)), pace: play.pace, watcher });
    let stopped = stop.clone();
    accept_all(listener, stop, |socket, peer, link| {
        attend(Arc::clone(&shop), socket, peer, link, stopped.clone())
    })
    .await;
}

/// Accepts connections and attends to each in a task of its own, until `stop` says so and all have ended.
pub(super) async fn accept_all<F>(
    listener: TcpListener,
    mut stop: watch::Receiver<()>,
    attend: impl Fn(TcpStream, SocketAddr, LinkId) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut links = JoinSet::new();
    let mut next = 1;
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = links.join_next(), if !links.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    links.spawn(attend(socket, peer, LinkId(next)));
                    next += 1;
                }
                Err(error) => {
                    tracing::warn!(%error, "a virtual peer could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    while links.join_next().await.is_some() {}
}

/// At what speed and on which day a virtual terminal plays.
#[derive(Debug)]
pub struct Play {
    /// How fast people and hosts are.
    pub pace: Pace,
    /// Where the time of its receipts comes from.
    pub clock: ShopClock,
}

struct Shop<W> {
    terminal: Mutex<(Terminal, ShopClock)>,
    pace: Pace,
    watcher: W,
}

impl<W: Fn(TerminalNews)> Shop<W> {
    fn receive(&self, link: LinkId, door: Door, text: &str) -> Reaction {
        let (terminal, clock) = &mut *self.lock();
        let now = match clock {
            ShopClock::Real => wall_time(),
            ShopClock::Scripted(day) => day.next_time(),
        };
        terminal.receive(link, door, text, now)
    }

    fn lock(&self) -> MutexGuard<'_, (Terminal, ShopClock)> {
        // A terminal is whole between messages, whatever another task did.
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn attend<W: Fn(TerminalNews)>(
    shop: Arc<Shop<W>>,
    socket: TcpStream,
    peer: SocketAddr,
    link: LinkId,
    mut stop: watch::Receiver<()>,
) {
    let opening = open(socket, Door::of_target, &mut stop).await;
    let Some((mut socket, door)) = opening else {
        (shop.watcher)(TerminalNews::Rejected { peer });
        return;
    };
    (shop.watcher)(TerminalNews::Connected { link, peer, path: door.path() });
    tokio::select! {
        () = converse(&shop, &mut socket, link, door) => {}
        _ = stop.changed() => hang_up(&mut socket, "terminal switched off").await,
    }
    shop.lock().0.free(link);
    (shop.watcher)(TerminalNews::Disconnected(link));
}

/// Answers the opening handshake on a path that `door` knows; `None` where there was none, or `stop` came.
pub(super) async fn open<D>(
    socket: TcpStream,
    door: impl Fn(&str) -> Option<D>,
    stop: &mut watch::Receiver<()>,
) -> Option<(WebSocketStream<TcpStream>, D)> {
    tokio::select! {
        opening = tokio::time::timeout(HANDSHAKE_TIME, shake_hands(socket, door)) => opening.ok().flatten(),
        _ = stop.changed() => None,
    }
}

async fn shake_hands<D>(
    socket: TcpStream,
    door: impl Fn(&str) -> Option<D>,
) -> Option<(WebSocketStream<TcpStream>, D)> {
    // A terminal answers in milliseconds only if its small frames are not held back.
    socket.set_nodelay(true).ok()?;
    let mut chosen = None;
    let limits =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    #[expect(clippy::result_large_err, reason = "the handshake callback's signature is tungstenite's")]
    let choose = |request: &Request, response: Response| {
        chosen = door(request.uri().path());
        if chosen.is_some() { Ok(response) } else { Err(no_such_path()) }
    };
    let socket = accept_hdr_async_with_config(socket, choose, Some(limits)).await.ok()?;
    Some((socket, chosen?))
}

fn no_such_path() -> ErrorResponse {
    let mut response = ErrorResponse::new(Some("no such endpoint\n".to_owned()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Talks until the link ends, whoever ends it.
async fn converse<W: Fn(TerminalNews)>(
    shop: &Shop<W>,
    socket: &mut WebSocketStream<TcpStream>,
    link: LinkId,
    door: Door,
) {
    let start = Instant::now();
    let mut stage = Stage::new(shop.pace);
    loop {
        while let Some(action) = stage.take(start.elapsed()) {
            match action {
                Action::Send(text) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                Action::Free => shop.lock().0.free(link),
                // Returning drops the socket: the stream ends, and no close frame was sent.
                Action::Drop | Action::AwaitAck => return,
            }
        }
        let message = match stage.due() {
            Some(due) => tokio::select! {
                message = socket.next() => message,
                () = tokio::time::sleep_until(start + due) => continue,
            },
            None => socket.next().await,
        };
        match message {
            Some(Ok(Message::Text(text))) => match shop.receive(link, door, &text) {
                Reaction::Play(timeline, served) => {
                    (shop.watcher)(TerminalNews::Served(link, served));
                    stage.start(timeline, start.elapsed());
                }
                Reaction::Acknowledged(flow_id) => {
                    (shop.watcher)(TerminalNews::Acknowledged(link));
                    stage.acknowledge(&flow_id, start.elapsed());
                }
                Reaction::Ignore => (shop.watcher)(TerminalNews::Ignored(link)),
            },
            Some(Ok(Message::Binary(_))) => (shop.watcher)(TerminalNews::Ignored(link)),
            // Pings are answered, and a close is echoed, by the next read.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Closes with code 1001, as whoever is switched off.
pub(super) async fn hang_up(socket: &mut WebSocketStream<TcpStream>, reason: &'static str) {
    let away = CloseFrame { code: CloseCode::Away, reason: reason.into() };
    let echo = async {
        if socket.close(Some(away)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // A POS that does not answer the close frame cannot keep the terminal on.
    let _ = tokio::time::timeout(HANG_UP_TIME, echo).await;
}

const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
const HANG_UP_TIME: Duration = Duration::from_millis(500);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Far beyond any TSI message; a POS that sends more is cut off.
const MAX_MESSAGE: usize = 1 << 20;
