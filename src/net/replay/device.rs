//! Bridges to the live device: the handshake of the peer made again, then messages both ways.

use std::io;

use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, http};

use super::beyond::Wanted;
use super::client::{OWN, reach, upgrade};
use super::events::Handshake;
use super::link::attend;
use super::plan::{ReplayError, Watcher};
use super::server::lines;
use super::stage::{Bank, Stage};
use crate::net::record::Dialler;

/// The live device.
pub(super) struct Device {
    pub(super) dialler: Dialler,
    pub(super) limits: WebSocketConfig,
    pub(super) handshake_time: std::time::Duration,
}

/// Connects a link of the peer to the live device until either ends.
pub(super) async fn bridge<W: Watcher>(
    stage: &Stage<W>,
    device: &Device,
    wanted: Wanted,
) -> Result<(), ReplayError> {
    let Wanted { link, asked, commands } = wanted;
    let upstream = device.dialler.upstream();
    let failed = |source| ReplayError::Dial { url: upstream.to_string(), source };
    let (socket, mut handshake) = reach(&device.dialler, device.handshake_time).await?;
    handshake.target = format!("{}{}", upstream.path(), asked.target);
    let request = request(device, &asked, &handshake.target)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    handshake.request = lines(request.headers());
    let answer = client_async_with_config(request, socket, Some(device.limits));
    let late = |_| failed(io::ErrorKind::TimedOut.into());
    match tokio::time::timeout(device.handshake_time, answer).await.map_err(late)? {
        Ok((socket, response)) => {
            // Recorded is what the peer asked for, so that a replay knows it again.
            handshake.target = asked.target;
            handshake.status = 101;
            handshake.response = lines(response.headers());
            stage.bridged(link, &handshake);
            attend(&Bank(stage), link, socket, commands).await;
            Ok(())
        }
        Err(Error::Http(response)) => {
            let answer = format!("it answered {} to a handshake for {}", response.status(), asked.target);
            Err(failed(io::Error::other(answer)))
        }
        Err(error) => Err(failed(io::Error::other(error.to_string()))),
    }
}

/// The handshake of the peer, but for what belongs to one connection.
fn request(device: &Device, asked: &Handshake, target: &str) -> http::Result<http::Request<()>> {
    let mut request = upgrade(device.dialler.upstream(), target);
    for (name, value) in &asked.request {
        let own = OWN.iter().any(|own| name.eq_ignore_ascii_case(own));
        if !own && !name.eq_ignore_ascii_case(SUBPROTOCOL) {
            request = request.header(name, value);
        }
    }
    // What was agreed on with the peer is all that it may speak.
    let agreed = asked.response.iter().find(|(name, _)| name.eq_ignore_ascii_case(SUBPROTOCOL));
    if let Some((name, value)) = agreed {
        request = request.header(name, value);
    }
    request.body(())
}

const SUBPROTOCOL: &str = "sec-websocket-protocol";
