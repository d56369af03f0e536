//! The sockets of a virtual goChip service: accepts WebSocket clients, plays what [`Service`] decides.
//!
//! One task per connection around one shared service, for there is one card reader. Decides nothing itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::super::calendar::WallTime;
use super::super::pace::Pace;
use super::super::run::{RunError, run_server, wall_time};
use super::super::serve::{Play, ShopClock, accept_all, hang_up, open};
use super::super::terminal::LinkId;
use super::service::{Doing, Served, Service};
use super::stage::{Act, Stage};

/// Something a virtual service did, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceNews {
    /// A POS opened a connection.
    Connected {
        /// Which.
        link: LinkId,
        /// From where.
        peer: SocketAddr,
    },
    /// A handshake failed or asked for another path than [`PATH`].
    Rejected {
        /// From where.
        peer: SocketAddr,
    },
    /// A request was understood.
    Served(LinkId, Served),
    /// A message was not understood, and ignored.
    Ignored(LinkId),
    /// The connection ended.
    Disconnected(LinkId),
}

/// The path of the service, as clients in the field use it.
pub const PATH: &str = "/middleware";

/// Serves until `stop` says so (or its sender is gone), then closes every connection with code 1001.
///
/// Nothing is left running when this returns.
pub async fn serve<W>(
    listener: TcpListener,
    service: Service,
    play: Play,
    watcher: W,
    stop: watch::Receiver<()>,
) where
    W: Fn(ServiceNews) + Send + Sync + 'static,
{
    let desk = Arc::new(Desk { service: Mutex::new((service, play.clock)), pace: play.pace, watcher });
    let stopped = stop.clone();
    accept_all(listener, stop, |socket, peer, link| {
        attend(Arc::clone(&desk), socket, peer, link, stopped.clone())
    })
    .await;
}

/// Serves until SIGINT or SIGTERM; `ready` is told the address before anyone is accepted.
pub fn run_service<E: From<RunError>>(
    listen: SocketAddr,
    service: Service,
    play: Play,
    ready: impl FnOnce(SocketAddr) -> Result<(), E>,
    watcher: impl Fn(ServiceNews) + Send + Sync + 'static,
) -> Result<(), E> {
    run_server(listen, ready, |listener, stopped| serve(listener, service, play, watcher, stopped))
}

struct Desk<W> {
    service: Mutex<(Service, ShopClock)>,
    pace: Pace,
    watcher: W,
}

impl<W: Fn(ServiceNews)> Desk<W> {
    fn receive(&self, link: LinkId, text: &str) -> Option<(Doing, Served)> {
        let (service, clock) = &mut *self.lock();
        let now: WallTime = match clock {
            ShopClock::Real => wall_time(),
            ShopClock::Scripted(day) => day.next_time(),
        };
        service.receive(link, text, now)
    }

    fn lock(&self) -> MutexGuard<'_, (Service, ShopClock)> {
        // A service is whole between messages, whatever another task did.
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn attend<W: Fn(ServiceNews)>(
    desk: Arc<Desk<W>>,
    socket: TcpStream,
    peer: SocketAddr,
    link: LinkId,
    mut stop: watch::Receiver<()>,
) {
    let path = |path: &str| path.trim_end_matches('/').eq_ignore_ascii_case(PATH).then_some(());
    let Some((mut socket, ())) = open(socket, path, &mut stop).await else {
        (desk.watcher)(ServiceNews::Rejected { peer });
        return;
    };
    (desk.watcher)(ServiceNews::Connected { link, peer });
    tokio::select! {
        () = converse(&desk, &mut socket, link) => {}
        _ = stop.changed() => hang_up(&mut socket, "service stopped").await,
    }
    desk.lock().0.leave(link);
    (desk.watcher)(ServiceNews::Disconnected(link));
}

/// Talks until the link ends, whoever ends it.
async fn converse<W: Fn(ServiceNews)>(desk: &Desk<W>, socket: &mut WebSocketStream<TcpStream>, link: LinkId) {
    let start = Instant::now();
    let mut stage = Stage::new(desk.pace);
    let greeting = desk.lock().0.greet(link);
    stage.play(greeting, start.elapsed());
    loop {
        while let Some(act) = stage.take(start.elapsed()) {
            match act {
                Act::Send(text) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                Act::Reach(phase) => desk.lock().0.reached(link, phase),
                // Returning drops the socket: the stream ends, and no close frame was sent.
                Act::Drop | Act::Await => return,
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
            Some(Ok(Message::Text(text))) => match desk.receive(link, &text) {
                Some((doing, served)) => {
                    (desk.watcher)(ServiceNews::Served(link, served));
                    let now = start.elapsed();
                    match doing {
                        Doing::Answer(line) => stage.play(line, now),
                        Doing::Sell(line) => stage.sell(line, now),
                        Doing::Cancel(line) => {
                            stage.stop_sale();
                            stage.play(line, now);
                        }
                        Doing::GoOn => stage.go_on(now),
                    }
                }
                None => (desk.watcher)(ServiceNews::Ignored(link)),
            },
            Some(Ok(Message::Binary(_))) => (desk.watcher)(ServiceNews::Ignored(link)),
            // Pings are answered, and a close is echoed, by the next read.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => {}
            Some(Err(_)) | None => return,
        }
    }
}
