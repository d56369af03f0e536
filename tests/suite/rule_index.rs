//! The table of rules beside each pack is what its pages say.
//!
//! `TILLTAPE_UPDATE=1 cargo test --test suite rule_index` writes the tables.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tilltape::pack::{self, Sources};

#[test]
fn the_table_beside_each_pack_is_that_of_its_pages() {
    let sources = Sources::embedded();
    for name in sources.packs() {
        let printed = index(&[name]);
        let file = root().join("specs").join(name).join("RULES.md");
        if std::env::var_os("TILLTAPE_UPDATE").is_some() && std::env::var_os("CI").is_none() {
            fs::write(&file, &printed).unwrap();
            continue;
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        let diff = similar::TextDiff::from_lines(committed.as_str(), &printed);
        assert!(
            committed == printed,
            "{} is not of today; run with TILLTAPE_UPDATE=1\n{}",
            file.display(),
            diff.unified_diff().context_radius(1)
        );
    }
}

#[test]
fn every_rule_has_a_row_and_every_row_a_page() {
    let sources = Sources::embedded();
    for name in sources.packs() {
        let pack = pack::load(&sources, name).unwrap();
        let table = index(&[name]);
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| [")).collect();
        let own: Vec<_> = pack.rules.iter().filter(|rule| rule.info.pack == name).collect();
        assert_eq!(rows.len(), own.len(), "{name}");
        for (row, rule) in rows.iter().zip(own) {
            let page = row.split_once("](").unwrap().1.split_once(')').unwrap().0;
            assert!(root().join("specs").join(name).join(page).is_file(), "{row}");
            assert!(
                row.contains(&rule.info.code.to_string()) && row.contains(rule.info.level.as_str()),
                "{row}"
            );
            assert_eq!(row.matches(" | ").count(), 6, "{row}");
        }
    }
}

/// The table of what the sources ask, in the README of a pack, leaves no rule out and names none that is not.
#[test]
fn the_readme_of_bluechip_tsi_names_every_rule_and_no_other() {
    let sources = Sources::embedded();
    let pack = pack::load(&sources, "bluechip-tsi").unwrap();
    let readme = fs::read_to_string(root().join("specs/bluechip-tsi/README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| "));
    let named: BTreeSet<&str> = rows.flat_map(codes).collect();
    for rule in pack.rules.iter().filter(|rule| rule.info.pack == "bluechip-tsi") {
        let code = rule.info.code.to_string();
        assert!(named.contains(code.as_str()), "{code} is in no row of the README");
    }
    for code in codes(&readme) {
        let is_a_rule = pack.rules.iter().any(|rule| rule.info.code.to_string() == code);
        assert!(is_a_rule, "the README names {code}, which is no rule");
    }
    let rules = readme.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 2);
    for row in rules {
        let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let is_head = last == "Rules" || row.starts_with("| **");
        assert!(
            is_head || codes(last).next().is_some() || last.starts_with("none: "),
            "neither a rule nor a reason: {row}"
        );
    }
}

/// The words that look like codes of rules: `ACK-1`.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| {
        let letters = |s: &str| s.len() > 1 && s.chars().all(|c| c.is_ascii_uppercase());
        let digits = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_digit());
        word.split_once('-').is_some_and(|(name, number)| letters(name) && digits(number))
    })
}

fn index(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .args(["pack", "index"])
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
