//! `explain` through the binary: one rule gives its page, several a list, none a suggestion.

use std::process::{Command, Stdio};

#[test]
fn one_rule_gives_its_page() {
    for address in ["ACK-1", "ack-1", "bluechip-tsi/ACK-1"] {
        let (code, out, err) = explain(&[address]);
        assert_eq!((code, err.as_str()), (0, ""), "{address}");
        assert!(out.starts_with("ACK-1  "), "{out}");
        for part in
            ["weight    documented MUST", "WHAT IT REQUIRES", "WHY IT MATTERS", "LIMITS", "breaks the rule"]
        {
            assert!(out.contains(part), "{part}: {out}");
        }
        assert!(!out.contains('\u{1b}'), "{out}");
    }
}

#[test]
fn several_rules_give_a_list() {
    let (code, all, _) = explain(&[]);
    assert_eq!(code, 0);
    assert!(all.starts_with("bluechip-tsi\n"), "{all}");
    assert!(all.contains("\ncore\n") && all.contains("  ACK-1"), "{all}");
    let (code, pack, _) = explain(&["bluechip-tsi"]);
    assert_eq!(code, 0);
    assert!(pack.lines().count() > 2 && !pack.contains("\ncore\n"), "{pack}");
}

#[test]
fn no_rule_gives_a_suggestion() {
    for (wrong, suggestion) in [
        ("AKC-1", "did you mean `ACK-1`?"),
        ("bluechip-tsi/AKC-1", "did you mean `bluechip-tsi/ACK-1`?"),
        ("bluechip-tsy", "did you mean `bluechip-tsi`?"),
        ("", "lists all rules"),
        ("\u{1b}[31m", "lists all rules"),
    ] {
        let (code, out, err) = explain(&[wrong]);
        assert_eq!((code, out.as_str()), (2, ""), "{wrong}");
        assert!(err.contains(suggestion), "{wrong}: {err}");
        assert!(!err.contains('\u{1b}'), "{wrong}");
    }
}

fn explain(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.env_remove("CLICOLOR_FORCE").arg("explain").args(arguments).stdin(Stdio::null());
    let output = command.output().expect("the binary runs");
    (
        output.status.code().expect("no signal ended it"),
        String::from_utf8(output.stdout).expect("pages are UTF-8"),
        String::from_utf8(output.stderr).expect("messages are UTF-8"),
    )
}
