//! What one recording may cost: every limit with its unit and default.

use std::time::Duration;

/// Bounds of a recording. A peer that crosses one loses its connection or its place in the cassette,
/// never more than that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest head of an opening handshake, in bytes, each way; default 16 KiB. A larger request is
    /// answered 431, in place of a larger response the client gets 502.
    pub handshake_size: usize,
    /// Time for each step of the opening handshake (TLS, request head, dialling, response head); default 10 s.
    pub handshake_time: Duration,
    /// Largest message kept, in bytes after inflation; default 1 MiB. Larger ones pass through and are
    /// recorded by size and SHA-256.
    pub message_kept: usize,
    /// Connections at once; default 1,024. One more is answered 503.
    pub connections: usize,
    /// A connection on which nothing moves for this long is closed; default `None`: a till may be quiet
    /// all night.
    pub idle: Option<Duration>,
    /// Recorded but not yet written, in bytes; default 8 MiB. When it is full and the disk stands still,
    /// messages are counted instead of kept.
    pub buffer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_size: 16 << 10,
            handshake_time: Duration::from_secs(10),
            message_kept: 1 << 20,
            connections: 1024,
            idle: None,
            buffer: 8 << 20,
        }
    }
}
