//! Remarks of people while a recording is made: "tap card A", "card removed".

use std::sync::Arc;
use std::time::Instant;

use super::batch::Happened;
use super::queue::Queue;
use crate::conversation::Offset;

/// Puts remarks into a running recording; may be used from any thread.
#[derive(Clone, Debug)]
pub struct Notes {
    queue: Arc<Queue>,
    started: Instant,
}

impl Notes {
    pub(super) fn new(queue: Arc<Queue>, started: Instant) -> Self {
        Self { queue, started }
    }

    /// Notes this remark now. It is masked like everything else.
    pub fn add(&self, remark: &str) {
        let at = Offset::ZERO.after(self.started.elapsed());
        self.queue.page().put(None, at, remark.as_bytes(), &[], Happened::Note);
    }
}
