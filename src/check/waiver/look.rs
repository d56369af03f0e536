//! A look at `waivers.toml` by itself: is everything said, and does it hold today?

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::value::Datetime;

use super::format::{FactDef, FactsDef, WaiverDef};
use super::waivers::{Asked, Spans};
use super::{Date, Devices, Waiver};
use crate::conversation::Party;
use crate::pack::{PackError, RuleCode, is_pack_name, suggestion};
use crate::text::Pointer;

/// How long a waiver holds where its file does not say, in days.
const USUAL: i64 = 30;

/// How long a waiver can hold at most, in days.
const LONGEST: i64 = 180;

/// A look at one file.
pub(super) struct Look<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) errors: &'a mut Vec<PackError>,
}

impl Look<'_> {
    /// A waiver that is sound by itself; `None` where its mistakes were noted.
    pub(super) fn waiver(
        &mut self,
        definition: Spanned<WaiverDef>,
        today: Date,
        file: usize,
    ) -> Option<Asked> {
        let before = self.errors.len();
        let whole = definition.span();
        let WaiverDef { rule, version, subject, witness, reason, owner, approver, granted, expires } =
            definition.into_inner();
        let (subject_span, subject) = (subject.span(), subject.into_inner());
        let (witness_span, witness) = (witness.span(), witness.into_inner());
        let named = self.rule(&rule);
        for (key, text) in [("reason", &reason), ("owner", &owner), ("approver", &approver)] {
            if text.get_ref().trim().is_empty() {
                self.wrong(text.span(), format!("expected `{key}` to say something, got nothing"), None);
            }
        }
        let accused = self.party(&witness.accused);
        let granted_on = self.date(&granted);
        let expires_on = match &expires {
            Some(expires) => self.date(expires),
            None => granted_on.map(|granted| granted.after(USUAL)),
        };
        if let (Some(from), Some(until)) = (granted_on, expires_on) {
            let until_span = expires.as_ref().map_or(granted.span(), Spanned::span);
            self.term(from, granted.span(), until, until_span, today);
        }
        let devices = [
            (Party::Pos, subject.pos),
            (Party::Terminal, subject.terminal),
            (Party::Gateway, subject.gateway),
        ];
        let devices = devices.into_iter().filter(|(_, facts)| !facts.is_empty());
        let devices = Devices(devices.map(|(party, facts)| (party, values(facts))).collect());
        if let Some(accused) = accused.filter(|accused| !devices.0.contains_key(accused)) {
            let message = format!("expected `subject` to say which {accused} it is for");
            let help = format!(
                "name it as the header of its recordings does: `{accused} = {{ {} }}`",
                if accused == Party::Pos {
                    "name = …, version = …"
                } else {
                    "model = …, firmware = …"
                }
            );
            self.wrong(subject_span.clone(), message, Some(help));
        }
        let at = witness.at.as_ref().and_then(|at| self.pointer(at));
        let spans = Spans {
            whole: whole.clone(),
            rule: rule.span(),
            version: version.span(),
            pack: subject.pack.span(),
            subject: subject_span,
            witness: witness_span,
            accused: witness.accused.span(),
        };
        if self.errors.len() > before {
            return None;
        }
        let (pack, code) = named?;
        let waiver = Waiver {
            file: self.name.to_owned(),
            line: self.text[..whole.start].matches('\n').count() + 1,
            pack,
            code,
            version: version.into_inner(),
            devices,
            accused: accused?,
            messages: witness.message.kinds().map(str::to_owned).collect(),
            reason: reason.into_inner(),
            owner: owner.into_inner(),
            approver: approver.into_inner(),
            granted: granted_on?,
            expires: expires_on?,
        };
        let (message, flow) = (witness.message, witness.flow);
        let for_pack = subject.pack.into_inner();
        Some(Asked { waiver: Arc::new(waiver), for_pack, message, flow, at, file, spans })
    }

    fn rule(&mut self, rule: &Spanned<String>) -> Option<(String, RuleCode)> {
        let named = rule.get_ref().split_once('/');
        let named = named.and_then(|(pack, code)| Some((pack, code.parse::<RuleCode>().ok()?)));
        match named {
            Some((pack, code)) if is_pack_name(pack) => Some((pack.to_owned(), code)),
            Some(_) | None => {
                let help = match rule.get_ref().split_once('/') {
                    Some(_) => "one rule a waiver, never a family",
                    None => "name the pack that states it",
                };
                let message =
                    format!("expected a rule such as `bluechip-tsi/ACK-1`, got `{}`", rule.get_ref());
                self.wrong(rule.span(), message, Some(help.to_owned()));
                None
            }
        }
    }

    /// Whether it holds today, and not for too long.
    fn term(
        &mut self,
        granted: Date,
        granted_span: Range<usize>,
        expires: Date,
        expires_span: Range<usize>,
        today: Date,
    ) {
        let lasts = granted.days_to(expires);
        if granted > today {
            let message = format!("granted on {granted}, which is still to come: today is {today}");
            self.wrong(granted_span, message, Some("a waiver holds from the day it is signed".to_owned()));
        } else if lasts < 0 {
            let message = format!("expires on {expires}, before it was granted on {granted}");
            self.wrong(expires_span, message, None);
        } else if lasts > LONGEST {
            let message =
                format!("expected to last {LONGEST} days at most, got {lasts}: {granted} to {expires}");
            let help = format!(
                "let it expire on {} and have it granted again then, if it must be",
                granted.after(LONGEST)
            );
            self.wrong(expires_span, message, Some(help));
        } else if expires < today {
            let ago = expires.days_to(today);
            let days = if ago == 1 { "day" } else { "days" };
            let message = format!("expired on {expires}, {ago} {days} ago");
            let help = "mend what it waives and remove it, or have it granted again: `granted`, `expires`, `approver`";
            self.wrong(expires_span, message, Some(help.to_owned()));
        }
    }

    fn date(&mut self, date: &Spanned<Datetime>) -> Option<Date> {
        let written = date.get_ref();
        let day = match (written.date, written.time, written.offset) {
            (Some(day), None, None) => Date::of(day.year, day.month, day.day),
            (_, _, _) => None,
        };
        if day.is_none() {
            self.wrong(date.span(), format!("expected a day such as `2026-03-02`, got `{written}`"), None);
        }
        day
    }

    fn party(&mut self, word: &Spanned<String>) -> Option<Party> {
        let party = word.get_ref().parse().ok();
        if party.is_none() {
            let message = format!("expected `pos`, `terminal` or `gateway`, got `{}`", word.get_ref());
            self.wrong(word.span(), message, suggestion(word.get_ref(), ["pos", "terminal", "gateway"]));
        }
        party
    }

    fn pointer(&mut self, text: &Spanned<String>) -> Option<Pointer> {
        let pointer = text.get_ref().parse().ok();
        if pointer.is_none() {
            let message =
                format!("expected a JSON Pointer such as `/event/flow_id`, got `{}`", text.get_ref());
            self.wrong(text.span(), message, None);
        }
        pointer
    }

    fn wrong(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        let error = PackError::at(self.name, self.text, span, message);
        self.errors.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
    }
}

fn values(facts: FactsDef) -> BTreeMap<String, Vec<String>> {
    let values = |fact| match fact {
        FactDef::One(value) => vec![value],
        FactDef::OneOf(values) => values,
    };
    facts.into_iter().map(|(fact, value)| (fact, values(value))).collect()
}
