//! The proof for programs, and the matrix of rules and operators as it is published.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::operator::Operator;
use super::proof::{Proof, Proved};
use super::twin::Twin;
use crate::conversation::Party;

/// The matrix as Markdown: operators down, rules across.
pub fn markdown(proof: &Proof) -> String {
    let mut out = String::new();
    let used: Vec<Operator> =
        Operator::ALL.into_iter().filter(|operator| proof.mutants.contains_key(operator)).collect();
    let codes: Vec<String> = proof.rules.iter().map(|proved| proved.rule.code.to_string()).collect();
    let _ = writeln!(out, "| | {} |", codes.join(" | "));
    let _ = writeln!(out, "|---|{}", ":-:|".repeat(codes.len()));
    for &operator in &used {
        let cells: Vec<&str> = proof.rules.iter().map(|proved| cell(proved, operator)).collect();
        let _ = writeln!(out, "| {operator} | {} |", cells.join(" | "));
    }
    let caught = proof.rules.iter().map(|proved| match (proved.is_caught(), proved.exercised) {
        (true, true) => "yes",
        (true, false) => "–",
        (false, _) => "NO",
    });
    let _ = writeln!(out, "| **caught** | {} |", caught.collect::<Vec<_>>().join(" | "));
    let _ = writeln!(
        out,
        "\nFaults not found as they should be: {}. Rules no operator is caught by: {}.",
        none_or(proof.mistakes.len()),
        none_or(proof.uncaught().count()),
    );
    let _ = writeln!(out, "\n| neutral twin | what it changed |\n|---|---|");
    for twin in Twin::ALL.into_iter().filter(|twin| proof.twins.contains_key(twin)) {
        let changed = proof.changes.iter().filter(|change| change.twin == twin).count();
        let changed = if changed == 0 { "nothing".to_owned() } else { changed.to_string() };
        let _ = writeln!(out, "| {twin} | {changed} |");
    }
    out
}

/// What every operator and every twin does, as Markdown.
pub fn legend() -> String {
    let mut out = String::from("| operator | what is done |\n|---|---|\n");
    for operator in Operator::ALL {
        let _ = writeln!(out, "| {operator} | {} |", operator.what());
    }
    out.push_str("\n| neutral twin | what is done |\n|---|---|\n");
    for twin in Twin::ALL {
        let _ = writeln!(out, "| {twin} | {} |", twin.what());
    }
    out
}

/// The whole proof for programs.
pub fn json(proof: &Proof, pack: &str) -> Value {
    let rules = proof.rules.iter().map(|proved| {
        let caught = proved.caught.iter().map(|(operator, caught)| {
            let accused: Vec<_> = caught.accused.iter().map(|party| party.as_str()).collect();
            json!({ "operator": operator.name(), "roots": caught.roots, "folded": caught.folded, "accused": accused })
        });
        json!({
            "code": proved.rule.code.to_string(),
            "title": proved.rule.title,
            "caught": proved.is_caught(),
            "by": caught.collect::<Vec<_>>(),
        })
    });
    let mistakes = proof.mistakes.iter().map(|mistake| {
        let findings = mistake.findings.iter().map(|finding| {
            json!({
                "code": finding.code,
                "accused": finding.accused.as_str(),
                "follows_from": finding.follows_from,
            })
        });
        json!({
            "operator": mistake.operator.name(),
            "wrong": mistake.wrong.as_str(),
            "place": mistake.place,
            "to_blame": mistake.blame.as_str(),
            "findings": findings.collect::<Vec<_>>(),
            "mutants": mistake.count,
            "transcript": mistake.transcript,
        })
    });
    let changes = proof.changes.iter().map(|change| {
        json!({
            "twin": change.twin.name(),
            "recording": change.name,
            "code": change.code,
            "was": change.said.0,
            "is": change.said.1,
            "transcript": change.transcript,
        })
    });
    json!({
        "pack": pack,
        "holds": proof.holds(),
        "clean_recordings": proof.clean,
        "recordings": proof.twinned,
        "mutants": proof.mutants.iter().map(|(operator, n)| (operator.name(), *n)).collect::<std::collections::BTreeMap<_, _>>(),
        "twins": proof.twins.iter().map(|(twin, n)| (twin.name(), *n)).collect::<std::collections::BTreeMap<_, _>>(),
        "rules": rules.collect::<Vec<_>>(),
        "mistakes": mistakes.collect::<Vec<_>>(),
        "changes": changes.collect::<Vec<_>>(),
        "unclean": proof.unclean,
    })
}

fn none_or(count: usize) -> String {
    if count == 0 { "none".to_owned() } else { count.to_string() }
}

/// `P`, `T` or `PT`: the party accused; `·`: folded under another rule; nothing where it was not caught.
fn cell(proved: &Proved, operator: Operator) -> &'static str {
    let Some(caught) = proved.caught.get(&operator) else { return " " };
    let accuses = |party| caught.accused.contains(&party);
    match (accuses(Party::Pos), accuses(Party::Terminal), accuses(Party::Gateway)) {
        (true, true, _) => "PT",
        (true, false, _) => "P",
        (false, true, _) => "T",
        (false, false, true) => "G",
        (false, false, false) => "·",
    }
}
