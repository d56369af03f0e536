//! Where the terminal of a cell meets its links: what came goes to it and to the ledger, what it wants done to
//! the links.

use std::cell::RefCell;
use std::collections::HashMap;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::conversation::{
    Close, ConnectionId, ConversationEvent, Drop, EventKind, EventNumber, Head, Message, Offset, Opening,
    Party,
};
use crate::money::Ledger;
use crate::replay::{LinkId, Order, Terminal};

/// Messages of one cell.
const MOST_MESSAGES: u64 = 10_000;

/// What a link is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToLink {
    Send(String),
    /// End the stream without a close frame.
    Drop,
    /// Answer nothing any more, and leave it open.
    FallSilent,
}

/// The terminal of one cell, with everything that belongs to it. Shared by the tasks of one thread.
pub(super) struct Stage<'s> {
    inner: RefCell<Inner<'s>>,
    /// Something happened that the loop should look at.
    pub(super) changed: Notify,
    started: Instant,
}

struct Inner<'s> {
    terminal: Terminal,
    ledger: Ledger,
    links: HashMap<LinkId, mpsc::UnboundedSender<ToLink>>,
    see: &'s mut dyn FnMut(&ConversationEvent<'_>),
    events: u64,
    messages: u64,
    /// When something last happened.
    happened: Offset,
    wanted: Vec<Wanted>,
}

/// What the loop is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nobody listens for a moment.
    Away,
    /// The POS is to be started anew.
    Restart,
}

impl<'s> Stage<'s> {
    pub(super) fn new(
        terminal: Terminal,
        ledger: Ledger,
        see: &'s mut dyn FnMut(&ConversationEvent<'_>),
    ) -> Self {
        let inner = Inner {
            terminal,
            ledger,
            links: HashMap::new(),
            see,
            events: 0,
            messages: 0,
            happened: Offset::ZERO,
            wanted: Vec::new(),
        };
        Self { inner: RefCell::new(inner), changed: Notify::new(), started: Instant::now() }
    }

    /// The time of the cell.
    pub(super) fn now(&self) -> Offset {
        Offset::ZERO.after(self.started.elapsed())
    }

    /// When a time of the cell is.
    pub(super) fn moment(&self, at: Offset) -> Instant {
        self.started + at.since(Offset::ZERO)
    }

    /// When something last happened on the wire.
    pub(super) fn happened(&self) -> Offset {
        self.inner.borrow().happened
    }

    /// When the terminal has something to do.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let due = self.inner.borrow().terminal.due_at();
        due.map(|at| self.moment(at))
    }

    /// How many messages there were, if they are more than a cell takes.
    pub(super) fn flooded(&self) -> Option<u64> {
        Some(self.inner.borrow().messages).filter(|count| *count > MOST_MESSAGES)
    }

    /// Whether the POS left the cassette before anything was broken.
    pub(super) fn is_off_script(&self) -> bool {
        self.inner.borrow().terminal.off_script().is_some()
    }

    /// Does what is due; what the loop is to do comes back.
    pub(super) fn pump(&self) -> Vec<Wanted> {
        let now = self.now();
        let inner = &mut *self.inner.borrow_mut();
        for order in inner.terminal.take(now) {
            inner.obey(order, now);
        }
        std::mem::take(&mut inner.wanted)
    }

    /// A POS asks for `target`; `None` where there is no such path.
    pub(super) fn dialled(&self, target: &str) -> Option<LinkId> {
        self.changed.notify_one();
        let inner = &mut *self.inner.borrow_mut();
        inner.messages += 1;
        inner.terminal.dialled(target)
    }

    /// The link stands; what it is to do comes out of the channel.
    pub(super) fn opened(&self, link: LinkId, target: &str) -> mpsc::UnboundedReceiver<ToLink> {
        let now = self.now();
        let (orders, waiting) = mpsc::unbounded_channel();
        let inner = &mut *self.inner.borrow_mut();
        inner.links.insert(link, orders);
        inner.happen(link, now, opening(target));
        inner.terminal.opened(link, now);
        self.changed.notify_one();
        waiting
    }

    /// A text message came.
    pub(super) fn received(&self, link: LinkId, text: &str) {
        let now = self.now();
        let inner = &mut *self.inner.borrow_mut();
        inner.messages += 1;
        inner.happened = now;
        if inner.terminal.received(link, text, now) {
            inner.happen(link, now, EventKind::Message(Message::of_text(Party::Pos, text)));
        } else {
            inner.ledger.lost(text);
        }
        self.changed.notify_one();
    }

    /// Something else came that is counted and nothing more.
    pub(super) fn noticed(&self) {
        self.inner.borrow_mut().messages += 1;
        self.changed.notify_one();
    }

    /// The POS sent a close frame.
    pub(super) fn closed(&self, link: LinkId, code: Option<u16>, reason: &str) {
        let close = Close { from: Party::Pos, code, reason: reason.to_owned().into(), masked: Vec::new() };
        self.end(link, EventKind::Close(close));
    }

    /// The POS ended the stream.
    pub(super) fn dropped(&self, link: LinkId) {
        self.end(link, EventKind::Drop(Drop { by: Some(Party::Pos), reset: false }));
    }

    fn end(&self, link: LinkId, kind: EventKind<'_>) {
        let now = self.now();
        let inner = &mut *self.inner.borrow_mut();
        if inner.links.remove(&link).is_some() {
            inner.happen(link, now, kind);
            inner.terminal.ended(link);
        }
        self.changed.notify_one();
    }

    /// The POS is gone, and every link with it.
    pub(super) fn end_all(&self) {
        let links: Vec<LinkId> = self.inner.borrow().links.keys().copied().collect();
        links.into_iter().for_each(|link| self.dropped(link));
    }

    /// The terminal and the ledger at the end.
    pub(super) fn into_parts(self) -> (Terminal, Ledger) {
        let Inner { terminal, ledger, .. } = self.inner.into_inner();
        (terminal, ledger)
    }
}

impl Inner<'_> {
    fn obey(&mut self, order: Order, now: Offset) {
        match order {
            Order::Send { link, text } => {
                self.messages += 1;
                self.happen(link, now, EventKind::Message(Message::of_text(Party::Terminal, &text)));
                self.tell(link, ToLink::Send(text));
            }
            Order::Drop { link } => {
                self.happen(link, now, EventKind::Drop(Drop { by: Some(Party::Terminal), reset: false }));
                self.tell(link, ToLink::Drop);
                self.links.remove(&link);
            }
            Order::FallSilent { link } => {
                self.tell(link, ToLink::FallSilent);
                self.links.remove(&link);
            }
            Order::Away => self.wanted.push(Wanted::Away),
            Order::RestartPos => self.wanted.push(Wanted::Restart),
        }
    }

    fn tell(&self, link: LinkId, order: ToLink) {
        if let Some(orders) = self.links.get(&link) {
            // A link that has ended does not listen any more, and has said so.
            let _ = orders.send(order);
        }
    }

    fn happen(&mut self, link: LinkId, at: Offset, kind: EventKind<'_>) {
        self.events += 1;
        self.happened = at;
        let connection = Some(ConnectionId(u64::from(link.0) + 1));
        let event = ConversationEvent { n: EventNumber(self.events), at, connection, kind };
        self.ledger.see(&event);
        (self.see)(&event);
    }
}

fn opening(target: &str) -> EventKind<'_> {
    EventKind::Open(Box::new(Opening {
        client: Party::Pos,
        pos: "127.0.0.1".into(),
        terminal: "127.0.0.1".into(),
        target: target.into(),
        request: Head::default(),
        status: 101,
        response: Head::default(),
        masked: Vec::new(),
    }))
}
