//! A cell in virtual time: the terminal of the cell and the model POS over a wire of memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use super::breaks::{CellId, Times};
use super::manner::Manner;
use super::run::{PosEnd, Run};
use super::terminal::{Order, Terminal};
use super::till::{Till, Wish};
use crate::conversation::{
    Close, ConnectionId, ConversationEvent, Drop, EventKind, EventNumber, Head, Message, Offset, Opening,
    Party,
};
use crate::mask::Masker;
use crate::money::Ledger;
use crate::replay::player::LinkId;
use crate::replay::script::Script;
use crate::replay::spot::Spot;

/// How long a message is under way.
const LATENCY: Duration = Duration::from_millis(1);

/// How long a POS that is started anew is away.
const REBOOT: Duration = Duration::from_secs(1);

/// Messages of one cell.
const MOST_MESSAGES: u64 = 10_000;

/// Plays `cell` with the model POS; the run in which nothing breaks without one. `see` gets what happens, as a
/// recorder at the terminal would see it. `None` where the cassette has no pack.
pub fn simulate(
    script: &Arc<Script>,
    cell: Option<CellId>,
    times: Times,
    ignore: &[Spot],
    manner: Manner,
    masker: &Masker,
    see: &mut dyn FnMut(&ConversationEvent<'_>),
) -> Option<Run> {
    let mut wire = Wire {
        terminal: Terminal::new(script, cell, times, ignore, masker.clone())?,
        till: Till::new(script, manner)?,
        ledger: Ledger::new(Arc::clone(script.pack()?)),
        times,
        flights: BinaryHeap::new(),
        flown: 0,
        link: None,
        away_until: Offset::ZERO,
        rebooting: false,
        now: Offset::ZERO,
        happened: Offset::ZERO,
        events: 0,
        messages: 0,
        see,
    };
    let end = wire.play();
    let Wire { terminal, ledger, .. } = wire;
    Some(Run {
        book: ledger.book().clone(),
        struck: terminal.struck(),
        off_script: terminal.off_script().map(str::to_owned),
        end,
    })
}

struct Wire<'s> {
    terminal: Terminal,
    till: Till,
    ledger: Ledger,
    times: Times,
    flights: BinaryHeap<Reverse<(Offset, u64, Flight)>>,
    flown: u64,
    /// The link as the till has it.
    link: Option<LinkId>,
    /// Nobody listens until then.
    away_until: Offset,
    rebooting: bool,
    now: Offset,
    /// When something last happened on the wire.
    happened: Offset,
    events: u64,
    messages: u64,
    see: &'s mut dyn FnMut(&ConversationEvent<'_>),
}

/// What is under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flight {
    Dial(String),
    Opened(LinkId),
    Refused,
    ToTerminal(LinkId, String),
    CloseToTerminal(LinkId),
    ToTill(LinkId, String),
    EndToTill(LinkId),
    Reboot,
}

impl Wire<'_> {
    fn play(&mut self) -> PosEnd {
        loop {
            self.settle();
            if self.messages > MOST_MESSAGES {
                return PosEnd::Flooded(self.messages);
            }
            if self.terminal.off_script().is_some() || (self.till.is_finished() && self.is_still()) {
                return PosEnd::Finished;
            }
            let limit = Offset::ZERO.after(self.times.cell);
            let quiet = self.happened.after(self.times.quiet);
            let next = [
                self.flights.peek().map(|Reverse((at, ..))| *at),
                self.terminal.due_at(),
                self.till.wakes_at().filter(|_| !self.rebooting),
            ];
            let next = next.into_iter().flatten().min().map(|at| at.max(self.now));
            match next {
                Some(at) if at < limit && at < quiet => self.now = at,
                Some(_) if limit <= quiet => return PosEnd::Busy(self.times.cell),
                Some(_) | None => return PosEnd::Quiet(self.times.quiet),
            }
            self.step();
        }
    }

    /// Whether nothing more can happen by itself: a late message may be due, and nobody is there to hear it.
    fn is_still(&self) -> bool {
        self.flights.is_empty()
    }

    /// Does everything that is due now.
    fn step(&mut self) {
        let now = self.now;
        while let Some(Reverse((at, ..))) = self.flights.peek()
            && *at <= now
        {
            if let Some(Reverse((_, _, flight))) = self.flights.pop() {
                self.arrive(flight);
                self.settle();
            }
        }
        if !self.rebooting && self.till.wakes_at().is_some_and(|at| at <= now) {
            self.till.wake(now);
        }
    }

    /// Takes over what either side wants done.
    fn settle(&mut self) {
        for order in self.terminal.take(self.now) {
            self.obey(order);
        }
        if self.rebooting {
            return;
        }
        for wish in self.till.take() {
            self.grant(wish);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Send { link, text } => {
                self.happen(link, EventKind::Message(Message::of_text(Party::Terminal, &text)));
                self.messages += 1;
                self.fly(Flight::ToTill(link, text));
            }
            Order::Drop { link } => {
                self.happen(link, dropped(Party::Terminal));
                self.fly(Flight::EndToTill(link));
            }
            Order::FallSilent { .. } => {}
            Order::Away => self.away_until = self.now.after(self.times.away),
            Order::RestartPos => {
                if let Some(link) = self.link.take() {
                    self.happen(link, dropped(Party::Pos));
                }
                self.rebooting = true;
                self.flown += 1;
                self.flights.push(Reverse((self.now.after(REBOOT), self.flown, Flight::Reboot)));
            }
        }
    }

    fn grant(&mut self, wish: Wish) {
        match (wish, self.link) {
            (Wish::Dial { target }, _) => self.fly(Flight::Dial(target)),
            (Wish::Send { text }, Some(link)) => self.fly(Flight::ToTerminal(link, text)),
            (Wish::Close, Some(link)) => {
                self.link = None;
                self.fly(Flight::CloseToTerminal(link));
            }
            (Wish::Send { .. } | Wish::Close, None) | (Wish::Finish, _) => {}
        }
    }

    fn arrive(&mut self, flight: Flight) {
        let now = self.now;
        match flight {
            Flight::Dial(target) => {
                if now < self.away_until {
                    return self.fly(Flight::Refused);
                }
                match self.terminal.dialled(&target) {
                    Some(link) => {
                        self.happen(link, opening(&target));
                        self.fly(Flight::Opened(link));
                        self.terminal.opened(link, now);
                    }
                    None => self.fly(Flight::Refused),
                }
            }
            Flight::Opened(link) => {
                self.link = Some(link);
                self.till.opened(now);
            }
            Flight::Refused => self.till.refused(now),
            Flight::ToTerminal(link, text) => {
                self.messages += 1;
                if self.terminal.received(link, &text, now) {
                    self.happen(link, EventKind::Message(Message::of_text(Party::Pos, &text)));
                } else {
                    self.ledger.lost(&text);
                }
            }
            Flight::CloseToTerminal(link) => {
                let close =
                    Close { from: Party::Pos, code: Some(1000), reason: "".into(), masked: Vec::new() };
                self.happen(link, EventKind::Close(close));
                self.terminal.ended(link);
            }
            Flight::ToTill(link, text) => {
                if self.link == Some(link) && !self.rebooting {
                    self.till.received(&text, now);
                }
            }
            Flight::EndToTill(link) => {
                if self.link == Some(link) && !self.rebooting {
                    self.link = None;
                    self.till.ended(now);
                }
            }
            Flight::Reboot => {
                self.rebooting = false;
                self.till.restart(now);
            }
        }
    }

    fn fly(&mut self, flight: Flight) {
        self.flown += 1;
        self.flights.push(Reverse((self.now.after(LATENCY), self.flown, flight)));
    }

    fn happen(&mut self, link: LinkId, kind: EventKind<'_>) {
        self.events += 1;
        self.happened = self.now;
        let connection = Some(ConnectionId(u64::from(link.0) + 1));
        let event = ConversationEvent { n: EventNumber(self.events), at: self.now, connection, kind };
        self.ledger.see(&event);
        (self.see)(&event);
    }
}

fn dropped(by: Party) -> EventKind<'static> {
    EventKind::Drop(Drop { by: Some(by), reset: false })
}

fn opening(target: &str) -> EventKind<'_> {
    EventKind::Open(Box::new(Opening {
        client: Party::Pos,
        pos: "memory".into(),
        terminal: "memory".into(),
        target: target.into(),
        request: Head::default(),
        status: 101,
        response: Head::default(),
        masked: Vec::new(),
    }))
}
