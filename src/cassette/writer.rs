//! Writes a cassette as it happens: lines collect in a buffer, a flush is one `write`.
//!
//! Whatever the destination took is always a prefix of a valid cassette: after a failed write the rest is
//! kept, and the next flush goes on at that very byte. The writer hashes what it wrote; it has no clock.

use std::fmt::Write as _;
use std::io;

use sha2::{Digest as _, Sha256};

use super::{Header, encode};
use crate::conversation::{ConversationEvent, End, EndReason, EventKind, EventNumber, Offset, Scan};

/// A cassette being written to `W`.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    pending: Vec<u8>,
    /// `None` where the hash is taken from the finished file.
    hash: Option<Sha256>,
    written: u64,
    last: EventNumber,
}

impl<W: io::Write> Writer<W> {
    /// Starts a cassette: writes its header.
    pub fn create(out: W, header: &Header) -> io::Result<Self> {
        Self::begin(out, header, Some(Sha256::new()))
    }

    /// As [`Writer::create`], but nothing is hashed on the way: [`Writer::finish_with`] is told the hash,
    /// which whoever reads the finished file back can take in passing.
    pub fn create_unhashed(out: W, header: &Header) -> io::Result<Self> {
        Self::begin(out, header, None)
    }

    fn begin(out: W, header: &Header, hash: Option<Sha256>) -> io::Result<Self> {
        let pending = Vec::with_capacity(4096);
        let mut writer = Self { out, pending, hash, written: 0, last: EventNumber(0) };
        header.encode(&mut writer.pending);
        writer.flush()?;
        Ok(writer)
    }

    /// The number the next event must have.
    pub fn next_number(&self) -> EventNumber {
        EventNumber(self.last.0 + 1)
    }

    /// Appends the line of an event to the buffer; [`Writer::flush`] hands it on.
    ///
    /// The event is the next one: its number is [`Writer::next_number`], its time not before the last one's.
    pub fn write(&mut self, event: &ConversationEvent<'_>) {
        debug_assert_eq!(event.n, self.next_number(), "events are numbered without holes");
        self.last = event.n;
        encode(event, &mut self.pending);
    }

    /// Writes the buffered lines, in one `write` call where the destination takes all of them at once.
    ///
    /// After an error nothing is lost or written twice: a later flush continues where this one stopped.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut done = 0;
        let mut result = Ok(());
        while done < self.pending.len() {
            match self.out.write(&self.pending[done..]) {
                Ok(0) => {
                    result = Err(io::ErrorKind::WriteZero.into());
                    break;
                }
                Ok(taken) => done += taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        if let Some(hash) = &mut self.hash {
            hash.update(&self.pending[..done]);
        }
        self.written += done as u64;
        self.pending.drain(..done);
        result.and_then(|()| self.out.flush())
    }

    /// Bytes in the buffer, not yet taken by the destination.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Bytes the destination has taken.
    pub fn written_bytes(&self) -> u64 {
        self.written
    }

    /// Where the lines go, for what only it can do (synchronise, be read again).
    pub fn destination(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes what is left and the `end` line, and returns the destination.
    ///
    /// `scan` is what the masking scan of the lines so far found; call [`Writer::flush`] before scanning.
    pub fn finish(mut self, at: Offset, reason: EndReason<'_>, scan: Option<Scan>) -> io::Result<W> {
        self.flush()?;
        let sha256 = self.hash.take().map(|hash| hex(&hash.finalize()));
        self.finish_with(at, reason, scan, sha256)
    }

    /// As [`Writer::finish`], with the SHA-256 of everything flushed so far, in lower-case hex.
    pub fn finish_with(
        mut self,
        at: Offset,
        reason: EndReason<'_>,
        scan: Option<Scan>,
        sha256: Option<String>,
    ) -> io::Result<W> {
        let end = End { reason, scan, sha256: sha256.map(Into::into) };
        self.write(&ConversationEvent {
            n: self.next_number(),
            at,
            connection: None,
            kind: EventKind::End(end),
        });
        self.flush()?;
        Ok(self.out)
    }
}

/// Lower-case hexadecimal, as `sha256` keys have it.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}
