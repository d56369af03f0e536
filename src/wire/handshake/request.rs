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
        let Some(window) = Head::window(bytes, limits)? else { return Ok(None) };
        let mut lines = [httparse::EMPTY_HEADER; HandshakeLimits::HEADER_LINES];
        let mut request = httparse::Request::new(&mut lines);
        let size = match request.parse(window).map_err(HandshakeError::Syntax)? {
            httparse::Status::Complete(size) => size,
            httparse::Status::Partial => return Head::unfinished(bytes, limits),
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

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] =
        b"GET /tsi/v1/payment?a=b HTTP/1.1\r\nhOST:  127.0.0.1:50000 \r\nX-Empty:\r\nUpgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nX-Odd: \xff\r\n\r\n";

    fn parse(bytes: &[u8]) -> Result<Option<RequestHead>, HandshakeError> {
        RequestHead::parse(bytes, HandshakeLimits::default())
    }

    #[test]
    fn a_request_is_read_once_it_is_whole() {
        for cut in 0..REQUEST.len() {
            assert_eq!(parse(&REQUEST[..cut]), Ok(None), "{cut}");
        }
        let head = parse(&[REQUEST, b"\x81\x01"].concat()).unwrap().unwrap();
        assert_eq!(head.as_bytes(), REQUEST);
        assert_eq!((head.method(), head.target()), ("GET".into(), "/tsi/v1/payment?a=b".into()));
        assert!(head.asks_for_websocket());
        assert_eq!(head.header("HOST").as_deref(), Some("127.0.0.1:50000"));
        let names: Vec<_> = head.headers().map(|(name, _)| name).collect();
        assert_eq!(names, ["hOST", "X-Empty", "Upgrade", "Connection", "X-Odd"]);
        assert_eq!(head.header("x-odd").as_deref(), Some("\u{fffd}"));
        assert_eq!(head.body_length(), BodyLength::Exact(0));
    }

    #[test]
    fn only_the_host_is_rewritten() {
        let head = parse(REQUEST).unwrap().unwrap();
        let rewritten = head.rewrite_host("terminal.local");
        let expected = String::from_utf8_lossy(REQUEST).replace("127.0.0.1:50000", "terminal.local");
        assert_eq!(String::from_utf8_lossy(&rewritten), expected);
        let filled = head.with_value("x-empty", "1");
        assert!(String::from_utf8_lossy(&filled).contains("X-Empty:1\r\nUpgrade"));
        assert_eq!(head.with_value("absent", "1"), REQUEST);
    }

    #[test]
    fn what_is_no_request_is_refused_at_once() {
        assert_eq!(parse(b"\x16\x03\x01\x02\x00"), Err(HandshakeError::Tls));
        assert!(matches!(parse(b"\0\0\0\n\r\n"), Err(HandshakeError::Syntax(_))));
        let endless = [&b"GET / HTTP/1.1\r\nX: "[..], &[b'x'; 20_000]].concat();
        assert_eq!(parse(&endless[..16_383]), Ok(None));
        assert_eq!(parse(&endless), Err(HandshakeError::TooLong { limit: 16_384, got: 20_019 }));
        let hidden = [&b"\r\n\n\r\nGET / HTTP/1.1\r\nX: "[..], &[b'x'; 20_000]].concat();
        assert!(matches!(parse(&hidden), Err(HandshakeError::TooLong { .. })));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(129));
        assert_eq!(parse(many.as_bytes()), Err(HandshakeError::Syntax(httparse::Error::TooManyHeaders)));
    }
}
