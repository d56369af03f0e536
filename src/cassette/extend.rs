//! Adds events to a finished cassette: what stands in it stays, byte for byte, and a new `end` follows.

use sha2::{Digest as _, Sha256};

use super::writer::hex;
use super::{CassetteError, Ending, Reader, encode};
use crate::conversation::{
    ConnectionId, ConversationEvent, End, EndReason, EventKind, EventNumber, Offset, Scan,
};

/// A cassette without its `end`, to which events are added.
#[derive(Clone, Debug)]
pub struct Extension {
    bytes: Vec<u8>,
    last: EventNumber,
    at: Offset,
    connections: u64,
    /// Where the times of what is added count from.
    start: Offset,
}

impl Extension {
    /// Takes a whole cassette, not compressed; `None` where it has no `end` to be replaced.
    pub fn of(mut cassette: Vec<u8>, name: &str) -> Result<Option<Self>, CassetteError> {
        let mut reader = Reader::open(cassette.as_slice(), name)?;
        let (mut last, mut at, mut connections) = (EventNumber(0), Offset::ZERO, 0);
        while let Some(event) = reader.next_event() {
            let event = event?;
            if !matches!(event.kind, EventKind::End(_)) {
                (last, at) = (event.n, event.at);
            }
            connections = connections.max(event.connection.map_or(0, |connection| connection.0));
        }
        let Some(Ending::Finished { .. }) = reader.ending() else { return Ok(None) };
        // The `end` is the last line that is not empty.
        let before = memchr::memrchr(b'\n', cassette.trim_ascii_end()).map_or(0, |line_end| line_end + 1);
        cassette.truncate(before);
        Ok(Some(Self { bytes: cassette, last, at, connections, start: at }))
    }

    /// Adds an event: its number and connection count from the last ones of the cassette, its time from when
    /// that ended.
    pub fn add(&mut self, event: &ConversationEvent<'_>) {
        self.last = EventNumber(self.last.0 + 1);
        self.at = self.at.max(self.start.after(event.at.since(Offset::ZERO)));
        let connection = event.connection.map(|own| ConnectionId(self.connections + own.0));
        let event = ConversationEvent { n: self.last, at: self.at, connection, kind: event.kind.clone() };
        encode(&event, &mut self.bytes);
    }

    /// Everything but the `end`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The cassette, with its `end`; `scan` is what a scan of [`Extension::bytes`] found.
    pub fn finish(mut self, reason: EndReason<'_>, scan: Scan) -> Vec<u8> {
        let sha256 = Some(hex(&Sha256::digest(&self.bytes)).into());
        let end = EventKind::End(End { reason, scan: Some(scan), sha256 });
        let n = EventNumber(self.last.0 + 1);
        encode(&ConversationEvent { n, at: self.at, connection: None, kind: end }, &mut self.bytes);
        self.bytes
    }
}
