//! What a check remembers of messages it has judged changes nothing it says: neither their outlines nor the plans
//! made for their sorts.

use std::sync::Arc;

use proptest::prelude::*;
use tilltape::check::{Check, Completeness, Options, SourceInfo};
use tilltape::conversation::OwnedEvent;

use super::trace::shown;
use super::{Ground, PACKS, holds_for, plan};

/// Recordings of one run: from the third of a kind on, a message is one of a sort that is known.
const ROUNDS: usize = 4;

/// All that a check says of a recording that comes again and again, and then of another.
fn told(ground: &Ground, again: &[OwnedEvent], other: &[OwnedEvent], afresh: bool) -> String {
    let options = Options { afresh, ..Options::default() };
    let mut check = Check::new(Arc::clone(&ground.pack), options);
    for events in std::iter::repeat_n(again, ROUNDS).chain([other, again]) {
        check.begin(SourceInfo::default());
        events.iter().for_each(|event| check.observe(&event.view()).unwrap());
        check.end(Completeness::Finished);
    }
    format!("{:#?}", check.finish())
}

#[test]
fn what_is_remembered_of_messages_before_changes_nothing() {
    for pack in PACKS {
        let ground = Ground::of(pack);
        holds_for(pack, 60, &(plan(), plan()), |(again, other)| {
            let (again, other) = (again.trace(&ground), other.trace(&ground));
            let (plain, remembered) =
                (told(&ground, &again, &other, true), told(&ground, &again, &other, false));
            prop_assert_eq!(plain, remembered, "{}\n\nand then\n\n{}", shown(&again), shown(&other));
            Ok(())
        });
    }
}
