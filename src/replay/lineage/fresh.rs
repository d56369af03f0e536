//! Fresh ids for a run: of the looks of the recorded ones, different in every run, the same for the same seed.

use std::collections::HashSet;

use super::shape::another;

/// How often a value is thrown again before it is kept although it was used: where there are no others left.
const TRIES: u64 = 64;

/// Numbers that depend on a seed and a number only: the SplitMix64 generator. Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64, number: u64) -> Self {
        Self(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn one_of(&mut self, alphabet: &[u8]) -> char {
        char::from(alphabet[(self.next() % alphabet.len() as u64) as usize])
    }
}

/// A value like `recorded`, not among those used; it is among them afterwards.
pub(super) fn fresh(recorded: &str, seed: u64, number: u64, used: &mut HashSet<Box<str>>) -> String {
    let mut dice = Dice::new(seed, number);
    let mut value = another(recorded, &mut dice);
    for _ in 0..TRIES {
        if !used.contains(value.as_str()) {
            break;
        }
        value = another(recorded, &mut dice);
    }
    used.insert(value.as_str().into());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_values_are_none_of_the_used_ones_and_depend_on_the_seed_alone() {
        let mut used: HashSet<Box<str>> = ["804213".into()].into();
        let first = fresh("804213", 7, 1, &mut used);
        assert_eq!(fresh("804213", 7, 1, &mut ["804213".into()].into()), first);
        assert_ne!(fresh("804213", 8, 1, &mut used), first);
        let mut digits: HashSet<Box<str>> = HashSet::new();
        let nine: HashSet<String> = (0..8).map(|number| fresh("5", 1, number, &mut digits)).collect();
        assert_eq!(nine.len(), 8, "each of so few digits once");
    }
}
