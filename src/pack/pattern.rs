//! The eight patterns as a pack states them, resolved and typed. How each is judged stands in `rule`.

use std::cmp::Ordering;
use std::time::Duration;

use super::extract::Slot;
use super::model::{GroupingId, KindId, KindSet};
use super::test::Test;

/// What a rule asks for.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Every matching message satisfies a constraint.
    Shape(Shape),
    /// No such message.
    Never(Never),
    /// No two messages share a key.
    Unique(Unique),
    /// Each trigger is answered.
    Respond(Respond),
    /// One only after the other.
    Precede(Precede),
    /// Messages of one key follow a state table.
    Order(Order),
    /// A value agrees with an earlier one.
    Agree(Agree),
    /// At most so many at once, or per window.
    Limit(Limit),
}

impl Pattern {
    /// The groupings a rule remembers something of.
    pub fn groupings(&self) -> impl Iterator<Item = GroupingId> + use<> {
        let (one, other) = match self {
            Self::Shape(_) => (None, None),
            Self::Never(never) => (never.after.as_ref().map(|_| never.grouping), None),
            Self::Unique(unique) => (Some(unique.grouping), None),
            Self::Respond(respond) => (Some(respond.grouping), None),
            Self::Precede(precede) => (Some(precede.grouping), None),
            Self::Order(order) => (Some(order.grouping), None),
            Self::Agree(agree) => (Some(agree.grouping), agree.less.as_ref().map(|(_, key)| *key)),
            Self::Limit(limit) => (Some(limit.grouping), None),
        };
        one.into_iter().chain(other.filter(|other| one != Some(*other)))
    }

    /// Every selector of it.
    pub fn selectors<'a>(&'a self, mut see: impl FnMut(&'a Selector)) {
        match self {
            Self::Shape(shape) => see(&shape.on),
            Self::Never(Never { message, among, after, until, .. }) => {
                see(message);
                [among, after, until].into_iter().flatten().for_each(see);
            }
            Self::Unique(unique) => see(&unique.on),
            Self::Respond(Respond { to, with, window, restart, void, .. }) => {
                let learned = window.learned.as_ref().map(|learned| &learned.from);
                [to, with].into_iter().chain(learned).chain(restart).chain(void).for_each(see);
            }
            Self::Precede(Precede { first, then, reset, .. }) => {
                [first, then].into_iter().chain(reset).for_each(see);
            }
            Self::Order(order) => order.messages.iter().map(|step| &step.on).for_each(see),
            Self::Agree(Agree { of, with, less, doubt, .. }) => {
                let less = less.as_ref().map(|(less, _)| less);
                [of, with].into_iter().chain(less).chain(doubt).for_each(see);
            }
            Self::Limit(Limit { on, until, .. }) => [on].into_iter().chain(until).for_each(see),
        }
    }
}

impl Span {
    /// Every selector of it.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.after.iter().chain(&self.until).chain(&self.since)
    }
}

/// Which messages: of one of these kinds, and passing these tests.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// The kinds; those below them in the hierarchy are included.
    pub kinds: Vec<KindId>,
    /// What a message of those kinds must pass besides.
    pub tests: Vec<Test>,
    /// Only messages of flows that a message of one of these kinds has opened; empty for all messages.
    pub opened_by: KindSet,
    /// Only messages of flows whose final message has come already, or only those of others.
    pub repeated: Option<bool>,
    /// What people call such a message, where its kind does not say enough: "answer to a cancel request".
    pub what: Option<String>,
    /// What all that asks besides the kind; selectors that ask the same share it.
    pub condition: Condition,
}

/// What a selector asks besides the kind, by number: a message need be asked only once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// The condition of that number.
    Numbered(u8),
    /// One beyond those that have a number.
    Other,
}

impl Condition {
    /// How many have a number.
    pub const NUMBERED: usize = 256;
}

impl Selector {
    /// Whether the kind of a message alone decides.
    pub fn is_plain(&self) -> bool {
        self.condition == Condition::None
    }
}

/// When a rule is in force, for any pattern: it looks at no message outside.
#[derive(Clone, Debug)]
pub struct Span {
    /// In force once this message has come; from the start where nothing is said.
    pub after: Option<Selector>,
    /// Until this message has come.
    pub until: Option<Selector>,
    /// What `after` and `until` share with the messages judged.
    pub grouping: GroupingId,
    /// What the rule remembers, of any group, is forgotten whenever this message comes.
    pub since: Option<Selector>,
}

/// `shape`: every message of `on` passes `require`; its sender is to blame.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The messages judged.
    pub on: Selector,
    /// What each has to pass.
    pub require: Vec<Test>,
}

/// `never`: no such message, at all or once something else has happened; its sender is to blame.
#[derive(Clone, Debug)]
pub struct Never {
    /// The forbidden message.
    pub message: Selector,
    /// The messages among which it could have been: seeing one that is not it is evidence.
    pub among: Option<Selector>,
    /// Forbidden only after this one, in the same group.
    pub after: Option<Selector>,
    /// Allowed again after this one.
    pub until: Option<Selector>,
    /// What `after` and `message` share.
    pub grouping: GroupingId,
}

/// `unique`: no two messages share a key in the scope; the sender of the second is to blame.
#[derive(Clone, Debug)]
pub struct Unique {
    /// The messages whose key counts.
    pub on: Selector,
    /// The key.
    pub grouping: GroupingId,
    /// Among which messages it must be unique.
    pub scope: Scope,
}

/// Among which messages a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One recording.
    Recording,
    /// One connection.
    Connection,
    /// All connections to one endpoint, in one recording.
    Endpoint,
    /// All recordings of one run.
    Installation,
}

/// `respond`: each trigger is answered; who owes the answer is to blame.
#[derive(Clone, Debug)]
pub struct Respond {
    /// The trigger.
    pub to: Selector,
    /// The answer.
    pub with: Selector,
    /// What trigger and answer share.
    pub grouping: GroupingId,
    /// By when.
    pub window: Window,
    /// How often.
    pub times: Times,
    /// What a late or missing answer means.
    pub judges: Judges,
    /// Messages of the group that start the window anew.
    pub restart: Option<Selector>,
    /// Messages of the group after which what is open is owed no more.
    pub void: Option<Selector>,
    /// Whether a trigger is the same one again where the answer to an earlier one is still owed.
    pub one_at_a_time: bool,
    /// Whether an open obligation outlives its connection.
    pub carry: bool,
}

/// A span of time after a trigger.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Not earlier than this.
    pub lower: Duration,
    /// Not later than this; `None` without a limit.
    pub upper: Option<Duration>,
    /// Where the trigger itself says the limit, in milliseconds; it goes before `upper`.
    pub upper_at: Option<Slot>,
    /// Where an earlier message of the recording said it; it goes before `upper`, too.
    pub learned: Option<Learned>,
}

/// A limit that a message says for all that follow.
#[derive(Clone, Debug)]
pub struct Learned {
    /// That message.
    pub from: Selector,
    /// Where it says a number.
    pub at: Slot,
    /// How many milliseconds each of that number are.
    pub times: u32,
}

/// How often a trigger is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Once: a missing and a second answer are wrong.
    ExactlyOnce,
    /// Once or more.
    AtLeastOnce,
    /// Not at all or once.
    AtMostOnce,
}

/// What a `respond` rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judges {
    /// The answer comes, and in time.
    Both,
    /// The answer comes. A late one counts; the window only says when a missing one is certain.
    Existence,
    /// The answer is in time, if it comes.
    Promptness,
}

/// `precede`: `then` only after `first`; the sender of `then` is to blame.
#[derive(Clone, Debug)]
pub struct Precede {
    /// What has to come first.
    pub first: Selector,
    /// What may follow.
    pub then: Selector,
    /// What both share.
    pub grouping: GroupingId,
    /// Whether each `then` needs a `first` of its own.
    pub each: bool,
    /// Messages that take the permission away again.
    pub reset: Option<Selector>,
}

/// `order`: messages of one key follow a small state table; the sender of the illegal one is to blame.
#[derive(Clone, Debug)]
pub struct Order {
    /// What the messages share.
    pub grouping: GroupingId,
    /// The states; the first is the start.
    pub states: Vec<State>,
    /// Every message the table knows; others are not looked at.
    pub messages: Vec<Step>,
    /// The kinds of those.
    pub kinds: Vec<KindId>,
    /// What the table is about, for people: "the last payment".
    pub what: String,
}

/// A message an order knows.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which messages.
    pub on: Selector,
    /// What people call it.
    pub what: String,
    /// Whether it has no key and moves every group there is.
    pub everywhere: bool,
}

/// One state of an order.
#[derive(Clone, Debug)]
pub struct State {
    /// Its name.
    pub name: String,
    /// What may come, and where it leads.
    pub transitions: Vec<Transition>,
}

/// What may come in a state.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// Index of the message among those of the order.
    pub step: usize,
    /// Index of the state that follows.
    pub to: usize,
    /// Allowed only when so much time has passed in the state.
    pub not_before: Duration,
    /// Whether it is evidence that the order was kept.
    pub counts: bool,
}

/// `agree`: a value stands in a relation to an earlier one; the sender of the later is to blame.
#[derive(Clone, Debug)]
pub struct Agree {
    /// The later message.
    pub of: Selector,
    /// Its value, at the first of these places where there is one. Of several values there, as in an array,
    /// each has to agree; where sums are compared, they are added up.
    pub at: Vec<Slot>,
    /// The earlier message.
    pub with: Selector,
    /// Its value, at the first of these places where there is one.
    pub with_at: Vec<Slot>,
    /// How the later value relates to the earlier one.
    pub relation: Relation,
    /// What both messages share.
    pub grouping: GroupingId,
    /// Whether the later message has to have a value, where the earlier one had.
    pub required: bool,
    /// Whether letters of both cases are the same.
    pub ignore_case: bool,
    /// Whether the later values are added up before they are compared.
    pub together: bool,
    /// Messages that may have taken back what an earlier one of the same key has added to the sum.
    pub less: Option<(Selector, GroupingId)>,
    /// Messages after which the sum is not known.
    pub doubt: Option<Selector>,
}

/// How a later value relates to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same value; `"7"` and `7` are the same amount.
    Equals,
    /// Not more.
    AtMost,
    /// Not less.
    AtLeast,
    /// The sum of all earlier ones of the group.
    SumOf,
}

impl Relation {
    /// Whether a value that compares like this to the other one has the relation to it.
    pub const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equals | Self::SumOf => order.is_eq(),
            Self::AtMost => order.is_le(),
            Self::AtLeast => order.is_ge(),
        }
    }

    /// For people: "equal to".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Equals => "equal to",
            Self::AtMost => "at most",
            Self::AtLeast => "at least",
            Self::SumOf => "the sum of",
        }
    }
}

/// `limit`: at most so many at once, or per window; the sender of the one too many is to blame.
#[derive(Clone, Debug)]
pub struct Limit {
    /// What counts.
    pub on: Selector,
    /// What ends it again, by the same key.
    pub until: Option<Selector>,
    /// Counted over this time, where given.
    pub within: Option<Duration>,
    /// How many are allowed.
    pub most: u32,
    /// The key that `until` shares with `on`.
    pub grouping: GroupingId,
    /// Where they are counted.
    pub scope: Scope,
}
