//! What a virtual terminal remembers: the open batch, by reference number, and the last result.

use std::collections::VecDeque;

use super::object::Object;

/// The memory of a terminal.
#[derive(Debug)]
pub(crate) struct Ledger {
    batch: u32,
    next_reference: u32,
    /// Of the open batch; the oldest go first once there are [`KEPT`].
    entries: VecDeque<Entry>,
    /// The results of the last transaction, as one JSON object.
    last: Option<Object>,
}

/// An approved transaction of the open batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) reference: String,
    pub(crate) kind: String,
    /// In cents, tip included.
    pub(crate) total: u64,
    pub(crate) state: State,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It stands.
    Standing,
    /// It was voided, or a completion took its place.
    Used,
}

/// Counts and sums of the open batch, in cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) sales: (u64, u64),
    pub(crate) refunds: (u64, u64),
    pub(crate) voids: (u64, u64),
}

impl Ledger {
    pub(crate) const fn new() -> Self {
        Self { batch: FIRST_BATCH, next_reference: FIRST_REFERENCE, entries: VecDeque::new(), last: None }
    }

    /// The number of the open batch.
    pub(crate) fn batch(&self) -> String {
        self.batch.to_string()
    }

    /// Enters an approved transaction and gives its reference number.
    pub(crate) fn enter(&mut self, kind: &str, total: u64) -> String {
        let reference = self.next_reference.to_string();
        self.next_reference = self.next_reference.wrapping_add(1);
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        let entry =
            Entry { reference: reference.clone(), kind: kind.to_owned(), total, state: State::Standing };
        self.entries.push_back(entry);
        reference
    }

    /// Voids a transaction that stands; gives what it was.
    pub(crate) fn void(&mut self, reference: &str) -> Option<Entry> {
        self.use_up(reference, |_| true)
    }

    /// Takes a `pre_auth` that stands, to complete it.
    pub(crate) fn complete(&mut self, reference: &str) -> Option<Entry> {
        self.use_up(reference, |entry| entry.kind == "pre_auth")
    }

    fn use_up(&mut self, reference: &str, fits: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.reference == reference && entry.state == State::Standing && fits(entry))?;
        entry.state = State::Used;
        Some(entry.clone())
    }

    /// Counts and sums of the open batch.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for entry in &self.entries {
            let (count, sum) = match (entry.state, entry.kind.as_str()) {
                (State::Used, "pre_auth") | (State::Standing, "pre_auth" | "auth_only") => continue,
                (State::Used, _) => &mut totals.voids,
                (State::Standing, "refund") => &mut totals.refunds,
                (State::Standing, _) => &mut totals.sales,
            };
            *count += 1;
            *sum += entry.total;
        }
        totals
    }

    /// Settles: the next batch is open and empty.
    pub(crate) fn settle(&mut self) {
        self.batch = self.batch.wrapping_add(1);
        self.entries.clear();
    }

    /// Keeps the results of the last transaction for `recall_last_transaction`.
    pub(crate) fn remember(&mut self, result: Object) {
        self.last = Some(result);
    }

    pub(crate) fn last(&self) -> Option<&Object> {
        self.last.as_ref()
    }
}

const FIRST_BATCH: u32 = 12;
const FIRST_REFERENCE: u32 = 58;
/// A batch of this many transactions is more than a terminal holds.
const KEPT: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_used_once_and_gone_with_its_batch() {
        let mut ledger = Ledger::new();
        let sale = ledger.enter("sale", 2650);
        let hold = ledger.enter("pre_auth", 9000);
        assert_eq!((sale.as_str(), hold.as_str()), ("58", "59"));
        assert_eq!(ledger.complete(&sale), None, "only a pre_auth can be completed");
        assert_eq!(ledger.complete(&hold).map(|entry| entry.total), Some(9000));
        ledger.enter("refund", 400);
        ledger.enter("sale", 1000);
        assert_eq!(ledger.totals(), Totals { sales: (2, 3650), refunds: (1, 400), voids: (0, 0) });
        assert_eq!(ledger.void(&sale).map(|entry| entry.total), Some(2650));
        assert_eq!(ledger.void(&sale), None, "voided already");
        assert_eq!(ledger.totals(), Totals { sales: (1, 1000), refunds: (1, 400), voids: (1, 2650) });
        ledger.settle();
        assert_eq!(ledger.void("61"), None, "settled");
        assert_eq!(ledger.batch(), "13");
    }
}
