//! Patterns of rules: every kind, key, window and word they name, followed.

use std::time::Duration;

use toml::Spanned;

use super::{File, Resolver};
use crate::pack::error::suggestion;
use crate::pack::format::{
    AgreeDef, LimitDef, NeverDef, OrderDef, PatternDef, PrecedeDef, RespondDef, ShapeDef, Text, UniqueDef,
    WindowDef,
};
use crate::pack::pattern::{
    Agree, Judges, Learned, Limit, Never, Order, Pattern, Precede, Relation, Respond, Scope, Shape, State,
    Times, Transition, Unique, Window,
};

impl Resolver {
    pub(super) fn pattern(&mut self, file: &File<'_>, pattern: Spanned<PatternDef>) -> Option<Pattern> {
        Some(match pattern.into_inner() {
            PatternDef::Shape(ShapeDef { on, require }) => {
                let mut shape = Shape { on: self.selector(file, &on), require: self.tests(file, &require) };
                self.with_bodies(file, &on.kinds, &mut shape);
                Pattern::Shape(shape)
            }
            PatternDef::Never(NeverDef { message, among, after, key }) => Pattern::Never(Never {
                message: self.selector(file, &message),
                among: among.map(|def| self.selector(file, &def)),
                after: after.map(|def| self.selector(file, &def)),
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
            PatternDef::Agree(AgreeDef { of, at, with, with_at, relation, key }) => Pattern::Agree(Agree {
                of: self.selector(file, &of),
                at: self.slot(file, &at)?,
                with: self.selector(file, &with),
                with_at: self.slot(file, &with_at)?,
                relation: self.choice(file, relation.as_ref(), &RELATIONS)?,
                grouping: self.grouping(file, key.as_ref())?,
            }),
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
            self.wrong(file, &def.start, &format!("one of the states: {}", names.join(", ")));
            return None;
        };
        names.swap(0, start);
        let mut kinds = Vec::new();
        let mut states = Vec::new();
        for &name in &names {
            let mut transitions = Vec::new();
            for (kind, transition) in &def.states[name] {
                let kind = self.kind_id(file, &Spanned::new(0..0, kind.clone()))?;
                let Some(to) = names.iter().position(|known| known == transition.to.get_ref()) else {
                    self.wrong(file, &transition.to, &format!("one of the states: {}", names.join(", ")));
                    continue;
                };
                let not_before = transition.not_before.as_ref().and_then(|w| self.span_of_time(file, w));
                let not_before = not_before.unwrap_or_default();
                transitions.push(Transition { kind, to, not_before, counts: transition.counts });
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            states.push(State { name: name.to_owned(), transitions });
        }
        Some(Order { grouping: self.grouping(file, def.key.as_ref())?, states, kinds })
    }

    fn scope(&mut self, file: &File<'_>, word: Option<&Text>) -> Option<Scope> {
        self.choice(file, word, &SCOPES)
    }

    fn span_of_time(&mut self, file: &File<'_>, window: &Spanned<WindowDef>) -> Option<Duration> {
        match window.get_ref() {
            WindowDef::Millis(millis) => Some(Duration::from_millis(*millis)),
            WindowDef::Parameter(name) => {
                match self.parameters.iter().find(|parameter| parameter.name == *name) {
                    Some(parameter) => Some(Duration::from_millis(parameter.value)),
                    None => {
                        let known: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
                        let help = suggestion(name, known.iter().copied())
                            .unwrap_or_else(|| format!("known parameters: {}", known.join(", ")));
                        let message = format!("expected milliseconds or a parameter, got `{name}`");
                        self.errors.push(file.error(window.span(), message).help(help));
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
const SCOPES: [(&str, Scope); 3] = [
    ("recording", Scope::Recording),
    ("connection", Scope::Connection),
    ("installation", Scope::Installation),
];
