//! Patterns of rules: every kind, key, window and word they name, followed.

use std::time::Duration;

use toml::Spanned;

use super::{File, Resolver};
use crate::pack::error::suggestion;
use crate::pack::format::{
    AgreeDef, LimitDef, NeverDef, NumberDef, OrderDef, PatternDef, PrecedeDef, RespondDef, ShapeDef, SpanDef,
    Text, UniqueDef, WindowDef,
};
use crate::pack::pattern::{
    Agree, Judges, Learned, Limit, Never, Order, Pattern, Precede, Relation, Respond, Scope, Selector, Shape,
    Span, State, Step, Times, Transition, Unique, Window,
};
use crate::pack::{Grouping, KindId};

impl Resolver {
    pub(super) fn pattern(&mut self, file: &File<'_>, pattern: Spanned<PatternDef>) -> Option<Pattern> {
        Some(match pattern.into_inner() {
            PatternDef::Shape(ShapeDef { on, require }) => {
                let mut shape = Shape { on: self.selector(file, &on), require: self.tests(file, &require) };
                self.with_bodies(file, &on.kinds, &mut shape);
                Pattern::Shape(shape)
            }
            PatternDef::Never(NeverDef { message, among, after, until, key }) => Pattern::Never(Never {
                message: self.selector(file, &message),
                among: among.map(|def| self.selector(file, &def)),
                after: after.map(|def| self.selector(file, &def)),
                until: until.map(|def| self.selector(file, &def)),
                grouping: self.grouping(file, key.as_ref())?,
            }),
            PatternDef::Unique(UniqueDef { on, key, scope }) => Pattern::Unique(Unique {
                on: self.selector(file, &on),
                grouping: self.grouping(file, key.as_ref())?,
                scope: self.scope(file, scope.as_ref())?,
            }),
            PatternDef::Respond(def) => Pattern::Respond(self.respond(file, &def)?),
            PatternDef::Precede(PrecedeDef { first, then, key, each, reset_on }) => {
                Pattern::Precede(Precede {
                    first: self.selector(file, &first),
                    then: self.selector(file, &then),
                    grouping: self.grouping(file, key.as_ref())?,
                    each,
                    reset: reset_on.map(|def| self.selector(file, &def)),
                })
            }
            PatternDef::Order(def) => Pattern::Order(self.order(file, &def)?),
            PatternDef::Agree(def) => Pattern::Agree(self.agree(file, &def)?),
            PatternDef::Limit(LimitDef { on, until, within, most, key, scope }) => Pattern::Limit(Limit {
                on: self.selector(file, &on),
                until: until.map(|def| self.selector(file, &def)),
                within: within.and_then(|window| self.span_of_time(file, &window)),
                most,
                grouping: self.grouping(file, key.as_ref())?,
                scope: self.scope(file, scope.as_ref())?,
            }),
        })
    }

    /// When a rule is in force.
    pub(super) fn span(&mut self, file: &File<'_>, def: &SpanDef) -> Option<Span> {
        let SpanDef { after, until, since, key } = def;
        Some(Span {
            after: after.as_ref().map(|def| self.selector(file, def)),
            until: until.as_ref().map(|def| self.selector(file, def)),
            since: since.as_ref().map(|def| self.selector(file, def)),
            grouping: self.grouping(file, key.as_ref())?,
        })
    }

    fn agree(&mut self, file: &File<'_>, def: &AgreeDef) -> Option<Agree> {
        let mut slots = |at: &[Text]| at.iter().map(|at| self.slot(file, at)).collect::<Option<Vec<_>>>();
        let (at, with_at) = (slots(&def.at.0)?, slots(&def.with_at.0)?);
        let less = match &def.less {
            Some(less) => Some((self.selector(file, less), self.grouping(file, def.less_key.as_ref())?)),
            None => None,
        };
        Some(Agree {
            of: self.selector(file, &def.of),
            at,
            with: self.selector(file, &def.with),
            with_at,
            relation: self.choice(file, def.relation.as_ref(), &RELATIONS)?,
            grouping: self.grouping(file, def.key.as_ref())?,
            required: def.required,
            ignore_case: def.ignore_case,
            together: def.together,
            less,
            doubt: def.doubt_on.as_ref().map(|doubt| self.selector(file, doubt)),
        })
    }

    pub(super) fn respond(&mut self, file: &File<'_>, def: &RespondDef) -> Option<Respond> {
        let window = Window {
            lower: def.not_before.as_ref().and_then(|w| self.span_of_time(file, w)).unwrap_or_default(),
            upper: def.within.as_ref().and_then(|w| self.span_of_time(file, w)),
            upper_at: def.within_at.as_ref().and_then(|pointer| self.slot(file, pointer)),
            learned: match &def.within_learned {
                Some(learned) => Some(Learned {
                    from: self.selector(file, &learned.from),
                    at: self.slot(file, &learned.at)?,
                    times: learned.times,
                }),
                None => None,
            },
        };
        Some(Respond {
            to: self.selector(file, &def.to),
            with: self.selector(file, &def.with),
            grouping: self.grouping(file, def.key.as_ref())?,
            window,
            times: self.choice(file, def.times.as_ref(), &TIMES)?,
            judges: self.choice(file, def.judges.as_ref(), &JUDGES)?,
            restart: def.restart_on.as_ref().map(|restart| self.selector(file, restart)),
            void: def.void_on.as_ref().map(|void| self.selector(file, void)),
            one_at_a_time: def.one_at_a_time,
            carry: self.choice(file, def.on_disconnect.as_ref(), &ON_DISCONNECT)?,
        })
    }

    pub(super) fn order(&mut self, file: &File<'_>, def: &OrderDef) -> Option<Order> {
        let mut names: Vec<&str> = def.states.keys().map(String::as_str).collect();
        let Some(start) = names.iter().position(|name| name == def.start.get_ref()) else {
            self.none_of(file, &def.start, "the states", &names);
            return None;
        };
        names.swap(0, start);
        let mut messages = Vec::new();
        let mut known = Vec::new();
        for (name, message) in &def.messages {
            let everywhere = def.everywhere.iter().any(|word| word.get_ref() == name);
            let on = self.selector(file, message);
            let what = name.replace('-', " ");
            known.push(name.as_str());
            messages.push(Step { on, what, everywhere });
        }
        for word in def.everywhere.iter().filter(|word| !known.contains(&word.get_ref().as_str())) {
            self.none_of(file, word, "the messages of the order", &known);
        }
        let mut states = Vec::new();
        for &name in &names {
            let mut transitions = Vec::new();
            for (message, transition) in &def.states[name] {
                let step = match known.iter().position(|known| known == message.get_ref()) {
                    Some(step) => step,
                    None => {
                        let kind = self.kind_id(file, message)?;
                        known.push(message.get_ref());
                        let on = Selector { kinds: vec![kind], ..Selector::default() };
                        let what = self.kinds[kind.0].what.clone();
                        messages.push(Step { on, what, everywhere: false });
                        messages.len() - 1
                    }
                };
                let Some(to) = names.iter().position(|known| known == transition.to.get_ref()) else {
                    self.none_of(file, &transition.to, "the states", &names);
                    continue;
                };
                let not_before = transition.not_before.as_ref().and_then(|w| self.span_of_time(file, w));
                let not_before = not_before.unwrap_or_default();
                transitions.push(Transition { step, to, not_before, counts: transition.counts });
            }
            states.push(State { name: name.to_owned(), transitions });
        }
        let grouping = self.grouping(file, def.key.as_ref())?;
        let what = def.what.clone().unwrap_or_else(|| match &self.groupings[grouping.0] {
            Grouping { flows: true, .. } => "the flow".to_owned(),
            Grouping { name, .. } => format!("the {name}"),
        });
        let mut kinds: Vec<KindId> = messages.iter().flat_map(|step| step.on.kinds.iter().copied()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Some(Order { grouping, states, messages, kinds, what })
    }

    fn scope(&mut self, file: &File<'_>, word: Option<&Text>) -> Option<Scope> {
        self.choice(file, word, &SCOPES)
    }

    pub(super) fn span_of_time(&mut self, file: &File<'_>, window: &Spanned<WindowDef>) -> Option<Duration> {
        self.number(file, window, "milliseconds").map(Duration::from_millis)
    }

    /// A number, or the value of a parameter.
    pub(super) fn number(&mut self, file: &File<'_>, number: &Spanned<NumberDef>, what: &str) -> Option<u64> {
        match number.get_ref() {
            NumberDef::Number(number) => Some(*number),
            NumberDef::Parameter(name) => {
                match self.parameters.iter().find(|parameter| parameter.name == *name) {
                    Some(parameter) => Some(parameter.value),
                    None => {
                        let known: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
                        let help = suggestion(name, known.iter().copied())
                            .unwrap_or_else(|| format!("known parameters: {}", known.join(", ")));
                        let message = format!("expected {what} or a parameter, got `{name}`");
                        self.errors.push(file.error(number.span(), message).help(help));
                        None
                    }
                }
            }
        }
    }
}

const RELATIONS: [(&str, Relation); 4] = [
    ("equals", Relation::Equals),
    ("at-most", Relation::AtMost),
    ("at-least", Relation::AtLeast),
    ("sum-of", Relation::SumOf),
];
const TIMES: [(&str, Times); 3] = [
    ("at-least-once", Times::AtLeastOnce),
    ("exactly-once", Times::ExactlyOnce),
    ("at-most-once", Times::AtMostOnce),
];
const JUDGES: [(&str, Judges); 3] =
    [("both", Judges::Both), ("existence", Judges::Existence), ("promptness", Judges::Promptness)];
const ON_DISCONNECT: [(&str, bool); 2] = [("end", false), ("carry", true)];
const SCOPES: [(&str, Scope); 4] = [
    ("recording", Scope::Recording),
    ("connection", Scope::Connection),
    ("endpoint", Scope::Endpoint),
    ("installation", Scope::Installation),
];
