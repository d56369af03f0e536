//! Why bytes are no head of an opening handshake.

/// Why bytes are no head of an opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The first bytes are those of a TLS handshake.
    #[error("expected a plain HTTP/1.1 head, got a TLS handshake; the peer means `wss://`")]
    Tls,
    /// The bytes break the syntax of an HTTP/1.1 head (RFC 9112).
    #[error("expected an HTTP/1.1 head: {0}")]
    Syntax(#[source] httparse::Error),
    /// The head is longer than the limit.
    #[error("expected a head of at most {limit} bytes, got no end of it in {got}")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
        /// Bytes that came.
        got: usize,
    },
}
