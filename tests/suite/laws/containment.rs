//! A rule that cannot be evaluated contains its error: it ends in ERROR, and no other rule says anything else
//! than it says without that rule.

use std::cell::Cell;
use std::sync::Arc;

use proptest::prelude::*;
use tilltape::pack::{self, Pack, Sources};
use tilltape::rule::{RunVerdict, Verdict};

use super::ground::{Ground, judged, said};
use super::trace::shown;
use super::{PACKS, drawn, holds_for, plan};

/// Asks for the same value again and again: at each level four times as often as at the one above.
fn endless() -> String {
    let level = |level: u32| {
        let next = level + 1;
        let below = vec![format!("{{\"$ref\":\"#/$defs/l{next}\"}}"); 4].join(",");
        format!("\"l{level}\":{{\"allOf\":[{below}]}}")
    };
    let levels: Vec<_> = (0..10).map(level).collect();
    format!("{{\"$ref\":\"#/$defs/l0\",\"$defs\":{{{},\"l10\":{{\"minProperties\":0}}}}}}", levels.join(","))
}

/// A pack on top of `name` with a root rule about every message: that it fits this schema.
fn with_one_rule_more(name: &str, schema: String) -> Arc<Pack> {
    let mut sources = Sources::embedded();
    for (path, text) in super::invented::pages() {
        sources.insert(path, text);
    }
    let pack = format!(
        "name = \"broken\"\nversion = \"1.0.0\"\ntitle = \"one rule too many\"\nextends = [\"{name}\"]\n"
    );
    sources.insert("broken/pack.toml", pack);
    sources.insert("broken/schemas/endless.json", schema);
    let page = "+++\ncode = \"ENDLESS-1\"\ntitle = \"t\"\nlevel = \"must\"\nauthority = \"documented\"\n\
                impact = \"money\"\nsource = [\"T\"]\nroot = true\n[pattern.shape]\non = \"json\"\n\
                require = [{ at = \"\", schema = \"schemas/endless.json\" }]\n+++\n\
                # What it requires\n# Why it matters\n# Limits\n";
    sources.insert("broken/rules/ENDLESS-1.md", page);
    Arc::new(pack::load(&sources, "broken").unwrap_or_else(|errors| panic!("{errors}")))
}

#[test]
fn a_rule_that_cannot_be_evaluated_contains_its_error() {
    for name in PACKS {
        let ground = Ground::of(name);
        let broken = with_one_rule_more(name, endless());
        holds_for(name, 3, &plan(), |plan| {
            let trace = plan.trace(&ground);
            let alone = ground.judged(&trace);
            let result = judged(&broken, &trace, tilltape::check::Completeness::Finished);
            let beside = said(&result);
            for (rule, alone) in said(&alone) {
                prop_assert_eq!(&beside[&rule], &alone, "{}:\n{}", rule, shown(&trace));
            }
            let own = result.rules.iter().find(|rule| rule.rule.pack == "broken").unwrap();
            let asked =
                trace.iter().any(|event| matches!(event.content, tilltape::conversation::Content::Json(_)));
            let expected = if asked { Verdict::Error } else { Verdict::NotExercised };
            prop_assert_eq!(own.verdict, expected, "{:#?}", own);
            prop_assert_eq!(own.error.is_some(), asked);
            let blamed = alone.verdict == RunVerdict::NonConformant;
            prop_assert!(!asked || blamed || result.verdict == RunVerdict::Invalid, "{}", result.verdict);
            Ok(())
        });
    }
}

#[test]
fn the_law_notices_a_rule_that_does_not_contain_itself() {
    for name in PACKS {
        let ground = Ground::of(name);
        // What every message breaks taints every message.
        let leaking = with_one_rule_more(name, "{\"not\":{}}".to_owned());
        let noticed = Cell::new(0);
        drawn(5, &plan(), |plan| {
            let trace = plan.trace(&ground);
            let beside = said(&judged(&leaking, &trace, tilltape::check::Completeness::Finished));
            let differs =
                said(&ground.judged(&trace)).into_iter().any(|(rule, alone)| beside[&rule] != alone);
            noticed.set(noticed.get() + u32::from(differs));
            Ok(())
        });
        assert!(noticed.get() > 0, "{name}");
    }
}
