//! The socket of a virtual till: runs errands against a terminal, one connection at a time.
//!
//! Decides nothing but when to connect and close; what is said comes from [`Till`].

use std::io;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Message, WebSocketConfig, frame::coding::CloseCode,
};
use tokio_tungstenite::tungstenite::{self, http};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::message::Door;
use super::pace::{Pace, Wait};
use super::scenario::{Ask, Errand};
use super::till::{Ending, Reply, Till};

/// How a virtual till goes about its errands.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How fast the cashier is.
    pub pace: Pace,
    /// How long the till waits for the next message before it gives up; never compressed.
    pub patience: Duration,
    /// When it connects.
    pub connections: Connections,
}

/// When a till opens and closes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// Keeps one open for as long as it stays with an endpoint.
    Kept,
    /// Opens one for every transaction, as the vendor's client does.
    PerTransaction,
}

/// Something a virtual till did, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TillNews<'a> {
    /// It begins an errand.
    Asks(&'a Ask),
    /// The errand ended.
    Ended(&'a Ask, &'a Ending),
}

/// Why a till could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The terminal cannot be reached.
    #[error("cannot reach the terminal at `{address}`: {source}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// What answers there is no terminal, or not on that path.
    #[error("`{url}` did not open a WebSocket: {answer}")]
    Handshake {
        /// The whole address.
        url: String,
        /// What it answered.
        answer: String,
    },
}

/// Runs the errands and says how each ended, in the order they were run.
///
/// A till of good habits adds one of its own where the end of a transaction is unknown: it asks for the
/// last transaction on a new connection. `authority` is `host:port`.
pub async fn dial(
    authority: &str,
    mut till: Till,
    errands: Vec<Errand>,
    manner: Manner,
    mut watcher: impl FnMut(TillNews<'_>),
) -> Result<Vec<(Ask, Ending)>, DialError> {
    let mut ended = Vec::new();
    let mut link: Option<Link> = None;
    let mut ahead: std::collections::VecDeque<Errand> = errands.into();
    while let Some(errand) = ahead.pop_front() {
        let door = till.doors().to(errand.ask.endpoint());
        if let Some(open) = link.as_mut() {
            open.idle(&mut till, manner.pace, errand.pause).await;
        }
        if let Some(other) = link.take_if(|open| open.door != door || open.ended) {
            other.close().await;
        }
        let open = match link.as_mut() {
            Some(open) => open,
            None => link.insert(Link::open(authority, door, till.handshake_key()).await?),
        };
        watcher(TillNews::Asks(&errand.ask));
        let ending = open.run(&mut till, &errand.ask, manner).await;
        watcher(TillNews::Ended(&errand.ask, &ending));
        let leave = !ending.is_known() || manner.connections == Connections::PerTransaction;
        if till.asks_after(&errand.ask, &ending) {
            ahead.push_front(Errand { ask: Ask::Recall, pause: Wait::NONE });
        }
        ended.push((errand.ask, ending));
        if leave && let Some(mut open) = link.take() {
            open.idle(&mut till, manner.pace, LINGER).await;
            open.close().await;
        }
    }
    if let Some(mut open) = link {
        open.idle(&mut till, manner.pace, LINGER).await;
        open.close().await;
    }
    Ok(ended)
}

struct Link {
    socket: WebSocketStream<TcpStream>,
    door: Door,
    /// Nothing more can be said on it.
    ended: bool,
}

impl Link {
    async fn open(authority: &str, door: Door, key: [u8; 16]) -> Result<Self, DialError> {
        Ok(Self { socket: connect(authority, door.path(), key).await?, door, ended: false })
    }

    /// Sends the request of an errand and stays until its end is known, or never will be.
    async fn run(&mut self, till: &mut Till, ask: &Ask, manner: Manner) -> Ending {
        let request = till.begin(ask);
        if self.socket.send(Message::text(request)).await.is_err() {
            self.ended = true;
            return Ending::LinkLost;
        }
        loop {
            let heard = self.hear(till, manner.pace, Instant::now() + manner.patience).await;
            // What the last message brought counts, even where the till then hung up.
            if let Some(ending) = till.ending() {
                return ending.clone();
            }
            match heard {
                Heard::Message => {}
                Heard::Nothing => return Ending::Unanswered,
                Heard::End => return Ending::LinkLost,
            }
        }
    }

    /// Lets time pass, and still answers what comes.
    async fn idle(&mut self, till: &mut Till, pace: Pace, wait: Wait) {
        let until = Instant::now() + pace.length(wait);
        while !self.ended && self.hear(till, pace, until).await == Heard::Message {}
    }

    async fn hear(&mut self, till: &mut Till, pace: Pace, until: Instant) -> Heard {
        let Ok(message) = tokio::time::timeout_at(until, self.socket.next()).await else {
            return Heard::Nothing;
        };
        match message {
            Some(Ok(Message::Text(text))) => {
                for reply in till.receive(&text) {
                    if !self.reply(reply, pace).await {
                        self.ended = true;
                        return Heard::End;
                    }
                }
                Heard::Message
            }
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                Heard::Message
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                self.ended = true;
                Heard::End
            }
        }
    }

    /// Whether the link is still there afterwards.
    async fn reply(&mut self, reply: Reply, pace: Pace) -> bool {
        match reply {
            Reply::Send(after, text) => {
                tokio::time::sleep(pace.length(after)).await;
                self.socket.send(Message::text(text)).await.is_ok()
            }
            Reply::HangUp(after) => {
                tokio::time::sleep(pace.length(after)).await;
                self.say_goodbye().await;
                false
            }
        }
    }

    async fn close(mut self) {
        self.say_goodbye().await;
    }

    async fn say_goodbye(&mut self) {
        say_goodbye(&mut self.socket).await;
    }
}

/// What a till heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Message,
    Nothing,
    End,
}

/// Opens a WebSocket on `path`; `key` is the nonce of the handshake.
pub(super) async fn connect(
    authority: &str,
    path: &str,
    key: [u8; 16],
) -> Result<WebSocketStream<TcpStream>, DialError> {
    let address = || authority.to_owned();
    let connect = |source| DialError::Connect { address: address(), source };
    let socket = match tokio::time::timeout(CONNECT_TIME, TcpStream::connect(authority)).await {
        Ok(socket) => socket.map_err(connect)?,
        Err(_) => return Err(connect(io::ErrorKind::TimedOut.into())),
    };
    socket.set_nodelay(true).map_err(connect)?;
    let url = format!("ws://{authority}{path}");
    let limits =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let refused = |answer| DialError::Handshake { url: url.clone(), answer };
    let request = opening(authority, &url, key).map_err(|error| refused(error.to_string()))?;
    let handshake = client_async_with_config(request, socket, Some(limits));
    match tokio::time::timeout(CONNECT_TIME, handshake).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(refused(answer_of(&error))),
        Err(_) => Err(refused("nothing at all".to_owned())),
    }
}

/// Closes with code 1000, and waits a moment for the echo.
pub(super) async fn say_goodbye(socket: &mut WebSocketStream<TcpStream>) {
    let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    let echo = async {
        // Also after the peer's close frame: this is what sends the echo.
        let _ = socket.close(Some(normal)).await;
        while let Some(Ok(_)) = socket.next().await {}
    };
    // A terminal that does not answer the close frame cannot hold the till.
    let _ = tokio::time::timeout(GOODBYE_TIME, echo).await;
}

/// The opening handshake with a key of our own, so that a recording made twice is the same.
fn opening(authority: &str, url: &str, key: [u8; 16]) -> http::Result<http::Request<()>> {
    http::Request::builder()
        .uri(url)
        .header("Host", authority)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", BASE64_STANDARD.encode(key))
        .body(())
}

fn answer_of(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(response) => {
            let status: http::StatusCode = response.status();
            format!("it answered {status}")
        }
        other => other.to_string(),
    }
}

/// How long a till stays before it closes, in case an event is repeated. A timer: also kept at `instant`.
const LINGER: Wait = Wait::Timer(Duration::from_millis(100));
const CONNECT_TIME: Duration = Duration::from_secs(5);
const GOODBYE_TIME: Duration = Duration::from_secs(2);
const MAX_MESSAGE: usize = 1 << 20;
