//! Peers that dial us: the opening handshake, answered as the player says.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::events::Handshake;
use super::link::attend;
use super::plan::Watcher;
use super::stage::Stage;
use crate::conversation::{Content, EventKind, Party, Payload};
use crate::net::link::Link;
use crate::replay::{Answer, Script, StepId};

/// What a server needs to know besides its stage.
pub(super) struct Door<'p> {
    pub(super) script: &'p Script,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) limits: WebSocketConfig,
    pub(super) handshake_time: std::time::Duration,
    /// Who dials.
    pub(super) client: Party,
}

/// Serves one connection from its first byte to its last.
pub(super) async fn serve<W: Watcher>(
    stage: &Stage<W>,
    door: &Door<'_>,
    socket: TcpStream,
    peer: SocketAddr,
) {
    let mut handshake = Handshake {
        client_address: peer.to_string(),
        server_address: socket.local_addr().map_or_else(|_| String::new(), |address| address.to_string()),
        ..Handshake::default()
    };
    let mut opened = None;
    let mut refusal = String::new();
    let opening = async {
        // Small frames are not held back: answers take microseconds.
        socket.set_nodelay(true).ok()?;
        let link = match &door.acceptor {
            None => Link::Plain(socket),
            Some(acceptor) => Link::Tls(Box::new(acceptor.accept(socket).await.ok()?.into())),
        };
        #[expect(clippy::result_large_err, reason = "the handshake callback's signature is tungstenite's")]
        let answer = |request: &Request, response: Response| {
            let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
            handshake.target = target.to_owned();
            handshake.request = lines(request.headers());
            match stage.dialled(target, &offered(request)) {
                Answer::Accept { link, subprotocol, .. } => {
                    let response = with_subprotocol(response, subprotocol.as_deref());
                    handshake.status = 101;
                    handshake.response = lines(response.headers());
                    opened = Some((link, subprotocol));
                    Ok(response)
                }
                Answer::Refuse { step } => {
                    let answer = recorded_refusal(door.script, step);
                    handshake.status = answer.status().as_u16();
                    handshake.response = lines(answer.headers());
                    refusal = answer.body().clone().unwrap_or_default();
                    Err(answer)
                }
                Answer::Unknown => {
                    handshake.status = 404;
                    refusal = "the cassette has no such connection\n".to_owned();
                    let mut answer = ErrorResponse::new(Some(refusal.clone()));
                    *answer.status_mut() = StatusCode::NOT_FOUND;
                    Err(answer)
                }
            }
        };
        accept_hdr_async_with_config(link, answer, Some(door.limits)).await.ok()
    };
    let socket = tokio::time::timeout(door.handshake_time, opening).await.ok().flatten();
    match (socket, opened) {
        (Some(socket), Some((link, subprotocol))) => {
            let commands = stage.opened(link, &handshake, door.client, subprotocol.as_deref());
            attend(stage, link, socket, commands).await;
        }
        // Whoever knocks without asking for anything is no peer of ours.
        _ if handshake.status == 0 => {}
        (_, Some((link, _))) => stage.lost(link),
        _ => stage.refused(&handshake, door.client, &refusal),
    }
}

/// The answer of the cassette to an attempt: status, header lines that are not the connection's own, body.
fn recorded_refusal(script: &Script, step: StepId) -> ErrorResponse {
    let mut answer = ErrorResponse::new(None);
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let Content::Other(EventKind::Refused(refusal)) = script.content(step) else { return answer };
    if let Ok(status) = StatusCode::from_u16(refusal.opening.status) {
        *answer.status_mut() = status;
    }
    for (name, value) in &refusal.opening.response.headers {
        let own = ["connection", "content-length", "transfer-encoding", "upgrade"];
        if own.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            answer.headers_mut().append(name, value);
        }
    }
    *answer.body_mut() = match &refusal.body {
        Payload::Json(text) => Some((*text).to_owned()),
        Payload::Text(text) if !text.is_empty() => Some(text.clone().into_owned()),
        Payload::Text(_) | Payload::Binary(_) | Payload::Omitted { .. } => None,
    };
    answer
}

fn offered(request: &Request) -> Vec<String> {
    let lines = request.headers().get_all("sec-websocket-protocol").into_iter();
    let lines = lines.filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|n| !n.is_empty())
        .collect()
}

fn with_subprotocol(mut response: Response, subprotocol: Option<&str>) -> Response {
    if let Some(value) = subprotocol.and_then(|name| HeaderValue::from_str(name).ok()) {
        response.headers_mut().insert("sec-websocket-protocol", value);
    }
    response
}

/// Header lines as events have them.
pub(super) fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}
