//! What the messages of one outline have in common besides: values that are the same in one after the other.
//!
//! A terminal says its number, its software and the day in every message. Where a value was the same in all of
//! many messages, an outline is worth learning that knows it. Messages that it does not fit go on being watched;
//! each time more of them, so that what changes once a day is found to change.

use std::ops::Range;

use super::lesson;
use super::trie::Trie;

/// What is watched in the messages of an outline.
#[derive(Debug, Default)]
pub(super) struct Habit {
    /// The first of them, and where its strings and numbers stand.
    first: Box<str>,
    values: Vec<Range<usize>>,
    /// By string and number: whether all of them were the same.
    same: Vec<bool>,
    /// How many came.
    seen: u32,
    /// How often something was learnt of it.
    learnt: u32,
}

/// What is known of a habit.
pub(super) enum Settled {
    /// More messages have to come.
    NotYet,
    /// There is none.
    Nothing,
    /// Which strings and numbers stay the same.
    Same(Vec<bool>),
}

/// Messages to be seen before anything is learnt; each further time twice as many.
const ENOUGH: u32 = 16;

/// Outlines that are learnt of one.
const MOST_LEARNT: u32 = 8;

/// Bytes of a message that is watched.
const LONGEST: usize = 4 << 10;

impl Habit {
    /// Sees one more message of the outline.
    pub(super) fn see(&mut self, trie: &Trie, text: &str) -> Settled {
        if text.len() > LONGEST {
            return Settled::Nothing;
        }
        let mut values = Vec::new();
        let walked = lesson::take(trie, text, |scalar| {
            values.push(scalar.range);
            true
        });
        if walked.is_none() {
            return Settled::Nothing;
        }
        if self.seen == 0 {
            self.same = vec![true; values.len()];
            (self.first, self.values) = (text.into(), values);
        } else {
            let first = self.values.iter().map(|range| self.first.get(range.clone()));
            for ((same, value), first) in self.same.iter_mut().zip(values).zip(first) {
                *same &= first == text.get(value);
            }
        }
        self.seen += 1;
        if !self.same.contains(&true) {
            return Settled::Nothing;
        }
        if self.seen < ENOUGH << self.learnt {
            return Settled::NotYet;
        }
        Settled::Same(std::mem::take(&mut self.same))
    }

    /// Watches the messages that what was learnt does not fit; `false` where that was done often enough.
    pub(super) fn begin_anew(&mut self) -> bool {
        let learnt = self.learnt + 1;
        *self = Self { learnt, ..Self::default() };
        learnt < MOST_LEARNT
    }
}
