//! What a virtual service does about a request to cancel: it depends on how far the sale is, and the edition.

use std::time::Duration;

use super::super::pace::Wait;
use super::course::Cancelling;
use super::edition::Edition;
use super::message::{cancellation, progress, refusal};
use super::service::{Doing, SOON, Service};
use super::stage::{Act, Line, Phase};

impl Service {
    /// The POS asks to cancel.
    pub(super) fn cancel(&mut self) -> (Doing, String) {
        let edition = self.settings.edition;
        let said = |status: &str, words: &str| match edition {
            Edition::Since3028 => cancellation(status),
            Edition::Before3028 => progress(words),
        };
        let Some(sale) = self.sale.as_mut() else {
            let text = match edition {
                Edition::Since3028 => cancellation("NOTHING_TO_CANCEL"),
                Edition::Before3028 => refusal("REQ_CANCEL_TRANSACTION", "ERROR_NOT_FOUND", "no sale runs"),
            };
            return (Doing::Answer(Line::saying(SOON, text)), "nothing to cancel".to_owned());
        };
        if sale.cancelling == Cancelling::Silent {
            return (Doing::Answer(Line::default()), "not answered".to_owned());
        }
        if sale.phase != Phase::Card {
            let text = said("NOT_ALLOWED", "TRANSACTION_CANNOT_BE_CANCELED_AT_THIS_STAGE");
            let line = Line::saying(SOON, text);
            return match sale.cancelling {
                Cancelling::Forgets => (Doing::Cancel(line), "not allowed, and forgotten".to_owned()),
                Cancelling::AsDocumented
                | Cancelling::Silent
                | Cancelling::Unfinished
                | Cancelling::OldWords => (Doing::Answer(line), "not allowed".to_owned()),
            };
        }
        let mut line = match edition {
            Edition::Since3028 => Line::saying(SOON, cancellation("CANCELLING")),
            Edition::Before3028 => Line::default(),
        };
        if sale.cancelling == Cancelling::Unfinished {
            return (Doing::Cancel(line), "cancelled, without saying so".to_owned());
        }
        if sale.cancelling == Cancelling::OldWords {
            line = line.say(SOON, progress("TRANSACTION_CANCELLED_BY_USER"));
        }
        let reader = Wait::World(Duration::from_millis(600));
        line = line.say(reader, said("CANCELLED", "TRANSACTION_CANCELLED_BY_USER"));
        (Doing::Cancel(line.then(Wait::NONE, Act::Reach(Phase::Over))), "cancelled".to_owned())
    }
}
