//! One connection of the POS under test: its handshake, its messages, and how it is broken.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::stage::{Stage, ToLink};
use crate::replay::LinkId;
use crate::wire::{Decoder, Item, MessageLimits, Scratch, Sender};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long what a POS had under way when its link was cut is listened to: it shows what the POS knows.
const UNDER_WAY: Duration = Duration::from_millis(250);

/// How long a close frame is given to be answered.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves one connection from its first byte to its last.
pub(super) async fn serve(stage: &Stage<'_>, socket: TcpStream, limits: WebSocketConfig) {
    let mut dialled = None;
    let opening = async {
        // Small frames are not held back: answers take microseconds.
        socket.set_nodelay(true).ok()?;
        #[expect(clippy::result_large_err, reason = "the handshake callback's signature is tungstenite's")]
        let answer = |request: &Request, mut response: Response| {
            let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
            let Some(link) = stage.dialled(target) else {
                let mut answer = ErrorResponse::new(Some("the cassette has no such connection\n".to_owned()));
                *answer.status_mut() = StatusCode::NOT_FOUND;
                return Err(answer);
            };
            dialled = Some((link, target.to_owned()));
            if let Some(offer) = request.headers().get("sec-websocket-protocol")
                && let Some(first) = offer.to_str().ok().and_then(|offer| offer.split(',').next())
                && let Ok(first) = HeaderValue::from_str(first.trim())
            {
                response.headers_mut().insert("sec-websocket-protocol", first);
            }
            Ok(response)
        };
        accept_hdr_async_with_config(socket, answer, Some(limits)).await.ok()
    };
    let socket = tokio::time::timeout(HANDSHAKE, opening).await.ok().flatten();
    if let (Some(socket), Some((link, target))) = (socket, dialled) {
        let orders = stage.opened(link, &target);
        attend(stage, link, socket, orders).await;
    }
}

async fn attend(
    stage: &Stage<'_>,
    link: LinkId,
    mut socket: WebSocketStream<TcpStream>,
    mut orders: mpsc::UnboundedReceiver<ToLink>,
) {
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(ToLink::Send(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return stage.dropped(link);
                    }
                }
                Some(ToLink::Drop) => return cut(stage, link, socket).await,
                Some(ToLink::FallSilent) => return fall_silent(stage, link, socket).await,
                None => return leave(socket).await,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => stage.received(link, &text),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.as_ref().map(|frame| u16::from(frame.code));
                    stage.closed(link, code, frame.as_ref().map_or("", |frame| frame.reason.as_str()));
                    return leave(socket).await;
                }
                Some(Ok(_)) => stage.noticed(),
                Some(Err(_)) | None => return stage.dropped(link),
            },
        }
    }
}

/// Ends our half of the stream, listens to what is under way, and is gone.
async fn cut(stage: &Stage<'_>, link: LinkId, mut socket: WebSocketStream<TcpStream>) {
    // Fails only on a socket that is gone already.
    let _ = socket.get_mut().shutdown().await;
    // What comes after that has no chance to be answered.
    let _ = tokio::time::timeout(UNDER_WAY, overhear(stage, link, &mut socket)).await;
}

/// Takes what comes and answers nothing, not even a ping: until the POS ends the stream, or the cell does.
async fn fall_silent(stage: &Stage<'_>, link: LinkId, mut socket: WebSocketStream<TcpStream>) {
    overhear(stage, link, &mut socket).await;
    // The POS has ended its half; ours stays open.
    std::future::pending::<()>().await;
}

/// Reads what the POS says, below the library, which would answer pings and closes.
async fn overhear(stage: &Stage<'_>, link: LinkId, socket: &mut WebSocketStream<TcpStream>) {
    let mut decoder = Decoder::new(Sender::Client, None, MessageLimits::default());
    let mut scratch = Scratch::default();
    let mut buffer = vec![0; 4096];
    while let Ok(read) = socket.get_mut().read(&mut buffer).await {
        if read == 0 {
            return;
        }
        decoder.feed(&buffer[..read], &mut scratch, &mut |item| {
            if let Item::Message { text: true, payload, .. } = item
                && let Ok(text) = std::str::from_utf8(payload)
            {
                stage.received(link, text);
            }
        });
    }
}

/// The goodbye of the library, which has the answer to a close frame ready.
async fn leave(mut socket: WebSocketStream<TcpStream>) {
    let goodbye = async { while let Some(Ok(_)) = socket.next().await {} };
    // A POS that does not end its stream cannot hold us.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}
