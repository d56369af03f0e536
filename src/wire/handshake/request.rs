//! The request that opens a connection (RFC 6455, section 4.1).

use std::ops::{Deref, Range};

use super::head::range_of;
use super::{BodyLength, HandshakeError, Head};
use crate::wire::HandshakeLimits;

/// The head of an opening request, with its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    head: Head,
    method: Range<usize>,
    target: Range<usize>,
}

impl RequestHead {
    /// Reads the head at the start of `bytes`; `Ok(None)` where it is not complete yet.
    /// What follows it starts at the length of [`Head::as_bytes`].
    pub fn parse(bytes: &[u8], limits: HandshakeLimits) -> Result<Option<Self>, HandshakeError> {
        if !Head::is_whole(bytes, limits)? {
            return Ok(None);
        }
        let mut lines = [httparse::EMPTY_HEADER; HandshakeLimits::HEADER_LINES];
        let mut request = httparse::Request::new(&mut lines);
        let size = match request.parse(bytes).map_err(HandshakeError::Syntax)? {
            httparse::Status::Complete(size) => size,
            httparse::Status::Partial => return Ok(None),
        };
        let within = |part: Option<&str>| range_of(part.unwrap_or_default().as_bytes(), bytes);
        let (method, target) = (within(request.method), within(request.path));
        Ok(Some(Self { head: Head::new(bytes, size, request.headers), method, target }))
    }

    /// The method; `GET` in a WebSocket handshake.
    pub fn method(&self) -> String {
        self.head.text(&self.method).into_owned()
    }

    /// Path and query, as sent.
    pub fn target(&self) -> String {
        self.head.text(&self.target).into_owned()
    }

    /// Whether the client asks for a WebSocket: `GET`, `Upgrade: websocket`, `Connection: upgrade`.
    pub fn asks_for_websocket(&self) -> bool {
        self.method() == "GET" && self.lists("upgrade", "websocket") && self.lists("connection", "upgrade")
    }

    /// The bytes to send upstream: exactly these, but with `Host` naming `host`.
    pub fn rewrite_host(&self, host: &str) -> Vec<u8> {
        self.head.with_value("host", host)
    }

    /// How long the body of the request is (RFC 9112, section 6.3).
    pub fn body_length(&self) -> BodyLength {
        BodyLength::of_request(&self.head)
    }
}

impl Deref for RequestHead {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}
