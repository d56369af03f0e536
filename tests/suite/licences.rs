//! Every dependency has a licence and a source that `deny.toml` allows, and none that it bans.
//!
//! The same page is read by `cargo deny`; this test needs nothing but cargo, so the gate holds on any machine.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct DenyPage {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[test]
fn every_dependency_is_allowed_by_deny_toml() {
    let page: DenyPage =
        toml::from_str(include_str!("../../deny.toml")).expect("deny.toml has the tables the test reads");
    let metadata = metadata();
    assert!(metadata.packages.len() > 50, "cargo metadata lists {} packages", metadata.packages.len());

    let mut faults = Vec::new();
    for package in &metadata.packages {
        let name = format!("{} {}", package.name, package.version);
        match &package.license {
            Some(license) if is_allowed(license, &page.licenses.allow) => {}
            Some(license) => faults.push(format!("{name}: licence `{license}` is not allowed")),
            None => faults.push(format!("{name}: no licence is named")),
        }
        if let Some(banned) = page.bans.deny.iter().find(|banned| banned.name == package.name) {
            faults.push(format!("{name}: banned: {}", banned.reason));
        }
        if let Some(source) = &package.source {
            let registry = source.strip_prefix("registry+").or_else(|| source.strip_prefix("sparse+"));
            if !registry.is_some_and(|r| page.sources.allow_registry.iter().any(|allowed| allowed == r)) {
                faults.push(format!("{name}: source `{source}` is not allowed"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_expression_is_allowed_by_its_operators() {
    let allow = BTreeSet::from(["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR MIT) AND MIT", true),
        ("(GPL-3.0 AND MIT) OR GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allow), expected, "`{expression}`");
    }
}

/// All packages of the lock file; where the registry cannot be reached, those this platform builds.
fn metadata() -> Metadata {
    let run = |extra: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .args(extra)
            .output()
            .expect("cargo runs, for it built this test")
    };
    let everything = run(&["--offline"]);
    let output = if everything.status.success() {
        everything
    } else {
        run(&["--filter-platform", "x86_64-unknown-linux-gnu"])
    };
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Whether an SPDX expression can be satisfied with allowed licences; `/` is the old spelling of `OR`.
fn is_allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let allowed = any_of(&mut words, allow);
    allowed && words.peek().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allow: &BTreeSet<String>) -> bool {
    let mut allowed = all_of(words, allow);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all_of(words, allow);
    }
    allowed
}

fn all_of(words: &mut Words<'_>, allow: &BTreeSet<String>) -> bool {
    let mut allowed = one(words, allow);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words, allow);
    }
    allowed
}

fn one(words: &mut Words<'_>, allow: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let allowed = any_of(words, allow);
            words.next_if_eq(&")").is_some() && allowed
        }
        Some(name) => {
            let mut name = name.to_owned();
            if words.next_if_eq(&"WITH").is_some() {
                name = format!("{name} WITH {}", words.next().unwrap_or_default());
            }
            allow.contains(&name)
        }
        None => false,
    }
}
