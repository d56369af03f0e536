//! From `waivers.toml` to what a run may be forgiven: every reason why it may not is a mistake shown where it
//! stands, with the next step.
//!
//! Three looks, each as early as it can be: at the file and the calendar, at the pack, and, once everything is
//! judged, at what a waiver was good for.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::format::{FileDef, VERSION, VersionDef};
use super::look::Look;
use super::{Date, Devices, Grant, Waiver};
use crate::check::{CheckResult, RuleResult, Subject};
use crate::conversation::Party;
use crate::pack::{Lens, LensId, Pack, PackError, PackErrors, Pattern, Rule, SelectorDef, suggestion};
use crate::rule::{Exemption, Finding, RuleIndex, Verdict};
use crate::text::Pointer;

/// The waivers of a run.
#[derive(Debug)]
pub struct Waivers {
    today: Date,
    files: Vec<(String, String)>,
    asked: Vec<Asked>,
}

/// A waiver that is sound by itself, and where its parts stand.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) waiver: Arc<Waiver>,
    pub(super) for_pack: String,
    pub(super) message: SelectorDef,
    pub(super) flow: Option<SelectorDef>,
    pub(super) at: Option<Pointer>,
    pub(super) file: usize,
    pub(super) spans: Spans,
}

#[derive(Debug)]
pub(super) struct Spans {
    pub(super) whole: Range<usize>,
    pub(super) rule: Range<usize>,
    pub(super) version: Range<usize>,
    pub(super) pack: Range<usize>,
    pub(super) subject: Range<usize>,
    pub(super) witness: Range<usize>,
    pub(super) accused: Range<usize>,
}

impl Waivers {
    /// No waivers yet; those read hold on this day or are refused.
    pub fn on(today: Date) -> Self {
        Self { today, files: Vec::new(), asked: Vec::new() }
    }

    /// The day on which they have to hold.
    pub fn today(&self) -> Date {
        self.today
    }

    /// Takes over the waivers of a file; `name` is what messages call it.
    pub fn read(&mut self, name: &str, text: &str) -> Result<(), PackErrors> {
        let wrong = |error: toml::de::Error| {
            let built = PackError::of_toml(name, text, 0, &error);
            PackErrors::from(match error.message() {
                "missing field `waivers`" => {
                    built.help("start the file with `waivers = 1`, the version of its format")
                }
                _ => built,
            })
        };
        if let Ok(VersionDef { waivers }) = toml::from_str(text)
            && *waivers.get_ref() != VERSION
        {
            let message = format!("expected version {VERSION} of the format, got {}", waivers.get_ref());
            let error = PackError::at(name, text, waivers.span(), message);
            return Err(error.help("a newer tilltape wrote it: update this one").into());
        }
        let FileDef { list, .. } = toml::from_str(text).map_err(wrong)?;
        if list.is_empty() {
            let error = PackError::of_file(name, "expected a `[[waiver]]`, got none");
            return Err(error.help("docs/waivers.md has an example").into());
        }
        let mut errors = Vec::new();
        let file = self.files.len();
        for definition in list {
            let mut look = Look { name, text, errors: &mut errors };
            if let Some(asked) = look.waiver(definition, self.today, file) {
                self.asked.push(asked);
            }
        }
        self.files.push((name.to_owned(), text.to_owned()));
        if errors.is_empty() { Ok(()) } else { Err(PackErrors(errors)) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Whether each is for one of `packs`, by which the run is judged.
    pub fn are_for(&self, packs: &[&str]) -> Result<(), PackErrors> {
        let stray = self.asked.iter().filter(|asked| !packs.contains(&asked.for_pack.as_str()));
        let wrong = stray.map(|asked| {
            let message = format!(
                "the run is judged by `{}`, the waiver is for `{}`",
                packs.join("` and `"),
                asked.for_pack
            );
            self.error(asked, &asked.spans.pack, message)
                .help("keep the waivers of another protocol in a file of their own")
        });
        errors(wrong.collect())
    }

    /// The messages that the waivers for `pack` mean, to load it with: two for each, a flow where there is one.
    pub fn lenses(&self, pack: &str) -> Vec<Lens<'_>> {
        let all = self.of_pack(pack).flat_map(|asked| {
            let (file, text) = &self.files[asked.file];
            let selectors = [Some(&asked.message), asked.flow.as_ref()].into_iter().flatten();
            selectors.map(move |selector| Lens { file, text, selector })
        });
        all.collect()
    }

    fn of_pack(&self, pack: &str) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(move |asked| asked.for_pack == pack)
    }

    /// What they mean for `pack`, which was loaded with [`Waivers::lenses`].
    pub(crate) fn grants(&self, pack: &Pack) -> Result<Vec<Grant>, PackErrors> {
        let (mut grants, mut wrong, mut lens) = (Vec::new(), Vec::new(), 0);
        for asked in self.of_pack(&pack.name) {
            let message = LensId(lens);
            let flow = asked.flow.as_ref().map(|_| LensId(lens + 1));
            lens += 1 + usize::from(flow.is_some());
            match self.rule_of(asked, pack, message) {
                Err(error) => wrong.push(error),
                Ok(rule) => grants.push(Grant {
                    waiver: Arc::clone(&asked.waiver),
                    exemption: Exemption {
                        rule,
                        accused: asked.waiver.accused,
                        message,
                        flow,
                        at: asked.at.clone(),
                    },
                }),
            }
        }
        errors(wrong).map(|()| grants)
    }

    /// The waivers that were good for nothing in a run, as mistakes.
    pub fn unmatched(&self, result: &CheckResult) -> PackErrors {
        let unused = self.of_pack(&result.pack).filter(|asked| {
            // Its words may have been concealed in the meantime; where it stands tells it.
            let place = |waiver: &Waiver| (waiver.file.clone(), waiver.line);
            let own = place(&asked.waiver);
            let known = result.waivers.iter().find(|known| place(&known.waiver) == own);
            known.is_none_or(|known| known.matched == 0)
        });
        PackErrors(unused.map(|asked| self.unused(asked, result)).collect())
    }

    /// The rule that is meant, where some of its findings may be waived and these are some of them.
    fn rule_of(&self, asked: &Asked, pack: &Pack, message: LensId) -> Result<RuleIndex, PackError> {
        let waiver = &asked.waiver;
        let (of, code) = (&waiver.pack, &waiver.code);
        let found = pack.rules.iter().position(|rule| rule.info.pack == *of && rule.info.code == *code);
        let Some(index) = found else {
            let known: Vec<String> =
                pack.rules.iter().map(|rule| format!("{}/{}", rule.info.pack, rule.info.code)).collect();
            let help = suggestion(&format!("{of}/{code}"), known.iter().map(String::as_str))
                .unwrap_or_else(|| format!("`tilltape pack list {}` lists its rules", pack.name));
            let message = format!("expected a rule of pack `{}`, got `{of}/{code}`", pack.name);
            return Err(self.error(asked, &asked.spans.rule, message).help(help));
        };
        let rule = &pack.rules[index];
        if !rule.info.waivable {
            let message = format!("{code} cannot be waived: {}", rule.info.title);
            let help = "nobody can sign for card data in clear: mend it, and destroy what was recorded of it";
            return Err(self.error(asked, &asked.spans.rule, message).help(help));
        }
        if rule.info.version != waiver.version {
            let message = format!(
                "void: granted for version {} of {code}, which is at version {} now",
                waiver.version, rule.info.version
            );
            let help = format!(
                "read what it asks for now, `tilltape explain {of}/{code}`, and have it granted anew"
            );
            return Err(self.error(asked, &asked.spans.version, message).help(help));
        }
        if let Some(obligor) = rule.info.obligor.filter(|&obligor| obligor != waiver.accused) {
            let message = format!("expected `{obligor}`, whom {code} binds, got `{}`", waiver.accused);
            return Err(self.error(asked, &asked.spans.accused, message));
        }
        if asked.flow.is_none()
            && pack.is_whole(rule, &pack.lenses[message.0])
            && !points_apart(pack, rule, asked.at.as_ref())
        {
            let message = format!("a whole rule cannot be waived, and this means every finding of {code}");
            let help = "say which: a special kind of message, `message = { kind = …, when = […] }`, or the \
                        flows, `flow = …`";
            return Err(self.error(asked, &asked.spans.witness, message).help(help));
        }
        Ok(RuleIndex::new(index))
    }

    fn unused(&self, asked: &Asked, result: &CheckResult) -> PackError {
        let Asked { waiver, spans, .. } = asked;
        let code = &waiver.code;
        if !result.sources.iter().any(|source| waiver.devices.are(&source.subject)) {
            let seen: BTreeSet<String> =
                result.sources.iter().map(|source| of_parties(&source.subject, &waiver.devices)).collect();
            let seen: Vec<String> = seen.into_iter().take(3).collect();
            let message = format!(
                "unmatched: no recording is of its subject; expected {}, got {}",
                waiver.devices.words(),
                seen.join(" / ")
            );
            let help = "a waiver is for one product: remove it, have one granted for this product, or keep it in \
                        another file";
            return self.error(asked, &spans.subject, message).help(help);
        }
        let rule = result.rules.iter().find(|rule| rule.rule.pack == waiver.pack && rule.rule.code == *code);
        let Some(rule) = rule.filter(|rule| rule.verdict == Verdict::Fail) else {
            let verdict = rule.map_or_else(|| "not looked at".to_owned(), |rule| rule.verdict.to_string());
            let message = format!("unmatched: {code} was not broken, it is {verdict}");
            let help = match rule.map(|rule| rule.verdict) {
                Some(Verdict::Pass) => "if it is mended, remove the waiver",
                Some(_) | None => "record the exchange it is about, or remove the waiver",
            };
            return self.error(asked, &spans.whole, message).help(help);
        };
        let kinds =
            || rule.findings.iter().flat_map(|finding| &finding.witnesses).filter_map(|w| w.kind.as_ref());
        let but = match kinds().any(|kind| waiver.messages.contains(kind)) {
            true => ", for which `when`, `flow` or `at` does not hold",
            false => "",
        };
        let message = format!("unmatched: {code} was broken otherwise; its findings {}{but}", others(rule));
        let help = "findings of another kind need a waiver of their own";
        self.error(asked, &spans.witness, message).help(help)
    }

    fn error(&self, asked: &Asked, span: &Range<usize>, message: impl Into<String>) -> PackError {
        let (name, text) = &self.files[asked.file];
        PackError::at(name, text, span.clone(), message)
    }
}

/// Whether the rule can point at more than one place, so that naming one leaves others.
fn points_apart(pack: &Pack, rule: &Rule, at: Option<&Pointer>) -> bool {
    match (&rule.pattern, at) {
        (Pattern::Shape(shape), Some(at)) => {
            shape.require.iter().any(|test| test.points_beside(at, &pack.trie))
        }
        (_, Some(_) | None) => false,
    }
}

/// What the findings of a rule are about: "accuse the pos about `event-completed`".
fn others(rule: &RuleResult) -> String {
    let kinds = |finding: &Finding| {
        let kinds: Vec<String> = finding
            .witnesses
            .iter()
            .filter_map(|witness| Some(format!("`{}`", witness.kind.as_ref()?)))
            .collect();
        format!("accuse the {} about {}", finding.accused, kinds.join(" and "))
    };
    let all: BTreeSet<String> = rule.findings.iter().map(kinds).collect();
    all.into_iter().take(3).collect::<Vec<_>>().join(", ")
}

/// What a recording says of the parties a waiver names.
fn of_parties(subject: &Subject, devices: &Devices) -> String {
    let of = |party: &Party| match subject.words(*party) {
        Some(words) => format!("{party} `{words}`"),
        None => format!("no word about the {party} in its header"),
    };
    devices.0.keys().map(of).collect::<Vec<_>>().join("; ")
}

fn errors(errors: Vec<PackError>) -> Result<(), PackErrors> {
    if errors.is_empty() { Ok(()) } else { Err(PackErrors(errors)) }
}
