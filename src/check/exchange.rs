//! The exchanges of a rule page as tests: each is judged by the whole pack, and has to show what it says.

use std::fmt;
use std::sync::Arc;

use super::{Check, CheckResult, Completeness, Options, RuleResult, SourceInfo};
use crate::conversation::transcript;
use crate::pack::{Exchange, Expected, Level, Pack, Pattern, Rule};
use crate::rule::{Finding, Verdict};

/// An exchange that does not show what its page says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{page}:{line}: expected {expected}, got {got}")]
pub struct ExchangeFailure {
    /// Path of the page.
    pub page: String,
    /// Line of the exchange in it, or of the mistake in its transcript.
    pub line: usize,
    /// What the page says.
    pub expected: String,
    /// What the pack said.
    pub got: String,
}

/// Judges an exchange of a rule's page by `pack`.
pub fn try_exchange(pack: &Arc<Pack>, rule: &Rule, exchange: &Exchange) -> Result<(), ExchangeFailure> {
    let failure = |line: usize, got: String| ExchangeFailure {
        page: rule.info.page.clone(),
        line,
        expected: Words(rule, exchange.expected).to_string(),
        got,
    };
    let events = transcript::parse(&exchange.transcript).map_err(|error| {
        failure(
            exchange.line + error.line,
            format!("no transcript: expected {}, got {}", error.expected, error.got),
        )
    })?;
    let mut check = Check::new(Arc::clone(pack), Options::default());
    check.begin(SourceInfo { name: rule.info.page.clone(), ..SourceInfo::default() });
    for event in &events {
        check.observe(event).map_err(|error| failure(exchange.line, error.to_string()))?;
    }
    check.end(Completeness::Finished);
    let result = check.finish();
    let own = result.rules.iter().find(|own| own.rule.code == rule.info.code);
    let Some(own) = own else { return Err(failure(exchange.line, "a pack without the rule".to_owned())) };
    let holds = match exchange.expected {
        Expected::Pass => own.verdict == Verdict::Pass && findings(&result, own).next().is_none(),
        Expected::Fail { at, blames } => {
            let shown = |finding: &Finding| {
                finding.accused == blames && finding.witnesses.iter().any(|witness| witness.n == at)
            };
            let mut roots = findings(&result, own).filter(|(_, finding)| finding.follows_from.is_none());
            matches!((roots.next(), roots.next()),
                (Some((of, finding)), None) if of.rule.code == rule.info.code && shown(finding))
        }
        Expected::Inconclusive => {
            own.verdict == Verdict::Inconclusive && findings(&result, own).next().is_none()
        }
    };
    if holds { Ok(()) } else { Err(failure(exchange.line, got(own, &result))) }
}

/// What the page of a rule does not show: a rule that no exchange breaks proves nothing.
pub fn unshown(rule: &Rule) -> Option<ExchangeFailure> {
    let has = |is: fn(&Expected) -> bool| rule.page.exchanges.iter().any(|exchange| is(&exchange.expected));
    let waits = match &rule.pattern {
        Pattern::Respond(_) => true,
        Pattern::Shape(_)
        | Pattern::Never(_)
        | Pattern::Unique(_)
        | Pattern::Precede(_)
        | Pattern::Order(_)
        | Pattern::Agree(_)
        | Pattern::Limit(_) => false,
    };
    let missing = if !has(|expected| matches!(expected, Expected::Pass)) {
        "`exchange pass`"
    } else if !has(|expected| matches!(expected, Expected::Fail { .. })) {
        "`exchange fail at N blames …`"
    } else if waits && !has(|expected| matches!(expected, Expected::Inconclusive)) {
        "`exchange inconclusive`, which a `respond` rule needs"
    } else {
        return None;
    };
    Some(ExchangeFailure {
        page: rule.info.page.clone(),
        line: rule.page.exchanges.last().map_or(1, |last| last.line),
        expected: format!("an {missing}"),
        got: "none on this page".to_owned(),
    })
}

/// The findings that count for the page of `own`: habits another page only notes are not its subject.
fn findings<'r>(
    result: &'r CheckResult,
    own: &'r RuleResult,
) -> impl Iterator<Item = (&'r RuleResult, &'r Finding)> {
    let counts = |rule: &&RuleResult| rule.rule.level != Level::May || rule.rule.code == own.rule.code;
    result
        .rules
        .iter()
        .filter(counts)
        .flat_map(|rule| rule.findings.iter().map(move |finding| (rule, finding)))
}

fn got(own: &RuleResult, result: &CheckResult) -> String {
    let mut got = own.verdict.to_string();
    if let Some(reason) = own.undecided.keys().next() {
        got.push_str(&format!(" ({})", reason.as_str()));
    }
    if let Some(open) = own.undecided_examples.first() {
        got.push_str(&format!("; {}", open.to_do));
    }
    for (rule, finding) in findings(result, own) {
        let at: Vec<String> = finding.witnesses.iter().map(|witness| witness.n.0.to_string()).collect();
        let follows = finding.follows_from.as_ref().map(|root| format!(", following from {root}"));
        got.push_str(&format!(
            "; {} at {} blames {}{}: {}",
            rule.rule.code,
            at.join(" and "),
            finding.accused,
            follows.unwrap_or_default(),
            finding.what
        ));
    }
    got
}

/// An expectation in words.
struct Words<'a>(&'a Rule, Expected);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = &self.0.info.code;
        match self.1 {
            Expected::Pass => write!(f, "{code} PASS and no finding"),
            Expected::Fail { at, blames } => {
                write!(f, "one root finding, {code} at {} blames {blames}", at.0)
            }
            Expected::Inconclusive => write!(f, "{code} INCONCLUSIVE and no finding"),
        }
    }
}
