//! The curated recordings of goChip.

use std::time::Duration;

use super::super::{Act, GochipAct, GochipVisit};
use super::{BAD_TILL, Entry, NORMAL_DAY};
use crate::net::simulate::Wait;
use crate::net::simulate::gochip::{
    Ask, Behaviour, Edition, Emv, Errand, Habit, Major, Meddling, Scenario, ServiceSettings,
};

pub(super) fn catalogue() -> Vec<Entry> {
    let mut entries = good_shop();
    entries.extend(bad_services());
    entries.extend(bad_tills());
    for (seed, (_, _, act)) in (1..).zip(&mut entries) {
        act.service.seed = seed;
        for visit in &mut act.visits {
            visit.seed += 10 * seed;
        }
    }
    entries.into_iter().map(|(name, about, act)| Entry { name, about, act: Act::Gochip(act) }).collect()
}

/// Name, what it shows, how it is made.
type Draft = (&'static str, &'static str, GochipAct);

fn good_shop() -> Vec<Draft> {
    vec![
        scenario(Scenario::Day).shows(
            NORMAL_DAY,
            "start-up, sale, decline, sale, refund, device info: everybody keeps the rules",
        ),
        asking(vec![Ask::sale(840)]).shows("sale-approved", "start-up in its order, and a sale, approved"),
        asking(vec![Ask::sale(701)]).shows("sale-declined", "a sale the host declines: code D"),
        asking(vec![Ask::sale(702)])
            .shows("sale-referral", "the host wants to be called: code R, not approved"),
        asking(vec![Ask::sale(703)]).shows(
            "sale-declined-cvv",
            "a sale declined for the card's verification value: code D, only the words differ",
        ),
        asking(vec![Ask::sale(2322)])
            .shows("sale-with-signature", "the sale waits for the cardholder's signature"),
        asking(vec![Ask::sale(2323)])
            .shows("sale-with-application", "the card holds two applications, and the till is asked which"),
        scenario(Scenario::Polling).shows(
            "polling-set-amount",
            "the reader listens by itself; the till sets the amount when a card has come",
        ),
        asking(vec![Ask::cancelled(1224, Meddling::CancelsEarly)])
            .shows("cancel-allowed", "cancelled while the reader waits: CANCELLING, then CANCELLED"),
        asking(vec![Ask::cancelled(1225, Meddling::CancelsLate)])
            .shows("cancel-not-allowed", "cancelled too late: NOT_ALLOWED, and the sale response follows"),
        asking(vec![Ask::CancelNothing]).shows("cancel-nothing", "nothing runs: NOTHING_TO_CANCEL"),
        scenario(Scenario::Cancel)
            .before_3_0_28()
            .shows("cancel-before-3-0-28", "the same three cancellations in the texts that 3.0.28 removed"),
        asking(vec![Ask::sale(1221)])
            .shows("card-timeout", "nobody presents a card until the reader gives up"),
        scenario(Scenario::CommError)
            .shows("comm-error-enquiry", "the host does not answer; the till finds no sale, and sells again"),
        scenario(Scenario::CommError)
            .before_3_0_28()
            .shows("comm-error-before-3-0-28", "the same told by RES_ON_ERROR, as before 3.0.28"),
        scenario(Scenario::Reversal).shows(
            "comm-error-reversal",
            "the answer of the host is lost; the till finds an approved sale, and takes it back",
        ),
        scenario(Scenario::Refund).shows("refund", "a sale, and a refund of a part of it by its uniqueRef"),
        asking(vec![Ask::sale(840), Ask::Refund { amount: Major(840) }]).shows(
            "refund-becomes-reversal",
            "a refund of the whole sale is made as its reversal: the callback carries a sale response",
        ),
        scenario(Scenario::KeyedRefund).shows(
            "keyed-refund",
            "a refund to a card that is keyed in: the card was masked before a byte of it was written",
        ),
        scenario(Scenario::Token).shows("secure-token", "a token, in the names of 3.0.28"),
        scenario(Scenario::Token)
            .before_3_0_28()
            .shows("secure-card-before-3-0-28", "the same token, called what it was called before 3.0.28"),
    ]
}

fn bad_services() -> Vec<Draft> {
    let sale = |behaviour: Behaviour| asking(vec![Ask::sale(1200 + behaviour.cents().unwrap_or_default())]);
    let cancelled = |behaviour: Behaviour, when| {
        asking(vec![Ask::cancelled(1200 + behaviour.cents().unwrap_or_default(), when)])
    };
    vec![
        sale(Behaviour::MissingFinal)
            .patient(Duration::from_secs(95))
            .shows("service-missing-final", "the sale goes online, and nothing more is heard of it"),
        sale(Behaviour::WrongAmount).shows("service-wrong-amount", "more is authorised than was asked for"),
        sale(Behaviour::SmilingError)
            .shows("service-smiling-error", "the sale is refused by an error that says RESPONSE_OK"),
        sale(Behaviour::DropMidSale).shows("service-drops-link", "the link goes while the sale is online"),
        cancelled(Behaviour::SilentCancel, Meddling::CancelsEarly)
            .patient(Duration::from_secs(12))
            .shows("service-silent-cancel", "a request to cancel is not answered"),
        cancelled(Behaviour::CancelUnfinished, Meddling::CancelsEarly)
            .patient(Duration::from_secs(95))
            .shows("service-cancel-unfinished", "CANCELLING, and never what came of it"),
        cancelled(Behaviour::ForgetsSale, Meddling::CancelsLate)
            .patient(Duration::from_secs(95))
            .shows("service-forgets-sale", "NOT_ALLOWED, and then nothing more is heard of the sale"),
        cancelled(Behaviour::OldCancelText, Meddling::CancelsEarly)
            .shows("service-old-cancel-text", "a cancellation told in both ways, the old one among them"),
    ]
}

fn bad_tills() -> Vec<Draft> {
    let by = |habit, asks| one(habit, 1, asks);
    let early = Meddling::CancelsEarly;
    vec![
        by(Habit::SecondSale, vec![Ask::sale(840)])
            .shows("till-second-sale", "a second sale is sent while the first one runs"),
        by(Habit::ProgressIsFinal, vec![Ask::sale(840), Ask::sale(990), Ask::DeviceInfo])
            .shows("till-progress-is-final", "GOING_ONLINE is taken for the end, and the next sale begun"),
        by(Habit::StripsZeros, vec![Ask::sale(505)])
            .shows("till-strips-zeros", "5.05 is written as 5.5: the customer pays 45 cents too much"),
        by(Habit::SkipsDevice, vec![Ask::sale(840)])
            .shows("till-skips-device", "a sale before the card reader is connected"),
        by(Habit::ForgetsCancel, vec![Ask::cancelled(1224, early), Ask::sale(840)]).shows(
            "till-forgets-cancel",
            "the next sale begins before the till knows what became of its cancel",
        ),
        by(Habit::NeverSigns, vec![Ask::sale(2322)])
            .patient(Duration::from_secs(10))
            .shows("till-never-signs", "the signature that was asked for is never handed in"),
        by(Habit::SkipsEnquiry, vec![Ask::sale(4567), Ask::sale(840)])
            .shows("till-skips-enquiry", "the next sale after a communication error, without finding out"),
        by(Habit::RefundsDeclined, vec![Ask::sale(701), Ask::Refund { amount: Major(701) }]).shows(
            "till-refunds-declined",
            "every response is taken for an approval: a declined sale is refunded",
        ),
        by(Habit::CapitalType, vec![Ask::sale(840)])
            .patient(Duration::from_secs(10))
            .shows("till-capital-type", "`Type` for `type`: the service ignores the sale"),
        by(Habit::RestartsService, vec![Ask::cancelled(1224, early)])
            .shows("till-restarts-service", "the service is restarted instead of cancelling the sale"),
        by(Habit::Good, vec![Ask::Polling { on: true }, Ask::sale(840)]).shows(
            "till-polls-without-quick-chip",
            "polling at a reader that does not use Quick Chip: refused, and the till asks how the switch stands",
        ),
        GochipAct {
            visits: vec![visit(Habit::SellsWhilePolling, 1, Emv::QuickChip, polling())],
            ..act(Vec::new())
        }
        .shows("till-sells-while-polling", "a sale is sent while the reader listens by itself"),
        by(Habit::OldNames, vec![Ask::cancelled(1224, early), Ask::Token])
            .shows("till-old-names", "secure-card names are sent to a service that is 3.0.28 or later"),
        act(vec![
            visit(Habit::StripsZeros, 1, Emv::Standard, errands(vec![Ask::sale(505)])),
            visit(
                Habit::RefundsDeclined,
                2,
                Emv::Standard,
                errands(vec![Ask::sale(701), Ask::Refund { amount: Major(701) }]),
            ),
            visit(Habit::SkipsDevice, 3, Emv::Standard, errands(vec![Ask::sale(840)])),
        ])
        .shows(
            BAD_TILL,
            "a till that writes 5.05 as 5.5, refunds what was declined, and sells without a reader",
        ),
    ]
}

impl GochipAct {
    const fn shows(self, name: &'static str, about: &'static str) -> Draft {
        (name, about, self)
    }

    const fn before_3_0_28(mut self) -> Self {
        self.service.edition = Edition::Before3028;
        self
    }

    const fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

fn act(visits: Vec<GochipVisit>) -> GochipAct {
    GochipAct { service: ServiceSettings::default(), visits, patience: PATIENCE }
}

fn scenario(scenario: Scenario) -> GochipAct {
    act(vec![GochipVisit { habit: Habit::Good, errands: scenario.errands(None), seed: 1 }])
}

fn asking(asks: Vec<Ask>) -> GochipAct {
    one(Habit::Good, 1, asks)
}

fn one(habit: Habit, seed: u64, asks: Vec<Ask>) -> GochipAct {
    act(vec![visit(habit, seed, Emv::Standard, errands(asks))])
}

fn visit(habit: Habit, seed: u64, emv: Emv, errands: Vec<Errand>) -> GochipVisit {
    let start = Errand { ask: Ask::StartUp { emv }, pause: Wait::NONE };
    GochipVisit { habit, errands: std::iter::once(start).chain(errands).collect(), seed }
}

fn errands(asks: Vec<Ask>) -> Vec<Errand> {
    asks.into_iter().map(Errand::new).collect()
}

fn polling() -> Vec<Errand> {
    errands(vec![
        Ask::Polling { on: true },
        Ask::PolledSale { amount: Major(840) },
        Ask::Polling { on: false },
    ])
}

/// Longer than any cardholder of ours takes.
const PATIENCE: Duration = Duration::from_secs(40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_and_habit_has_a_recording() {
        let visits: Vec<GochipVisit> = catalogue()
            .into_iter()
            .flat_map(|entry| match entry.act {
                Act::Gochip(act) => act.visits,
                Act::Tsi(_) => Vec::new(),
            })
            .collect();
        for habit in Habit::ALL {
            assert!(visits.iter().any(|visit| visit.habit == habit), "{habit}");
        }
        for behaviour in Behaviour::ALL {
            let asks = |errand: &Errand| matches!(errand.ask, Ask::Sale { amount, .. } if Behaviour::of_amount(amount) == behaviour);
            assert!(visits.iter().any(|visit| visit.errands.iter().any(asks)), "{behaviour}");
        }
    }
}
