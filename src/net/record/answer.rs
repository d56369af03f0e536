//! Answers in the proxy's own name, where the upstream cannot give one; and how a connection is left politely.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::net::link::Link;

/// How long a client may take to fetch an answer of ours before its connection is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// An answer in the proxy's own name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Status {
    BadRequest,
    RequestTimeout,
    HeadTooLarge,
    BadGateway,
    Unavailable,
    GatewayTimeout,
}

impl Status {
    pub(super) fn code(self) -> u16 {
        self.line().0
    }

    fn line(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "Bad Request"),
            Self::RequestTimeout => (408, "Request Timeout"),
            Self::HeadTooLarge => (431, "Request Header Fields Too Large"),
            Self::BadGateway => (502, "Bad Gateway"),
            Self::Unavailable => (503, "Service Unavailable"),
            Self::GatewayTimeout => (504, "Gateway Timeout"),
        }
    }
}

/// Answers and closes, without a reset that could overtake the answer.
pub(super) async fn farewell(client: &mut Link, status: Status, why: &str) {
    let (code, reason) = status.line();
    let body = format!("tilltape: {why}\n");
    let answer = format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    if let Ok(Ok(())) = timeout(FAREWELL, send(client, answer.as_bytes())).await {
        end(client).await;
    }
}

/// Ends the stream and waits a moment for the client to end its own: closing on unread bytes would reset.
pub(super) async fn end(client: &mut Link) {
    let _ = timeout(FAREWELL, async {
        client.shutdown().await?;
        let mut sink = [0; 512];
        while client.read(&mut sink).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

/// Writes all of it, now.
pub(super) async fn send(link: &mut Link, bytes: &[u8]) -> io::Result<()> {
    link.write_all(bytes).await?;
    link.flush().await
}
