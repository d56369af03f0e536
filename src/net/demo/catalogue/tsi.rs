//! The curated recordings of TSI.

use std::time::Duration;

use super::super::{Act, TsiAct, Visit};
use super::{BAD_TILL, Entry, NORMAL_DAY};
use crate::net::simulate::{
    Ask, Behaviour, Connections, Doors, Errand, Habit, Reference, Scenario, ShopDay, TerminalSettings, Wait,
};

pub(super) fn catalogue() -> Vec<Entry> {
    let mut entries = good_shop();
    entries.extend(bad_terminals());
    entries.extend(bad_tills());
    entries.extend(whole_batch());
    for (seed, (_, _, act)) in (1..).zip(&mut entries) {
        act.terminal.seed = seed;
        for visit in act.rounds.iter_mut().flatten() {
            // An id is never used twice, also where all of them are judged together.
            visit.seed += 10 * seed;
        }
    }
    entries.into_iter().map(|(name, about, act)| Entry { name, about, act: Act::Tsi(act) }).collect()
}

/// Name, what it shows, how it is made.
type Draft = (&'static str, &'static str, TsiAct);

fn good_shop() -> Vec<Draft> {
    let sale = |cents| one(visit(Scenario::Sale, Some(cents)));
    let scenario = |scenario| one(visit(scenario, None));
    let later =
        Visit { arrives: Wait::World(Duration::from_secs(3)), seed: 2, ..visit(Scenario::Sale, None) };
    let single = Visit { doors: Doors::Single, ..visit(Scenario::Settlement, None) };
    let often = Visit { connections: Connections::PerTransaction, ..visit(Scenario::Void, None) };
    vec![
        scenario(Scenario::Day).shows(
            NORMAL_DAY,
            "terminal_info, sale, decline, void, refund, settlement: everybody keeps the rules",
        ),
        asking(vec![Ask::Sale { amount: 2350, tip: 300 }])
            .shows("sale-approved", "a sale with a tip, approved"),
        sale(4561).shows("sale-declined", "a sale the host declines: completed, and not approved"),
        sale(1262).shows("sale-cancelled", "the cardholder cancels: completed, and not approved"),
        sale(1263).shows("sale-timed-out", "the cardholder does nothing until the terminal gives up"),
        sale(1264).shows(
            "sale-refused-busy",
            "the terminal refuses the request: no event follows, nothing is acknowledged",
        ),
        sale(1265).shows(
            "sale-failed",
            "the transaction starts, then fails: an error event with its details, acknowledged",
        ),
        act(vec![vec![visit(Scenario::Sale, None), later]])
            .shows("busy-with-another-till", "a second till asks while a sale runs, and is told TSI busy"),
        scenario(Scenario::Refund).shows("refund-approved", "a refund to a card that is there"),
        scenario(Scenario::Void).shows(
            "void-known-and-unknown",
            "a sale is voided by its reference; an unknown reference is not found",
        ),
        scenario(Scenario::Completion).shows(
            "completion-known-and-unknown",
            "a pre_auth is completed by its reference; an unknown reference is not found",
        ),
        scenario(Scenario::Settlement).shows(
            "settlement-interim",
            "a settlement: its interim event is acknowledged before the final one comes",
        ),
        scenario(Scenario::Info).shows("terminal-info", "the info endpoint: labels as devices print them"),
        scenario(Scenario::Clock).shows("set-date-time", "the config endpoint: the clock is set"),
        scenario(Scenario::Report)
            .shows("summary-report", "the reports endpoint: sums of the batch after a sale"),
        one(single).shows("single-endpoint", "one socket on / for everything, the endpoint in every message"),
        one(often)
            .shows("connection-per-transaction", "the vendor's way: a connection for every transaction"),
    ]
}

fn whole_batch() -> Vec<Draft> {
    let sale = |amount| Ask::Sale { amount, tip: 0 };
    let batch = vec![
        Ask::Settlement,
        sale(2350),
        sale(1290),
        Ask::Void(Reference::Last),
        Ask::Refund { amount: 400 },
        Ask::Settlement,
    ];
    vec![
        asking(batch).shows(
            "whole-batch",
            "from one settlement to the next: its totals are the sum of what was approved",
        ),
    ]
}

fn bad_terminals() -> Vec<Draft> {
    let sale =
        |behaviour: Behaviour| one(visit(Scenario::Sale, Some(1200 + behaviour.ending().unwrap_or(0))));
    vec![
        sale(Behaviour::Silent).shows(
            "terminal-silent",
            "started, then nothing: the till gives up, and asks for the last transaction",
        ),
        sale(Behaviour::LateResponse)
            .shows("terminal-late-response", "the answer to the request comes after more than five seconds"),
        sale(Behaviour::MalformedEvent)
            .shows("terminal-malformed-event", "the event breaks off in the middle of its JSON text"),
        sale(Behaviour::DuplicateEvent)
            .shows("terminal-duplicate-event", "the final event comes twice; the till acknowledges both"),
        sale(Behaviour::DropMidFlow).shows(
            "terminal-drops-link",
            "the link goes in the middle of a sale; the till asks for the last transaction",
        ),
        sale(Behaviour::NoResults).shows("terminal-no-results", "a completed event without results"),
        sale(Behaviour::NoErrorDetails).shows("terminal-no-error-details", "an error event without details"),
        sale(Behaviour::NoResponse)
            .shows("terminal-no-response", "the event comes without the answer before it"),
    ]
}

fn bad_tills() -> Vec<Draft> {
    let by = |habit, seed, asks| Visit { habit, seed, errands: errands(asks), ..visit(Scenario::Sale, None) };
    let sale = |amount| Ask::Sale { amount, tip: 0 };
    let one_sale = |habit| one(by(habit, 1, vec![sale(2350)]));
    let two_sales = |habit| one(by(habit, 1, vec![sale(2350), sale(990)]));
    vec![
        two_sales(Habit::ForgetsAck).shows("till-forgets-ack", "the till acknowledges no final event"),
        two_sales(Habit::AcksTwice).shows("till-acks-twice", "the till acknowledges every final event twice"),
        two_sales(Habit::ReusesFlowId)
            .shows("till-reuses-flow-id", "the second request carries the flow_id of the first"),
        two_sales(Habit::AcksWrongId)
            .shows("till-acks-wrong-id", "the acknowledgements carry a flow_id that is not the event's"),
        one_sale(Habit::BareRequest)
            .shows("till-bare-request", "a request without the request wrapper: the terminal ignores it"),
        one_sale(Habit::ClosesOwing)
            .shows("till-closes-owing", "the till closes the connection instead of acknowledging"),
        act(vec![
            vec![by(Habit::ForgetsAck, 1, vec![sale(2350)])],
            vec![by(Habit::ReusesFlowId, 2, vec![sale(990), Ask::Void(Reference::Last)])],
        ])
        .shows(BAD_TILL, "a till that forgets an acknowledgement, and uses a flow_id twice"),
        one(by(Habit::SellsBlind, 1, vec![sale(1275), sale(2350)])).shows(
            "till-sells-blind",
            "the link goes in the middle of a sale; the till asks for the next one without asking what became of it",
        ),
    ]
}

impl TsiAct {
    const fn shows(self, name: &'static str, about: &'static str) -> Draft {
        (name, about, self)
    }
}

fn act(rounds: Vec<Vec<Visit>>) -> TsiAct {
    TsiAct { terminal: TerminalSettings::default(), rounds, patience: PATIENCE }
}

fn one(visit: Visit) -> TsiAct {
    act(vec![vec![visit]])
}

fn asking(asks: Vec<Ask>) -> TsiAct {
    one(Visit { errands: errands(asks), ..visit(Scenario::Sale, None) })
}

fn visit(scenario: Scenario, amount: Option<u64>) -> Visit {
    Visit {
        habit: Habit::Good,
        doors: Doors::Multiple,
        connections: Connections::Kept,
        arrives: Wait::NONE,
        errands: scenario.errands(amount, ShopDay::OPENING),
        seed: 1,
    }
}

fn errands(asks: Vec<Ask>) -> Vec<Errand> {
    asks.into_iter().map(Errand::new).collect()
}

/// Longer than any cardholder of ours takes; the tills that wait it out are few.
const PATIENCE: Duration = Duration::from_secs(40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_and_habit_has_a_recording() {
        let acts: Vec<TsiAct> = catalogue()
            .into_iter()
            .filter_map(|entry| match entry.act {
                Act::Tsi(act) => Some(act),
                Act::Gochip(_) => None,
            })
            .collect();
        let visits: Vec<&Visit> = acts.iter().flat_map(|act| act.rounds.iter().flatten()).collect();
        for habit in Habit::ALL {
            assert!(visits.iter().any(|visit| visit.habit == habit), "{habit}");
        }
        for behaviour in Behaviour::ALL {
            let asks = |errand: &Errand| matches!(errand.ask, Ask::Sale { amount, .. } if Behaviour::of_amount(amount) == behaviour);
            assert!(visits.iter().any(|visit| visit.errands.iter().any(asks)), "{behaviour}");
        }
    }
}
