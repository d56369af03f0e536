//! What is played for a recording: who waits in the shop, who comes, and what they do; a value for each protocol.

use std::time::Duration;

use crate::net::simulate::{Connections, Doors, Errand, Habit, Protocol, TerminalSettings, Wait, gochip};

/// One recording to be made.
#[derive(Clone, Debug)]
pub enum Act {
    /// Tills and a terminal that speak TSI.
    Tsi(TsiAct),
    /// POS and service that speak goChip.
    Gochip(GochipAct),
}

/// Tills and a terminal that speak TSI.
#[derive(Clone, Debug)]
pub struct TsiAct {
    /// The terminal of the shop.
    pub terminal: TerminalSettings,
    /// Who comes, one round after the other; the visits of a round take place at the same time.
    pub rounds: Vec<Vec<Visit>>,
    /// How long a till waits for the next message before it gives up; never compressed.
    pub patience: Duration,
}

/// A till that comes, does its errands and goes.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What it does wrong.
    pub habit: Habit,
    /// How it reaches the endpoints.
    pub doors: Doors,
    /// When it connects.
    pub connections: Connections,
    /// How long after the round began it comes.
    pub arrives: Wait,
    /// What it does.
    pub errands: Vec<Errand>,
    /// Seed of its ids.
    pub seed: u64,
}

/// POS and service that speak goChip. There is one reader: the visits take place one after the other.
#[derive(Clone, Debug)]
pub struct GochipAct {
    /// The service of the shop.
    pub service: gochip::ServiceSettings,
    /// Who comes.
    pub visits: Vec<GochipVisit>,
    /// How long a POS waits for the next message before it gives up; never compressed.
    pub patience: Duration,
}

/// A POS that starts up, does its errands and goes.
#[derive(Clone, Debug)]
pub struct GochipVisit {
    /// What it does wrong.
    pub habit: gochip::Habit,
    /// What it does.
    pub errands: Vec<gochip::Errand>,
    /// Seed of its handshake.
    pub seed: u64,
}

impl Act {
    /// The protocol it is about.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Tsi(_) => Protocol::Tsi,
            Self::Gochip(_) => Protocol::Gochip,
        }
    }

    /// Cuts its time-outs short: nobody waits longer than `patience`, and what is late is so by `lateness`.
    pub const fn hurry(&mut self, patience: Duration, lateness: Duration) {
        match self {
            Self::Tsi(act) => {
                act.patience = patience;
                act.terminal.lateness = lateness;
            }
            Self::Gochip(act) => act.patience = patience,
        }
    }
}
