//! The proof of a pack for people: a line for each rule, then what is not as it should be.

use super::Look;
use super::sheet::{Ink, Piece, Sheet};
use crate::prove::{Caught, Change, Mistake, Operator, Proof, Proved};

/// A line for each rule, then every mistake with its transcript.
pub fn proof(proof: &Proof, pack: &str, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let mutants = counted(proof.mutants.values().sum(), "mutant");
    let clean = counted(proof.clean as u64, "clean recording");
    let twins = counted(proof.twins.values().sum(), "twin");
    let twinned = counted(proof.twinned as u64, "recording");
    let facts = format!(": {mutants} of {clean}, {twins} of {twinned}");
    sheet.flow(0, 2, &[(Ink::Strong, pack.to_owned()), plain(facts)]);
    let width = proof.rules.iter().map(|proved| proved.rule.code.to_string().len()).max().unwrap_or(0) + 2;
    let times = sheet.glyph("×", "x");
    for proved in &proof.rules {
        let code = proved.rule.code.to_string();
        let space = "\u{a0}".repeat(width - code.len());
        let by = match (proved.is_caught(), proved.exercised) {
            (true, true) => plain(caught_by(proved, times)),
            (true, false) => {
                (Ink::Faint, format!("not exercised here; proved with pack `{}`", proved.rule.pack))
            }
            (false, _) => (Ink::Bad, "NOT CAUGHT by any operator".to_owned()),
        };
        sheet.flow(2, width + 2, &[(Ink::Good, code), plain(space), by]);
    }
    for page in &proof.unclean {
        sheet.gap();
        sheet.flow(0, 2, &[plain(format!("{page}: a passing exchange in which another rule is broken"))]);
    }
    for mistake in &proof.mistakes {
        say_mistake(&mut sheet, mistake);
    }
    for change in &proof.changes {
        say_change(&mut sheet, change);
    }
    sheet.gap();
    end(&mut sheet, proof, pack);
    sheet.finish()
}

fn end(sheet: &mut Sheet, proof: &Proof, pack: &str) {
    let exercised = proof.rules.iter().filter(|proved| proved.exercised).count();
    let caught = exercised - proof.uncaught().count();
    let faults = match proof.mistakes.len() {
        1 => "1 fault not found as it should be".to_owned(),
        n => format!("{n} faults not found as they should be"),
    };
    let changed = counted(proof.changes.len() as u64, "twin");
    let ink = |well| if well { Ink::Plain } else { Ink::Bad };
    let pieces = [
        (Ink::Strong, pack.to_owned()),
        plain(": "),
        (ink(caught == exercised), format!("{caught} of {exercised} rules caught")),
        plain(", "),
        (ink(proof.mistakes.is_empty()), faults),
        plain(", "),
        (ink(proof.changes.is_empty()), format!("{changed} changed")),
    ];
    sheet.flow(0, 2, &pieces);
}

fn caught_by(proved: &Proved, times: &str) -> String {
    let roots = proved.caught.iter().filter(|(_, caught)| caught.roots > 0);
    let said = |(operator, caught): (&Operator, &Caught)| {
        let parties: Vec<&str> = caught.accused.iter().map(|party| party.as_str()).collect();
        format!("{operator} {}{times} {}", caught.roots, parties.join("/")).replace(' ', "\u{a0}")
    };
    roots.map(said).collect::<Vec<_>>().join(", ")
}

fn say_mistake(sheet: &mut Sheet, mistake: &Mistake) {
    let findings = mistake.findings.iter().map(|finding| match &finding.follows_from {
        Some(root) => format!("({} {} from {root})", finding.code, finding.accused),
        None => format!("{} {}", finding.code, finding.accused),
    });
    let findings: Vec<String> = findings.collect();
    let facts = format!(
        ": {} at {}; to blame is {}; found {} ({})",
        mistake.operator,
        mistake.place,
        mistake.blame.as_str(),
        findings.join(", "),
        counted(mistake.count, "mutant"),
    );
    sheet.gap();
    sheet.flow(0, 2, &[(Ink::Bad, mistake.wrong.as_str().to_owned()), plain(facts)]);
    say_transcript(sheet, &mistake.transcript);
}

fn say_change(sheet: &mut Sheet, change: &Change) {
    let head = format!(" by the twin `{}` of {}", change.twin, change.name);
    sheet.gap();
    sheet.flow(0, 2, &[(Ink::Bad, format!("{} changed", change.code)), plain(head)]);
    for (word, said) in [("was", &change.said.0), ("is", &change.said.1)] {
        sheet.flow(2, 6, &[(Ink::Faint, format!("{word:\u{a0}<4}")), plain(said.clone())]);
    }
    say_transcript(sheet, &change.transcript);
}

fn say_transcript(sheet: &mut Sheet, transcript: &str) {
    for line in transcript.lines() {
        sheet.verbatim(4, Ink::Faint, line);
    }
}

fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn plain(text: impl Into<String>) -> Piece {
    (Ink::Plain, text.into())
}
