//! Questions to messages that no rule asks: which of them somebody outside the pack means, a waiver say.
//!
//! A lens is a selector as packs write them, resolved with the pack it looks through. While a recording is
//! judged, each message is seen through every lens once; what that showed stays with its witnesses.

use super::error::PackError;
use super::format::SelectorDef;
use super::pattern::Selector;
use super::resolve::{File, Resolver};

/// A selector as written in some file that is no pack's.
#[derive(Clone, Copy, Debug)]
pub struct Lens<'a> {
    /// What messages call the file.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The selector.
    pub selector: &'a SelectorDef,
}

/// Which of a pack's lenses, in the order they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LensId(pub usize);

/// The lenses through which a message can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LensSet([u64; WORDS]);

const WORDS: usize = 4;

impl LensSet {
    /// How many lenses there can be.
    pub const MOST: usize = WORDS * u64::BITS as usize;

    /// This set and `lens`.
    #[must_use]
    pub const fn with(mut self, lens: LensId) -> Self {
        self.0[lens.0 / 64] |= 1 << (lens.0 % 64);
        self
    }

    /// Whether `lens` is in it.
    pub const fn has(self, lens: LensId) -> bool {
        self.0[lens.0 / 64] >> (lens.0 % 64) & 1 == 1
    }

    /// What is in this set, in the other, or in both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }
}

/// Resolves lenses; their mistakes are noted like those of the pack's own files.
pub(super) fn resolve(resolver: &mut Resolver, lenses: &[Lens<'_>]) -> Vec<Selector> {
    if let Some(first) = lenses.get(LensSet::MOST) {
        let message = format!("expected at most {} selectors, got {}", LensSet::MOST, lenses.len());
        resolver.errors.push(PackError::of_file(first.file, message).help("split the file"));
        return Vec::new();
    }
    let resolved = lenses.iter().map(|lens| {
        let file = File { name: lens.file, text: lens.text, offset: 0 };
        resolver.selector(&file, lens.selector)
    });
    resolved.collect()
}

#[cfg(test)]
mod tests {
    use super::{LensId, LensSet};

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let some = [0, 63, 64, LensSet::MOST - 1].map(LensId);
        let set = some.into_iter().fold(LensSet::default(), LensSet::with);
        for lens in (0..LensSet::MOST).map(LensId) {
            assert_eq!(set.has(lens), some.contains(&lens), "{lens:?}");
        }
        assert_eq!(LensSet::default().with(LensId(0)).union(set), set);
    }
}
