//! The proof itself: clean recordings are broken in every way, and what the rules say is held against what
//! was done.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::anatomy::{Anatomy, Lexicon};
use super::operator::{Blame, Mutant, Operator};
use super::sequence::{self, Flows};
use super::tape::Tape;
use super::twin::Twin;
use super::{field, link};
use crate::check::{Check, CheckResult, Completeness, Options, SourceInfo};
use crate::conversation::{Party, transcript};
use crate::pack::{Expected, Level, Pack, RuleInfo};
use crate::rule::{Reason, Verdict};

/// What was proved of a pack.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// Every rule of the pack, and what caught it.
    pub rules: Vec<Proved>,
    /// Recordings without a fault, which were broken.
    pub clean: usize,
    /// Recordings of which twins were made.
    pub twinned: usize,
    /// Mutants judged, by operator.
    pub mutants: BTreeMap<Operator, u64>,
    /// Twins judged, by sort.
    pub twins: BTreeMap<Twin, u64>,
    /// Faults that were not found as they should be, the first of each sort with the shortest recording.
    pub mistakes: Vec<Mistake>,
    /// Twins of which something else was said.
    pub changes: Vec<Change>,
    /// Exchanges of the pack that should be clean and are not.
    pub unclean: Vec<String>,
}

/// A rule, and the faults it caught.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// By operator.
    pub caught: BTreeMap<Operator, Caught>,
    /// Whether any clean recording exercises it. A rule that the pack has from another one, and that none
    /// does, is proved there.
    pub exercised: bool,
}

/// What a rule said of the mutants of one operator.
#[derive(Clone, Debug, Default)]
pub struct Caught {
    /// Mutants of which it was the root.
    pub roots: u64,
    /// Mutants in which it followed from another rule.
    pub folded: u64,
    /// Whom it accused as root.
    pub accused: Vec<Party>,
}

/// A fault that was not found as it should be.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// What was done.
    pub operator: Operator,
    /// What is wrong with what was found.
    pub wrong: Wrong,
    /// Where it was done, in which recording.
    pub place: String,
    /// Who is to blame.
    pub blame: Blame,
    /// What was found: the rule, whom it accused, and what it follows from.
    pub findings: Vec<Accusation>,
    /// The shortest recording that shows it.
    pub transcript: String,
    /// How many mutants show it.
    pub count: u64,
}

/// A finding, as far as the proof looks at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accusation {
    /// Code of the rule.
    pub code: String,
    /// The accused.
    pub accused: Party,
    /// The root it was folded under.
    pub follows_from: Option<String>,
    /// Whether its rule is a MAY: a note, which may stand beside what another rule finds.
    pub is_note: bool,
}

/// What can be wrong with what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// A party was accused that has done nothing.
    Innocent,
    /// Both parties were accused of one fault.
    BothParties,
    /// One fault gave several root findings.
    SeveralRoots,
}

impl Wrong {
    /// As reports say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Innocent => "wrong party accused",
            Self::BothParties => "both parties accused",
            Self::SeveralRoots => "several roots",
        }
    }
}

/// A twin of which something else was said than of the recording.
#[derive(Clone, Debug)]
pub struct Change {
    /// The sort of twin.
    pub twin: Twin,
    /// The recording.
    pub name: String,
    /// The rule that said something else.
    pub code: String,
    /// What it said of the recording and of the twin.
    pub said: (String, String),
    /// The twin.
    pub transcript: String,
}

/// The exchanges of a pack's rule pages.
pub fn exchanges(pack: &Pack) -> Vec<Tape> {
    let mut seen = HashSet::new();
    let mut tapes = Vec::new();
    for rule in &pack.rules {
        for exchange in &rule.page.exchanges {
            let Ok(events) = transcript::parse(&exchange.transcript) else { continue };
            let name = format!("{}:{}", rule.info.page, exchange.line);
            if seen.insert(exchange.transcript.as_str()) {
                tapes.push(Tape::new(&name, &events));
            }
        }
    }
    tapes
}

/// The exchanges that should be clean and are not.
fn unclean(pack: &Arc<Pack>) -> Vec<String> {
    let mut unclean = Vec::new();
    for rule in pack.rules.iter().filter(|rule| rule.info.pack == pack.name) {
        for exchange in rule.page.exchanges.iter().filter(|exchange| exchange.expected == Expected::Pass) {
            let Ok(events) = transcript::parse(&exchange.transcript) else { continue };
            let found = accusations(&judged(pack, &Tape::new("", &events)));
            if found.iter().any(|accusation| !accusation.is_note) {
                unclean.push(format!("{}:{}", rule.info.page, exchange.line));
            }
        }
    }
    unclean
}

impl Proof {
    /// Breaks those of `tapes` that are clean in every way, and makes twins of all of them.
    pub fn of(pack: &Arc<Pack>, tapes: &[Tape]) -> Self {
        let rules = pack.rules.iter();
        let mut proof = Self {
            rules: rules
                .map(|rule| Proved {
                    rule: Arc::clone(&rule.info),
                    caught: BTreeMap::new(),
                    exercised: rule.info.pack == pack.name,
                })
                .collect(),
            unclean: unclean(pack),
            ..Self::default()
        };
        let lexicon = Lexicon::of(pack);
        let neutral = Twin::ALL.map(|twin| (twin, Arc::new(twin.neutral_for(pack))));
        for tape in tapes {
            let anatomy = Anatomy::of(tape, pack);
            let result = judged(pack, tape);
            proof.make_twins(&neutral, &anatomy, &result);
            if tape.events.is_empty() || !accusations(&result).is_empty() {
                continue;
            }
            proof.clean += 1;
            for (proved, rule) in proof.rules.iter_mut().zip(&result.rules) {
                proved.exercised |= rule.is_exercised();
            }
            let mut emit = |mutant: Mutant| proof.judge(pack, &mutant);
            let undecided = result.rules.iter().any(|rule| !rule.undecided.is_empty());
            let flows = if undecided { Flows::Open } else { Flows::Settled };
            sequence::mutants(&anatomy, flows, &mut emit);
            field::mutants(&anatomy, &lexicon, &mut emit);
            link::mutants(&anatomy, pack, flows, &mut emit);
        }
        proof.mistakes.sort_by_key(|mistake| (mistake.wrong, mistake.operator, mistake.transcript.len()));
        proof
    }

    /// Adds what was proved with other recordings of the same pack.
    pub fn absorb(&mut self, other: Self) {
        self.clean += other.clean;
        self.twinned += other.twinned;
        for (operator, count) in other.mutants {
            *self.mutants.entry(operator).or_default() += count;
        }
        for (twin, count) in other.twins {
            *self.twins.entry(twin).or_default() += count;
        }
        for (own, other) in self.rules.iter_mut().zip(other.rules) {
            own.exercised |= other.exercised;
            for (operator, caught) in other.caught {
                own.caught.entry(operator).or_default().absorb(caught);
            }
        }
        for mistake in other.mistakes {
            self.note(mistake);
        }
        self.mistakes.sort_by_key(|mistake| (mistake.wrong, mistake.operator, mistake.transcript.len()));
        self.changes.extend(other.changes);
    }

    /// Rules no operator was caught by, with the right party accused.
    pub fn uncaught(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().filter(|proved| !proved.is_caught()).map(|proved| proved.rule.as_ref())
    }

    /// Whether everything was as it should be.
    pub fn holds(&self) -> bool {
        self.mistakes.is_empty()
            && self.changes.is_empty()
            && self.unclean.is_empty()
            && self.uncaught().next().is_none()
    }

    fn judge(&mut self, pack: &Arc<Pack>, mutant: &Mutant) {
        *self.mutants.entry(mutant.operator).or_default() += 1;
        let result = judged(pack, &mutant.tape);
        let findings = accusations(&result);
        if findings.is_empty() {
            return;
        }
        let wrong = wrong(mutant.blame, &findings);
        if let Some(wrong) = wrong {
            self.note(Mistake {
                operator: mutant.operator,
                wrong,
                place: format!("{} in {}", mutant.place, mutant.tape.name),
                blame: mutant.blame,
                findings,
                transcript: mutant.tape.transcript(),
                count: 1,
            });
            return;
        }
        for (proved, rule) in self.rules.iter_mut().zip(&result.rules) {
            let roots = rule.findings.iter().filter(|finding| finding.follows_from.is_none());
            let accused: Vec<Party> = roots.map(|finding| finding.accused).collect();
            if rule.findings.is_empty() {
                continue;
            }
            let caught = Caught {
                roots: u64::from(!accused.is_empty()),
                folded: u64::from(accused.is_empty()),
                accused,
            };
            proved.caught.entry(mutant.operator).or_default().absorb(caught);
        }
    }

    /// Keeps the shortest recording of each sort of mistake.
    fn note(&mut self, mistake: Mistake) {
        let alike = |known: &&mut Mistake| {
            (known.operator, known.wrong, &known.findings)
                == (mistake.operator, mistake.wrong, &mistake.findings)
        };
        match self.mistakes.iter_mut().find(alike) {
            Some(known) => {
                let count = known.count + mistake.count;
                if mistake.transcript.len() < known.transcript.len() {
                    *known = mistake;
                }
                known.count = count;
            }
            None => self.mistakes.push(mistake),
        }
    }

    fn make_twins(&mut self, neutral: &[(Twin, Arc<Pack>)], anatomy: &Anatomy<'_>, whole: &CheckResult) {
        self.twinned += 1;
        for &(twin, ref pack) in neutral {
            let of_less;
            let result = if pack.rules.len() == whole.rules.len() {
                whole
            } else {
                of_less = judged(pack, anatomy.tape);
                &of_less
            };
            let settled = result.rules.iter().all(|rule| rule.violated == 0 && rule.undecided.is_empty());
            let Some(tape) = twin.of(anatomy, pack).filter(|_| settled || twin != Twin::Split) else {
                continue;
            };
            *self.twins.entry(twin).or_default() += 1;
            let of_twin = judged(pack, &tape);
            for (own, other) in result.rules.iter().zip(&of_twin.rules) {
                let said = (Account::of(own).times(twin.factor()), Account::of(other));
                if said.0 != said.1 {
                    self.changes.push(Change {
                        twin,
                        name: tape.name.clone(),
                        code: own.rule.code.to_string(),
                        said: (format!("{:?}", said.0), format!("{:?}", said.1)),
                        transcript: tape.transcript(),
                    });
                }
            }
        }
    }
}

impl Proved {
    /// Whether it was the root of a fault that was found as it should be, or has nothing to say here.
    pub fn is_caught(&self) -> bool {
        !self.exercised || self.caught.values().any(|caught| caught.roots > 0)
    }
}

impl Caught {
    fn absorb(&mut self, other: Self) {
        self.roots += other.roots;
        self.folded += other.folded;
        self.accused.extend(other.accused);
        self.accused.sort_unstable();
        self.accused.dedup();
    }
}

/// What one rule said, as far as a twin must not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    verdict: Verdict,
    met: u64,
    violated: u64,
    void: u64,
    undecided: BTreeMap<Reason, u64>,
    accused: BTreeMap<(Party, Option<String>), u64>,
}

impl Account {
    fn of(rule: &crate::check::RuleResult) -> Self {
        let mut accused = BTreeMap::new();
        for finding in &rule.findings {
            *accused.entry((finding.accused, finding.follows_from.clone())).or_default() += 1;
        }
        Self {
            verdict: rule.verdict,
            met: rule.met,
            violated: rule.violated,
            void: rule.void,
            undecided: rule.undecided.clone(),
            accused,
        }
    }

    fn times(mut self, factor: u64) -> Self {
        self.met *= factor;
        self.violated *= factor;
        self.void *= factor;
        self.undecided.values_mut().chain(self.accused.values_mut()).for_each(|count| *count *= factor);
        self
    }
}

fn judged(pack: &Arc<Pack>, tape: &Tape) -> CheckResult {
    let mut check = Check::new(Arc::clone(pack), Options::default());
    check.begin(SourceInfo::default());
    tape.replay(|event| {
        // A mutant whose JSON does not parse is made as a text, not as JSON.
        let _ = check.observe(event);
    });
    check.end(Completeness::Finished);
    check.finish()
}

fn accusations(result: &CheckResult) -> Vec<Accusation> {
    let of_rule = |rule: &crate::check::RuleResult| {
        let code = rule.rule.code.to_string();
        let accusations = rule.findings.iter().map(|finding| Accusation {
            code: code.clone(),
            accused: finding.accused,
            follows_from: finding.follows_from.clone(),
            is_note: rule.rule.level == Level::May,
        });
        accusations.collect::<Vec<_>>()
    };
    let mut all: Vec<_> = result.rules.iter().flat_map(of_rule).collect();
    all.sort();
    all
}

/// What is wrong with these findings, of which there is at least one.
fn wrong(blame: Blame, findings: &[Accusation]) -> Option<Wrong> {
    // A rule may be broken by several messages of one fault: each request on a wrong endpoint.
    let mut roots: Vec<_> = findings.iter().filter(|finding| finding.follows_from.is_none()).collect();
    if roots.iter().any(|finding| !finding.is_note) {
        roots.retain(|finding| !finding.is_note);
    }
    roots.dedup();
    let first = findings.first()?.accused;
    if findings.iter().any(|finding| !blame.allows(finding.accused)) {
        return Some(Wrong::Innocent);
    }
    if findings.iter().any(|finding| finding.accused != first) {
        return Some(Wrong::BothParties);
    }
    (roots.len() != 1).then_some(Wrong::SeveralRoots)
}
