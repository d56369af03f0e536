//! What a check remembers of messages it has judged changes nothing it says: neither their outlines nor the plans
//! made for their sorts.

use std::sync::Arc;

use proptest::prelude::*;
use tilltape::check::{Check, Completeness, Options, SourceInfo};
use tilltape::conversation::{Content, OwnedEvent};

use super::trace::shown;
use super::{Ground, PACKS, holds_for, plan};

/// Recordings of one run: from the third of a kind on, a message is one of a sort that is known, and from the
/// eighteenth on one of a narrow outline.
const ROUNDS: usize = 20;

/// The same messages with other digits here and there: of the same sorts, most of them, with other numbers.
fn with_other_digits(events: &[OwnedEvent], every: usize) -> Vec<OwnedEvent> {
    let mut events = events.to_vec();
    let mut digits = 0;
    let mut other = |c: char| {
        digits += usize::from(c.is_ascii_digit());
        if c.is_ascii_digit() && digits % every == 0 { char::from(b'1' + (digits % 9) as u8) } else { c }
    };
    for event in &mut events {
        if let Content::Json(message) = &mut event.content {
            message.text = message.text.chars().map(&mut other).collect::<String>().into();
        }
    }
    events
}

/// All that a check says of a recording that comes again and again, and then of others.
fn told(ground: &Ground, again: &[OwnedEvent], other: &[OwnedEvent], afresh: bool) -> String {
    let options = Options { afresh, ..Options::default() };
    let mut check = Check::new(Arc::clone(&ground.pack), options);
    let alike = [3, 5, 11].map(|every| with_other_digits(again, every));
    let alike = alike.iter().map(Vec::as_slice);
    for events in std::iter::repeat_n(again, ROUNDS).chain(alike).chain([other, again]) {
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
        holds_for(pack, 40, &(plan(), plan()), |(again, other)| {
            let (again, other) = (again.trace(&ground), other.trace(&ground));
            let (plain, remembered) =
                (told(&ground, &again, &other, true), told(&ground, &again, &other, false));
            prop_assert_eq!(plain, remembered, "{}\n\nand then\n\n{}", shown(&again), shown(&other));
            Ok(())
        });
    }
}
