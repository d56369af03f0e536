//! How a virtual service sells: what a [`Behaviour`] means, as a line of cues.

use std::time::Duration;

use super::super::calendar::WallTime;
use super::super::object::Object;
use super::super::pace::Wait;
use super::super::terminal::LinkId;
use super::amount::Major;
use super::behaviour::Behaviour;
use super::course::{Course, End, Question};
use super::edition::Edition;
use super::gateway::Verdict;
use super::message::{comm_error, device_error, fine, fine_bare, progress, refusal, smiling_refusal};
use super::service::{Doing, SOON, Sale, Service};
use super::stage::{Act, Line, Phase};

impl Service {
    /// A sale from its start: the reader waits for a card.
    pub(super) fn sell(&mut self, link: LinkId, amount: Major, now: WallTime) -> (Doing, String) {
        let (course, how) = self.course(amount);
        self.sale = Some(Sale { link, cancelling: course.cancelling, phase: Phase::Card });
        let card = Wait::World(self.chance.around(course.card));
        let mut line = Line::saying(SOON, progress("PLEASE_WAIT"));
        match course.end {
            End::Timeout => {
                line = line.say(Wait::World(course.card), device_error("TIMEOUT", "no card was presented"));
                return (Doing::Sell(ended(line)), how);
            }
            End::SmilingError => {
                let (error, words) = ("ERROR_INVALID_EMV_TAGS", "the card cannot be read");
                line = line.say(card, smiling_refusal("REQ_PROCESS_SALE", error, words));
                return (Doing::Sell(ended(line)), how);
            }
            End::Response(..) | End::TooMuch | End::CommError | End::LostAnswer | End::Drop | End::Never => {}
        }
        line = line.say(card, progress("CARD_DETECTED"));
        if course.question == Some(Question::Application) {
            let applications = Object::new().texts("applications", &["VISA DEBIT", "VISA CREDIT"]);
            line =
                line.say(SOON, fine("RES_ON_SELECT_APPLICATION", applications)).then(Wait::NONE, Act::Await);
        }
        line = line.then(Wait::NONE, Act::Reach(Phase::Online));
        (Doing::Sell(self.online(line, course, amount, now)), how)
    }

    /// A sale at a reader that listens: the card is there, the amount was just submitted. Then it listens again.
    pub(super) fn sell_polled(&mut self, link: LinkId, amount: Major, now: WallTime) -> (Doing, String) {
        let (course, how) = self.course(amount);
        self.sale = Some(Sale { link, cancelling: course.cancelling, phase: Phase::Online });
        let line = self.online(Line::default(), course, amount, now);
        (Doing::Sell(self.listen(line, NEXT_CUSTOMER)), how)
    }

    /// A card comes to a reader that listens, and the service asks for the amount.
    pub(super) fn listen(&mut self, line: Line, customer: Wait) -> Line {
        let sale = Object::new().object("sale", Object::new().decimal("amount", "1"));
        line.say(Wait::World(self.chance.around(customer.in_life())), progress("CARD_DETECTED"))
            .say(SOON, fine("RES_ON_REQUEST_SET_AMOUNT", sale))
            .then(Wait::NONE, Act::Await)
    }

    fn course(&self, amount: Major) -> (Course, String) {
        let behaviour = self.settings.behaviour.unwrap_or_else(|| Behaviour::of_amount(amount));
        let how = if behaviour == Behaviour::Approved { "served".to_owned() } else { behaviour.to_string() };
        (Course::of(behaviour), how)
    }

    /// The host is asked.
    fn online(&mut self, line: Line, course: Course, amount: Major, now: WallTime) -> Line {
        let mut line = line.say(Wait::World(Duration::from_millis(700)), progress("GOING_ONLINE"));
        let mut host = Wait::World(self.chance.around(course.host));
        if course.question == Some(Question::Signature) {
            line = line.say(host, fine_bare("RES_ON_SIGNATURE_REQUIRED")).then(Wait::NONE, Act::Await);
            host = SOON;
        }
        match course.end {
            End::Response(code, words) => {
                let verdict = Verdict::new(code, &host_words(words, amount));
                self.answered(line, host, amount, verdict, now)
            }
            End::TooMuch => {
                let more = Major(amount.0.saturating_add(45));
                self.answered(line, host, more, Verdict::approved(), now)
            }
            End::CommError => ended(self.unreachable(line, host, amount)),
            End::LostAnswer => {
                // What would have been said is in the books, and nowhere else.
                let _lost = self.books.sale(amount, Verdict::approved(), now);
                ended(self.unreachable(line, host, amount))
            }
            End::Drop => ended(line.then(host, Act::Drop)),
            End::Never | End::Timeout | End::SmilingError => line,
        }
    }

    /// The response is sent while the sale counts as running; only the card is still to be removed then.
    fn answered(&mut self, line: Line, host: Wait, amount: Major, verdict: Verdict, now: WallTime) -> Line {
        let response = Object::new().object("saleResponse", self.books.sale(amount, verdict, now));
        line.say(host, fine("RES_ON_SALE_RESPONSE", response))
            .then(Wait::NONE, Act::Reach(Phase::Over))
            .say(Wait::World(Duration::from_millis(300)), progress("REMOVE_CARD"))
    }

    fn unreachable(&self, line: Line, host: Wait, amount: Major) -> Line {
        let text = match self.settings.edition {
            Edition::Since3028 => comm_error(amount, "ERROR_TIMEOUT", "the host did not answer"),
            Edition::Before3028 => refusal("REQ_PROCESS_SALE", "ERROR_TIMEOUT", "the host did not answer"),
        };
        line.say(host, text)
    }
}

fn ended(line: Line) -> Line {
    line.then(Wait::NONE, Act::Reach(Phase::Over))
}

/// What the host says: with the code that the amount asked for, where it did.
fn host_words(words: &str, amount: Major) -> String {
    match (amount.0 / 10_000, amount.0 % 1000) {
        (0, _) | (_, 0) => words.to_owned(),
        (_, code) => format!("{words} {code:03}"),
    }
}

/// When the next customer comes to a reader that listens.
const NEXT_CUSTOMER: Wait = Wait::World(Duration::from_secs(20));
