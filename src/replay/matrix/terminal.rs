//! The terminal of a cell: serves the flows of the cassette to whoever asks for them, breaks at its one
//! message, and from then on stands in for what no cassette holds.
//!
//! A request that is one of the cassette gets the answers of the cassette, as often as it comes. What a POS
//! asks after a break (what became of the last transaction? take it back) is answered from the pack's
//! `[[recovery]]`. A transaction whose request arrived is carried out, whether or not its end can be told: that
//! is what makes breaks dangerous.
//!
//! No socket, no clock: what happened goes in, what is to be done comes out. Whether money went wrong is not
//! known here: the ledger reads that from the wire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::breaks::{Break, CellId, Times};
use super::served::Served;
use crate::conversation::{Offset, Party};
use crate::mask::Masker;
use crate::pack::{Ended, EndpointId, Fill, Meaning, MoneyReader, MoneyReading, Moved, Role, Source};
use crate::replay::binding::{Bind, Bindings, Ids};
use crate::replay::compare::{Leniency, Live, compare};
use crate::replay::describe::shown;
use crate::replay::player::LinkId;
use crate::replay::script::{Act, ConnectionIndex, FlowIndex, Script, StepId};
use crate::replay::spot::Spot;

/// What the terminal wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send a text message.
    Send {
        /// On which link.
        link: LinkId,
        /// What.
        text: String,
    },
    /// End the link without a close frame.
    Drop {
        /// Which.
        link: LinkId,
    },
    /// Neither read nor write on a link any more, and leave it open.
    FallSilent {
        /// Which.
        link: LinkId,
    },
    /// Accept nobody for a moment; every link was dropped.
    Away,
    /// The POS is to be ended, with every link, and started anew.
    RestartPos,
}

/// The terminal of a cell.
#[derive(Debug)]
pub struct Terminal {
    script: Arc<Script>,
    reader: MoneyReader,
    bindings: Bindings,
    leniency: Leniency,
    masker: Masker,
    cell: Option<CellId>,
    times: Times,
    struck: bool,
    links: Vec<Link>,
    served: Vec<Served>,
    /// By flow: how often it was served.
    used: Vec<u32>,
    due: BinaryHeap<Reverse<(Offset, u64, Due)>>,
    sequence: u64,
    orders: Vec<Order>,
    /// The message that told, or would have told, how the last charge ended.
    last: Option<String>,
    /// References of charges that stand.
    standing: Vec<String>,
    fresh: u64,
    /// What the POS said that the cassette does not have, before anything was broken.
    off_script: Option<String>,
}

#[derive(Clone, Debug)]
struct Link {
    connection: ConnectionIndex,
    endpoint: Option<EndpointId>,
    open: bool,
    silent: bool,
}

/// A message that goes out when its time has come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    link: LinkId,
    text: String,
    /// The step of the cassette, where it is that.
    step: Option<StepId>,
}

/// What a message has to pass to be served.
enum Fits {
    /// It is that message, but for ids.
    Whole,
    /// It asks for the same purchase.
    Purchase(String),
}

impl Terminal {
    /// The terminal of `cell`; of a run in which nothing breaks without one. `None` where the cassette has no
    /// pack.
    pub fn new(
        script: &Arc<Script>,
        cell: Option<CellId>,
        times: Times,
        ignore: &[Spot],
        masker: Masker,
    ) -> Option<Self> {
        let pack = script.pack()?;
        Some(Self {
            reader: MoneyReader::new(Arc::clone(pack)),
            bindings: Bindings::new(&script.lineage, Party::Terminal, Ids::Recorded),
            leniency: Leniency::new(script, ignore),
            masker,
            cell,
            times,
            struck: false,
            links: Vec::new(),
            served: Vec::new(),
            used: vec![0; script.flows.len()],
            due: BinaryHeap::new(),
            sequence: 0,
            orders: Vec::new(),
            last: None,
            standing: Vec::new(),
            fresh: 0,
            off_script: None,
            script: Arc::clone(script),
        })
    }

    /// Whether the break has happened.
    pub const fn struck(&self) -> bool {
        self.struck
    }

    /// What the POS said that the cassette does not have, before anything was broken.
    pub fn off_script(&self) -> Option<&str> {
        self.off_script.as_deref()
    }

    /// The POS asks for `target`; `None` where the cassette has no such path.
    pub fn dialled(&mut self, target: &str) -> Option<LinkId> {
        let path = |target: &str| target.split('?').next().unwrap_or(target).to_lowercase();
        let wanted = path(target);
        let all = (0..self.script.connections.len() as u32).map(ConnectionIndex);
        let fits = |&index: &ConnectionIndex| {
            let opening = self.script.opening(index);
            opening.is_none_or(|opening| opening.status == 101 && path(&opening.target) == wanted)
        };
        let Some(connection) = all.into_iter().find(fits) else {
            let known = self.script.targets().join(", ");
            self.off_the_script(|| {
                format!("the POS asked for {wanted}, a path that is not in the cassette, which has {known}")
            });
            return None;
        };
        let endpoint = self.script.pack().and_then(|pack| pack.endpoint_of(&wanted));
        self.links.push(Link { connection, endpoint, open: true, silent: false });
        Some(LinkId(self.links.len() as u32 - 1))
    }

    /// The link stands: what a terminal says of itself goes out.
    pub fn opened(&mut self, link: LinkId, now: Offset) {
        let own = self.links[link.0 as usize].connection;
        let steps = self.script.connection(own).steps.clone();
        let script = Arc::clone(&self.script);
        let messages = steps.into_iter().filter(|&id| script.step(id).act() == Act::Message);
        let greeting = messages.take_while(|&id| script.step(id).by == Some(Party::Terminal));
        let opens = |id: StepId| script.step(id).flow.filter(|_| script.step(id).place_in_flow == 0);
        for flow in greeting.filter_map(opens).collect::<Vec<_>>() {
            self.serve(flow, link, Vec::new(), None, now);
        }
    }

    /// The POS sent a text message. `false` where it never arrived.
    pub fn received(&mut self, link: LinkId, text: &str, now: Offset) -> bool {
        let Link { open, silent, endpoint, .. } = self.links[link.0 as usize];
        if !open || silent {
            return false;
        }
        let reading = self.reader.read(Party::Pos, text, endpoint);
        let script = Arc::clone(&self.script);
        let waiting = self.served.iter().rposition(|served| served.awaits(&script, link, &reading).is_some());
        if let Some(at) = waiting
            && let Some(step) = self.served[at].awaits(&script, link, &reading)
        {
            let first = self.served[at].times == 0;
            if first && self.lost(step, link) {
                return false;
            }
            self.served[at].next += 1;
            self.go_on(at, now);
            if first {
                self.after(step, link);
            }
            return true;
        }
        self.request(link, text, &reading, now)
    }

    /// The link ended, by the POS.
    pub fn ended(&mut self, link: LinkId) {
        self.links[link.0 as usize].open = false;
    }

    /// What is to be done by `now`, in this order.
    pub fn take(&mut self, now: Offset) -> Vec<Order> {
        while let Some(Reverse((at, _, _))) = self.due.peek()
            && *at <= now
        {
            if let Some(Reverse((_, _, due))) = self.due.pop() {
                self.send(due);
            }
        }
        std::mem::take(&mut self.orders)
    }

    /// When something is due; at once where something is.
    pub fn due_at(&self) -> Option<Offset> {
        if !self.orders.is_empty() {
            return Some(Offset::ZERO);
        }
        self.due.peek().map(|Reverse((at, _, _))| *at)
    }

    /// A message that no flow waits for: it begins one of the cassette, or is for the stand-in, or for nobody.
    fn request(&mut self, link: LinkId, text: &str, reading: &MoneyReading, now: Offset) -> bool {
        let charge = match &reading.meaning {
            Meaning::Charge { same, .. } => Some(same.clone()),
            _ => None,
        };
        // After a break, what is asked and what is taken back goes by what happened, not by what the cassette
        // tells of it.
        let by_truth = matches!(reading.meaning, Meaning::Enquiry | Meaning::Reversal { .. });
        if self.struck && by_truth && self.stand_in(link, text, reading, now) {
            return true;
        }
        let mut live = Live::default();
        live.read(text, &self.script);
        let mut found = self.opener(link, &live, &Fits::Whole);
        let fresh = found.as_ref().is_some_and(|(flow, _)| self.used[flow.0 as usize] == 0);
        if self.struck && charge.is_none() && !fresh && self.stand_in(link, text, reading, now) {
            return true;
        }
        if self.struck && found.is_none() {
            found = charge.and_then(|same| self.opener(link, &live, &Fits::Purchase(same)));
        }
        match found {
            Some((flow, binds)) => {
                let step = self.script.flow(flow).steps[0];
                let first = self.used[flow.0 as usize] == 0;
                if first && self.lost(step, link) {
                    return false;
                }
                self.serve(flow, link, binds, reading.key.clone(), now);
                if first {
                    self.after(step, link);
                }
            }
            None => {
                let text = shown(text, &self.masker);
                let differs = self.difference(&live, reading);
                self.off_the_script(|| {
                    format!("the POS sent what the cassette does not have{differs}: {text}")
                });
            }
        }
        true
    }

    /// The flow of the cassette that a message begins: one that was not served yet, if there is one.
    fn opener(&mut self, link: LinkId, live: &Live, fits: &Fits) -> Option<(FlowIndex, Vec<Bind>)> {
        let script = Arc::clone(&self.script);
        let own = self.links[link.0 as usize].connection;
        let path =
            |index: ConnectionIndex| script.opening(index).map(|opening| opening.target.to_lowercase());
        let mut best: Option<(u32, FlowIndex, Vec<Bind>)> = None;
        for flow in (0..script.flows.len() as u32).map(FlowIndex) {
            let Some(&id) = script.flow(flow).steps.first() else { continue };
            let step = script.step(id);
            let Some(connection) = step.connection else { continue };
            if step.by != Some(Party::Pos) || path(connection) != path(own) {
                continue;
            }
            let used = self.used[flow.0 as usize];
            if best.as_ref().is_some_and(|(least, ..)| *least <= used) {
                continue;
            }
            let compared = compare(&script, &self.leniency, &self.bindings, id, live, usize::MAX);
            let taken = match fits {
                Fits::Whole => compared.differences.is_empty(),
                Fits::Purchase(same) => {
                    let endpoint = self.links[link.0 as usize].endpoint;
                    let own = self.reader.read(Party::Pos, step.text().unwrap_or_default(), endpoint);
                    matches!(own.meaning, Meaning::Charge { same: own, .. } if own == *same)
                }
            };
            if taken {
                best = Some((used, flow, compared.binds));
            }
        }
        best.map(|(_, flow, binds)| (flow, binds))
    }

    /// Where a message that nothing fits differs from the nearest of its kind.
    fn difference(&self, live: &Live, reading: &MoneyReading) -> String {
        let openers = self.script.flows.iter().filter_map(|flow| flow.steps.first().copied());
        let alike = openers.filter(|&id| {
            self.script.step(id).by == Some(Party::Pos) && self.script.step(id).kind == reading.kind
        });
        let nearest = alike
            .map(|id| compare(&self.script, &self.leniency, &self.bindings, id, live, 8).differences)
            .min_by_key(Vec::len);
        match nearest.as_deref() {
            Some([first, ..]) if reading.kind.is_some() => {
                format!(" (at {}; `--ignore {}` if that is meant)", first.at, first.at)
            }
            _ => String::new(),
        }
    }

    fn serve(&mut self, flow: FlowIndex, link: LinkId, binds: Vec<Bind>, key: Option<String>, now: Offset) {
        let times = self.used[flow.0 as usize];
        self.used[flow.0 as usize] += 1;
        let by_us = self
            .script
            .flow(flow)
            .steps
            .first()
            .is_some_and(|&id| self.script.step(id).by == Some(Party::Terminal));
        let next = usize::from(!by_us);
        self.served.push(Served { flow, times, link, binds, key, next });
        self.go_on(self.served.len() - 1, now);
    }

    /// Says everything of a flow that waits for nobody.
    fn go_on(&mut self, at: usize, now: Offset) {
        let script = Arc::clone(&self.script);
        let mut clock = now;
        while let Some(step) = self.served[at].next_of(&script, Party::Terminal) {
            self.served[at].next += 1;
            let Some(recorded) = script.step(step).text() else { continue };
            let Served { link, times, .. } = self.served[at];
            let binds = &self.served[at].binds;
            let places = script.lineage.places(step);
            let mut text = self.bindings.substitute(&script, recorded, 0, places, binds);
            let broken = self.cell.filter(|cell| cell.step == step && times == 0).map(|cell| cell.broken);
            if broken == Some(Break::Late) {
                self.struck = true;
                clock = clock.after(self.times.late);
            }
            if script.step(step).role == Some(Role::Final) {
                text = self.finish(at, text);
            }
            let own = Some(step).filter(|_| times == 0);
            self.schedule(clock, Due { link, text, step: own });
        }
        self.follow(at, now);
    }

    /// A flow of the terminal's own that comes after one that is over.
    fn follow(&mut self, at: usize, now: Offset) {
        let Served { flow, link, next, .. } = self.served[at];
        let steps = &self.script.flow(flow).steps;
        let Some(&last) = steps.last().filter(|_| next == steps.len()) else { return };
        let connection = self.script.step(last).connection;
        let later = self.script.ids().skip(last.0 as usize + 1);
        let mut own = later.filter(|&id| {
            self.script.step(id).connection == connection && self.script.step(id).act() == Act::Message
        });
        let Some(next) = own.next() else { return };
        let step = self.script.step(next);
        let Some(flow) = step.flow.filter(|_| step.place_in_flow == 0) else { return };
        if step.by == Some(Party::Terminal) && self.used[flow.0 as usize] == 0 {
            self.serve(flow, link, Vec::new(), None, now);
        }
    }

    /// A transaction comes to its end, whoever may hear of it. One that was carried out before has another
    /// reference.
    fn finish(&mut self, at: usize, text: String) -> String {
        let Served { flow, times, link, .. } = self.served[at];
        let endpoint = self.links[link.0 as usize].endpoint;
        let opener = self.script.flow(flow).steps.first().and_then(|&id| self.script.step(id).text());
        let asked = opener.map(|opener| self.reader.read(Party::Pos, opener, endpoint).meaning);
        if !matches!(asked, Some(Meaning::Charge { .. } | Meaning::Reversal { once: true, .. })) {
            return text;
        }
        let Meaning::Ended(ended) = self.reader.read(Party::Terminal, &text, endpoint).meaning else {
            return text;
        };
        let mut text = text;
        let mut reference = ended.reference;
        if times > 0
            && let (Some(range), Some(old)) = (self.reader.reference_in(), reference.as_mut())
        {
            let quoted = text[range.clone()].starts_with('"');
            old.push_str(&(times + 1).to_string());
            let token = if quoted { serde_json::to_string(old).unwrap_or_default() } else { old.clone() };
            text.replace_range(range, &token);
        }
        if ended.moved == Moved::Yes {
            self.standing.extend(reference);
        }
        self.last = Some(text.clone());
        text
    }

    /// What no cassette holds, from the pack.
    fn stand_in(&mut self, link: LinkId, text: &str, reading: &MoneyReading, now: Offset) -> bool {
        let (Some(kind), Some(pack)) = (reading.kind, self.script.pack().cloned()) else { return false };
        let endpoint = self.links[link.0 as usize].endpoint;
        for index in self.reader.recoveries(kind, text, endpoint) {
            let recovery = &pack.recoveries[index];
            let wanted = self.reader.wanted(recovery, text);
            if recovery.knows.is_some() && !wanted.as_ref().is_some_and(|known| self.standing.contains(known))
            {
                continue;
            }
            let mut filling = Filling { trigger: text, last: self.last.as_deref(), fresh: self.fresh };
            let answers: Option<Vec<String>> =
                recovery.answers.iter().map(|template| template.fill(&mut filling)).collect();
            self.fresh = filling.fresh;
            let Some(answers) = answers else { continue };
            for text in answers {
                self.schedule(now, Due { link, text, step: None });
            }
            if let Some(gone) = wanted.filter(|_| recovery.knows.is_some()) {
                self.standing.retain(|known| *known != gone);
            }
            return true;
        }
        false
    }

    /// Whether a message of the POS is the one that is cut off on its way.
    fn lost(&mut self, step: StepId, link: LinkId) -> bool {
        let cut = self.is_broken(step, Break::CutBefore);
        if cut {
            self.struck = true;
            self.drop(link);
        }
        cut
    }

    /// What breaks after a message.
    fn after(&mut self, step: StepId, link: LinkId) {
        let Some(CellId { broken, .. }) = self.cell.filter(|cell| cell.step == step && !self.struck) else {
            return;
        };
        match broken {
            Break::CutAfter => self.drop(link),
            Break::HalfOpen => {
                self.links[link.0 as usize].silent = true;
                self.orders.push(Order::FallSilent { link });
            }
            Break::TerminalRestart => {
                for link in (0..self.links.len() as u32).map(LinkId) {
                    if self.links[link.0 as usize].open {
                        self.drop(link);
                    }
                }
                self.orders.push(Order::Away);
            }
            Break::PosRestart => {
                self.links.iter_mut().for_each(|link| link.open = false);
                self.orders.push(Order::RestartPos);
            }
            Break::CutBefore | Break::Late | Break::Twice => return,
        }
        self.struck = true;
    }

    fn is_broken(&self, step: StepId, broken: Break) -> bool {
        !self.struck && self.cell.is_some_and(|cell| cell.step == step && cell.broken == broken)
    }

    fn drop(&mut self, link: LinkId) {
        self.links[link.0 as usize].open = false;
        self.orders.push(Order::Drop { link });
    }

    fn schedule(&mut self, at: Offset, due: Due) {
        self.sequence += 1;
        self.due.push(Reverse((at, self.sequence, due)));
    }

    fn send(&mut self, due: Due) {
        let Due { link, text, step } = due;
        let Link { open, silent, .. } = self.links[link.0 as usize];
        if !open || silent {
            return;
        }
        let Some(step) = step else {
            self.orders.push(Order::Send { link, text });
            return;
        };
        if self.is_broken(step, Break::CutBefore) {
            self.struck = true;
            return self.drop(link);
        }
        if self.is_broken(step, Break::Twice) {
            self.struck = true;
            self.orders.push(Order::Send { link, text: text.clone() });
        }
        self.orders.push(Order::Send { link, text });
        self.after(step, link);
    }

    /// Before anything is broken, the POS has to do what the cassette has.
    fn off_the_script(&mut self, what: impl FnOnce() -> String) {
        if !self.struck && self.off_script.is_none() {
            self.off_script = Some(what());
        }
    }
}

/// What the places of a recovery are filled with.
pub(super) struct Filling<'a> {
    pub(super) trigger: &'a str,
    pub(super) last: Option<&'a str>,
    pub(super) fresh: u64,
}

impl Fill for Filling<'_> {
    fn message(&self, source: Source) -> Option<&str> {
        match source {
            Source::Trigger => Some(self.trigger),
            Source::Last => self.last,
        }
    }

    fn fresh(&mut self, digits: usize) -> String {
        self.fresh += 1;
        let digits = digits.clamp(1, 18);
        let base = 7 * 10_u64.pow(digits as u32 - 1);
        (base + self.fresh % (base / 7 * 2).max(1)).to_string()
    }
}

/// How a transaction that was told of ended.
pub(super) fn ended(meaning: &Meaning) -> Option<&Ended> {
    match meaning {
        Meaning::Ended(ended) => Some(ended),
        _ => None,
    }
}
