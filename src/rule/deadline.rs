//! When open obligations fall due, in the time of the events.
//!
//! At its deadline an obligation is decided by what was known then, whether the next event comes a moment or
//! an hour later: a live check and one of the finished recording say the same, and nothing said is taken back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::obligation::{ObligationId, Obligations};
use crate::conversation::Offset;

/// A timestamp taken at the proxy is this exact: nearer to a deadline nothing is decided.
pub(crate) const CLOCK_GUARD: Duration = Duration::from_millis(1);

/// The deadlines at which something is decided, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    due: BinaryHeap<Reverse<Due>>,
}

/// A deadline; by the serial number it is known whether its obligation is still the one in that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    deadline: Offset,
    serial: u64,
    id: ObligationId,
}

impl Deadlines {
    /// Notes when an obligation falls due. One that starts anew is noted again.
    pub(crate) fn add(&mut self, id: ObligationId, obligations: &Obligations) {
        let Some((deadline, serial)) =
            obligations.get(id).and_then(|open| Some((open.deadline?, open.serial)))
        else {
            return;
        };
        // What was answered would pile up until it would have fallen due; to take out many at once is least work.
        if self.due.len() > 2 * obligations.count() + 64 {
            self.due.retain(|Reverse(due)| due.stands(obligations));
        }
        self.due.push(Reverse(Due { deadline, serial, id }));
    }

    /// Whether there may be an obligation that has fallen due by `now`.
    #[inline]
    pub(crate) fn is_due(&self, now: Offset) -> bool {
        self.due.peek().is_some_and(|Reverse(due)| due.is_over(now))
    }

    /// Takes out the next obligation that has fallen due by `now`.
    pub(crate) fn take_due(&mut self, now: Offset, obligations: &Obligations) -> Option<ObligationId> {
        while self.is_due(now) {
            let Reverse(due) = self.due.pop()?;
            if due.stands(obligations) {
                return Some(due.id);
            }
        }
        None
    }

    /// Forgets every deadline: the recording has ended.
    pub(crate) fn clear(&mut self) {
        self.due.clear();
    }
}

impl Due {
    fn is_over(self, now: Offset) -> bool {
        now.since(self.deadline) > CLOCK_GUARD
    }

    /// Whether its obligation is still open, and was not started anew since.
    fn stands(self, obligations: &Obligations) -> bool {
        let open = obligations.get(self.id).filter(|open| open.serial == self.serial);
        open.is_some_and(|open| open.deadline == Some(self.deadline))
    }
}
