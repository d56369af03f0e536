//! permessage-deflate (RFC 7692): inflates the messages of one direction, in pieces, into a bounded buffer.
//!
//! A negotiated window smaller than 32 KiB needs nothing here: what was compressed with a small window
//! inflates with a large one. State is allocated with the first compressed message, about 43 KiB, and stays
//! with the connection only where messages refer back to earlier ones ("context takeover").

use flate2::{Decompress, FlushDecompress, Status};

use super::{ProtocolError, Sender};

/// What the handshake agreed on (RFC 7692, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateParams {
    /// Whether each message of the client is compressed on its own.
    pub client_no_context_takeover: bool,
    /// Whether each message of the server is compressed on its own.
    pub server_no_context_takeover: bool,
    /// Base-2 logarithm of the client's window in bytes, 8 to 15.
    pub client_max_window_bits: u8,
    /// Base-2 logarithm of the server's window in bytes, 8 to 15.
    pub server_max_window_bits: u8,
}

impl DeflateParams {
    /// Whether messages of `sender` may refer back to its earlier ones.
    pub const fn takes_context_over(&self, sender: Sender) -> bool {
        match sender {
            Sender::Client => !self.client_no_context_takeover,
            Sender::Server => !self.server_no_context_takeover,
        }
    }
}

impl Default for DeflateParams {
    fn default() -> Self {
        Self {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: 15,
            server_max_window_bits: 15,
        }
    }
}

/// What inflates the messages of one direction.
#[derive(Debug)]
pub(super) struct Inflater {
    takes_context_over: bool,
    state: State,
    /// Bytes the current message inflated to so far.
    inflated: u64,
    /// Whether the message's data ended with a final block and nothing came since.
    ended: bool,
}

#[derive(Debug)]
enum State {
    Idle,
    Ready(Decompress),
    /// A message was not inflated to its end; what refers back to it cannot be read.
    Lost,
}

impl Inflater {
    pub(super) fn new(takes_context_over: bool) -> Self {
        Self { takes_context_over, state: State::Idle, inflated: 0, ended: false }
    }

    /// A compressed message begins.
    pub(super) fn begin(&mut self, spare: &mut Option<Decompress>) -> Result<(), ProtocolError> {
        self.inflated = 0;
        self.ended = false;
        match &self.state {
            State::Idle => self.state = State::Ready(spare.take().unwrap_or_else(|| Decompress::new(false))),
            State::Ready(_) => {}
            State::Lost => return Err(ProtocolError::InflateContextLost),
        }
        Ok(())
    }

    /// Inflates the next bytes of the message and gives them to `out`, piece by piece.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        limit: u64,
        buffer: &mut Vec<u8>,
        out: &mut impl FnMut(&[u8]),
    ) -> Result<(), ProtocolError> {
        let State::Ready(inflate) = &mut self.state else { return Err(ProtocolError::InflateContextLost) };
        buffer.resize(PIECE, 0);
        if bytes.is_empty() {
            return Ok(());
        }
        loop {
            let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(bytes, buffer, FlushDecompress::None);
            let status = status.map_err(|_| ProtocolError::NotDeflate)?;
            let used = (inflate.total_in() - in_before) as usize;
            let made = (inflate.total_out() - out_before) as usize;
            bytes = &bytes[used..];
            self.inflated += made as u64;
            if self.inflated > limit {
                return Err(ProtocolError::InflatedTooLarge { limit });
            }
            out(&buffer[..made]);
            self.ended = status == Status::StreamEnd;
            if self.ended {
                // RFC 7692, section 7.2.3.4: a sender may end its data with a final block and begin anew.
                inflate.reset(false);
            }
            // A full buffer may mean that there is more to come out without more going in.
            if bytes.is_empty() && (self.ended || made < buffer.len()) {
                return Ok(());
            }
            if used == 0 && made == 0 {
                return if bytes.is_empty() { Ok(()) } else { Err(ProtocolError::NotDeflate) };
            }
        }
    }

    /// The message is complete.
    pub(super) fn end(
        &mut self,
        limit: u64,
        buffer: &mut Vec<u8>,
        spare: &mut Option<Decompress>,
        out: &mut impl FnMut(&[u8]),
    ) -> Result<(), ProtocolError> {
        if !self.ended {
            self.push(&FLUSH, limit, buffer, out)?;
        }
        if !self.takes_context_over
            && let State::Ready(mut inflate) = std::mem::replace(&mut self.state, State::Idle)
        {
            inflate.reset(false);
            *spare = Some(inflate);
        }
        Ok(())
    }

    /// The message is given up: it was cut off, or is no DEFLATE data.
    pub(super) fn give_up(&mut self) {
        self.state = if self.takes_context_over { State::Lost } else { State::Idle };
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self.state {
            State::Idle | State::Lost => 0,
            State::Ready(_) => STATE_SIZE,
        }
    }
}

/// What a sender takes off the end of each message (RFC 7692, section 7.2.1).
const FLUSH: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Inflated bytes are handed on in pieces of this size.
const PIECE: usize = 16 << 10;

/// About what the inflating state takes: a window of 32 KiB and three code tables.
const STATE_SIZE: usize = 44 << 10;
