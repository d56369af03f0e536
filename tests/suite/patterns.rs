//! Patterns on an invented protocol, as a person would write it: the pack of `tests/patterns/`, and more rules.

use std::sync::Arc;

use tilltape::check::{Check, CheckResult, Completeness, Options, SourceInfo, try_exchange};
use tilltape::conversation::transcript;
use tilltape::pack::{self, Pack, Sources};

fn reference() -> Sources {
    let mut sources = Sources::embedded();
    sources.insert("till-talk/pack.toml", include_str!("../patterns/pack.toml"));
    sources.insert("till-talk/rules/ASK-1.md", include_str!("../patterns/ASK-1.md"));
    sources
}

/// The pack with one more rule.
fn with_rule(pattern: &str) -> Arc<Pack> {
    let page = format!(
        "+++\ncode = \"NEW-1\"\ntitle = \"new\"\nlevel = \"must\"\nauthority = \"documented\"\nimpact = \"money\"\n\
         source = [\"TT\"]\n{pattern}\n+++\n# What it requires\n# Why it matters\n# Limits\n"
    );
    let mut sources = reference();
    sources.insert("till-talk/rules/NEW-1.md", page);
    Arc::new(pack::load(&sources, "till-talk").unwrap_or_else(|errors| panic!("{errors}")))
}

fn judged(pack: &Arc<Pack>, texts: &[&str]) -> CheckResult {
    let mut check = Check::new(Arc::clone(pack), Options::default());
    for text in texts {
        check.begin(SourceInfo::default());
        for event in transcript::parse(text).unwrap() {
            check.observe(&event).unwrap();
        }
        check.end(Completeness::Finished);
    }
    check.finish()
}

/// What NEW-1 says: `met/violated/undecided/void`, and the events of its findings.
#[track_caller]
fn new_rule(pack: &Arc<Pack>, expected: &str, texts: &[&str]) {
    let result = judged(pack, texts);
    let rule = result.rules.iter().find(|rule| rule.rule.code.to_string() == "NEW-1").unwrap();
    let at: Vec<String> = rule
        .findings
        .iter()
        .map(|finding| {
            let at: Vec<_> = finding.witnesses.iter().map(|w| format!("{}#{}", w.source, w.n.0)).collect();
            format!("{} {}", finding.accused, at.join(" "))
        })
        .collect();
    let counts = format!("{}/{}/{}/{}", rule.met, rule.violated, rule.undecided_total(), rule.void);
    assert_eq!(format!("{counts} {}", at.join(", ")).trim(), expected, "{rule:#?}");
}

const OPEN: &str = "open pos → terminal /talk\n";

fn talk(lines: &str) -> String {
    format!("{OPEN}{lines}")
}

#[test]
fn the_pack_proves_its_own_rule() {
    let pack = Arc::new(pack::load(&reference(), "till-talk").unwrap_or_else(|errors| panic!("{errors}")));
    let rule = pack.rules.iter().find(|rule| rule.info.pack == "till-talk").unwrap();
    assert_eq!(rule.page.exchanges.len(), 3);
    for exchange in &rule.page.exchanges {
        try_exchange(&pack, rule, exchange).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn agree_compares_numbers_as_numbers_and_blames_the_later() {
    let pack = with_rule(
        "[pattern.agree]\nof = \"answer\"\nat = \"/amount\"\nwith = \"ask\"\nwith-at = \"/amount\"",
    );
    let exchange = |asked: &str, answered: &str| {
        talk(&format!(
            "pos {{\"type\":\"ask\",\"id\":1,\"amount\":{asked}}}\nterminal {{\"type\":\"answer\",\"re\":1,\"amount\":{answered}}}\n"
        ))
    };
    new_rule(&pack, "1/0/0/0", &[&exchange("2350", "\"2350\"")]);
    new_rule(&pack, "1/0/0/0", &[&exchange("\"5.05\"", "5.050")]);
    new_rule(&pack, "0/1/0/0 terminal 0#2 0#3", &[&exchange("5.05", "5.5")]);
    new_rule(&pack, "0/1/0/0 terminal 0#2 0#3", &[&exchange("\"EUR\"", "\"USD\"")]);
    let pack = with_rule(
        "[pattern.agree]\nof = \"answer\"\nat = \"/amount\"\nwith = \"ask\"\nwith-at = \"/amount\"\nrelation = \"at-most\"",
    );
    new_rule(&pack, "1/0/0/0", &[&exchange("100", "99")]);
    new_rule(&pack, "0/1/0/0 terminal 0#2 0#3", &[&exchange("99", "100")]);
}

#[test]
fn a_sum_is_that_of_all_earlier_values_of_the_group() {
    let pack = with_rule(
        "[pattern.agree]\nof = { kind = \"answer\", when = [{ has = \"/total\" }] }\nat = \"/total\"\nwith = \"ask\"\nwith-at = \"/amount\"\nrelation = \"sum-of\"\nkey = \"connection\"",
    );
    let asks =
        "pos {\"type\":\"ask\",\"id\":1,\"amount\":10}\npos {\"type\":\"ask\",\"id\":2,\"amount\":\"5.5\"}\n";
    let total =
        |total: &str| talk(&format!("{asks}terminal {{\"type\":\"answer\",\"re\":2,\"total\":{total}}}\n"));
    new_rule(&pack, "1/0/0/0", &[&total("15.50")]);
    new_rule(&pack, "0/1/0/0 terminal 0#3 0#4", &[&total("15")]);
}

#[test]
fn limit_counts_what_runs_and_forgets_what_ended() {
    let pack =
        with_rule("[pattern.limit]\non = \"ask\"\nuntil = \"answer\"\nmost = 1\nscope = \"connection\"");
    let ask = |id: u32| format!("pos +1ms {{\"type\":\"ask\",\"id\":{id}}}\n");
    let answer = |id: u32| format!("terminal +1ms {{\"type\":\"answer\",\"re\":{id}}}\n");
    new_rule(&pack, "2/0/0/0", &[&talk(&(ask(1) + &answer(1) + &ask(2) + &answer(2)))]);
    new_rule(&pack, "1/1/0/0 pos 0#2 0#3", &[&talk(&(ask(1) + &ask(2) + &answer(1)))]);
    let other = "open pos → terminal /talk\n".replace("open", "[2] open") + &ask(2).replace("pos", "[2] pos");
    new_rule(&pack, "2/0/0/0", &[&(talk(&ask(1)) + &other)]);
    let pack = with_rule("[pattern.limit]\non = \"ask\"\nmost = 2\nwithin = 1000\nscope = \"recording\"");
    let later = ask(3).replace("+1ms", "+2s");
    new_rule(&pack, "3/1/0/0 pos 0#2 0#3 0#4", &[&talk(&(ask(1) + &ask(2) + &ask(9) + &later))]);
}

#[test]
fn unique_reaches_as_far_as_its_scope() {
    let ask = talk("pos {\"type\":\"ask\",\"id\":\"a\"}\nterminal {\"type\":\"answer\",\"re\":\"a\"}\n");
    for (scope, expected) in [("recording", "2/0/0/0"), ("installation", "1/1/0/0 pos 0#2 1#2")] {
        let pack = with_rule(&format!("[pattern.unique]\non = \"ask\"\nscope = \"{scope}\""));
        new_rule(&pack, expected, &[&ask, &ask]);
        assert_eq!(pack.outlives_a_recording(), scope == "installation");
    }
    let pack = with_rule("[pattern.unique]\non = \"ask\"");
    let spelled = talk("pos {\"type\":\"ask\",\"id\":7}\npos {\"type\":\"ask\",\"id\":\"7\"}\n");
    new_rule(&pack, "2/0/0/0", &[&spelled]);
    let escaped = talk("pos {\"type\":\"ask\",\"id\":\"7\"}\npos {\"type\":\"ask\",\"id\":\"\\u0037\"}\n");
    new_rule(&pack, "1/1/0/0 pos 0#2 0#3", &[&escaped]);
}

#[test]
fn a_window_has_a_lower_bound_and_can_stand_in_the_message() {
    let pack = with_rule(
        "[pattern.respond]\nto = \"ask\"\nwith = \"answer\"\nnot-before = 100\nwithin = 1000\nwithin-at = \"/wait\"",
    );
    let exchange = |wait: &str, after: &str| {
        talk(&format!(
            "pos {{\"type\":\"ask\",\"id\":1{wait}}}\nterminal +{after} {{\"type\":\"answer\",\"re\":1}}\n"
        ))
    };
    new_rule(&pack, "1/0/0/0", &[&exchange("", "900ms")]);
    new_rule(&pack, "0/1/0/0 terminal 0#2 0#3", &[&exchange("", "50ms")]);
    new_rule(&pack, "0/1/0/0 terminal 0#2 0#3", &[&exchange("", "1.5s")]);
    new_rule(&pack, "1/0/0/0", &[&exchange(",\"wait\":2000", "1.5s")]);
}

#[test]
fn memory_of_flows_is_bounded_and_long_recordings_are_judged_to_the_end() {
    let pack = with_rule("[pattern.unique]\non = \"ask\"");
    let mut text = String::from(OPEN);
    for id in 0..5_000 {
        text += &format!("pos +1ms {{\"type\":\"ask\",\"id\":{id}}}\n");
        if id != 17 {
            text += &format!("terminal +1ms {{\"type\":\"answer\",\"re\":{id}}}\n");
        }
    }
    text += "pos +1ms {\"type\":\"ask\",\"id\":3}\nterminal +1ms {\"type\":\"answer\",\"re\":3}\nend +60s\n";
    let result = judged(&pack, &[&text]);
    let of = |code: &str| result.rules.iter().find(|rule| rule.rule.code.to_string() == code).unwrap();
    assert_eq!((of("ASK-1").met, of("ASK-1").violated), (5_000, 1));
    assert_eq!((of("NEW-1").met, of("NEW-1").violated), (5_000, 1));
}
