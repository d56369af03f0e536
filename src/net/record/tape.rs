//! One cassette while it is written: numbers and times of its events, what waits, its end.

use std::io;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::recorder::Growth;
use super::shelf::Medium;
use super::summary::Finished;
use crate::cassette::{Header, Writer};
use crate::conversation::{ConnectionId, ConversationEvent, EndReason, EventKind, Offset, Scan};
use crate::mask::{Policy, Scanner};

/// What a disk confirms within moments, in bytes.
const QUICK: u64 = 1 << 20;

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
    /// What had been written when that was last looked at.
    seen: u64,
}

impl Tape {
    pub(super) fn create(medium: Box<dyn Medium>, header: &Header, begins: Offset) -> io::Result<Self> {
        let mut medium = medium;
        let name = medium.name();
        // Hashing while recording would cost more than everything else the recorder does.
        let writer = match medium.reread()? {
            Some(_) => Writer::create_unhashed(medium, header)?,
            None => Writer::create(medium, header)?,
        };
        Ok(Self { writer, name, begins, unwritten: 0, unsynced: None, seen: 0 })
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

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How far it is, once everything was flushed and nothing from before `passed` is still to come.
    pub(super) fn growth(&self, connection: Option<ConnectionId>, passed: Offset) -> Growth<'_> {
        let events = self.writer.next_number().0 - 1;
        Growth { connection, name: &self.name, events, passed: self.own_time(passed), ended: false }
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

    /// Waits until the disk has confirmed what was written since the last time. In a flood it is left to
    /// the system, which writes back all the time then; waiting for it would cost messages.
    pub(super) fn sync_if_quick(&mut self) -> io::Result<()> {
        self.unsynced = None;
        let fresh = self.writer.written_bytes() - self.seen;
        self.seen = self.writer.written_bytes();
        if fresh <= QUICK { self.writer.destination().sync() } else { Ok(()) }
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
        let read_back = self.read_back(policy, progress)?;
        let (at, name) = (self.own_time(at), self.name);
        let (events, bytes) = (self.writer.next_number().0, self.writer.written_bytes());
        let finished = Finished { name, events, bytes };
        let (mut medium, scan) = match read_back {
            Some((scan, sha256)) => {
                (self.writer.finish_with(at, reason, Some(scan), Some(sha256))?, Some(scan))
            }
            None => (self.writer.finish(at, reason, None)?, None),
        };
        medium.sync()?;
        Ok((finished, scan))
    }

    /// The masking scan of the finished file, and its SHA-256; `None` where it cannot be read back.
    fn read_back(&mut self, policy: &Policy, progress: &dyn Fn()) -> io::Result<Option<(Scan, String)>> {
        let Some(mut file) = self.writer.destination().reread()? else { return Ok(None) };
        let (mut scanner, mut hash) = (Scanner::new(policy.clone()), Sha256::new());
        let (mut chunk, mut bytes) = (vec![0; READ_BACK], 0);
        loop {
            let size = file.read(&mut chunk)?;
            if size == 0 {
                break;
            }
            scanner.feed(&chunk[..size]);
            hash.update(&chunk[..size]);
            bytes += size as u64;
            progress();
        }
        let written = self.writer.written_bytes();
        if bytes != written {
            let what = format!("expected the {written} bytes that were written in the file, got {bytes}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some((Scan { clear: scanner.finish().total }, sha256)))
    }

    fn own_time(&self, at: Offset) -> Offset {
        Offset::ZERO.after(at.since(self.begins))
    }
}
