//! Masking changes no verdict: who judges the file says what who saw the wire would have said.

use proptest::prelude::*;
use tilltape::conversation::{Content, Masked, OwnedEvent};
use tilltape::mask::Masker;

use super::ground::said;
use super::trace::{Alteration, shown};
use super::{Ground, PACKS, Step, holds_for, plan};

/// The recording as the recorder writes it, and how many messages that has changed.
fn masked(trace: &[OwnedEvent], masker: &Masker) -> (Vec<OwnedEvent>, usize) {
    let mut changed = 0;
    let mut trace = trace.to_vec();
    for event in &mut trace {
        let Content::Json(message) = &mut event.content else { continue };
        let Some(hidden) = masker.json(&message.text) else { continue };
        message.text = hidden.text.into();
        let places = hidden.at.into_iter();
        let places = places.map(|(at, was)| Masked { at: format!("/json{at}").into(), was });
        message.masked = message.masked.iter().cloned().chain(places).collect();
        changed += 1;
    }
    (trace, changed)
}

#[test]
fn masking_changes_no_verdict() {
    for pack in PACKS {
        let ground = Ground::of(pack);
        let masker = Masker::new(ground.pack.masking(), [7; 32]);
        let hidden = std::cell::Cell::new(0);
        holds_for(pack, 100, &plan(), |mut plan| {
            // Card data in every place there is.
            for (at, (step, _)) in plan.steps.iter_mut().enumerate() {
                if let (Step::Next { of }, true) = (&*step, at % 3 == 0) {
                    let how = Alteration::Card;
                    *step = Step::Alter { of: *of, value: at * 7, how };
                }
            }
            let trace = plan.trace(&ground);
            let (masked, changed) = masked(&trace, &masker);
            hidden.set(hidden.get() + changed);
            let clear = said(&ground.judged(&trace));
            let after = said(&ground.judged(&masked));
            for (rule, clear) in &clear {
                prop_assert_eq!(&after[rule], clear, "{}, masked and in clear:\n{}", rule, shown(&trace));
            }
            Ok(())
        });
        assert!(hidden.get() > 50, "{pack}: only {} messages had anything to mask", hidden.get());
    }
}
