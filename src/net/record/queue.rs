//! The bounded queue between the tunnel's thread and the recorder's: what it holds, and what gives when
//! it is full.
//!
//! The tunnel appends to the youngest batch under a lock that is held for a copy at most. A recorder that
//! is busy but gets on may hold the tunnel back for [`PATIENCE`] at a time; one that stands still may not:
//! content is counted then, and the count becomes a gap in its place. Nothing here does I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Batch, Happened, Lost};
use crate::conversation::{ConnectionId, EndReason, Offset};

/// How long traffic waits for a recorder that shows no progress: longer than a busy machine keeps a thread
/// from its core, shorter than anybody at a till notices. It is waited once for each time the disk hangs.
const PATIENCE: Duration = Duration::from_millis(50);

/// A batch is handed over whole; one that is larger than this gets no further entries.
const BATCH: usize = 256 << 10;

/// The recorder looks into the queue this often while something comes, however little that is: what a kill
/// can cost. A thread that is woken for every message would be most of what recording costs.
const BEAT: Duration = Duration::from_millis(2);

/// So many bytes are worth a look before that: about what tills in closed loops say on one core in that time.
/// With much less, every tenth flow met a recorder at work; with much more, what waits for it waits long.
const CROWD: usize = 64 << 10;

/// After a pause as long as this, the first message is written at once.
const SPARSE: Duration = Duration::from_millis(10);

/// Memory an empty batch keeps for its next use.
const KEPT: usize = 2 * BATCH;

/// Connections whose losses are counted apart; those of further ones are counted together.
const LOSERS: usize = 4096;

/// Between the tunnel, which puts in, and the recorder, which takes out.
#[derive(Debug)]
pub(super) struct Queue {
    limit: usize,
    state: Mutex<State>,
    /// The recorder waits here for work.
    work: Condvar,
    /// The tunnel waits here for room.
    room: Condvar,
    /// Grows with everything the recorder gets done, so that busy can be told from stuck.
    progress: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Batch>,
    spare: Vec<Batch>,
    /// Bytes waiting in `batches`.
    waiting: usize,
    /// Bytes the recorder took and has not written yet.
    taken: usize,
    recorder: Recorder,
    /// When the recorder last looked; `None` before the first time.
    looked: Option<Instant>,
    /// Somebody waits for room.
    crowded: bool,
    /// The latest time put in.
    latest: Offset,
    /// The tunnel waited in vain; it does not wait again before the recorder gets on.
    stalled: bool,
    /// Room ran out, and has not come back yet: content is counted.
    losing: bool,
    /// What was not kept and no gap tells of yet.
    lost: BTreeMap<Option<ConnectionId>, Lost>,
    lost_in_all: Loss,
    /// What keeps the recorder from writing, in its own words.
    trouble: Option<String>,
    ending: Option<EndReason<'static>>,
}

/// What the recorder is at, so that it is woken only where that helps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Recorder {
    #[default]
    Busy,
    /// Wants anything at all.
    Sleeping,
    /// Wants a crowd, or the end of its rest.
    Resting,
}

/// How much was lost in a whole recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Messages, pings, pongs and undecodable pieces.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The recorder's next step.
#[derive(Debug)]
pub(super) enum Work {
    /// Write these.
    Batches(Vec<Batch>),
    /// Nothing came for as long as it was asked to wait.
    Quiet,
    /// Everything was taken and nothing more will come.
    Ending(EndReason<'static>),
}

/// What the tunnel learns when it puts something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Kept,
    /// Not kept, as others before it.
    Lost,
    /// Not kept, and the first one since there was room.
    FirstLost,
}

impl Queue {
    /// A queue of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(BATCH),
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            progress: AtomicU64::new(0),
        }
    }

    /// The recorder got something done.
    pub(super) fn made_progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// How much the recorder got done; only a difference means something.
    pub(super) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Opens the queue to put things in.
    pub(super) fn page(&self) -> Page<'_> {
        Page { queue: self, state: Some(self.lock()) }
    }

    /// Asks the recorder to write what is there and to end.
    pub(super) fn end(&self, reason: EndReason<'static>) {
        self.lock().ending.get_or_insert(reason);
        self.work.notify_one();
    }

    /// Takes what is waiting, up to about a batch's size; waits for it for `patience` at most.
    pub(super) fn take(&self, patience: Duration) -> Work {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if state.batches.is_empty() {
                let room = if state.ending.is_some() { usize::MAX } else { self.limit / 2 };
                state.own_up(room);
            }
            if !state.batches.is_empty() {
                return Work::Batches(state.take());
            }
            if let Some(reason) = &state.ending {
                return Work::Ending(reason.clone());
            }
            let now = Instant::now();
            if now >= deadline {
                return Work::Quiet;
            }
            state.recorder = Recorder::Sleeping;
            state = self.work.wait_timeout(state, deadline - now).unwrap_or_else(PoisonError::into_inner).0;
            state.recorder = Recorder::Busy;
            if !state.batches.is_empty() && state.looked.is_some_and(|looked| looked.elapsed() < SPARSE) {
                state = self.rest_until(state, Instant::now() + BEAT);
            }
        }
    }

    /// Rests the recorder, which last looked into the queue at `looked`, until it is worth to look again.
    pub(super) fn rest(&self, looked: Instant) {
        let mut state = self.lock();
        state.looked = Some(looked);
        drop(self.rest_until(state, looked + BEAT));
    }

    /// Waits until `deadline`, or until there is a crowd, or the end is near.
    fn rest_until<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Instant,
    ) -> MutexGuard<'a, State> {
        loop {
            if state.waiting >= CROWD || state.ending.is_some() {
                return state;
            }
            let now = Instant::now();
            if now >= deadline {
                return state;
            }
            state.recorder = Recorder::Resting;
            state = self.work.wait_timeout(state, deadline - now).unwrap_or_else(PoisonError::into_inner).0;
            state.recorder = Recorder::Busy;
        }
    }

    /// Waits out a failing disk: until `deadline` or until the end is near.
    pub(super) fn wait_out(&self, deadline: Instant) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if now >= deadline || state.ending.is_some() {
                return;
            }
            state = self.work.wait_timeout(state, deadline - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The recorder has written these; their memory is used again.
    pub(super) fn give_back(&self, batches: Vec<Batch>) {
        let size: usize = batches.iter().map(Batch::size).sum();
        let mut state = self.lock();
        state.taken -= size;
        state.stalled = false;
        for mut batch in batches {
            if state.spare.len() < 2 {
                batch.recycle(KEPT);
                state.spare.push(batch);
            }
        }
        let crowded = std::mem::take(&mut state.crowded);
        drop(state);
        if crowded {
            self.room.notify_all();
        }
    }

    /// Gives memory back that quiet times do not need.
    pub(super) fn shrink(&self) {
        let mut state = self.lock();
        state.spare.truncate(1);
        if let Some(batch) = state.spare.first_mut() {
            batch.recycle(4 << 10);
        }
    }

    /// Says what keeps the recorder from writing, or that nothing does.
    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        self.lock().trouble = trouble;
    }

    /// Whether the recording is to end.
    pub(super) fn is_ending(&self) -> bool {
        self.lock().ending.is_some()
    }

    /// What was lost up to now.
    pub(super) fn loss(&self) -> Loss {
        self.lock().lost_in_all
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panics leaves counters at worst a little off; the traffic must go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue, open to put things in. Dropping it lets the recorder in.
pub(super) struct Page<'a> {
    queue: &'a Queue,
    /// Given up only while waiting for room.
    state: Option<MutexGuard<'a, State>>,
}

impl Page<'_> {
    /// Puts one thing in, or counts it as lost where there is no room.
    pub(super) fn put(
        &mut self,
        connection: Option<ConnectionId>,
        at: Offset,
        bytes: &[u8],
        frames: &[u64],
        happened: Happened,
    ) -> Put {
        let limit = self.queue.limit;
        let content = happened.is_content();
        if content {
            self.wait_for_room();
        }
        let state = self.state.as_mut().expect("the lock is given up only inside wait_for_room");
        if state.losing {
            state.own_up(limit / 2);
        }
        // Who put something in meanwhile was told the time later: a recording never goes back.
        state.latest = state.latest.max(at);
        let at = state.latest;
        if matches!(happened, Happened::Over)
            && let Some(lost) = state.lost.remove(&connection)
        {
            state.put(connection, at, &[], &[], Happened::Gap(Box::new(lost)));
        }
        let room = if content { limit } else { limit + limit / 8 };
        if (content && state.losing) || state.waiting + state.taken >= room {
            return state.lose(connection, at, bytes.len());
        }
        state.tell_of_losses();
        state.put(connection, at, bytes, frames, happened);
        Put::Kept
    }

    /// Puts in what only says what time it is: nothing from before it is still to come. Not while something is
    /// being lost, of which that could not be said; it is not missed then.
    pub(super) fn put_time(&mut self, at: Offset, happened: Happened) {
        let limit = self.queue.limit;
        let state = self.state.as_mut().expect("the lock is given up only inside wait_for_room");
        if state.losing || !state.lost.is_empty() || state.waiting + state.taken >= limit {
            return;
        }
        state.latest = state.latest.max(at);
        let at = state.latest;
        state.put(None, at, &[], &[], happened);
    }

    fn wait_for_room(&mut self) {
        let full = |state: &State| {
            state.waiting + state.taken >= self.queue.limit && !state.stalled && !state.losing
        };
        while let Some(mut state) = self.state.take() {
            if !full(&state) {
                self.state = Some(state);
                return;
            }
            state.crowded = true;
            let progress = self.queue.progress();
            let (mut state, wait) =
                self.queue.room.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state.stalled |= wait.timed_out() && full(&state) && self.queue.progress() == progress;
            self.state = Some(state);
        }
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else { return };
        let wake = match state.recorder {
            Recorder::Busy => false,
            Recorder::Sleeping => !state.batches.is_empty(),
            Recorder::Resting => state.waiting >= CROWD,
        };
        drop(state);
        if wake {
            self.queue.work.notify_one();
        }
    }
}

impl State {
    fn put(
        &mut self,
        connection: Option<ConnectionId>,
        at: Offset,
        bytes: &[u8],
        frames: &[u64],
        happened: Happened,
    ) {
        if self.batches.back().is_none_or(|batch| batch.size() >= BATCH) {
            self.batches.push_back(self.spare.pop().unwrap_or_default());
        }
        let batch = self.batches.back_mut().expect("a batch was pushed where there was none");
        batch.push(connection, at, bytes, frames, happened);
        self.waiting += Batch::cost(bytes.len(), frames.len());
    }

    fn take(&mut self) -> Vec<Batch> {
        let mut taken = Vec::with_capacity(1);
        let mut size = 0;
        while size < BATCH
            && let Some(batch) = self.batches.pop_front()
        {
            size += batch.size();
            taken.push(batch);
        }
        self.waiting -= size;
        self.taken += size;
        taken
    }

    fn lose(&mut self, connection: Option<ConnectionId>, at: Offset, bytes: usize) -> Put {
        let known = self.lost.contains_key(&connection) || self.lost.len() < LOSERS;
        let whose = if known { connection } else { None };
        let why = || self.trouble.clone().unwrap_or_else(|| "disk slow".into());
        let lost =
            self.lost.entry(whose).or_insert_with(|| Lost { messages: 0, bytes: 0, since: at, why: why() });
        lost.messages += 1;
        lost.bytes += bytes as u64;
        self.lost_in_all.messages += 1;
        self.lost_in_all.bytes += bytes as u64;
        if std::mem::replace(&mut self.losing, true) { Put::Lost } else { Put::FirstLost }
    }

    /// Once no more than `room` bytes are waiting, losing is over.
    fn own_up(&mut self, room: usize) {
        if self.waiting + self.taken <= room {
            self.losing = false;
            self.tell_of_losses();
        }
    }

    /// The losses take their place in the recording: a gap stands before everything that came after it.
    #[inline]
    fn tell_of_losses(&mut self) {
        if !self.lost.is_empty() {
            self.tell_of_each_loss();
        }
    }

    #[cold]
    fn tell_of_each_loss(&mut self) {
        for (connection, lost) in std::mem::take(&mut self.lost) {
            self.put(connection, self.latest, &[], &[], Happened::Gap(Box::new(lost)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Party;

    const SIZE: usize = 64 << 10;
    const DROP: crate::conversation::Drop = crate::conversation::Drop { by: None, reset: false };

    fn message(queue: &Queue, at: u64) -> Put {
        let happened = Happened::Message { from: Party::Pos, text: true, deflated: false };
        let at = Offset::from_micros(at);
        queue.page().put(Some(ConnectionId(1)), at, &[b'x'; SIZE], &[], happened)
    }

    fn fill(queue: &Queue) {
        while message(queue, 1) == Put::Kept {}
    }

    fn take(queue: &Queue) -> Vec<Batch> {
        match queue.take(Duration::ZERO) {
            Work::Batches(batches) => batches,
            other => panic!("expected batches, got {other:?}"),
        }
    }

    /// What is in the queue, in order: messages and gaps.
    fn drain(queue: &Queue) -> Vec<Option<Lost>> {
        let mut all = Vec::new();
        while let Work::Batches(batches) = queue.take(Duration::ZERO) {
            for seen in batches.iter().flat_map(Batch::iter) {
                match seen.happened {
                    Happened::Gap(lost) => all.push(Some(lost.as_ref().clone())),
                    _ => all.push(None),
                }
            }
            queue.give_back(batches);
        }
        all
    }

    #[test]
    fn a_recorder_that_stands_still_is_waited_for_once() {
        let queue = Queue::new(4 * SIZE);
        let started = Instant::now();
        fill(&queue);
        assert!(started.elapsed() >= PATIENCE);
        let started = Instant::now();
        assert_eq!((message(&queue, 2), message(&queue, 3)), (Put::Lost, Put::Lost));
        assert!(started.elapsed() < PATIENCE);
    }

    #[test]
    fn what_was_lost_stands_in_its_place() {
        let queue = Queue::new(4 * SIZE);
        fill(&queue);
        queue.set_trouble(Some("disk full".into()));
        message(&queue, 7);
        let kept = drain(&queue);
        let gap = kept.last().cloned().flatten().expect("the gap comes as soon as there is room");
        assert_eq!((gap.messages, gap.bytes), (2, 2 * SIZE as u64));
        assert_eq!((gap.since, gap.why.as_str()), (Offset::from_micros(1), "disk slow"));
        assert_eq!(message(&queue, 9), Put::Kept);
        assert_eq!(drain(&queue), [None]);
        assert_eq!(queue.loss(), Loss { messages: 2, bytes: 2 * SIZE as u64 });
    }

    #[test]
    fn room_that_comes_back_is_used() {
        let queue = Queue::new(4 * SIZE);
        std::thread::scope(|scope| {
            let tunnel = scope.spawn(|| (0..200).all(|n| message(&queue, n) == Put::Kept));
            let mut got = 0;
            while got < 200 {
                let Work::Batches(batches) = queue.take(Duration::from_secs(20)) else { break };
                got += batches.iter().flat_map(Batch::iter).count();
                queue.made_progress();
                queue.give_back(batches);
            }
            assert!(tunnel.join().expect("the tunnel does not panic"));
        });
        assert_eq!(queue.loss(), Loss::default());
    }

    #[test]
    fn what_opens_and_ends_connections_outlasts_the_messages() {
        let queue = Queue::new(4 * SIZE);
        fill(&queue);
        let over = queue.page().put(Some(ConnectionId(1)), Offset::ZERO, &[], &[], Happened::Over);
        assert_eq!(over, Put::Kept);
        let kinds: Vec<_> = take(&queue).iter().flat_map(Batch::iter).map(|seen| seen.bytes.len()).collect();
        assert_eq!(kinds.len(), 4, "the batch that is full already");
        let Work::Batches(rest) = queue.take(Duration::ZERO) else { panic!("there is a second batch") };
        let rest: Vec<_> =
            rest.iter().flat_map(Batch::iter).map(|seen| format!("{:?}", seen.happened)).collect();
        assert!(rest[0].starts_with("Gap") && rest[1] == "Over", "the gap stands before the end: {rest:?}");
    }

    #[test]
    fn a_gap_stands_before_whatever_came_after_it() {
        let queue = Queue::new(4 * SIZE);
        fill(&queue);
        let put =
            |happened| queue.page().put(Some(ConnectionId(2)), Offset::from_micros(9), &[], &[], happened);
        assert_eq!(put(Happened::Drop(DROP)), Put::Kept);
        assert_eq!(message(&queue, 10), Put::Lost, "there is no more room than before");
        assert_eq!(put(Happened::Drop(DROP)), Put::Kept);
        let mut seen = Vec::new();
        while let Work::Batches(batches) = queue.take(Duration::ZERO) {
            for entry in batches.iter().flat_map(Batch::iter) {
                seen.push(
                    format!("{:?}", entry.happened).split(['(', ' ']).next().unwrap_or_default().to_owned(),
                );
            }
            queue.give_back(batches);
        }
        seen.retain(|happened| happened != "Message");
        assert_eq!(seen, ["Gap", "Drop", "Gap", "Drop"]);
    }

    #[test]
    fn the_time_never_goes_back() {
        let queue = Queue::new(4 * SIZE);
        message(&queue, 7);
        let note = |at| queue.page().put(None, Offset::from_micros(at), b"tap", &[], Happened::Note);
        note(3);
        queue.page().put_time(Offset::from_micros(5), Happened::Tick);
        note(8);
        let times: Vec<_> =
            take(&queue).iter().flat_map(Batch::iter).map(|seen| seen.at.as_micros()).collect();
        assert_eq!(times, [7, 7, 7, 8]);
    }

    #[test]
    fn no_time_is_told_while_something_may_be_missing() {
        let queue = Queue::new(4 * SIZE);
        fill(&queue);
        queue.page().put_time(Offset::from_micros(2), Happened::Tick);
        let kept = drain(&queue);
        assert_eq!(kept.len(), 4 + 1, "messages and the gap: {kept:?}");
        queue.page().put_time(Offset::from_micros(2), Happened::Tick);
        assert!(matches!(queue.take(Duration::ZERO), Work::Batches(_)));
    }

    #[test]
    fn a_crowd_ends_the_rest_of_the_recorder() {
        let queue = Queue::new(4 * SIZE);
        let never = Instant::now() + Duration::from_secs(3600);
        std::thread::scope(|scope| {
            let recorder = scope.spawn(|| queue.rest(never));
            while queue.lock().recorder != Recorder::Resting {
                std::thread::yield_now();
            }
            assert_eq!(message(&queue, 1), Put::Kept);
            recorder.join().expect("a recorder that rests does not panic");
        });
        assert_eq!(take(&queue).len(), 1);
    }

    #[test]
    fn the_end_comes_after_everything_else() {
        let queue = Queue::new(4 * SIZE);
        fill(&queue);
        queue.end(EndReason::Stopped);
        let kept = drain(&queue);
        assert_eq!(kept.iter().flatten().count(), 1);
        assert!(matches!(queue.take(Duration::ZERO), Work::Ending(EndReason::Stopped)));
    }
}
