//! How much a peer can make the tap remember. Larger things pass through the tunnel all the same;
//! they are recorded by size and hash, or by their first bytes.

/// Limits of one direction of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// The largest message kept whole, in bytes after inflation. A larger one is hashed as it passes
    /// and becomes [`Item::Oversized`](super::Item::Oversized). Default: 1 MiB.
    pub kept: usize,
    /// How many bytes of something that cannot be decoded are kept. Default: 4 KiB.
    pub undecodable: usize,
    /// The most a compressed message is inflated to, in bytes. Past it the tap stops spending time on
    /// that direction's compressed messages; too low, and honest large messages become undecodable.
    /// Default: 16 MiB.
    pub inflated: u64,
    /// How many frame sizes of a fragmented message are kept. A message of more frames is treated as
    /// larger than [`Self::kept`]. Default: 16,384 frames.
    pub frames: usize,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self { kept: 1 << 20, undecodable: 4 << 10, inflated: 16 << 20, frames: 16 << 10 }
    }
}

/// Limits of one head of the opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeLimits {
    /// The largest head, in bytes: request or status line, header lines and the empty line. Default: 16 KiB.
    pub head: usize,
}

impl HandshakeLimits {
    /// The most header lines of one head.
    pub const HEADER_LINES: usize = 128;
}

impl Default for HandshakeLimits {
    fn default() -> Self {
        Self { head: 16 << 10 }
    }
}
