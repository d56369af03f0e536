//! The recorder's thread: takes what the tap saw, masks and writes it, and keeps the disk honest.
//!
//! How often it looks is the queue's [rhythm](super::queue); each look is one `write`. A disk that fails is
//! tried again until the end; what waits meanwhile is bounded by the queue. A timer asks the disk to confirm
//! what it was given.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

use super::Losing;
use super::batch::{Batch, Happened, Seen};
use super::queue::{Loss, Queue, Work};
use super::shelf::Shelf;
use super::summary::{Summary, Totals};
use super::tape::Tape;
use super::translate::translate;
use crate::cassette::Header;
use crate::conversation::{ConnectionId, ConversationEvent, EndReason, EventKind, Offset};
use crate::mask::{Masker, Policy};

/// Lines that wait for one write, in bytes; more are written at once.
const LINES: usize = 256 << 10;

/// How often the disk is asked to confirm what it was given.
const SYNC: Duration = Duration::from_secs(2);

/// How often the wall clock is noted.
const CLOCK: Duration = Duration::from_secs(600);

/// How long memory of busier times is kept.
const QUIET: Duration = Duration::from_secs(5);

/// How often a failing disk is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// How long a failing disk is tried once the recording is to end.
const LAST_CHANCE: Duration = Duration::from_secs(2);

/// Sees every event as it is written; runs on the recorder's thread.
pub type Observer = Box<dyn FnMut(&ConversationEvent<'_>) + Send>;

/// Is told how far the cassettes are; runs on the recorder's thread, so it must not wait.
pub type Follower = Box<dyn FnMut(&Growth<'_>) + Send>;

/// How far a cassette is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth<'a> {
    /// The connection it is of; `None` where all share one.
    pub connection: Option<ConnectionId>,
    /// Its path.
    pub name: &'a str,
    /// So many events can be read back from it, each a whole line.
    pub events: u64,
    /// Nothing that happened before this time is still to be written to it.
    pub passed: Offset,
    /// Whether it will grow no further.
    pub ended: bool,
}

/// How connections are spread over cassettes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// All of them interleaved in one.
    #[default]
    Together,
    /// One each.
    Split,
}

/// What the recorder is made of.
pub(super) struct Recorder {
    pub(super) queue: Arc<Queue>,
    pub(super) shelf: Box<dyn Shelf>,
    pub(super) masker: Masker,
    pub(super) policy: Policy,
    /// The header of every cassette, but for its time.
    pub(super) header: Header,
    pub(super) spread: Spread,
    pub(super) losing: Losing,
    pub(super) halt: Arc<Notify>,
    pub(super) observer: Option<Observer>,
    pub(super) follower: Option<Follower>,
    /// Nothing from before this is still to come.
    pub(super) passed: Offset,
    pub(super) started: Instant,
    pub(super) tapes: BTreeMap<Option<ConnectionId>, Tape>,
    pub(super) totals: Totals,
    pub(super) summary_of: Vec<super::summary::Finished>,
    pub(super) unfinished: Vec<String>,
    pub(super) trouble: Option<String>,
    pub(super) unwritten: Loss,
}

impl Recorder {
    /// What people say about a recording goes the way of everything else.
    pub(super) fn mask_header(&mut self) {
        let facts = self.header.subject.values_mut().chain([&mut self.header.labels]);
        for value in facts.flat_map(|facts| facts.values_mut()) {
            if let Some(masked) = self.masker.text(value) {
                *value = masked.text;
            }
        }
    }

    /// Begins the one cassette of a recording that is not split, so that a bad place is known at once.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match self.spread {
            Spread::Together => self.open_tape(None, Offset::ZERO),
            Spread::Split => Ok(()),
        }
    }

    /// Records until the queue is ended.
    pub(super) fn run(mut self) -> Summary {
        let mut clock_due = Instant::now() + CLOCK;
        let reason = loop {
            match self.queue.take(self.patience(clock_due)) {
                Work::Batches(batches) => {
                    let looked = Instant::now();
                    self.record(batches);
                    self.queue.rest(looked);
                }
                Work::Quiet => self.queue.shrink(),
                Work::Ending(reason) => break reason,
            }
            self.sync_where_due();
            if Instant::now() >= clock_due {
                clock_due += CLOCK;
                self.note_the_clock();
            }
        };
        for whose in self.tapes.keys().copied().collect::<Vec<_>>() {
            self.finish_tape(whose, &reason);
        }
        Summary {
            reason,
            totals: self.totals,
            loss: self.queue.loss(),
            unwritten: self.unwritten,
            cassettes: self.summary_of,
            unfinished: self.unfinished,
            trouble: self.trouble,
        }
    }

    /// How long there is nothing to do but wait.
    fn patience(&self, clock_due: Instant) -> Duration {
        let sync = self.tapes.values().filter_map(|tape| tape.unsynced).min().map(|since| since + SYNC);
        let due = sync.map_or(clock_due, |sync| sync.min(clock_due));
        due.saturating_duration_since(Instant::now()).min(QUIET)
    }

    fn record(&mut self, batches: Vec<Batch>) {
        for batch in &batches {
            for seen in batch.iter() {
                self.record_one(&seen);
                self.queue.made_progress();
            }
        }
        self.flush();
        self.queue.give_back(batches);
    }

    fn record_one(&mut self, seen: &Seen<'_>) {
        if matches!(seen.happened, Happened::Tick) {
            self.passed = seen.at;
            return;
        }
        self.count(seen.happened);
        let whose = match self.spread {
            Spread::Together => None,
            Spread::Split => seen.connection,
        };
        if matches!(seen.happened, Happened::Over) {
            if self.spread == Spread::Split {
                self.finish_tape(whose, &EndReason::Closed);
            }
            return;
        }
        if self.spread == Spread::Split && whose.is_none() {
            // What concerns nobody in particular stands in every cassette that is open.
            for whose in self.tapes.keys().copied().collect::<Vec<_>>() {
                self.append(whose, seen);
            }
            return;
        }
        if !self.tapes.contains_key(&whose) {
            self.insist(|recorder| recorder.open_tape(whose, seen.at));
        }
        self.append(whose, seen);
    }

    fn append(&mut self, whose: Option<ConnectionId>, seen: &Seen<'_>) {
        let Some(tape) = self.tapes.get_mut(&whose) else {
            self.unwritten.messages += u64::from(seen.happened.is_content());
            self.unwritten.bytes += seen.bytes.len() as u64;
            return;
        };
        let (observer, masked) = (&mut self.observer, &mut self.totals.masked);
        let mut show = |event: &ConversationEvent<'_>| {
            *masked += masked_values(&event.kind) as u64;
            if let Some(observer) = observer {
                observer(event);
            }
        };
        translate(seen, &self.masker, |kind| tape.append(seen.at, seen.connection, kind, &mut show));
        if tape.waiting_bytes() >= LINES {
            self.flush();
        }
    }

    fn count(&mut self, happened: &Happened) {
        match happened {
            Happened::Message { .. } | Happened::Oversized(_) => self.totals.messages += 1,
            Happened::Undecodable { .. } => self.totals.undecodable += 1,
            Happened::Open(_) => self.totals.connections += 1,
            Happened::Refused(_) => self.totals.refused += 1,
            Happened::Gap(_) => self.totals.gaps += 1,
            Happened::Ping(_)
            | Happened::Pong(_)
            | Happened::Close { .. }
            | Happened::Drop(_)
            | Happened::Over
            | Happened::Note
            | Happened::Clock(_)
            | Happened::Tick => {}
        }
    }

    fn flush(&mut self) {
        let written = self.insist(|recorder| recorder.tapes.values_mut().try_for_each(Tape::flush));
        if let Some(follower) = self.follower.as_mut().filter(|_| written) {
            for (whose, tape) in &self.tapes {
                follower(&tape.growth(*whose, self.passed));
            }
        }
    }

    /// Does `step` until it succeeds, or the end of the recording leaves no more time for it.
    fn insist(&mut self, mut step: impl FnMut(&mut Self) -> io::Result<()>) -> bool {
        let mut last_chance = None;
        loop {
            let error = match step(self) {
                Ok(()) => {
                    self.recovered();
                    return true;
                }
                Err(error) => error,
            };
            self.troubled(&error);
            let now = Instant::now();
            if self.queue.is_ending() {
                let last_chance = *last_chance.get_or_insert(now + LAST_CHANCE);
                if now >= last_chance {
                    return false;
                }
                std::thread::sleep(RETRY);
            } else {
                self.queue.wait_out(now + RETRY);
            }
        }
    }

    fn troubled(&mut self, error: &io::Error) {
        let why = match error.kind() {
            io::ErrorKind::StorageFull => "disk full".to_owned(),
            _ => format!("write failed: {error}"),
        };
        if self.trouble.as_ref() == Some(&why) {
            return;
        }
        match self.losing {
            Losing::Counts => tracing::error!(
                "CANNOT WRITE THE CASSETTE: {why}; the traffic goes on, what comes is kept in memory for now"
            ),
            Losing::Stops => {
                tracing::error!("CANNOT WRITE THE CASSETTE: {why}; stopping the traffic");
                self.halt.notify_one();
            }
        }
        self.queue.set_trouble(Some(why.clone()));
        self.trouble = Some(why);
    }

    fn recovered(&mut self) {
        if self.trouble.take().is_some() {
            tracing::warn!("the cassette can be written again");
            self.queue.set_trouble(None);
        }
    }

    fn open_tape(&mut self, whose: Option<ConnectionId>, begins: Offset) -> io::Result<()> {
        let medium = self.shelf.open(whose)?;
        let began = SystemTime::now() - (self.started.elapsed().saturating_sub(begins.since(Offset::ZERO)));
        let mut header = self.header.clone();
        header.recorded_at = Some(wall(began));
        self.tapes.insert(whose, Tape::create(medium, &header, begins)?);
        self.totals.cassettes += 1;
        Ok(())
    }

    fn finish_tape(&mut self, whose: Option<ConnectionId>, reason: &EndReason<'static>) {
        let flushed = self.insist(|recorder| recorder.tapes.get_mut(&whose).map_or(Ok(()), Tape::flush));
        let Some(tape) = self.tapes.remove(&whose) else { return };
        let name = tape.name().to_owned();
        let finished = self.close_tape(tape, flushed, reason);
        if !finished && self.unfinished.len() < Summary::NAMED {
            self.unfinished.push(name.clone());
        }
        if let Some(follower) = &mut self.follower {
            // How many lines there are, and whether the last one is whole, the file itself says now.
            let (events, passed) = (0, Offset::ZERO);
            follower(&Growth { connection: whose, name: &name, events, passed, ended: true });
        }
    }

    /// Writes the end; whether it could.
    fn close_tape(&mut self, tape: Tape, flushed: bool, reason: &EndReason<'static>) -> bool {
        if !flushed {
            self.unwritten.messages += tape.unwritten;
            self.unwritten.bytes += tape.waiting_bytes() as u64;
            return false;
        }
        let at = Offset::ZERO.after(self.started.elapsed());
        match tape.finish(at, reason.clone(), &self.policy, &|| self.queue.made_progress()) {
            Ok((finished, scan)) => {
                self.totals.bytes += finished.bytes;
                if let Some(scan) = scan {
                    *self.totals.clear.get_or_insert(0) += scan.clear;
                }
                if self.summary_of.len() < Summary::NAMED {
                    self.summary_of.push(finished);
                }
                true
            }
            Err(error) => {
                self.troubled(&error);
                false
            }
        }
    }

    fn sync_where_due(&mut self) {
        let now = Instant::now();
        for tape in self.tapes.values_mut() {
            if tape.unsynced.is_some_and(|since| now >= since + SYNC)
                && let Err(error) = tape.sync_if_quick()
            {
                tracing::error!("the disk does not confirm the cassette: {error}");
            }
        }
    }

    /// The wall clock goes the way of everything else: what is waiting in the queue happened before.
    fn note_the_clock(&self) {
        let (at, wall) = (Offset::ZERO.after(self.started.elapsed()), SystemTime::now());
        self.queue.page().put_time(at, Happened::Clock(wall));
    }
}

fn wall(time: SystemTime) -> String {
    humantime::format_rfc3339_micros(time).to_string()
}

fn masked_values(kind: &EventKind<'_>) -> usize {
    match kind {
        EventKind::Open(opening) => opening.masked.len(),
        EventKind::Refused(refusal) => refusal.opening.masked.len(),
        EventKind::Message(message) => message.masked.len(),
        EventKind::Ping(control) | EventKind::Pong(control) => control.masked.len(),
        EventKind::Close(close) => close.masked.len(),
        EventKind::Undecodable(undecodable) => undecodable.masked.len(),
        EventKind::Note(note) => note.masked.len(),
        EventKind::Drop(_) | EventKind::Gap(_) | EventKind::Clock(_) | EventKind::End(_) => 0,
    }
}
