//! The message under judgement, and what is kept of it once a later message may need it as a witness.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::Witness;
use super::answers::Answers;
use super::group::Taint;
use crate::conversation::{
    Close, ConnectionId, ConversationEvent, EventKind, EventNumber, Offset, Party, Payload,
};
use crate::mask;
use crate::pack::{Grouping, GroupingId, KindId, LensSet, Pack, View};
use crate::text::Pointer;

/// Which rule of the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RuleIndex(u32);

impl RuleIndex {
    /// The rule at that place of the pack.
    pub(crate) const fn new(index: usize) -> Self {
        Self(index as u32)
    }

    /// Its place in the pack.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which group of a grouping: a flow, or everything on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupSlot(pub(crate) u32);

/// Which connection of the source under judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkSlot(pub(crate) u32);

/// A message under judgement.
#[derive(Debug)]
pub(crate) struct Sighting<'a> {
    pub(crate) source: usize,
    pub(crate) event: &'a ConversationEvent<'a>,
    pub(crate) link: LinkSlot,
    pub(crate) connection: ConnectionId,
    pub(crate) from: Party,
    pub(crate) kind: KindId,
    pub(crate) view: View<'a>,
    pub(crate) groups: [Option<GroupSlot>; Grouping::MOST],
    /// The flow it belongs to.
    pub(crate) flow: Option<(GroupingId, GroupSlot)>,
    /// What kind of message has opened that flow.
    pub(crate) opener: Option<KindId>,
    /// Who has opened it with a broken message, and which rule that broke.
    pub(crate) spoilt: Option<Taint>,
    /// Whether it is a final message of a flow that had one already.
    pub(crate) repeated: bool,
    /// Whether `from` has sent it; the loss of a link is nobody's message.
    pub(crate) is_sent: bool,
    /// The event a judgement rests on, where the group does not say.
    pub(crate) rests_on: Option<EventNumber>,
    /// The first rule it broke, a root rule or not.
    pub(crate) broke: Option<RuleIndex>,
    /// The root rule it broke, once it broke one.
    pub(crate) tainted: Option<RuleIndex>,
    /// Where it is kept, once it is.
    pub(crate) kept: Option<SeenId>,
    /// Through which lenses it can be seen.
    pub(crate) lenses: LensSet,
    /// What was asked of it before.
    pub(crate) answers: Answers,
    /// The message that has put the rule in force that is called, where it is not always in force.
    pub(crate) ground: Option<Arc<Witness>>,
}

impl Sighting<'_> {
    /// It as one line for people: what nobody has sent says what it is about.
    fn text(&self) -> Cow<'_, str> {
        match self.is_sent || self.view.detail.is_empty() {
            true => text_of(self.event),
            false => Cow::Borrowed(self.view.detail),
        }
    }

    pub(crate) const fn n(&self) -> EventNumber {
        self.event.n
    }

    pub(crate) const fn at(&self) -> Offset {
        self.event.at
    }

    pub(crate) const fn group(&self, grouping: GroupingId) -> Option<GroupSlot> {
        self.groups[grouping.0]
    }

    /// It as a witness, pointing at `marked` of its text.
    pub(crate) fn witness(&self, pack: &Pack, role: &str, marked: Option<Range<usize>>) -> Witness {
        let text = self.text();
        let shown = readable(&text, marked.as_ref());
        let mut excerpt = hide(&text[shown.clone()], shown.end < text.len());
        let mut before = 0;
        if shown.start > 0 {
            excerpt.insert(0, '…');
            before = '…'.len_utf8();
        }
        let pointer = marked.as_ref().and_then(|range| Pointer::at(&text, range.start).ok());
        let marked = marked.filter(|range| range.start >= shown.start && range.start < shown.end);
        let marked = marked.map(|range| range.start..range.end.min(shown.end));
        let on_characters =
            |range: &Range<usize>| text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
        let place = |at: usize| at - shown.start + before;
        Witness {
            kind: Some(pack.kinds[self.kind.0].name.clone()),
            pointer,
            source: self.source,
            n: self.event.n,
            at: self.event.at,
            connection: Some(self.connection),
            from: self.is_sent.then_some(self.from),
            role: role.to_owned(),
            marked: marked.filter(on_characters).map(|range| place(range.start)..place(range.end)),
            excerpt,
        }
    }
}

/// Which of the messages kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenId(u32);

impl SeenId {
    /// No message.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// Messages kept because they may become witnesses; buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Witnesses {
    seen: Vec<Seen>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Seen {
    source: usize,
    n: EventNumber,
    at: Offset,
    connection: ConnectionId,
    from: Party,
    is_sent: bool,
    kind: KindId,
    lenses: LensSet,
    excerpt: String,
    whole: bool,
    /// The rule it broke.
    broke: Option<RuleIndex>,
    holders: u32,
}

impl Witnesses {
    /// Keeps a message; every call is paid back with one [`Witnesses::release`].
    #[inline]
    pub(crate) fn keep(&mut self, sighting: &mut Sighting<'_>) -> SeenId {
        match sighting.kept {
            Some(id) => {
                self.seen[id.0 as usize].holders += 1;
                id
            }
            None => self.keep_anew(sighting),
        }
    }

    fn keep_anew(&mut self, sighting: &mut Sighting<'_>) -> SeenId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.seen.push(Seen {
                source: 0,
                n: EventNumber(0),
                at: Offset::ZERO,
                connection: ConnectionId(0),
                from: Party::Pos,
                is_sent: true,
                kind: KindId(0),
                lenses: LensSet::default(),
                excerpt: String::new(),
                whole: true,
                broke: None,
                holders: 0,
            });
            (self.seen.len() - 1) as u32
        });
        let seen = &mut self.seen[index as usize];
        seen.source = sighting.source;
        seen.n = sighting.event.n;
        seen.at = sighting.event.at;
        seen.connection = sighting.connection;
        seen.from = sighting.from;
        seen.is_sent = sighting.is_sent;
        seen.kind = sighting.kind;
        seen.lenses = sighting.lenses;
        seen.broke = None;
        seen.holders = 1;
        let text = sighting.text();
        let cut = readable(&text, None).end;
        seen.excerpt.clear();
        seen.excerpt.push_str(&text[..cut]);
        seen.whole = cut == text.len();
        let id = SeenId(index);
        sighting.kept = Some(id);
        id
    }

    /// One holder less.
    #[inline]
    pub(crate) fn release(&mut self, id: SeenId) {
        let seen = &mut self.seen[id.0 as usize];
        seen.holders = seen.holders.saturating_sub(1);
        if seen.holders == 0 {
            self.free.push(id.0);
        }
    }

    /// Notes what a message that is kept has broken.
    pub(crate) fn note(&mut self, id: SeenId, broke: Option<RuleIndex>) {
        self.seen[id.0 as usize].broke = broke;
    }

    /// Who has sent a message, and which rule it broke.
    pub(crate) fn breach(&self, id: SeenId) -> Option<(Party, RuleIndex)> {
        let seen = &self.seen[id.0 as usize];
        Some((seen.from, seen.broke?))
    }

    pub(crate) fn connection(&self, id: SeenId) -> ConnectionId {
        self.seen[id.0 as usize].connection
    }

    pub(crate) fn kind(&self, id: SeenId) -> KindId {
        self.seen[id.0 as usize].kind
    }

    pub(crate) fn n(&self, id: SeenId) -> EventNumber {
        self.seen[id.0 as usize].n
    }

    /// Through which lenses it was seen.
    pub(crate) fn lenses(&self, id: SeenId) -> LensSet {
        self.seen[id.0 as usize].lenses
    }

    /// What is kept, as a witness.
    pub(crate) fn witness(&self, pack: &Pack, id: SeenId, role: &str) -> Witness {
        let seen = &self.seen[id.0 as usize];
        Witness {
            kind: Some(pack.kinds[seen.kind.0].name.clone()),
            pointer: None,
            source: seen.source,
            n: seen.n,
            at: seen.at,
            connection: Some(seen.connection),
            from: seen.is_sent.then_some(seen.from),
            role: role.to_owned(),
            excerpt: hide(&seen.excerpt, !seen.whole),
            marked: None,
        }
    }
}

/// `text` without card data in clear; cut text ends with `…`. Bytes keep their places.
pub(crate) fn hide(text: &str, cut: bool) -> String {
    let mut out = text.to_owned();
    for (range, _) in mask::find_clear(text) {
        out.replace_range(range.clone(), &"*".repeat(range.len()));
    }
    if cut {
        out.push('…');
    }
    out
}

/// How much of a message people are shown.
const READABLE: usize = 240;

/// The part of `text` people are shown: its start, or the surroundings of `marked` where that stands far behind.
fn readable(text: &str, marked: Option<&Range<usize>>) -> Range<usize> {
    let far = marked.filter(|marked| marked.start + marked.len().min(READABLE / 2) > READABLE);
    let start = far.map_or(0, |marked| cut(text, marked.start.saturating_sub(READABLE / 3)));
    let end = if text.len() - start <= READABLE { text.len() } else { cut(text, start + READABLE) };
    start..end.max(start)
}

/// Where to cut `text`, at `at` or before: on a character, and never inside a run of digits, whose half nobody
/// could recognise as a card number.
fn cut(text: &str, at: usize) -> usize {
    let mut cut = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    while text[..cut].ends_with(|c: char| c.is_ascii_digit() || c == ' ' || c == '-') {
        cut -= 1;
    }
    cut
}

/// An event as one line for people.
fn text_of<'a>(event: &'a ConversationEvent<'a>) -> Cow<'a, str> {
    match &event.kind {
        EventKind::Message(message) => match &message.payload {
            Payload::Json(text) => Cow::Borrowed(text),
            Payload::Text(text) => Cow::Borrowed(text),
            Payload::Binary(bytes) => Cow::Owned(format!("binary message of {} bytes", bytes.len())),
            Payload::Omitted { size, .. } => Cow::Owned(format!("message of {size} bytes, not kept")),
        },
        EventKind::Close(Close { code: Some(code), reason, .. }) => {
            Cow::Owned(format!("close {code} {reason}"))
        }
        EventKind::Close(Close { code: None, .. }) => Cow::Borrowed("close without code"),
        EventKind::Ping(_) => Cow::Borrowed("ping"),
        EventKind::Pong(_) => Cow::Borrowed("pong"),
        EventKind::Undecodable(undecodable) => {
            Cow::Owned(format!("{} bytes: {}", undecodable.size, undecodable.why))
        }
        EventKind::Open(opening) => Cow::Owned(format!("open {}", opening.target)),
        EventKind::Drop(_) => Cow::Borrowed("the link was lost"),
        EventKind::Refused(_)
        | EventKind::Gap(_)
        | EventKind::Note(_)
        | EventKind::Clock(_)
        | EventKind::End(_) => Cow::Borrowed(""),
    }
}
