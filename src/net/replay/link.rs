//! One live connection: frames from the peer to whoever listens, commands to the peer.

use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};

use super::stage::Command;
use crate::net::link::Link;
use crate::replay::{LinkId, Outgoing, Received};

/// How long a peer has to answer our goodbye, or to end a stream that is closed.
const FAREWELL: Duration = Duration::from_millis(500);

/// Hears what happens on links.
pub(super) trait Ear {
    /// Something came.
    fn received(&self, link: LinkId, what: &Received<'_>);
    /// A message was handed to the system.
    fn sent(&self, link: LinkId);
    /// Waits until there is room for what comes next: what is passed on must not pile up.
    async fn room(&self, link: LinkId);
}

/// Talks until the link ends, whoever ends it.
pub(super) async fn attend(
    ear: &impl Ear,
    link: LinkId,
    mut socket: WebSocketStream<Link>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    loop {
        let next = tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(command) => Next::Command(command),
                None => return,
            },
            message = async { ear.room(link).await; socket.next().await } => Next::Message(message),
        };
        match next {
            Next::Command(Command::Leave) => return leave(&mut socket).await,
            Next::Command(Command::Drop { reset }) => {
                if reset {
                    socket.get_ref().reset_on_close();
                }
                return;
            }
            Next::Command(Command::FallSilent) => return hold(socket, commands).await,
            Next::Command(command) => {
                if obey(ear, link, &mut socket, command).await.is_err() {
                    ear.received(link, &Received::End { reset: false });
                    return;
                }
            }
            Next::Message(message) => {
                if let Some(Ok(Message::Close(_))) = message {
                    answer(&mut socket).await;
                }
                if hear(ear, link, message) {
                    return;
                }
            }
        }
    }
}

enum Next {
    Command(Command),
    Message(Option<Result<Message, Error>>),
}

async fn obey(
    ear: &impl Ear,
    link: LinkId,
    socket: &mut WebSocketStream<Link>,
    command: Command,
) -> Result<(), Error> {
    match command {
        Command::Send(message) => {
            let message = match message {
                Outgoing::Text(text) => Message::text(text),
                Outgoing::Binary(bytes) => Message::binary(bytes),
            };
            let sent = socket.send(message).await;
            ear.sent(link);
            sent
        }
        Command::Ping(payload) => socket.send(Message::Ping(payload.into())).await,
        Command::Pong(payload) => socket.send(Message::Pong(payload.into())).await,
        Command::Close { code, reason } => {
            let frame = code.map(|code| CloseFrame { code: code.into(), reason: reason.into() });
            match socket.close(frame).await {
                // The peer was faster, and has its answer.
                Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::SendAfterClosing),
                ) => Ok(()),
                other => other,
            }
        }
        Command::Break(bytes) => {
            socket.flush().await?;
            Ok(socket.get_mut().write_all(&bytes).await?)
        }
        Command::Drop { .. } | Command::FallSilent | Command::Leave => Ok(()),
    }
}

/// Says what came; `true` once nothing more can come.
fn hear(ear: &impl Ear, link: LinkId, message: Option<Result<Message, Error>>) -> bool {
    match message {
        Some(Ok(Message::Text(text))) => ear.received(link, &Received::Text(&text)),
        Some(Ok(Message::Binary(bytes))) => ear.received(link, &Received::Binary(&bytes)),
        Some(Ok(Message::Ping(payload))) => ear.received(link, &Received::Ping(&payload)),
        Some(Ok(Message::Pong(payload))) => ear.received(link, &Received::Pong(&payload)),
        Some(Ok(Message::Close(frame))) => {
            let code = frame.as_ref().map(|frame| u16::from(frame.code));
            let reason = frame.as_ref().map_or("", |frame| frame.reason.as_str());
            ear.received(link, &Received::Close { code, reason });
        }
        Some(Ok(Message::Frame(_))) => {}
        Some(Err(error)) => {
            if let Some(why) = broken(&error) {
                ear.received(link, &Received::Broken(&why));
            }
            let reset = matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::ConnectionReset);
            ear.received(link, &Received::End { reset });
            return true;
        }
        None => {
            ear.received(link, &Received::End { reset: false });
            return true;
        }
    }
    false
}

/// What the peer did wrong; `None` where the link merely ended.
fn broken(error: &Error) -> Option<String> {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing) => {
            None
        }
        Error::Capacity(error) => Some(format!("too large to be taken: {error}")),
        Error::Protocol(error) => Some(format!("{error} (RFC 6455)")),
        Error::Utf8(error) => Some(format!("text that is not UTF-8: {error} (RFC 6455, section 5.6)")),
        other => Some(other.to_string()),
    }
}

/// Sends the library's answer to a close frame, which waits in its buffer until somebody reads or flushes.
async fn answer(socket: &mut WebSocketStream<Link>) {
    // A peer that does not read cannot hold us; that the link is over now is what an answer is for.
    let _ = tokio::time::timeout(FAREWELL, socket.flush()).await;
}

/// Closes with code 1001, and waits a moment for the answer.
async fn leave(socket: &mut WebSocketStream<Link>) {
    let away = CloseFrame { code: 1001.into(), reason: "replay ended".into() };
    let goodbye = async {
        // Where the peer closed, our answer may still wait to be written; reading on does that.
        let _ = socket.close(Some(away)).await;
        while let Some(Ok(_)) = socket.next().await {}
    };
    // A peer that does not answer cannot hold us.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}

/// Holds the stream open without moving anything on it, until the run is over.
async fn hold(socket: WebSocketStream<Link>, mut commands: mpsc::UnboundedReceiver<Command>) {
    while let Some(command) = commands.recv().await {
        if matches!(command, Command::Leave | Command::Drop { .. }) {
            break;
        }
    }
    drop(socket);
}
