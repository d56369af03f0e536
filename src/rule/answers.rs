//! What the message under judgement has answered already: a condition that many rules share is asked once.

use std::cell::Cell;

use crate::pack::Condition;

const WORDS: usize = Condition::NUMBERED / 64;

/// By condition: whether it was asked, and the answer.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    asked: [Cell<u64>; WORDS],
    yes: [Cell<u64>; WORDS],
}

impl Answers {
    /// The answer to the condition of that number, asked where it is not known.
    #[inline]
    pub(crate) fn get(&self, number: u8, ask: impl FnOnce() -> bool) -> bool {
        let (word, bit) = (usize::from(number / 64), 1 << (number % 64));
        if self.asked[word].get() & bit == 0 {
            let bits = if ask() { bit } else { 0 };
            self.yes[word].set(self.yes[word].get() | bits);
            self.asked[word].set(self.asked[word].get() | bit);
        }
        self.yes[word].get() & bit != 0
    }

    /// Forgets everything: the message has become another.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
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
