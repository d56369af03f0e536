//! Where a player meets its links: what came goes to the player, what it wants done to the links.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::beyond::{Beyond, MOST_UNSENT, Wanted};
use super::events::{self, Handshake, Numbers};
use super::link::Ear;
use super::order::{NoConnection, Order, Standing};
use super::plan::Watcher;
use crate::conversation::{ConnectionId, EventKind, Leg, Offset, Party, Payload};
use crate::replay::{Action, Answer, Deed, LinkId, Outgoing, Player, Received, StepId};

/// What a link is to do.
#[derive(Debug)]
pub(super) enum Command {
    Send(Outgoing),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close {
        code: Option<u16>,
        reason: String,
    },
    /// End the stream, orderly or with a reset.
    Drop {
        reset: bool,
    },
    /// Write bytes that are no frame.
    Break(Vec<u8>),
    /// Neither read nor write any more.
    FallSilent,
    /// The run is over: say goodbye and go.
    Leave,
}

/// The player of one run, with everything that belongs to it. Shared by the tasks of one thread.
pub(super) struct Stage<W> {
    inner: RefCell<Inner<W>>,
    /// Something happened that the loop should look at.
    pub(super) changed: Notify,
    /// Something that was to be passed on has been.
    passed: Notify,
    started: Instant,
}

struct Inner<W> {
    player: Player,
    watcher: W,
    numbers: Numbers,
    links: HashMap<LinkId, Known>,
    /// Connections that the player wants opened.
    dials: Vec<LinkId>,
    /// The live device, and what is said there.
    beyond: Beyond,
    /// How long nobody is to listen.
    away: Option<Duration>,
    /// The message of ours that was last announced as waiting.
    held: Option<u64>,
    role: Party,
}

/// A live connection.
struct Known {
    connection: ConnectionId,
    /// How it was opened.
    handshake: Handshake,
    commands: mpsc::UnboundedSender<Command>,
    /// Who sent a close frame.
    closed: Closed,
    /// Messages given to the link that have not been handed to the system yet.
    unsent: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Closed {
    by_us: bool,
    by_peer: bool,
}

impl<W: Watcher> Stage<W> {
    /// A stage for the first run; `started` is zero of its times.
    pub(super) fn new(player: Player, watcher: W, role: Party, started: Instant) -> Self {
        let inner = Inner {
            player,
            watcher,
            numbers: Numbers::default(),
            links: HashMap::new(),
            dials: Vec::new(),
            beyond: Beyond::new(role, Leg::PosTerminal.peer(role)),
            away: None,
            held: None,
            role,
        };
        Self { inner: RefCell::new(inner), changed: Notify::new(), passed: Notify::new(), started }
    }

    /// The time of the run.
    pub(super) fn now(&self) -> Offset {
        Offset::ZERO.after(self.started.elapsed())
    }

    /// When a time of the run is.
    pub(super) fn moment(&self, at: Offset) -> Instant {
        self.started + at.since(Offset::ZERO)
    }

    /// Does everything that is due; `true` once the run is over.
    pub(super) fn pump(&self) -> bool {
        let now = self.now();
        let inner = &mut *self.inner.borrow_mut();
        while let Some(action) = inner.player.take(now) {
            inner.perform(action, now);
        }
        inner.player.give_up(now);
        if let Some(next) = inner.player.held(now)
            && inner.held != Some(next.n.0)
        {
            inner.held = Some(next.n.0);
            inner.watcher.held(&next);
        }
        inner.player.outcome().is_some()
    }

    /// When there is something to do even if nothing happens.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let player = &self.inner.borrow().player;
        let at = [player.due(), player.gives_up_at()].into_iter().flatten().min()?;
        Some(self.moment(at))
    }

    /// Connections to be opened, each once.
    pub(super) fn take_dials(&self) -> Vec<LinkId> {
        std::mem::take(&mut self.inner.borrow_mut().dials)
    }

    /// How long nobody is to listen, once.
    pub(super) fn take_away(&self) -> Option<Duration> {
        self.inner.borrow_mut().away.take()
    }

    /// The request target of a link that we dial, and its step.
    pub(super) fn target(&self, link: LinkId) -> String {
        self.inner.borrow().player.target(link).to_owned()
    }

    /// The handshake of the cassette for a link that we dial.
    pub(super) fn step_of(&self, link: LinkId) -> Option<StepId> {
        self.inner.borrow().player.opening_of(link)
    }

    /// A handshake that the player accepted came to nothing.
    pub(super) fn lost(&self, link: LinkId) {
        self.inner.borrow_mut().player.lost(link);
        self.changed.notify_one();
    }

    /// A peer asks for `target`.
    pub(super) fn dialled(&self, target: &str, offered: &[String]) -> Answer {
        let now = self.now();
        let answer = self.inner.borrow_mut().player.dialled(target, offered, now);
        self.changed.notify_one();
        answer
    }

    /// A handshake ended with 101; what the link is to do comes out of the channel.
    pub(super) fn opened(
        &self,
        link: LinkId,
        handshake: &Handshake,
        client: Party,
        subprotocol: Option<&str>,
    ) -> mpsc::UnboundedReceiver<Command> {
        let (commands, waiting) = mpsc::unbounded_channel();
        let now = self.now();
        let inner = &mut *self.inner.borrow_mut();
        let connection = inner.numbers.connection();
        inner.see(connection, now, handshake.event(client, ""));
        let (handshake, closed) = (handshake.clone(), Closed::default());
        inner.links.insert(link, Known { connection, handshake, commands, closed, unsent: 0 });
        inner.player.opened(link, subprotocol, now);
        self.changed.notify_one();
        waiting
    }

    /// A handshake ended otherwise.
    pub(super) fn refused(&self, handshake: &Handshake, client: Party, body: &str) {
        let now = self.now();
        let inner = &mut *self.inner.borrow_mut();
        let connection = inner.numbers.connection();
        inner.see(connection, now, handshake.event(client, body));
    }

    /// A handshake of ours was answered without 101.
    pub(super) fn turned_away(&self, link: LinkId, status: u16) {
        let now = self.now();
        self.inner.borrow_mut().player.refused(link, status, now);
        self.changed.notify_one();
    }

    /// Bridges to the live device, to be built, each once.
    pub(super) fn take_bridges(&self) -> Vec<Wanted> {
        self.inner.borrow_mut().beyond.take_wanted()
    }

    /// A bridge to the live device stands.
    pub(super) fn bridged(&self, link: LinkId, handshake: &Handshake) {
        let now = self.now();
        let Inner { beyond, watcher, .. } = &mut *self.inner.borrow_mut();
        beyond.stands(link, handshake, now, &mut |event| watcher.episode(event));
    }

    /// Does what is asked from outside.
    pub(super) fn obey(&self, order: Order) {
        let now = self.now();
        let inner = &mut *self.inner.borrow_mut();
        match order {
            Order::Advance => inner.player.advance(),
            Order::Stop => inner.player.stop(),
            Order::Harm(harm, answer) => answer.send(inner.player.harm(harm)),
            Order::Inject { connection, message, answer } => {
                answer.send(inner.inject(connection, message, now));
            }
            Order::Look(answer) => answer.send(inner.standing(now)),
        }
    }

    /// Waits until there is room for something that is to be passed on.
    async fn until(&self, has_room: impl Fn(&Inner<W>) -> bool) {
        loop {
            let passed = self.passed.notified();
            if has_room(&self.inner.borrow()) {
                return;
            }
            passed.await;
        }
    }

    /// The operator stops the run.
    pub(super) fn stop(&self) {
        self.inner.borrow_mut().player.stop();
    }

    /// The run is over: says goodbye on every link, tells the watcher; `true` where another one is wanted.
    pub(super) fn finish(&self) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        let stuck: usize = inner.links.values().map(|known| known.unsent).sum();
        if stuck > 0 {
            let plural = if stuck == 1 { "message" } else { "messages" };
            inner.player.remark(format!("{stuck} {plural} could not be handed over: the peer does not read"));
        }
        for known in inner.links.values() {
            // A link that has ended does not listen any more.
            let _ = known.commands.send(Command::Leave);
        }
        inner.links.clear();
        inner.beyond.leave();
        inner.watcher.run_over(&inner.player)
    }

    /// Begins the next run.
    pub(super) fn play(&self, player: Player) {
        let inner = &mut *self.inner.borrow_mut();
        inner.player = player;
        inner.held = None;
        inner.dials.clear();
    }

    /// Connections are accepted from now on.
    pub(super) fn ready(&self, address: std::net::SocketAddr) {
        self.inner.borrow_mut().watcher.ready(address);
    }

    /// Who watched.
    pub(super) fn into_watcher(self) -> W {
        self.inner.into_inner().watcher
    }
}

impl<W: Watcher> Ear for Stage<W> {
    /// What is due because of it goes out at once.
    fn received(&self, link: LinkId, what: &Received<'_>) {
        let now = self.now();
        {
            let inner = &mut *self.inner.borrow_mut();
            inner.note(link, what, now);
            inner.player.received(link, what, now);
        }
        self.pump();
        self.changed.notify_one();
        self.passed.notify_waiters();
    }

    fn sent(&self, link: LinkId) {
        if let Some(known) = self.inner.borrow_mut().links.get_mut(&link) {
            known.unsent = known.unsent.saturating_sub(1);
        }
        self.passed.notify_waiters();
    }

    async fn room(&self, link: LinkId) {
        self.until(|inner| inner.beyond.has_room(link)).await;
    }
}

/// The stage, as bridges to the live device see it.
pub(super) struct Bank<'s, W>(pub(super) &'s Stage<W>);

impl<W: Watcher> Ear for Bank<'_, W> {
    fn received(&self, link: LinkId, what: &Received<'_>) {
        let Self(stage) = self;
        let now = stage.now();
        stage.inner.borrow_mut().relay(link, what, now);
        stage.changed.notify_one();
        stage.passed.notify_waiters();
    }

    fn sent(&self, link: LinkId) {
        let Self(stage) = self;
        stage.inner.borrow_mut().beyond.sent(link);
        stage.passed.notify_waiters();
    }

    async fn room(&self, link: LinkId) {
        let Self(stage) = self;
        let has_room =
            |inner: &Inner<W>| inner.links.get(&link).is_none_or(|known| known.unsent < MOST_UNSENT);
        stage.until(has_room).await;
    }
}

impl<W: Watcher> Inner<W> {
    fn perform(&mut self, action: Action, now: Offset) {
        match action.deed {
            Deed::Dial { link } => self.dials.push(link),
            Deed::Bridge { link } => self.connect(link),
            Deed::Forward { link, message } => {
                self.connect(link);
                self.pass(link, Command::Send(message), now);
            }
            Deed::Send { link, message } => self.send(link, message, now),
            Deed::Ping { link, payload } => {
                self.happened(link, now, EventKind::Ping(events::control(self.role, &payload)));
                self.tell(link, Command::Ping(payload));
            }
            Deed::Pong { link, payload } => {
                self.happened(link, now, EventKind::Pong(events::control(self.role, &payload)));
                self.tell(link, Command::Pong(payload));
            }
            Deed::Close { link, code, reason } => {
                self.close(link, code, &reason, now);
                self.tell(link, Command::Close { code, reason });
            }
            Deed::Drop { link, reset } => {
                self.happened(link, now, events::drop(self.role, reset));
                self.tell(link, Command::Drop { reset });
                self.pass(link, Command::Drop { reset }, now);
            }
            Deed::Break { link, bytes } => self.tell(link, Command::Break(bytes)),
            Deed::FallSilent { link } => self.tell(link, Command::FallSilent),
            Deed::Restart { away } => self.restart(away, now),
            Deed::Show { note } => self.watcher.note(&note),
        }
    }

    fn send(&mut self, link: LinkId, message: Outgoing, now: Offset) {
        let payload = match &message {
            Outgoing::Text(text) => Payload::of_text(text),
            Outgoing::Binary(bytes) => Payload::Binary(bytes.as_slice().into()),
        };
        self.happened(link, now, events::message(self.role, payload));
        if let Some(known) = self.links.get_mut(&link) {
            known.unsent += 1;
        }
        self.tell(link, Command::Send(message));
    }

    /// Sends a message that the player knows nothing of.
    fn inject(
        &mut self,
        connection: Option<ConnectionId>,
        message: Outgoing,
        now: Offset,
    ) -> Result<ConnectionId, NoConnection> {
        let open = self.open();
        let wanted = connection.or(open.last().copied());
        let link = self.links.iter().find(|(_, known)| Some(known.connection) == wanted);
        let Some((&link, known)) = link.filter(|(_, known)| known.closed == Closed::default()) else {
            return Err(NoConnection { asked: connection, open });
        };
        let connection = known.connection;
        self.player
            .remark(format!("a message from outside the cassette was sent on connection {}", connection.0));
        self.send(link, message, now);
        Ok(connection)
    }

    fn standing(&self, now: Offset) -> Standing {
        Standing {
            over: self.player.outcome().is_some(),
            tally: self.player.tally(),
            open: self.open(),
            held: self.player.held(now),
            waits_for: self.player.waits_for(),
            struck: self.player.struck().map(|(text, n)| (text.to_owned(), n)).collect(),
        }
    }

    /// Connections on which messages can be sent.
    fn open(&self) -> Vec<ConnectionId> {
        let open = self.links.values().filter(|known| known.closed == Closed::default());
        let mut open: Vec<ConnectionId> = open.map(|known| known.connection).collect();
        open.sort_unstable();
        open
    }

    /// Our close frame, unless our answer to the peer's stands for it already.
    fn close(&mut self, link: LinkId, code: Option<u16>, reason: &str, now: Offset) {
        let Some(known) = self.links.get_mut(&link) else { return };
        if !std::mem::replace(&mut known.closed.by_us, true) {
            self.happened(link, now, events::close(self.role, code, reason));
        }
    }

    fn restart(&mut self, away: Duration, now: Offset) {
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            self.happened(link, now, events::drop(self.role, false));
            self.tell(link, Command::Drop { reset: false });
        }
        self.away = Some(away);
    }

    /// What came from the peer, for the watcher.
    fn note(&mut self, link: LinkId, what: &Received<'_>, now: Offset) {
        let peer = Leg::PosTerminal.peer(self.role);
        let Some(known) = self.links.get_mut(&link) else { return };
        let closed = known.closed;
        if let Received::Close { .. } = what {
            known.closed.by_peer = true;
        }
        if let Some(kind) = events::of(what, peer, closed.by_us || closed.by_peer) {
            self.happened(link, now, kind);
        }
        match what {
            // The library has answered by now, as RFC 6455 wants it.
            Received::Close { code, reason } => {
                self.close(link, *code, reason, now);
                self.pass(link, Command::Close { code: *code, reason: (*reason).to_owned() }, now);
            }
            Received::End { reset } => {
                self.links.remove(&link);
                self.pass(link, Command::Drop { reset: *reset }, now);
            }
            _ => {}
        }
    }

    fn is_unclosed(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|known| known.closed == Closed::default())
    }

    /// Connects a link to the live device.
    fn connect(&mut self, link: LinkId) {
        if let Some(known) = self.links.get(&link) {
            self.beyond.connect(link, &known.handshake);
        }
    }

    /// What the peer did, for the live device.
    fn pass(&mut self, link: LinkId, command: Command, now: Offset) {
        let Self { beyond, watcher, .. } = self;
        beyond.pass(link, command, now, &mut |event| watcher.episode(event));
    }

    /// What came from the live device, for the peer: all of it, but for the end of its connection where the
    /// link carries one of the cassette.
    fn relay(&mut self, link: LinkId, what: &Received<'_>, now: Offset) {
        let Self { beyond, watcher, .. } = self;
        beyond.came(link, what, now, &mut |event| watcher.episode(event));
        self.player.passed_on(now);
        let foreign = self.player.is_foreign(link);
        match what {
            Received::Text(text) => self.send(link, Outgoing::Text((*text).to_owned()), now),
            Received::Binary(bytes) => self.send(link, Outgoing::Binary(bytes.to_vec()), now),
            Received::Close { code, reason } if foreign => {
                self.close(link, *code, reason, now);
                self.tell(link, Command::Close { code: *code, reason: (*reason).to_owned() });
            }
            Received::Broken(_) | Received::End { .. } if foreign && self.is_unclosed(link) => {
                self.happened(link, now, events::drop(self.role, false));
                self.tell(link, Command::Drop { reset: false });
                self.player.received(link, &Received::End { reset: false }, now);
            }
            _ => {}
        }
    }

    fn tell(&mut self, link: LinkId, command: Command) {
        let gone = matches!(command, Command::Drop { .. });
        if let Some(known) = self.links.get(&link) {
            // A link that has ended does not listen any more, and has said so.
            let _ = known.commands.send(command);
        }
        if gone {
            self.links.remove(&link);
        }
    }

    fn happened(&mut self, link: LinkId, now: Offset, kind: EventKind<'_>) {
        if let Some(connection) = self.links.get(&link).map(|known| known.connection) {
            self.see(connection, now, kind);
        }
    }

    fn see(&mut self, connection: ConnectionId, now: Offset, kind: EventKind<'_>) {
        let event = self.numbers.event(now, connection, kind);
        self.watcher.event(&event);
    }
}
