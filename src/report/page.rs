//! A rule's page for people: what it is, then its Markdown laid out for a terminal.
//!
//! Knows the Markdown that rule pages are written in: headings, paragraphs, lists, quotations, fenced
//! blocks, `code` and **strong** words. Anything else is shown as it stands.

use super::sheet::{Ink, Piece, Sheet};
use super::{Colour, Look};
use crate::conversation::Party;
use crate::pack::RuleInfo;

/// Renders the page of a rule; `markdown` is the page below its front matter, `experimental` why its pack is
/// an experiment, if it is one.
pub fn page(rule: &RuleInfo, markdown: &str, experimental: Option<&str>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    head(&mut sheet, rule);
    if let Some(why) = experimental {
        fact(&mut sheet, "pack", &format!("{}, experimental: {why}", rule.pack));
    }
    body(&mut sheet, markdown);
    sheet.finish()
}

/// Lists rules by their code, one a line, under the packs that state them; those in `experimental` are said to
/// be experiments.
pub fn rule_list<'a>(
    rules: impl IntoIterator<Item = &'a RuleInfo>,
    experimental: &[&str],
    look: Look,
) -> String {
    let rules: Vec<&RuleInfo> = rules.into_iter().collect();
    let width = rules.iter().map(|rule| rule.code.to_string().len()).max().unwrap_or(0);
    let mut sheet = Sheet::new(look);
    let mut pack = None;
    for rule in rules {
        if pack.replace(&rule.pack) != Some(&rule.pack) {
            sheet.gap();
            let mark = if experimental.contains(&rule.pack.as_str()) { "  experimental" } else { "" };
            sheet.flow(0, 0, &[(Ink::Strong, rule.pack.clone()), (Ink::Unsure, mark.to_owned())]);
        }
        let code = rule.code.to_string();
        let space = "\u{a0}".repeat(width + 2 - code.len());
        let weight = format!(" ({} {})", rule.authority, rule.level.as_str().to_uppercase());
        let pieces = [(Ink::Good, code), plain(space), plain(rule.title.clone()), (Ink::Faint, weight)];
        sheet.flow(2, width + 4, &pieces);
    }
    sheet.finish()
}

fn head(sheet: &mut Sheet, rule: &RuleInfo) {
    let code = rule.code.to_string();
    let hang = code.len() + 2;
    sheet.flow(0, hang, &[(Ink::Good, code), plain("  "), (Ink::Strong, rule.title.clone())]);
    let who = match rule.obligor {
        Some(Party::Pos) => "binds the POS",
        Some(Party::Terminal) => "binds the terminal",
        Some(Party::Gateway) => "binds the gateway",
        None => "binds whoever sends the message",
    };
    let weight = format!("{} {}, {who}", rule.authority, rule.level.as_str().to_uppercase());
    let blocks = match rule.blocks() {
        true => "a breach makes a run non-conformant",
        false => "a breach is reported and does not decide the verdict",
    };
    let waivable = if rule.waivable { "" } else { "; nobody can waive it" };
    fact(sheet, "weight", &format!("{weight}; {blocks}{waivable}"));
    fact(sheet, "at stake", rule.impact.as_str());
    for (index, source) in rule.source.iter().enumerate() {
        fact(sheet, if index == 0 { "source" } else { "" }, source);
    }
    fact(sheet, "page", &format!("specs/{}, version {}", rule.page, rule.version));
}

fn fact(sheet: &mut Sheet, word: &str, text: &str) {
    const COLUMN: usize = 12;
    let label = format!("{}{}", word.replace(' ', "\u{a0}"), "\u{a0}".repeat(COLUMN - 2 - word.len()));
    sheet.flow(2, COLUMN, &[(Ink::Faint, label), plain(text)]);
}

/// What the lines of a paragraph are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Prose { indent: usize, hang: usize },
    Nothing,
}

fn body(sheet: &mut Sheet, markdown: &str) {
    let mut block = Block::Nothing;
    let mut text = String::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            flush(sheet, &mut block, &mut text);
            fenced = !fenced;
            if fenced {
                sheet.gap();
                fence(sheet, info.trim());
            }
        } else if fenced {
            sheet.verbatim(4, Ink::Plain, line);
        } else if let Some(heading) = line.strip_prefix('#') {
            flush(sheet, &mut block, &mut text);
            sheet.gap();
            let heading = heading.trim_start_matches('#').trim();
            sheet.flow(0, 0, &[(Ink::Strong, heading.to_uppercase())]);
        } else if line.trim().is_empty() {
            if block != Block::Nothing {
                flush(sheet, &mut block, &mut text);
                sheet.gap();
            }
        } else if line.starts_with('|') {
            flush(sheet, &mut block, &mut text);
            sheet.verbatim(2, Ink::Plain, line);
        } else {
            let (start, indent, content) = item(line);
            if start || block == Block::Nothing {
                flush(sheet, &mut block, &mut text);
                block = Block::Prose { indent: 2 + indent, hang: 2 + indent + usize::from(start) * 2 };
            } else {
                text.push(' ');
            }
            text.push_str(&content);
        }
    }
    flush(sheet, &mut block, &mut text);
}

/// Whether a line starts a list item, how deep it is, and what it says.
fn item(line: &str) -> (bool, usize, String) {
    let trimmed = line.trim();
    let depth = (line.len() - line.trim_start().len()).min(8);
    match trimmed.strip_prefix("- ").or_else(|| trimmed.strip_prefix("* ")) {
        Some(rest) => (true, depth, format!("-\u{a0}{}", rest.trim_start())),
        None => (false, 0, trimmed.to_owned()),
    }
}

fn flush(sheet: &mut Sheet, block: &mut Block, text: &mut String) {
    if let Block::Prose { indent, hang } = *block {
        let pieces = inline(text, sheet.look());
        sheet.flow(indent, hang, &pieces);
    }
    *block = Block::Nothing;
    text.clear();
}

/// The line above a fenced block: what an exchange proves.
fn fence(sheet: &mut Sheet, info: &str) {
    let Some(proves) = info.strip_prefix("exchange") else {
        if !info.is_empty() {
            sheet.flow(2, 2, &[(Ink::Faint, info.to_owned())]);
        }
        return;
    };
    let proves = proves.trim();
    let (ink, word, rest) = match proves.split_once(' ').unwrap_or((proves, "")) {
        ("pass", rest) => (Ink::Good, "keeps the rule", rest),
        ("fail", rest) => (Ink::Bad, "breaks the rule", rest),
        ("inconclusive", rest) => (Ink::Unsure, "cannot be decided", rest),
        _ => (Ink::Strong, proves, ""),
    };
    let mut pieces = vec![(ink, word.to_owned())];
    let evidence = rest.strip_prefix("at ").and_then(|rest| rest.split_once(" blames "));
    match evidence {
        Some((number, accused)) => pieces.push(plain(format!(": #{number} shows it, {accused} is accused"))),
        None if rest.is_empty() => {}
        None => pieces.push(plain(format!(": {rest}"))),
    }
    sheet.flow(2, 4, &pieces);
}

/// `code` and **strong** words. The marks of code stay where it cannot be set apart by its look.
fn inline(text: &str, look: Look) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*']) {
        let (before, from) = rest.split_at(at);
        let mark = if from.starts_with('`') { "`" } else { "**" };
        let inner = from.strip_prefix(mark).and_then(|tail| tail.split_once(mark));
        match inner {
            Some((inner, after)) if !inner.is_empty() => {
                pieces.push(plain(before));
                pieces.push(match (mark, look.colour) {
                    ("`", Colour::Never) => plain(format!("`{inner}`")),
                    _ => (Ink::Strong, inner.to_owned()),
                });
                rest = after;
            }
            _ => {
                pieces.push(plain(&rest[..=at]));
                rest = &rest[at + 1..];
            }
        }
    }
    pieces.push(plain(rest));
    pieces
}

fn plain(text: impl Into<String>) -> Piece {
    (Ink::Plain, text.into())
}
