//! A model POS: does what the POS of the cassette does, and after a break what its manner is.
//!
//! ```text
//!  next flow ──▶ request, answers, acknowledgements ──▶ over ──▶ next flow
//!                     │ link lost, or no answer in time
//!                     ▼
//!                 in doubt: connect, ask ──▶ done: next flow │ not done: send it again
//! ```
//!
//! What it sends comes from the cassette, what it asks from the pack. What it was at stands in a journal, which
//! survives a restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::manner::Manner;
use super::terminal::{Filling, ended};
use crate::conversation::{Offset, Party};
use crate::pack::{Ended, EndpointId, Meaning, MoneyReader, MoneyReading, Moved, Role};
use crate::replay::binding::{Bindings, Ids};
use crate::replay::script::{FlowIndex, Script, StepId};

/// How long it waits for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// How long it waits before it dials again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often it tries one thing.
const TRIES: u32 = 3;

/// What the model POS wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Dial {
        target: String,
    },
    Send {
        text: String,
    },
    /// Close the link, with code 1000.
    Close,
    /// It has nothing more to do.
    Finish,
}

/// The model POS.
#[derive(Debug)]
pub(super) struct Till {
    script: Arc<Script>,
    reader: MoneyReader,
    manner: Manner,
    /// The flows of the cassette that the POS opens, in its order.
    plan: Vec<FlowIndex>,
    journal: Journal,
    state: State,
    /// The path of the link it has.
    link: Option<String>,
    /// Flows that prepare a link, and were done on this one.
    prepared: usize,
    bindings: Bindings,
    wakes: Option<Offset>,
    wishes: Vec<Wish>,
    attempt: u64,
    fresh: u64,
}

/// What survives a restart.
#[derive(Clone, Debug, Default)]
struct Journal {
    /// Which flow of the plan it is at.
    at: usize,
    /// Whether the request of that flow may have gone out.
    begun: bool,
    /// Whether that flow is over, if only the link holds a moment longer.
    settling: bool,
    /// The reference of that flow.
    reference: Option<String>,
    /// Whether a link was lost since the last charge was cleared up.
    doubtful: bool,
    tries: u32,
    /// References of transactions that it knows are paid.
    known: Vec<String>,
    /// The text of the last charge that was done.
    last: Option<(String, String)>,
    undone: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It looks what is next.
    Free,
    Dialling,
    /// A flow of the plan runs.
    Running {
        flow: FlowIndex,
        prepares: bool,
        request: String,
        heard: Vec<StepId>,
    },
    /// It asked what became of its last charge.
    Asking {
        request: String,
    },
    /// It takes its last charge back.
    Undoing,
    Finished,
}

impl Till {
    pub(super) fn new(script: &Arc<Script>, manner: Manner) -> Option<Self> {
        let pack = script.pack()?;
        let opened = |flow: &FlowIndex| {
            let first = script.flow(*flow).steps.first();
            first.is_some_and(|&id| script.step(id).by == Some(Party::Pos))
        };
        Some(Self {
            reader: MoneyReader::new(Arc::clone(pack)),
            manner,
            plan: (0..script.flows.len() as u32).map(FlowIndex).filter(opened).collect(),
            journal: Journal::default(),
            state: State::Free,
            link: None,
            prepared: 0,
            bindings: Bindings::new(&script.lineage, Party::Pos, Ids::Fresh(0)),
            wakes: Some(Offset::ZERO),
            wishes: Vec::new(),
            attempt: 0,
            fresh: 0,
            script: Arc::clone(script),
        })
    }

    pub(super) fn take(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    pub(super) const fn wakes_at(&self) -> Option<Offset> {
        self.wakes
    }

    pub(super) fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// The time has come that it waited for.
    pub(super) fn wake(&mut self, now: Offset) {
        self.wakes = None;
        match self.state {
            State::Free if self.journal.settling => {
                self.advance();
                self.next(now);
            }
            State::Free => self.next(now),
            State::Dialling | State::Finished => {}
            State::Running { .. } | State::Asking { .. } | State::Undoing => {
                // Nothing came in time: the link is given up.
                self.link = None;
                self.wishes.push(Wish::Close);
                self.lost(now);
            }
        }
    }

    pub(super) fn opened(&mut self, now: Offset) {
        if self.state == State::Dialling {
            self.prepared = 0;
            self.state = State::Free;
            // A terminal that says something of itself says it first.
            self.wakes = Some(now.after(PAUSE / 4));
        }
    }

    pub(super) fn refused(&mut self, now: Offset) {
        self.link = None;
        if self.state == State::Dialling {
            self.state = State::Free;
            self.wakes = Some(now.after(PAUSE));
        }
    }

    /// The link ended, and not by its wish.
    pub(super) fn ended(&mut self, now: Offset) {
        if self.link.take().is_some() {
            self.lost(now);
        }
    }

    /// The process is ended and started anew.
    pub(super) fn restart(&mut self, now: Offset) {
        self.wishes.clear();
        self.link = None;
        if self.manner == Manner::ForgetsOnRestart {
            let fresh = self.attempt;
            self.journal = Journal::default();
            self.attempt = fresh;
        }
        self.state = State::Free;
        self.lost(now);
    }

    /// A message came.
    pub(super) fn received(&mut self, text: &str, now: Offset) {
        let endpoint = self.endpoint();
        let reading = self.reader.read(Party::Terminal, text, endpoint);
        let step = match &self.state {
            State::Running { flow, request, heard, .. } => {
                let (flow, request, heard) = (*flow, request.clone(), heard.clone());
                self.step_of(flow, &reading, &request, &heard)
            }
            State::Free | State::Dialling | State::Asking { .. } | State::Undoing | State::Finished => None,
        };
        match step {
            Some(step) => self.reply(step, text),
            None => self.acknowledge(text, &reading),
        }
        match self.state.clone() {
            State::Running { flow, prepares, request, mut heard } => {
                let Some(step) = step else { return };
                self.bind_given(step, text);
                heard.push(step);
                self.wakes = self.deadline(now);
                let role = self.script.step(step).role;
                let mut rest = self
                    .script
                    .flow(flow)
                    .steps
                    .iter()
                    .filter(|&&id| self.script.step(id).by == Some(Party::Terminal));
                let over = role == Some(Role::Final) || rest.all(|id| heard.contains(id));
                if over {
                    let told = ended(&reading.meaning).cloned();
                    self.over(flow, prepares, request, told, text, now);
                } else {
                    self.state = State::Running { flow, prepares, request, heard };
                }
            }
            State::Asking { request } => {
                if let Some(told) = ended(&reading.meaning).cloned() {
                    self.told(request, &told, text, now);
                }
            }
            State::Undoing => {
                if ended(&reading.meaning).is_some() {
                    self.journal.undone = true;
                    self.undone(now);
                }
            }
            State::Free | State::Dialling | State::Finished => {}
        }
    }

    /// Looks what is next.
    fn next(&mut self, now: Offset) {
        let doubt = self.in_doubt();
        if doubt && self.manner == Manner::NeverAsks {
            self.advance();
            return self.next(now);
        }
        let undoes = self.undoes();
        let Some(&flow) = self.plan.get(self.journal.at).or_else(|| self.plan.last().filter(|_| undoes))
        else {
            return self.finish();
        };
        if self.journal.tries > TRIES {
            return self.finish();
        }
        let target = self.target(flow);
        if self.link.as_ref() != Some(&target) {
            if self.link.take().is_some() {
                self.wishes.push(Wish::Close);
            }
            self.state = State::Dialling;
            self.link = Some(target.clone());
            self.wishes.push(Wish::Dial { target });
            return;
        }
        if let Some(prepares) = self.preparation(flow) {
            self.prepared += 1;
            return self.begin(prepares, true, now);
        }
        if undoes {
            return self.undo(now);
        }
        if doubt && self.manner != Manner::RetriesBlindly {
            return self.ask(now);
        }
        self.journal.begun = true;
        self.begin(flow, false, now);
    }

    /// Whether an open transaction of money has to be cleared up first.
    fn in_doubt(&mut self) -> bool {
        let Some(&flow) = self.plan.get(self.journal.at).filter(|_| self.journal.begun) else { return false };
        matches!(self.meaning(flow), Meaning::Charge { .. } | Meaning::Reversal { once: true, .. })
    }

    fn undoes(&self) -> bool {
        self.manner == Manner::ReversesOnDoubt
            && self.journal.doubtful
            && !self.journal.undone
            && self.journal.last.is_some()
    }

    /// The next of the flows that prepare a link for `flow`: those without money that came before it there.
    fn preparation(&mut self, flow: FlowIndex) -> Option<FlowIndex> {
        let connection = |script: &Script, flow: FlowIndex| {
            script.flow(flow).steps.first().and_then(|&id| script.step(id).connection)
        };
        let own = connection(&self.script, flow);
        let first = self.plan.iter().position(|&other| connection(&self.script, other) == own)?;
        let done = self.plan.get(first..self.journal.at.min(self.plan.len()))?.to_vec();
        let prepared = self.prepared;
        done.into_iter().filter(|&flow| self.is_preparing(flow)).nth(prepared)
    }

    /// Whether a flow belongs to a link rather than to a purchase: a question that opens no transaction.
    fn is_preparing(&mut self, flow: FlowIndex) -> bool {
        let first = self.script.flow(flow).steps.first();
        let opens = first.is_none_or(|&id| self.script.step(id).role == Some(Role::Opens));
        !opens && self.meaning(flow) == Meaning::Other
    }

    fn begin(&mut self, flow: FlowIndex, prepares: bool, now: Offset) {
        self.attempt += 1;
        for (identity, value) in self.script.lineage.fresh(Party::Pos, self.attempt) {
            if self.script.lineage.flows_of(identity).contains(&flow) {
                self.bindings.bind(&self.script.lineage, identity, &value);
            }
        }
        let script = Arc::clone(&self.script);
        let own = script.flow(flow).steps.iter().take_while(|&&id| script.step(id).by == Some(Party::Pos));
        let texts: Vec<String> =
            own.filter_map(|&id| Some(self.bindings.compose(&script, id)?.into_owned())).collect();
        let request = texts.first().cloned().unwrap_or_default();
        self.wishes.extend(texts.into_iter().map(|text| Wish::Send { text }));
        let answers = script.flow(flow).steps.iter().any(|&id| script.step(id).by == Some(Party::Terminal));
        self.state = State::Running { flow, prepares, request: request.clone(), heard: Vec::new() };
        self.wakes = self.deadline(now);
        if !answers {
            self.over(flow, prepares, request, None, "", now);
        }
    }

    /// A flow of the plan is over.
    fn over(
        &mut self,
        flow: FlowIndex,
        prepares: bool,
        request: String,
        told: Option<Ended>,
        text: &str,
        now: Offset,
    ) {
        let charge = matches!(self.meaning(flow), Meaning::Charge { .. });
        if let Some(Ended { moved: Moved::Yes, reference, .. }) = &told
            && charge
        {
            self.journal.reference = reference.clone();
        }
        if prepares {
            self.state = State::Free;
            self.wakes = Some(now);
            return;
        }
        if charge {
            self.journal.last = Some((request, text.to_owned()));
        }
        self.prepared += usize::from(self.is_preparing(flow));
        self.skip(now);
    }

    /// The answer to its question came.
    fn told(&mut self, request: String, told: &Ended, text: &str, now: Offset) {
        let another = told.reference.as_ref().is_some_and(|known| self.journal.known.contains(known));
        match told.moved {
            Moved::Yes if !another => {
                self.journal.reference = told.reference.clone();
                self.journal.last = Some((request, text.to_owned()));
                if self.manner == Manner::ReversesOnDoubt {
                    self.journal.doubtful = true;
                    return self.undo(now);
                }
                self.skip(now);
            }
            // The terminal has not done it: it may be asked for again.
            Moved::Yes | Moved::No => {
                self.journal.begun = false;
                self.journal.tries += 1;
                self.state = State::Free;
                self.wakes = Some(now);
            }
            Moved::Unknown => self.skip(now),
        }
    }

    /// The last charge was taken back, or cannot be.
    fn undone(&mut self, now: Offset) {
        if self.journal.begun {
            return self.skip(now);
        }
        self.journal.doubtful = false;
        self.state = State::Free;
        self.wakes = Some(now.after(PAUSE));
    }

    /// The flow is over, if the link holds until the acknowledgement is through.
    fn skip(&mut self, now: Offset) {
        self.journal.settling = true;
        self.state = State::Free;
        self.wakes = Some(now.after(PAUSE));
    }

    /// On to the next flow of the plan.
    fn advance(&mut self) {
        let Journal { at, known, last, undone, reference, .. } = std::mem::take(&mut self.journal);
        let known = known.into_iter().chain(reference).collect();
        self.journal = Journal { at: at + 1, known, last, undone, ..Journal::default() };
    }

    /// The link is gone, or the answer stays away.
    fn lost(&mut self, now: Offset) {
        if self.state == State::Finished {
            return;
        }
        self.prepared = 0;
        self.journal.settling = false;
        self.journal.tries += u32::from(self.journal.begun);
        self.journal.doubtful = true;
        self.state = State::Free;
        self.wakes = Some(now.after(PAUSE));
    }

    fn finish(&mut self) {
        if self.link.take().is_some() {
            self.wishes.push(Wish::Close);
        }
        self.state = State::Finished;
        self.wakes = None;
        self.wishes.push(Wish::Finish);
    }

    fn ask(&mut self, now: Offset) {
        let Some(&flow) = self.plan.get(self.journal.at) else { return self.finish() };
        let request = self.script.flow(flow).steps.first().and_then(|&id| self.script.step(id).text());
        let request = request.unwrap_or_default().to_owned();
        let ask = self.script.pack().and_then(|pack| pack.money.as_ref()?.ask.clone());
        let mut filling = Filling { trigger: &request, last: None, fresh: self.fresh };
        let Some(text) = ask.and_then(|ask| ask.fill(&mut filling)) else { return self.finish() };
        self.fresh = filling.fresh;
        self.wishes.push(Wish::Send { text });
        self.state = State::Asking { request };
        self.wakes = self.deadline(now);
    }

    fn undo(&mut self, now: Offset) {
        let undo = self.script.pack().and_then(|pack| Some(pack.money.as_ref()?.undo.clone()));
        let Some((request, last)) = self.journal.last.clone() else { return self.undone(now) };
        let mut filling = Filling { trigger: &request, last: Some(&last), fresh: self.fresh };
        let text = undo.into_iter().flatten().find_map(|undo| undo.fill(&mut filling));
        let Some(text) = text else { return self.undone(now) };
        self.fresh = filling.fresh;
        self.wishes.push(Wish::Send { text });
        self.state = State::Undoing;
        self.wakes = self.deadline(now);
    }

    /// Says what the POS of the cassette says after a step of the terminal; where that is no acknowledgement,
    /// once.
    fn reply(&mut self, step: StepId, text: &str) {
        let script = Arc::clone(&self.script);
        let Some(flow) = script.step(step).flow else { return };
        let steps = &script.flow(flow).steps[script.step(step).place_in_flow as usize + 1..];
        let own = steps.iter().copied().take_while(|&id| script.step(id).by == Some(Party::Pos));
        let again = matches!(&self.state, State::Running { heard, .. } if heard.contains(&step));
        let replies = own.filter(|&id| !again || is_acknowledgement(&script, id)).collect();
        self.say_after(step, replies, text);
    }

    /// Acknowledges what belongs to no flow that runs, as the POS of the cassette acknowledges its like.
    fn acknowledge(&mut self, text: &str, reading: &MoneyReading) {
        let script = Arc::clone(&self.script);
        let Some(kind) = reading.kind else { return };
        let said = script.flows.iter().find_map(|flow| {
            let at = flow.steps.iter().position(|&id| {
                let step = script.step(id);
                step.by == Some(Party::Terminal) && step.kind == Some(kind)
            })?;
            let own = flow.steps[at + 1..].iter().copied();
            let own: Vec<StepId> = own.take_while(|&id| is_acknowledgement(&script, id)).collect();
            (!own.is_empty()).then(|| (flow.steps[at], own))
        });
        if let Some((like, replies)) = said {
            self.say_after(like, replies, text);
        }
    }

    /// Says steps of the POS that follow a message like `text`, with the key of that one.
    fn say_after(&mut self, like: StepId, replies: Vec<StepId>, text: &str) {
        let script = Arc::clone(&self.script);
        let mut keys = HashMap::new();
        for place in script.lineage.places(like) {
            let at = script.paths.text(place.path).parse::<crate::text::Pointer>();
            let live = at.ok().and_then(|at| at.find(text).map(str::to_owned));
            if let Some(live) = live.filter(|_| script.lineage.identity(place.identity).keys_flows) {
                let live = crate::text::json::string(&live).map_or(live.clone(), |live| live.into_owned());
                keys.insert(place.identity, live);
            }
        }
        let binds: Vec<_> = keys.into_iter().collect();
        for id in replies {
            let Some(recorded) = script.step(id).text() else { continue };
            let places = script.lineage.places(id);
            let text = self.bindings.substitute(&script, recorded, 0, places, &binds);
            self.wishes.push(Wish::Send { text });
        }
    }

    /// The step of a flow that a message of the terminal is; `None` where it belongs to another one.
    fn step_of(
        &mut self,
        flow: FlowIndex,
        reading: &MoneyReading,
        request: &str,
        heard: &[StepId],
    ) -> Option<StepId> {
        let endpoint = self.endpoint();
        let own = self.reader.read(Party::Pos, request, endpoint).key;
        if own != reading.key {
            return None;
        }
        let pack = self.script.pack()?;
        let steps = self.script.flow(flow).steps.iter().copied();
        let theirs = |id: &StepId| self.script.step(*id).by == Some(Party::Terminal);
        let like = steps.filter(theirs).filter(|&id| {
            let kind = self.script.step(id).kind;
            kind == reading.kind
                || kind.zip(reading.kind).is_some_and(|(a, b)| pack.is_a(a, b) || pack.is_a(b, a))
        });
        let like: Vec<StepId> = like.collect();
        like.iter().find(|id| !heard.contains(id)).or(like.last()).copied()
    }

    /// Takes over what the terminal names for later: a reference in a result.
    fn bind_given(&mut self, step: StepId, text: &str) {
        let script = Arc::clone(&self.script);
        for place in script.lineage.places(step).iter().filter(|place| place.given) {
            let at = script.paths.text(place.path).parse::<crate::text::Pointer>();
            if let Some(token) = at.ok().and_then(|at| at.find(text)) {
                let value = crate::text::json::string(token).unwrap_or(token.into());
                self.bindings.bind(&script.lineage, place.identity, &value);
            }
        }
    }

    fn meaning(&mut self, flow: FlowIndex) -> Meaning {
        let script = Arc::clone(&self.script);
        let first = script.flow(flow).steps.first().and_then(|&id| script.step(id).text());
        let path = self.target(flow);
        let endpoint = script.pack().and_then(|pack| pack.endpoint_of(&path));
        self.reader.read(Party::Pos, first.unwrap_or_default(), endpoint).meaning
    }

    fn target(&self, flow: FlowIndex) -> String {
        let first = self.script.flow(flow).steps.first();
        let connection = first.and_then(|&id| self.script.step(id).connection);
        let opening = connection.and_then(|connection| self.script.opening(connection));
        opening.map_or_else(|| "/".to_owned(), |opening| opening.target.clone().into_owned())
    }

    fn endpoint(&self) -> Option<EndpointId> {
        let path = self.link.as_deref()?;
        self.script.pack()?.endpoint_of(path)
    }

    fn deadline(&self, now: Offset) -> Option<Offset> {
        (self.manner != Manner::WaitsForEver).then(|| now.after(ANSWER))
    }
}

fn is_acknowledgement(script: &Script, id: StepId) -> bool {
    script.step(id).role == Some(Role::Acknowledgement)
}
