//! Relays the opening handshake: the request on to the upstream, the answer back, whatever it is.
//!
//! What is changed is `Host` (unless told not to) and the path put before the target; every other byte
//! passes as it came. Bytes behind a head go on at once, too. The proxy answers in its own name only where
//! the upstream cannot.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::answer::{Status, end, farewell, send};
use super::attempt::Attempt;
use super::batch::{Happened, Why};
use super::station::Station;
use super::tap::{Tap, Way};
use super::tunnel::Tunnel;
use crate::conversation::ConnectionId;
use crate::net::link::Link;
use crate::net::tls;
use crate::wire::handshake::{Body, HandshakeError, RequestHead, ResponseHead};

/// Bytes read at once while there is no tunnel yet.
const READ: usize = 4 << 10;

/// How many bytes of something that is no handshake are kept.
const EVIDENCE: usize = 4 << 10;

/// Opens one connection: `None` where it did not come to a tunnel, which is recorded and said by then.
pub(super) async fn open(
    station: Rc<Station>,
    connection: ConnectionId,
    peer: SocketAddr,
    mut client: Link,
) -> Option<Tunnel> {
    let (request, early) = read_request(&station, connection, &mut client).await?;
    let mut attempt = Attempt::new(Rc::clone(&station), connection, peer, &request);
    let upstream = match in_time(&station, station.dialler.dial()).await {
        Ok(link) => link,
        Err(error) => {
            let distrust = tls::distrust(&error);
            let reason = distrust.map_or_else(|| error.to_string(), str::to_owned);
            let why = format!("cannot reach {}: {reason}", station.dialler.upstream());
            // Only the operator can do something about a certificate.
            let next = if distrust.is_some() { " (`--upstream-ca FILE` says which to trust)" } else { "" };
            tracing::warn!("{why}{next}; the {} gets 502", station.client);
            refuse(&mut client, &mut attempt, Status::BadGateway, &why).await;
            return None;
        }
    };
    if let Ok(address) = upstream.socket().peer_addr() {
        attempt.reached(address);
    }
    let pair = Pair { client, upstream, early, client_ended: false };
    pair.negotiate(&station, connection, &request, attempt).await
}

/// The request head of a client, and the bytes that came behind it.
async fn read_request(
    station: &Station,
    connection: ConnectionId,
    client: &mut Link,
) -> Option<(RequestHead, Vec<u8>)> {
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            if let Some(head) = RequestHead::parse(&bytes, station.handshake_limits())? {
                return Ok(head);
            }
            match read_some(client, &mut bytes).await {
                Ok(0) => return Err(NoRequest::Ended),
                Ok(_) => {}
                Err(error) => return Err(NoRequest::Broken(error)),
            }
        }
    };
    let failure = match timeout(station.limits.handshake_time, reading).await {
        Ok(Ok(head)) => {
            let early = bytes.split_off(head.as_bytes().len());
            return Some((head, early));
        }
        Ok(Err(failure)) => failure,
        Err(_) => NoRequest::Slow(station.limits.handshake_time),
    };
    if bytes.is_empty() {
        tracing::debug!("left without a request: {failure}");
        return None;
    }
    tracing::warn!("no opening handshake: {failure}");
    let kept = &bytes[..bytes.len().min(EVIDENCE)];
    let size = bytes.len() as u64;
    let why = Why::Handshake(failure.to_string());
    station.put(connection, kept, Happened::Undecodable { from: station.client, size, why });
    station.over(connection);
    if let Some(status) = failure.status() {
        farewell(client, status, &failure.to_string()).await;
    }
    None
}

/// Why there is no request to relay.
#[derive(Debug, thiserror::Error)]
enum NoRequest {
    #[error(transparent)]
    Head(#[from] HandshakeError),
    #[error("the client ended its stream inside the request")]
    Ended,
    #[error("the link broke inside the request: {0}")]
    Broken(io::Error),
    #[error("the request was not complete after {0:?}")]
    Slow(Duration),
}

impl NoRequest {
    /// What the client is told, if it can be told anything.
    fn status(&self) -> Option<Status> {
        match self {
            Self::Head(HandshakeError::TooLong { .. }) => Some(Status::HeadTooLarge),
            Self::Head(HandshakeError::Syntax(_)) => Some(Status::BadRequest),
            Self::Slow(_) => Some(Status::RequestTimeout),
            Self::Head(HandshakeError::Tls) | Self::Ended | Self::Broken(_) => None,
        }
    }
}

/// Both ends of a connection whose handshake is under way.
struct Pair {
    client: Link,
    upstream: Link,
    /// What the client sent behind its request; it was or will be forwarded, and the tap has not seen it.
    early: Vec<u8>,
    client_ended: bool,
}

impl Pair {
    async fn negotiate(
        mut self,
        station: &Rc<Station>,
        connection: ConnectionId,
        request: &RequestHead,
        mut attempt: Attempt,
    ) -> Option<Tunnel> {
        let answer = in_time(station, self.exchange(station, request)).await;
        let (response, rest) = match answer {
            Ok(Answer::Head(response, rest)) => (response, rest),
            Ok(Answer::ClientLeft) => {
                tracing::warn!("the {} left before the {} answered", station.client, station.server());
                attempt.failed(502, format!("the {} left before the answer", station.client));
                self.upstream.reset_on_close();
                return None;
            }
            Ok(Answer::Unreadable(bytes, why)) => {
                self.unreadable(station, connection, attempt, &bytes, &why).await;
                return None;
            }
            Err(error) => {
                let why = format!("no answer from {}: {error}", station.dialler.upstream());
                tracing::warn!("{why}");
                let status = match error.kind() {
                    io::ErrorKind::TimedOut => Status::GatewayTimeout,
                    _ => Status::BadGateway,
                };
                refuse(&mut self.client, &mut attempt, status, &why).await;
                return None;
            }
        };
        attempt.answered(&response);
        if !response.switches_protocols() {
            tracing::warn!(
                "the {} answered {} instead of 101 and is relayed",
                station.server(),
                response.status()
            );
            self.relay_refusal(station, &response, rest, &mut attempt).await;
            return None;
        }
        let mut first = response.as_bytes().to_vec();
        first.extend_from_slice(&rest);
        if send(&mut self.client, &first).await.is_err() {
            tracing::debug!("the {} was gone when the answer came", station.client);
        }
        attempt.opened();
        let mut tap = Tap::new(Rc::clone(station), connection, &response);
        for (way, bytes) in [(Way::Up, &self.early), (Way::Down, &rest)] {
            if !bytes.is_empty() {
                tap.feed(way, bytes);
            }
        }
        let mut tunnel = Tunnel::new(Rc::clone(station), self.client, self.upstream, tap);
        if self.client_ended {
            tunnel.client_ended();
        }
        Some(tunnel)
    }

    /// Sends the request on and waits for the head of the final answer; meanwhile what the client sends
    /// passes, as far as the tap's memory allows.
    async fn exchange(&mut self, station: &Station, request: &RequestHead) -> io::Result<Answer> {
        let mut first = forwarded(station, request);
        first.extend_from_slice(&self.early);
        send(&mut self.upstream, &first).await?;
        let mut bytes = Vec::new();
        let mut chunk = vec![0; READ];
        loop {
            match ResponseHead::parse(&bytes, station.handshake_limits()) {
                Err(error) => return Ok(Answer::Unreadable(bytes, error.to_string())),
                Ok(Some(head)) if head.is_interim() => {
                    send(&mut self.client, head.as_bytes()).await?;
                    bytes.drain(..head.as_bytes().len());
                    continue;
                }
                Ok(Some(head)) => {
                    let rest = bytes.split_off(head.as_bytes().len());
                    return Ok(Answer::Head(head, rest));
                }
                Ok(None) => {}
            }
            let listening = !self.client_ended && self.early.len() < station.limits.handshake_size;
            tokio::select! {
                read = read_some(&mut self.upstream, &mut bytes) => if read? == 0 {
                    return Ok(Answer::Unreadable(bytes, "the stream ended before a complete answer".into()));
                },
                read = self.client.read(&mut chunk), if listening => match read {
                    Ok(0) => {
                        self.client_ended = true;
                        self.upstream.shutdown().await?;
                    }
                    Ok(size) => {
                        self.early.extend_from_slice(&chunk[..size]);
                        send(&mut self.upstream, &chunk[..size]).await?;
                    }
                    Err(_) => return Ok(Answer::ClientLeft),
                },
            }
        }
    }

    /// What the upstream said is no HTTP: the client gets 502, the recording the bytes.
    async fn unreadable(
        mut self,
        station: &Station,
        connection: ConnectionId,
        mut attempt: Attempt,
        bytes: &[u8],
        why: &str,
    ) {
        let from = station.server();
        tracing::warn!(
            "no answer from {}: {why}; the {} gets 502",
            station.dialler.upstream(),
            station.client
        );
        if !bytes.is_empty() {
            let (kept, size) = (&bytes[..bytes.len().min(EVIDENCE)], bytes.len() as u64);
            let why = Why::Handshake(why.into());
            station.put(connection, kept, Happened::Undecodable { from, size, why });
        }
        let why = format!("no answer from {}: {why}", station.dialler.upstream());
        refuse(&mut self.client, &mut attempt, Status::BadGateway, &why).await;
    }

    /// Relays an answer that is not 101: head and body, then the end of the connection.
    async fn relay_refusal(
        mut self,
        station: &Station,
        response: &ResponseHead,
        rest: Vec<u8>,
        attempt: &mut Attempt,
    ) {
        let mut body = Body::new(response.body_length());
        let own = body.take(&rest);
        attempt.body(&rest[..own]);
        let mut first = response.as_bytes().to_vec();
        first.extend_from_slice(&rest[..own]);
        let mut chunk = vec![0; READ];
        let mut upwards = vec![0; READ];
        let mut sent = send(&mut self.client, &first).await;
        while sent.is_ok() && !body.is_finished() {
            let step = async {
                tokio::select! {
                    read = self.upstream.read(&mut chunk) => {
                        let size = read?;
                        let own = body.take(&chunk[..size]);
                        attempt.body(&chunk[..own]);
                        send(&mut self.client, &chunk[..own]).await?;
                        Ok(size > 0)
                    }
                    read = self.client.read(&mut upwards), if !self.client_ended => {
                        let size = read?;
                        self.client_ended = size == 0;
                        send(&mut self.upstream, &upwards[..size]).await?;
                        Ok(true)
                    }
                }
            };
            match in_time(station, step).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => sent = Err(error),
            }
        }
        end(&mut self.client).await;
    }
}

/// What came back for a request.
enum Answer {
    Head(ResponseHead, Vec<u8>),
    Unreadable(Vec<u8>, String),
    ClientLeft,
}

/// The request as it goes to the upstream.
fn forwarded(station: &Station, request: &RequestHead) -> Vec<u8> {
    let upstream = station.dialler.upstream();
    let mut bytes = if station.keep_host {
        request.as_bytes().to_vec()
    } else {
        request.rewrite_host(&upstream.authority())
    };
    if request.target().starts_with('/')
        && let Some(space) = bytes.iter().position(|&byte| byte == b' ')
    {
        bytes.splice(space + 1..space + 1, upstream.path().bytes());
    }
    bytes
}

async fn refuse(client: &mut Link, attempt: &mut Attempt, status: Status, why: &str) {
    attempt.failed(status.code(), why);
    farewell(client, status, why).await;
}

async fn read_some(link: &mut Link, into: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = [0; READ];
    let size = link.read(&mut chunk).await?;
    into.extend_from_slice(&chunk[..size]);
    Ok(size)
}

async fn in_time<T>(station: &Station, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let limit = station.limits.handshake_time;
    timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing within {limit:?}"))))
}
