//! The table of rules beside each pack is what its pages say.
//!
//! `TILLTAPE_UPDATE=1 cargo test --test suite rule_index` writes the tables.

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
