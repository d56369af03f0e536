//! What a simulated device will do, as data, and the player that says when: no socket, no clock.
//!
//! A request gives a [`Timeline`]; a [`Stage`] holds the timelines of one connection and yields the
//! next action once its time has come. Time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use super::pace::{Pace, Wait};

/// The things to do for one request, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timeline {
    /// The flow they belong to.
    pub(crate) flow_id: String,
    /// What to do, and how long to wait before each.
    pub(crate) cues: VecDeque<Cue>,
}

/// One thing to do, after a wait.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cue {
    /// How long after the thing before it.
    pub(crate) after: Wait,
    /// What to do.
    pub(crate) action: Action,
}

/// What a device does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Sends a text message.
    Send(String),
    /// Waits for the acknowledgement of its flow.
    AwaitAck,
    /// Is free for the next transaction.
    Free,
    /// Ends the link without a close frame.
    Drop,
}

impl Timeline {
    /// A timeline with nothing to do yet.
    pub(crate) fn new(flow_id: &str) -> Self {
        Self { flow_id: flow_id.to_owned(), cues: VecDeque::new() }
    }

    /// Adds something to do.
    #[must_use]
    pub(crate) fn then(mut self, after: Wait, action: Action) -> Self {
        self.cues.push_back(Cue { after, action });
        self
    }
}

/// The timelines that run on one connection. Times count from any fixed moment.
#[derive(Debug)]
pub(crate) struct Stage {
    pace: Pace,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    flow_id: String,
    cues: VecDeque<Cue>,
    due: Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    At(Duration),
    OnAck,
}

impl Stage {
    /// An empty stage.
    pub(crate) const fn new(pace: Pace) -> Self {
        Self { pace, running: Vec::new() }
    }

    /// Starts a timeline.
    pub(crate) fn start(&mut self, timeline: Timeline, now: Duration) {
        let mut running = Running { flow_id: timeline.flow_id, cues: timeline.cues, due: Due::OnAck };
        running.schedule(self.pace, now);
        self.running.push(running);
    }

    /// When the next action is due; `None` where only an acknowledgement or a request moves things on.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.running.iter().filter_map(Running::at).min()
    }

    /// The next action that is due by `now`.
    pub(crate) fn take(&mut self, now: Duration) -> Option<Action> {
        loop {
            let due = self.due().filter(|&due| due <= now)?;
            let at = self.running.iter().position(|running| running.at() == Some(due))?;
            let running = &mut self.running[at];
            let action = running.cues.pop_front().map(|cue| cue.action);
            if action == Some(Action::AwaitAck) {
                running.due = Due::OnAck;
            } else {
                running.schedule(self.pace, now);
            }
            let ended = running.cues.is_empty();
            if ended {
                self.running.remove(at);
            }
            match action {
                Some(Action::AwaitAck) | None => {}
                Some(action) => return Some(action),
            }
        }
    }

    /// An acknowledgement came: whoever waits for it goes on.
    pub(crate) fn acknowledge(&mut self, flow_id: &str, now: Duration) {
        let waiting = self.running.iter_mut().find(|one| one.due == Due::OnAck && one.flow_id == flow_id);
        if let Some(running) = waiting {
            running.schedule(self.pace, now);
        }
    }
}

impl Running {
    fn schedule(&mut self, pace: Pace, now: Duration) {
        let wait = self.cues.front().map_or(Wait::NONE, |cue| cue.after);
        self.due = Due::At(now + pace.length(wait));
    }

    fn at(&self) -> Option<Duration> {
        match self.due {
            Due::At(due) => Some(due),
            Due::OnAck => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn send(text: &str) -> Action {
        Action::Send(text.into())
    }

    #[test]
    fn actions_come_when_due_and_an_interim_event_waits_for_its_ack() {
        let mut stage = Stage::new(Pace::Times(10.0));
        let timeline = Timeline::new("7")
            .then(Wait::Device(MS(2)), send("started"))
            .then(Wait::World(MS(1000)), send("proceed"))
            .then(Wait::NONE, Action::AwaitAck)
            .then(Wait::World(MS(500)), send("completed"))
            .then(Wait::NONE, Action::Free);
        stage.start(timeline, MS(100));
        assert_eq!(stage.take(MS(101)), None);
        assert_eq!(stage.due(), Some(MS(102)));
        assert_eq!(stage.take(MS(102)), Some(send("started")));
        assert_eq!(stage.take(MS(202)), Some(send("proceed")));
        assert_eq!(stage.take(MS(9999)), None);
        assert_eq!(stage.due(), None);
        stage.acknowledge("8", MS(300));
        assert_eq!(stage.due(), None, "the ack of another flow moves nothing");
        stage.acknowledge("7", MS(300));
        assert_eq!(stage.take(MS(350)), Some(send("completed")));
        assert_eq!(stage.take(MS(350)), Some(Action::Free));
        assert_eq!(stage.due(), None);
    }

    #[test]
    fn two_timelines_interleave_by_time() {
        let mut stage = Stage::new(Pace::REAL);
        stage.start(Timeline::new("1").then(Wait::World(MS(50)), send("slow")), MS(0));
        stage.start(Timeline::new("2").then(Wait::Device(MS(1)), send("quick")), MS(10));
        assert_eq!(stage.take(MS(60)), Some(send("quick")));
        assert_eq!(stage.take(MS(60)), Some(send("slow")));
        assert_eq!(stage.take(MS(60)), None);
    }
}
