//! One cassette while it is written: numbers and times of its events, what waits, its end.

use std::io;
use std::time::Instant;

use super::shelf::Medium;
use super::summary::Finished;
use crate::cassette::{Header, Writer};
use crate::conversation::{ConnectionId, ConversationEvent, EndReason, EventKind, Offset, Scan};
use crate::mask::{Policy, Scanner};

/// Bytes read at once when the finished file is scanned.
const READ_BACK: usize = 64 << 10;

/// A cassette being written.
pub(super) struct Tape {
    writer: Writer<Box<dyn Medium>>,
    name: String,
    /// Offset zero of this cassette, on the clock of the recording.
    begins: Offset,
    /// Content encoded since the last flush that went through.
    pub(super) unwritten: u64,
    /// Since when there is something the disk has not confirmed.
    pub(super) unsynced: Option<Instant>,
}

impl Tape {
    pub(super) fn create(medium: Box<dyn Medium>, header: &Header, begins: Offset) -> io::Result<Self> {
        let name = medium.name();
        let writer = Writer::create(medium, header)?;
        Ok(Self { writer, name, begins, unwritten: 0, unsynced: None })
    }

    /// Appends an event to what waits for the next flush.
    pub(super) fn append(
        &mut self,
        at: Offset,
        connection: Option<ConnectionId>,
        kind: EventKind<'_>,
        show: &mut dyn FnMut(&ConversationEvent<'_>),
    ) {
        let at = self.own_time(at);
        let event = ConversationEvent { n: self.writer.next_number(), at, connection, kind };
        self.writer.write(&event);
        self.unwritten += 1;
        show(&event);
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.writer.pending_bytes()
    }

    /// Writes what waits, in one call where the disk takes it so.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.writer.pending_bytes() > 0 {
            self.writer.flush()?;
            self.unwritten = 0;
            self.unsynced.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// Waits until the disk has confirmed everything written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.unsynced = None;
        self.writer.destination().sync()
    }

    /// Scans what was written, writes the end, and waits for the disk.
    pub(super) fn finish(
        mut self,
        at: Offset,
        reason: EndReason<'_>,
        policy: &Policy,
        progress: &dyn Fn(),
    ) -> io::Result<(Finished, Option<Scan>)> {
        self.flush()?;
        let scan = self.scan(policy, progress)?;
        let (at, name) = (self.own_time(at), self.name);
        let (events, bytes) = (self.writer.next_number().0, self.writer.written_bytes());
        self.writer.finish(at, reason, scan)?.sync()?;
        Ok((Finished { name, events, bytes }, scan))
    }

    fn scan(&mut self, policy: &Policy, progress: &dyn Fn()) -> io::Result<Option<Scan>> {
        let Some(mut file) = self.writer.destination().reread()? else { return Ok(None) };
        let mut scanner = Scanner::new(policy.clone());
        let mut chunk = vec![0; READ_BACK];
        loop {
            let size = file.read(&mut chunk)?;
            if size == 0 {
                return Ok(Some(Scan { clear: scanner.finish().total }));
            }
            scanner.feed(&chunk[..size]);
            progress();
        }
    }

    fn own_time(&self, at: Offset) -> Offset {
        Offset::ZERO.after(at.since(self.begins))
    }
}
