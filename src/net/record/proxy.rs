//! The proxy: listens, gives each connection its task, and brings the recording to its end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument as _;

use super::answer::{Status, farewell};
use super::batch::{Happened, Why};
use super::notes::Notes;
use super::opening;
use super::plan::{HostHeader, Losing, Plan};
use super::queue::{Loss, Queue};
use super::recorder::{Follower, Observer, Recorder};
use super::shelf::Shelf;
use super::station::Station;
use super::summary::{Summary, Totals};
use super::upstream::Dialler;
use crate::conversation::{ConnectionId, EndReason, Offset};
use crate::mask::{Masker, Policy};
use crate::net::link::Link;
use crate::net::tls::TlsError;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Connections above the limit that are told so at once; further ones are closed without a word.
const TOLD: usize = 64;

/// How long a recorder that gets nothing done is waited for at the end.
const STUCK: Duration = Duration::from_secs(5);

/// A proxy that listens and has not recorded anything yet.
pub struct Proxy {
    runtime: LocalRuntime,
    listener: TcpListener,
    address: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    station: Rc<Station>,
    recorder: Recorder,
}

impl Proxy {
    /// Listens, and begins the cassette. Connections wait until [`Proxy::run`].
    pub fn bind(plan: Plan, shelf: Box<dyn Shelf>, observer: Option<Observer>) -> Result<Self, RecordError> {
        // What is wrong with the plan is said before anything is written.
        let dialler = Dialler::new(plan.upstream, &plan.trust)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .map_err(RecordError::Runtime)?;
        let listener = runtime
            .block_on(listen(&plan.listen))
            .map_err(|error| RecordError::Listen { address: plan.listen.clone(), error })?;
        let address = listener
            .local_addr()
            .map_err(|error| RecordError::Listen { address: plan.listen.clone(), error })?;
        let (queue, halt) = (Arc::new(Queue::new(plan.limits.buffer)), Arc::new(Notify::new()));
        let started = Instant::now();
        let mut recorder = Recorder {
            queue: Arc::clone(&queue),
            shelf,
            masker: Masker::new(plan.policy.clone(), random_key()?),
            policy: plan.policy,
            header: plan.header,
            spread: plan.spread,
            losing: plan.losing,
            halt: Arc::clone(&halt),
            observer,
            follower: None,
            passed: Offset::ZERO,
            started,
            tapes: BTreeMap::new(),
            totals: Totals::default(),
            summary_of: Vec::new(),
            unfinished: Vec::new(),
            trouble: None,
            unwritten: Loss::default(),
        };
        recorder.header.masking = Some(Policy::NAME.into());
        recorder.header.tool.get_or_insert_with(|| concat!("tilltape ", env!("CARGO_PKG_VERSION")).into());
        recorder.mask_header();
        recorder.begin().map_err(RecordError::Cassette)?;
        let station = Rc::new(Station {
            queue,
            started,
            dialler,
            keep_host: plan.host == HostHeader::Kept,
            client: plan.client,
            limits: plan.limits,
            losing: plan.losing,
            halt,
            buffer: Station::buffer(),
            scratch: RefCell::default(),
            open: Cell::new(0),
            stopping: Cell::new(false),
        });
        let acceptor = plan.identity.map(|identity| identity.acceptor);
        Ok(Self { runtime, listener, address, acceptor, station, recorder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has `follower` told how far the cassettes are, also while nothing happens.
    #[must_use]
    pub fn followed_by(mut self, follower: Follower) -> Self {
        self.recorder.follower = Some(follower);
        self
    }

    /// Where remarks of people are put in.
    pub fn notes(&self) -> Notes {
        Notes::new(Arc::clone(&self.station.queue), self.station.started)
    }

    /// Records until `stop`, then closes every connection and finishes the cassette.
    pub fn run(self, stop: impl Future<Output = EndReason<'static>>) -> Result<Summary, RecordError> {
        let (report, result) = mpsc::sync_channel(1);
        let recorder = self.recorder;
        let recorder_is_followed = recorder.follower.is_some();
        let queue = Arc::clone(&self.station.queue);
        thread::Builder::new()
            .name("recorder".into())
            .spawn(move || {
                let alarm = Alarm { losing: recorder.losing, halt: Arc::clone(&recorder.halt) };
                let summary = recorder.run();
                std::mem::forget(alarm);
                // Nobody listens any more where the end was not waited for.
                let _ = report.send(summary);
            })
            .map_err(RecordError::Runtime)?;
        let ticks = recorder_is_followed.then(|| Rc::clone(&self.station));
        let reason = self.runtime.block_on(async {
            if let Some(station) = ticks {
                spawn_local(async move { station.tick().await });
            }
            serve(&self.listener, self.acceptor, &self.station, stop).await
        });
        self.station.stopping.set(true);
        drop(self.listener);
        // Its tasks hold the taps: dropping them hands over what was still unfinished.
        drop(self.runtime);
        queue.end(reason.clone());
        let mut seen = queue.progress();
        loop {
            match result.recv_timeout(STUCK) {
                Ok(summary) => return Ok(summary),
                Err(RecvTimeoutError::Disconnected) => return Err(RecordError::RecorderDied),
                Err(RecvTimeoutError::Timeout) => {
                    let now = queue.progress();
                    if std::mem::replace(&mut seen, now) == now {
                        return Err(RecordError::RecorderStuck);
                    }
                }
            }
        }
    }
}

/// What can keep a recording from being made or finished.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The system gives no runtime or thread.
    #[error("cannot start")]
    Runtime(#[source] io::Error),
    /// The address cannot be listened at.
    #[error("cannot listen at `{address}`: {error}")]
    Listen {
        /// The address as given.
        address: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The cassette cannot be begun.
    #[error("cannot begin the cassette: {0}")]
    Cassette(#[source] io::Error),
    /// Certificates or keys are unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system gives no random bytes, without which nothing can be masked.
    #[error("the system gives no random bytes to mask with")]
    Random,
    /// The disk does not return from a write.
    #[error("the disk does not return from a write: the cassette is cut where it stands")]
    RecorderStuck,
    /// The recorder's thread ended without a result.
    #[error("the recorder failed: the cassette is cut where it stands")]
    RecorderDied,
}

async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut last = None;
    for address in tokio::net::lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restarted proxy takes its port back at once.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

async fn serve(
    listener: &TcpListener,
    acceptor: Option<TlsAcceptor>,
    station: &Rc<Station>,
    stop: impl Future<Output = EndReason<'static>>,
) -> EndReason<'static> {
    let mut stop = pin!(stop);
    let mut last = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            reason = &mut stop => return reason,
            () = station.halt.notified() => return EndReason::Strict,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                last += 1;
                admit(socket, peer, ConnectionId(last), acceptor.clone(), station);
            }
            Err(error) => {
                tracing::error!("cannot accept a connection: {error}");
                // Out of descriptors, most likely: some connections have to end first.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn admit(
    socket: TcpStream,
    peer: SocketAddr,
    connection: ConnectionId,
    acceptor: Option<TlsAcceptor>,
    station: &Rc<Station>,
) {
    let limit = station.limits.connections;
    let open = station.open.get();
    if open >= limit {
        tracing::warn!("{connection} from {peer} is turned away: {limit} connections are open already");
        if open < limit + TOLD && acceptor.is_none() {
            let seat = Seat::take(station);
            spawn_local(async move {
                let mut client = Link::Plain(socket);
                let why = format!("{limit} connections are open already");
                farewell(&mut client, Status::Unavailable, &why).await;
                drop(seat);
            });
        }
        return;
    }
    let seat = Seat::take(station);
    let span = tracing::info_span!("connection", n = connection.0);
    let station = Rc::clone(station);
    spawn_local(async move {
        // Boxed, so that a tunnel does not keep the room its handshake needed; and only the handshake has a
        // span, as entering it is not free and a tunnel is entered with every message.
        let tunnel = Box::pin(begin(socket, peer, connection, acceptor, station).instrument(span)).await;
        if let Some(tunnel) = tunnel {
            tracing::debug!("{connection} is open, from {peer}");
            tunnel.run(connection).await;
            tracing::debug!("{connection} is closed");
        }
        drop(seat);
    });
}

async fn begin(
    socket: TcpStream,
    peer: SocketAddr,
    connection: ConnectionId,
    acceptor: Option<TlsAcceptor>,
    station: Rc<Station>,
) -> Option<super::tunnel::Tunnel> {
    // Fails only where the peer is gone, which the first read will tell.
    let _ = socket.set_nodelay(true);
    let client = match acceptor {
        None => Link::Plain(socket),
        Some(acceptor) => match timeout(station.limits.handshake_time, acceptor.accept(socket)).await {
            Ok(Ok(session)) => Link::Tls(Box::new(session.into())),
            failed => {
                let why = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => format!("nothing within {:?}", station.limits.handshake_time),
                };
                let why = format!("TLS handshake with the {} failed: {why}", station.client);
                tracing::warn!("{why}");
                let happened =
                    Happened::Undecodable { from: station.client, size: 0, why: Why::Handshake(why) };
                station.put(connection, &[], happened);
                station.over(connection);
                return None;
            }
        },
    };
    opening::open(station, connection, peer, client).await
}

/// Goes off where the recorder's thread ends before the recording does.
struct Alarm {
    losing: Losing,
    halt: Arc<Notify>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        match self.losing {
            Losing::Counts => {
                tracing::error!("THE RECORDER FAILED: nothing more is recorded, the traffic goes on");
            }
            Losing::Stops => {
                tracing::error!("THE RECORDER FAILED: stopping the traffic");
                self.halt.notify_one();
            }
        }
    }
}

/// One of the connections that may be open at once.
struct Seat {
    station: Rc<Station>,
}

impl Seat {
    fn take(station: &Rc<Station>) -> Self {
        station.open.set(station.open.get() + 1);
        Self { station: Rc::clone(station) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.station.open.set(self.station.open.get() - 1);
    }
}

fn random_key() -> Result<[u8; 32], RecordError> {
    let mut key = [0; 32];
    ring::default_provider().secure_random.fill(&mut key).map_err(|_| RecordError::Random)?;
    Ok(key)
}
