//! Packs for people: what there is, and what is wrong with one, shown where it stands.

use super::Look;
use super::sheet::{Ink, Piece, Sheet};
use crate::check::ExchangeFailure;
use crate::pack::{Level, Pack, PackError, PackErrors, Rule};

/// What packs there are: what each is about, what it builds on, how many rules it has.
pub fn pack_list<'a>(packs: impl IntoIterator<Item = &'a Pack>, look: Look) -> String {
    let packs: Vec<&Pack> = packs.into_iter().collect();
    let width = packs.iter().map(|pack| pack.name.len() + pack.version.len() + 1).max().unwrap_or(0) + 2;
    let mut sheet = Sheet::new(look);
    for pack in packs {
        head(&mut sheet, pack, width);
    }
    sheet.finish()
}

/// One pack with its rules.
pub fn pack_overview(pack: &Pack, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    head(&mut sheet, pack, pack.name.len() + pack.version.len() + 3);
    let own: Vec<&Rule> = own_rules(pack).collect();
    let width = own.iter().map(|rule| rule.info.code.to_string().len()).max().unwrap_or(0) + 2;
    sheet.gap();
    for rule in own {
        let info = &rule.info;
        let code = info.code.to_string();
        let space = "\u{a0}".repeat(width - code.len());
        let weight = format!(" ({} {})", info.authority, info.level.as_str().to_uppercase());
        sheet.flow(
            2,
            width + 4,
            &[(Ink::Good, code), plain(space), plain(info.title.clone()), (Ink::Faint, weight)],
        );
    }
    sheet.finish()
}

/// Every mistake of a pack, where it stands: `root` is the folder that paths count from.
pub fn mistakes(errors: &PackErrors, root: &str, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    for error in &errors.0 {
        mistake(&mut sheet, error, root, look);
        sheet.gap();
    }
    sheet.finish()
}

/// An exchange that does not show what its page says.
pub fn exchange_failure(failure: &ExchangeFailure, root: &str, look: Look) -> String {
    let ExchangeFailure { page, line, expected, got } = failure;
    let mut sheet = Sheet::new(look);
    sheet.flow(0, 2, &[(Ink::Strong, format!("{root}{page}:{line}"))]);
    sheet.flow(2, 12, &[(Ink::Faint, "expected\u{a0}\u{a0}".into()), plain(expected.clone())]);
    let got_label = format!("got{}", "\u{a0}".repeat(7));
    sheet.flow(2, 12, &[(Ink::Faint, got_label), (Ink::Bad, got.clone())]);
    sheet.finish()
}

fn head(sheet: &mut Sheet, pack: &Pack, width: usize) {
    let name = format!("{} {}", pack.name, pack.version).replace(' ', "\u{a0}");
    let space = "\u{a0}".repeat(width - name.chars().count());
    sheet.flow(0, width, &[(Ink::Strong, name), plain(space), plain(pack.title.clone())]);
    if let Some(why) = &pack.experimental {
        sheet.flow(width, width, &[(Ink::Unsure, format!("experimental: {why}"))]);
    }
    let own = own_rules(pack).count();
    let musts = own_rules(pack).filter(|rule| rule.info.level == Level::Must && rule.info.blocks()).count();
    let mut facts = format!("{}, {musts} of them documented MUSTs", counted(own, "rule"));
    if !pack.extends.is_empty() {
        facts.push_str(&format!("; builds on {}", pack.extends.join(", ")));
    }
    sheet.flow(width, width, &[(Ink::Faint, facts)]);
}

fn own_rules(pack: &Pack) -> impl Iterator<Item = &Rule> {
    pack.rules.iter().filter(|rule| rule.info.pack == pack.name)
}

fn mistake(sheet: &mut Sheet, error: &PackError, root: &str, look: Look) {
    let place = match error.line {
        0 => format!("{root}{}", error.file),
        line => format!("{root}{}:{line}:{}", error.file, error.column),
    };
    sheet.flow(0, 2, &[(Ink::Strong, format!("{place}:")), plain(" "), plain(error.message.clone())]);
    if let Some((text, width)) = error.excerpt() {
        let number = error.line.to_string();
        let gutter = " ".repeat(number.len());
        // A long line is shown from a little before the mistake on.
        let room = look.width.saturating_sub(number.len() + 3).max(20);
        let skipped =
            if text.chars().count() <= room { 0 } else { (error.column - 1).saturating_sub(room / 3) };
        let lead = if skipped > 0 { sheet.glyph("…", ".") } else { "" };
        let shown: String = text.chars().skip(skipped + lead.chars().count()).take(room - 1).collect();
        let before: String = text.chars().skip(skipped).take(error.column - 1 - skipped).map(blank).collect();
        let width = width.min(room.saturating_sub(before.chars().count())).max(1);
        sheet.verbatim(0, Ink::Faint, &format!("{gutter} |"));
        sheet.verbatim(0, Ink::Plain, &format!("{number} | {lead}{shown}"));
        sheet.verbatim(0, Ink::Bad, &format!("{gutter} | {before}{}", "^".repeat(width)));
    }
    if let Some(help) = &error.help {
        sheet.flow(0, 6, &[(Ink::Good, "help:".into()), plain(" "), plain(help.clone())]);
    }
}

/// What keeps the place of a character: a tab stays one.
const fn blank(c: char) -> char {
    if c == '\t' { '\t' } else { ' ' }
}

fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn plain(text: impl Into<String>) -> Piece {
    (Ink::Plain, text.into())
}
