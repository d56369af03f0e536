//! What all connections of the tunnel's thread share: one read buffer, one scratch space, the clock, the queue.
//!
//! Sharing the buffer is what keeps a thousand connections small; it is sound because the thread fills it,
//! forwards it and decodes it before it looks at another connection.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::batch::Happened;
use super::queue::{Put, Queue};
use super::upstream::Dialler;
use super::{Limits, Losing};
use crate::conversation::{ConnectionId, Offset, Party};
use crate::wire::{HandshakeLimits, MessageLimits, Scratch};

/// How often whoever follows the recording is told the time.
const TICK: Duration = Duration::from_millis(50);

/// Bytes read at once: several messages of the largest usual size, so that most are whole in the buffer and
/// are copied once, straight into the queue.
const READ: usize = 256 << 10;

pub(super) struct Station {
    pub(super) queue: Arc<Queue>,
    pub(super) started: Instant,
    pub(super) dialler: Dialler,
    pub(super) keep_host: bool,
    /// Who dials the listener; the other party is upstream.
    pub(super) client: Party,
    pub(super) limits: Limits,
    pub(super) losing: Losing,
    /// Set off when traffic has to stop because it cannot be recorded.
    pub(super) halt: Arc<Notify>,
    pub(super) buffer: RefCell<Box<[u8]>>,
    pub(super) scratch: RefCell<Scratch>,
    pub(super) open: Cell<usize>,
    /// The recording is over: connections that are cut now did not end by themselves.
    pub(super) stopping: Cell<bool>,
}

impl Station {
    pub(super) fn buffer() -> RefCell<Box<[u8]>> {
        RefCell::new(vec![0; READ].into_boxed_slice())
    }

    /// Time since the recording started.
    pub(super) fn now(&self) -> Offset {
        Offset::ZERO.after(self.started.elapsed())
    }

    /// Who listens at the upstream.
    pub(super) fn server(&self) -> Party {
        match self.client {
            Party::Pos => Party::Terminal,
            Party::Terminal | Party::Gateway => Party::Pos,
        }
    }

    pub(super) fn handshake_limits(&self) -> HandshakeLimits {
        HandshakeLimits { head: self.limits.handshake_size }
    }

    pub(super) fn message_limits(&self) -> MessageLimits {
        MessageLimits { kept: self.limits.message_kept, ..MessageLimits::default() }
    }

    /// Puts one thing into the queue.
    pub(super) fn put(&self, connection: ConnectionId, bytes: &[u8], happened: Happened) {
        let put = self.queue.page().put(Some(connection), self.now(), bytes, &[], happened);
        self.mind(put);
    }

    /// Says what time it is, again and again. Only this thread can: everything that happened before has been
    /// put into the queue.
    pub(super) async fn tick(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.queue.page().put_time(self.now(), Happened::Tick);
        }
    }

    /// Says that nothing more comes from a connection.
    pub(super) fn over(&self, connection: ConnectionId) {
        if !self.stopping.get() {
            self.put(connection, &[], Happened::Over);
        }
    }

    /// Draws the consequence of a loss: says it once, and stops the traffic where that was asked for.
    pub(super) fn mind(&self, put: Put) {
        match (put, self.losing) {
            (Put::Kept | Put::Lost, _) => {}
            (Put::FirstLost, Losing::Counts) => tracing::error!(
                "RECORDING IS LOSING MESSAGES: the buffer of {} bytes is full and nothing can be written; \
                 the traffic goes on",
                self.limits.buffer
            ),
            (Put::FirstLost, Losing::Stops) => {
                tracing::error!("STOPPING THE TRAFFIC: the buffer is full and nothing can be written");
                self.halt.notify_one();
            }
        }
    }
}
