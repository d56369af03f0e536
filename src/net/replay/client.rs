//! Connections that we dial: the opening handshake of the cassette, with a key of our own.

use std::io;
use std::time::Duration;

use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, http};

use super::events::Handshake;
use super::link::attend;
use super::plan::{Credentials, ReplayError, Watcher};
use super::server::lines;
use super::stage::Stage;
use crate::conversation::Party;
use crate::net::link::Link;
use crate::net::record::{Dialler, Upstream};
use crate::replay::{LinkId, Script};

/// What a client needs to know besides its stage.
pub(super) struct Phone<'p> {
    pub(super) script: &'p Script,
    pub(super) dialler: Dialler,
    pub(super) credentials: &'p Credentials,
    pub(super) limits: WebSocketConfig,
    pub(super) handshake_time: std::time::Duration,
    /// Who we are.
    pub(super) role: Party,
}

/// Header lines of a handshake that every client makes itself.
pub(super) const OWN: [&str; 8] = [
    "host",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "content-length",
    "transfer-encoding",
];

/// Opens one connection and talks on it until it ends.
pub(super) async fn dial<W: Watcher>(
    stage: &Stage<W>,
    phone: &Phone<'_>,
    link: LinkId,
) -> Result<(), ReplayError> {
    let upstream = phone.dialler.upstream();
    let failed = |source| ReplayError::Dial { url: upstream.to_string(), source };
    let (socket, mut handshake) = reach(&phone.dialler, phone.handshake_time).await?;
    handshake.target = format!("{}{}", upstream.path(), stage.target(link));
    let request = request(phone, link, stage, &handshake.target)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    handshake.request = lines(request.headers());
    let answer = client_async_with_config(request, socket, Some(phone.limits));
    let late = |_| failed(io::ErrorKind::TimedOut.into());
    match tokio::time::timeout(phone.handshake_time, answer).await.map_err(late)? {
        Ok((socket, response)) => {
            handshake.status = 101;
            handshake.response = lines(response.headers());
            let chosen = response.headers().get("sec-websocket-protocol");
            let chosen = chosen.and_then(|value| value.to_str().ok()).map(str::to_owned);
            let commands = stage.opened(link, &handshake, phone.role, chosen.as_deref());
            attend(stage, link, socket, commands).await;
        }
        Err(Error::Http(response)) => {
            handshake.status = response.status().as_u16();
            handshake.response = lines(response.headers());
            let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            stage.refused(&handshake, phone.role, &body);
            stage.turned_away(link, handshake.status);
        }
        Err(error) => return Err(failed(io::Error::other(error.to_string()))),
    }
    Ok(())
}

/// Dials, and says where both ends are.
pub(super) async fn reach(dialler: &Dialler, time: Duration) -> Result<(Link, Handshake), ReplayError> {
    let failed = |source| ReplayError::Dial { url: dialler.upstream().to_string(), source };
    let dialling = tokio::time::timeout(time, dialler.dial());
    let socket = dialling.await.map_err(|_| failed(io::ErrorKind::TimedOut.into()))?.map_err(failed)?;
    let address = |address: io::Result<std::net::SocketAddr>| {
        address.map_or_else(|_| String::new(), |address| address.to_string())
    };
    let (client_address, server_address) =
        (address(socket.socket().local_addr()), address(socket.socket().peer_addr()));
    Ok((socket, Handshake { client_address, server_address, ..Handshake::default() }))
}

/// What every handshake has, with a key of its own.
pub(super) fn upgrade(upstream: &Upstream, target: &str) -> http::request::Builder {
    http::Request::builder()
        .uri(format!("ws://{}{}", upstream.authority(), if target.is_empty() { "/" } else { target }))
        .header("Host", upstream.authority())
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
}

/// The handshake of the cassette, but for what belongs to one connection and what was masked.
fn request<W: Watcher>(
    phone: &Phone<'_>,
    link: LinkId,
    stage: &Stage<W>,
    target: &str,
) -> http::Result<http::Request<()>> {
    let mut request = upgrade(phone.dialler.upstream(), target);
    let own = |name: &str| phone.credentials.0.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let recorded = stage.step_of(link).map(|step| phone.script.headers_sent(step)).unwrap_or_default();
    for (name, value) in recorded {
        if !OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) && !own(name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &phone.credentials.0 {
        request = request.header(name, value);
    }
    request.body(())
}
