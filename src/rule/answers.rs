//! What the message under judgement has answered already: a condition that many rules share is asked once.

use std::cell::Cell;

use crate::pack::Condition;

const WORDS: usize = Condition::NUMBERED / 64;

/// By condition: whether it was asked, and the answer.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    asked: Cell<[u64; WORDS]>,
    yes: Cell<[u64; WORDS]>,
}

/// Answers given once and for all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    asked: [u64; WORDS],
    yes: [u64; WORDS],
}

impl Answers {
    /// The answer to the condition of that number, asked where it is not known.
    #[inline]
    pub(crate) fn get(&self, number: u8, ask: impl FnOnce() -> bool) -> bool {
        let (word, bit) = (usize::from(number / 64), 1 << (number % 64));
        let asked = &words(&self.asked)[word];
        let yes = &words(&self.yes)[word];
        if asked.get() & bit == 0 {
            let bits = if ask() { bit } else { 0 };
            yes.set(yes.get() | bits);
            asked.set(asked.get() | bit);
        }
        yes.get() & bit != 0
    }

    /// What was answered so far.
    pub(crate) fn given(&self) -> Given {
        Given { asked: self.asked.get(), yes: self.yes.get() }
    }

    /// Forgets everything: the message has become another.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Each word by itself.
fn words(all: &Cell<[u64; WORDS]>) -> &[Cell<u64>] {
    let all: &Cell<[u64]> = all;
    all.as_slice_of_cells()
}

impl From<Given> for Answers {
    fn from(given: Given) -> Self {
        Self { asked: Cell::new(given.asked), yes: Cell::new(given.yes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_is_asked_once() {
        let mut answers = Answers::default();
        for number in [0, 63, 64, 255] {
            assert_eq!(answers.get(number, || number != 64), number != 64);
            assert_eq!(answers.get(number, || panic!("asked again")), number != 64);
        }
        answers.clear();
        assert!(answers.get(64, || true));
    }
}
