//! What a virtual service will do, as data, and the player that says when: no socket, no clock.
//!
//! A request gives a [`Line`] of cues. The [`Stage`] of a connection plays one line for the sale that
//! runs and any number of short ones beside it; a question stops the sale's line until it is answered.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::pace::{Pace, Wait};

/// How far a sale has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The reader waits for a card: it may still be cancelled.
    Card,
    /// The host has been asked: it may not.
    Online,
    /// It has come to its end.
    Over,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Sends a text message.
    Send(String),
    /// The sale has come so far.
    Reach(Phase),
    /// Waits for the answer to the question just sent.
    Await,
    /// Ends the link without a close frame.
    Drop,
}

/// Things to do one after the other, each after a wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line {
    cues: VecDeque<(Wait, Act)>,
}

impl Line {
    /// A line with one message.
    pub(crate) fn saying(after: Wait, text: String) -> Self {
        Self::default().say(after, text)
    }

    /// Adds a message.
    #[must_use]
    pub(crate) fn say(self, after: Wait, text: String) -> Self {
        self.then(after, Act::Send(text))
    }

    /// Adds something to do.
    #[must_use]
    pub(crate) fn then(mut self, after: Wait, act: Act) -> Self {
        self.cues.push_back((after, act));
        self
    }

    #[cfg(test)]
    pub(crate) fn acts(self) -> impl Iterator<Item = Act> {
        self.cues.into_iter().map(|(_, act)| act)
    }
}

/// The lines that run on one connection. Times count from any fixed moment.
#[derive(Debug)]
pub(crate) struct Stage {
    pace: Pace,
    sale: Option<Running>,
    beside: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    line: Line,
    /// When its next cue is due; `None` while a question is open.
    due: Option<Duration>,
}

impl Stage {
    /// An empty stage.
    pub(crate) const fn new(pace: Pace) -> Self {
        Self { pace, sale: None, beside: Vec::new() }
    }

    /// Starts the line of a sale; one that still runs is given up.
    pub(crate) fn sell(&mut self, line: Line, now: Duration) {
        self.sale = Some(self.started(line, now));
    }

    /// Gives up the line of the sale.
    pub(crate) fn stop_sale(&mut self) {
        self.sale = None;
    }

    /// Starts a line beside the sale.
    pub(crate) fn play(&mut self, line: Line, now: Duration) {
        let running = self.started(line, now);
        self.beside.push(running);
    }

    /// The question was answered: the sale goes on.
    pub(crate) fn go_on(&mut self, now: Duration) {
        let pace = self.pace;
        if let Some(sale) = self.sale.as_mut().filter(|sale| sale.due.is_none()) {
            sale.due = Some(now + sale.wait(pace));
        }
    }

    /// When the next cue is due; `None` where only a message of the POS moves things on.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.running().filter_map(|running| running.due).min()
    }

    /// The next thing to do that is due by `now`.
    pub(crate) fn take(&mut self, now: Duration) -> Option<Act> {
        loop {
            let due = self.due().filter(|&due| due <= now)?;
            let pace = self.pace;
            let running = self.beside.iter_mut().chain(&mut self.sale).find(|one| one.due == Some(due))?;
            let act = running.line.cues.pop_front().map(|(_, act)| act);
            // The next cue counts from when this one was due, so that a slow machine does not add up.
            running.due = (act != Some(Act::Await)).then(|| due + running.wait(pace));
            self.beside.retain(|one| !one.line.cues.is_empty());
            self.sale.take_if(|sale| sale.line.cues.is_empty());
            match act {
                Some(Act::Await) | None => {}
                Some(act) => return Some(act),
            }
        }
    }

    fn started(&self, line: Line, now: Duration) -> Running {
        let mut running = Running { line, due: None };
        running.due = Some(now + running.wait(self.pace));
        running
    }

    fn running(&self) -> impl Iterator<Item = &Running> {
        self.beside.iter().chain(&self.sale)
    }
}

impl Running {
    fn wait(&self, pace: Pace) -> Duration {
        self.line.cues.front().map_or(Duration::ZERO, |&(wait, _)| pace.length(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn send(text: &str) -> Act {
        Act::Send(text.into())
    }

    #[test]
    fn a_question_stops_the_sale_and_not_what_runs_beside_it() {
        let mut stage = Stage::new(Pace::Times(10.0));
        let sale = Line::saying(Wait::World(MS(1000)), "sign".into())
            .then(Wait::NONE, Act::Await)
            .say(Wait::World(MS(500)), "approved".into());
        stage.sell(sale, MS(0));
        assert_eq!(stage.take(MS(99)), None);
        assert_eq!(stage.take(MS(100)), Some(send("sign")));
        stage.play(Line::saying(Wait::Device(MS(3)), "info".into()), MS(100));
        assert_eq!(stage.take(MS(103)), Some(send("info")));
        assert_eq!((stage.take(MS(9999)), stage.due()), (None, None));
        stage.go_on(MS(200));
        stage.go_on(MS(240));
        assert_eq!(stage.take(MS(250)), Some(send("approved")));
        assert_eq!(stage.due(), None);
    }

    #[test]
    fn a_sale_that_was_stopped_says_nothing_more() {
        let mut stage = Stage::new(Pace::Instant);
        stage.sell(Line::saying(Wait::World(MS(5)), "approved".into()), MS(0));
        stage.stop_sale();
        assert_eq!((stage.take(MS(10)), stage.due()), (None, None));
    }
}
