//! An invented protocol whose pack uses all there is: the eight patterns, every scope, windows with both bounds,
//! windows that a message says or an earlier one has said, each `times`, keys of every sort.

use std::fmt::Write as _;

const PACK: &str = r#"
name = "fair-talk"
version = "1.0.0"
title = "invented: a stall at a fair asks, a box answers"
extends = ["core"]
sensitive = ["secret"]

[[document]]
id = "FT"
title = "Fair Talk"

[keys.flow]
scope = "recording"

[keys.number]
scope = "connection"
flows = false

[keys.ticket]
scope = "installation"
flows = false

[endpoint.front]
path = "/front"

[endpoint.back]
path = "/back"

[[message]]
kind = "ask"
is = "json"
from = "pos"
role = "opens"
when = [{ at = "/type", equals = "ask" }]
keys = { flow = ["/shop", "/id"], ticket = "/ticket" }

[[message]]
kind = "ask-big"
is = "ask"
when = [{ has = "/big" }]

[[message]]
kind = "busy"
is = "json"
from = "terminal"
role = "progress"
when = [{ at = "/type", equals = "busy" }]
keys = { flow = ["/shop", "/id"] }

[[message]]
kind = "done"
is = "json"
from = "terminal"
role = "final"
when = [{ at = "/type", equals = "done" }]
keys = { flow = ["/shop", "/id"], ticket = "/ticket" }

[[message]]
kind = "done-well"
is = "done"
when = [{ at = "/well", equals = true }]

[[message]]
kind = "thanks"
is = "json"
from = "pos"
role = "acknowledgement"
when = [{ at = "/type", equals = "thanks" }]
keys = { flow = ["/shop", "/id"] }

[[message]]
kind = "more"
is = "json"
from = "pos"
role = "question"
when = [{ at = "/type", equals = "more" }]
keys = { flow = ["/shop", "/id"] }

[[message]]
kind = "stop"
is = "json"
from = "pos"
role = "control"
when = [{ at = "/type", equals = "stop" }]
keys = { flow = ["/shop", "/id"] }

[[message]]
kind = "rhythm"
is = "json"
from = "pos"
role = "control"
when = [{ at = "/type", equals = "rhythm" }]

[[message]]
kind = "say"
is = "json"
role = "question"
when = [{ at = "/type", equals = "say" }]
keys = { number = { at = "/no", of = "sender" } }

[[message]]
kind = "heard"
is = "json"
role = "answer"
when = [{ at = "/type", equals = "heard" }]
keys = { number = { at = "/no", of = "receiver" } }

[[message]]
kind = "bill"
is = "json"
from = "terminal"
role = "control"
when = [{ at = "/type", equals = "bill" }]
"#;

/// Code, further lines of the front matter, pattern. `R` in the last column of the code's line: a root.
const RULES: &[(&str, &str)] = &[
    (
        "SHAPE-1",
        "obligor = \"pos\"\nROOT\n[pattern.shape]\non = \"ask\"\nrequire = [{ at = \"/amount\", format = \"digits\" }]",
    ),
    (
        "SHAPE-2",
        "obligor = \"terminal\"\n[pattern.shape]\non = { kind = \"done\", opened-by = \"ask-big\", repeated = false }\nrequire = [{ at = \"/well\", is = \"boolean\" }]",
    ),
    (
        "SHAPE-3",
        "obligor = \"terminal\"\n[pattern.shape]\non = \"busy\"\nrequire = [{ has = \"/wait\" }]\n[scope]\nafter = \"more\"\nuntil = \"stop\"",
    ),
    (
        "NEVER-1",
        "obligor = \"terminal\"\nROOT\n[pattern.never]\nmessage = \"busy\"\nafter = \"done\"\nuntil = \"more\"",
    ),
    ("NEVER-2", "obligor = \"pos\"\n[pattern.never]\nmessage = \"stop\"\namong = [\"ask\", \"thanks\"]"),
    (
        "NEVER-3",
        "obligor = \"pos\"\n[pattern.never]\nmessage = \"ask\"\nafter = \"stop\"\nkey = \"connection\"",
    ),
    (
        "NEVER-4",
        "obligor = \"pos\"\n[pattern.never]\nmessage = \"ask-big\"\nafter = \"stop\"\nkey = \"endpoint\"",
    ),
    (
        "UNIQUE-1",
        "obligor = \"pos\"\nROOT\n[pattern.unique]\non = \"ask\"\nkey = \"flow\"\nscope = \"recording\"",
    ),
    (
        "UNIQUE-2",
        "obligor = \"terminal\"\n[pattern.unique]\non = \"done\"\nkey = \"ticket\"\nscope = \"installation\"",
    ),
    ("UNIQUE-3", "[pattern.unique]\non = \"say\"\nkey = \"number\"\nscope = \"connection\""),
    (
        "UNIQUE-4",
        "obligor = \"terminal\"\n[pattern.unique]\non = \"done\"\nkey = \"ticket\"\nscope = \"endpoint\"",
    ),
    (
        "ANSWER-1",
        "obligor = \"terminal\"\n[pattern.respond]\nto = \"ask\"\nwith = \"done\"\njudges = \"existence\"\nwithin = 5000\nrestart-on = \"busy\"\nvoid-on = \"stop\"",
    ),
    (
        "ANSWER-2",
        "obligor = \"pos\"\n[pattern.respond]\nto = \"done\"\nwith = \"thanks\"\nnot-before = 10\nwithin = 5000\ntimes = \"exactly-once\"",
    ),
    (
        "ANSWER-3",
        "obligor = \"terminal\"\n[pattern.respond]\nto = \"ask\"\nwith = \"busy\"\njudges = \"promptness\"\nwithin = 5000\nwithin-at = \"/wait\"",
    ),
    (
        "ANSWER-4",
        "obligor = \"terminal\"\n[pattern.respond]\nto = \"more\"\nwith = \"busy\"\nwithin = 5000\none-at-a-time = true\non-disconnect = \"carry\"",
    ),
    ("ANSWER-5", "[pattern.respond]\nto = \"say\"\nwith = \"heard\"\nkey = \"number\"\nwithin = 1000"),
    (
        "ANSWER-6",
        "obligor = \"pos\"\n[pattern.respond]\nto = \"rhythm\"\nwith = \"rhythm\"\nkey = \"connection\"\nwithin-learned = { from = \"rhythm\", at = \"/every\", times = 1000 }",
    ),
    (
        "ANSWER-7",
        "obligor = \"terminal\"\n[pattern.respond]\nto = \"stop\"\nwith = \"done\"\nwithin = 5000\ntimes = \"at-most-once\"",
    ),
    ("BEFORE-1", "obligor = \"terminal\"\nROOT\n[pattern.precede]\nfirst = \"ask\"\nthen = \"done\""),
    ("BEFORE-2", "obligor = \"pos\"\n[pattern.precede]\nfirst = \"done\"\nthen = \"thanks\"\neach = true"),
    (
        "BEFORE-3",
        "obligor = \"pos\"\n[pattern.precede]\nfirst = \"busy\"\nthen = \"more\"\nreset-on = \"stop\"",
    ),
    (
        "ORDER-1",
        "obligor = \"terminal\"\n[pattern.order]\nstart = \"idle\"\n[pattern.order.states.idle]\nask = \"asked\"\nbusy = { to = \"idle\", counts = false }\n[pattern.order.states.asked]\nbusy = { to = \"asked\", not-before = 1000 }\ndone = \"idle\"\nask = \"asked\"",
    ),
    (
        "ORDER-2",
        "obligor = \"pos\"\n[pattern.order]\neverywhere = [\"closing\"]\nstart = \"open\"\n[pattern.order.messages]\nclosing = \"bill\"\n[pattern.order.states.open]\nask = \"open\"\nstop = \"stopped\"\nclosing = { to = \"open\", counts = false }\n[pattern.order.states.stopped]\nclosing = { to = \"open\", counts = false }\nstop = \"stopped\"",
    ),
    (
        "AGREE-1",
        "obligor = \"terminal\"\n[pattern.agree]\nof = \"done\"\nat = \"/amount\"\nwith = \"ask\"\nwith-at = \"/amount\"\nrelation = \"at-most\"\nrequired = true",
    ),
    (
        "AGREE-2",
        "obligor = \"terminal\"\n[pattern.agree]\nof = \"busy\"\nat = \"/amount\"\nwith = \"ask\"\nwith-at = \"/amount\"\nrelation = \"at-most\"\ntogether = true",
    ),
    (
        "AGREE-3",
        "obligor = \"terminal\"\n[pattern.agree]\nof = \"bill\"\nat = \"/total\"\nwith = { kind = \"done-well\", repeated = false }\nwith-at = \"/amount\"\nrelation = \"sum-of\"\nkey = \"recording\"\n[scope]\nsince = \"bill\"\nkey = \"recording\"",
    ),
    (
        "LIMIT-1",
        "obligor = \"pos\"\n[pattern.limit]\non = \"ask\"\nuntil = [\"done\", \"stop\"]\nmost = 1\nscope = \"connection\"",
    ),
    (
        "LIMIT-2",
        "obligor = \"pos\"\n[pattern.limit]\non = \"ask\"\nmost = 2\nwithin = 1000\nscope = \"recording\"",
    ),
    (
        "LIMIT-3",
        "obligor = \"pos\"\n[pattern.limit]\non = \"open\"\nuntil = [\"close\", \"drop\"]\nmost = 1\nkey = \"connection\"\nscope = \"endpoint\"",
    ),
];

const EXCHANGES: &[&str] = &[
    "open pos → terminal /front
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"1\",\"amount\":\"100\",\"big\":true}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"1\",\"wait\":1,\"amount\":40}
pos      {\"type\":\"more\",\"shop\":\"s\",\"id\":\"1\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"1\",\"amount\":50}
terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"1\",\"well\":true,\"amount\":\"100\",\"ticket\":\"t1\"}
pos      {\"type\":\"thanks\",\"shop\":\"s\",\"id\":\"1\"}
terminal {\"type\":\"bill\",\"total\":100}
",
    "open pos → terminal /front
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"2\",\"amount\":\"20\",\"wait\":2000}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"2\",\"wait\":2}
pos      {\"type\":\"stop\",\"shop\":\"s\",\"id\":\"2\"}
terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"2\",\"well\":false,\"amount\":0}
pos      {\"type\":\"thanks\",\"shop\":\"s\",\"id\":\"2\"}
",
    "open pos → terminal /back
pos      {\"type\":\"say\",\"no\":1}
terminal {\"type\":\"say\",\"no\":1}
terminal {\"type\":\"heard\",\"no\":1}
pos      {\"type\":\"heard\",\"no\":1}
pos      {\"type\":\"say\",\"no\":2}
terminal {\"type\":\"heard\",\"no\":2}
",
    "open pos → terminal /back
pos      {\"type\":\"rhythm\",\"every\":\"1\"}
pos      {\"type\":\"rhythm\"}
pos      {\"type\":\"rhythm\",\"every\":5}
pos      {\"type\":\"rhythm\"}
",
    "open pos → terminal /back
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"3\",\"amount\":\"30\"}
terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"3\",\"well\":true,\"amount\":30,\"ticket\":\"t3\"}
pos      {\"type\":\"thanks\",\"shop\":\"s\",\"id\":\"3\"}
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"4\",\"amount\":\"12\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"4\",\"amount\":6}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"4\",\"amount\":6}
terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"4\",\"well\":true,\"amount\":12,\"ticket\":\"t4\"}
pos      {\"type\":\"thanks\",\"shop\":\"s\",\"id\":\"4\"}
terminal {\"type\":\"bill\",\"total\":42}
",
    "open pos → terminal /front
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"5\",\"amount\":\"7\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"5\",\"wait\":1}
pos      {\"type\":\"more\",\"shop\":\"s\",\"id\":\"5\"}
pos      {\"type\":\"more\",\"shop\":\"s\",\"id\":\"5\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"5\"}
pos      {\"type\":\"more\",\"shop\":\"s\",\"id\":\"5\"}
drop
open pos → terminal /front
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"5\"}
terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"5\",\"well\":true,\"ticket\":\"t1\"}
",
    "open pos → terminal /back
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"6\",\"amount\":\"1\"}
terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"6\",\"amount\":1,\"ticket\":\"t6\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"6\"}
pos      {\"type\":\"more\",\"shop\":\"s\",\"id\":\"6\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"6\"}
terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"6\",\"amount\":1,\"ticket\":\"t6\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"6\"}
",
    "open pos → terminal /front
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"7\",\"amount\":\"1\"}
pos      {\"type\":\"stop\",\"shop\":\"s\",\"id\":\"7\"}
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"8\",\"amount\":\"2\",\"big\":true}
terminal {\"type\":\"bill\",\"total\":0}
pos      {\"type\":\"stop\",\"shop\":\"s\",\"id\":\"7\"}
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"9\",\"amount\":\"3\"}
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"10\",\"amount\":\"x\"}
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"7\",\"amount\":\"1\"}
",
    "open pos → terminal /back
pos      {\"type\":\"stop\",\"shop\":\"s\",\"id\":\"11\"}
[2] open pos → terminal /back
[2] pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"12\",\"amount\":\"2\",\"big\":true}
[2] terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"12\",\"amount\":2,\"ticket\":\"t6\"}
[3] open pos → terminal /front
[3] terminal {\"type\":\"done\",\"shop\":\"s\",\"id\":\"12\",\"amount\":2,\"ticket\":\"t6\"}
pos      {\"type\":\"say\",\"no\":1}
pos      {\"type\":\"say\",\"no\":1}
[2] pos      {\"type\":\"say\",\"no\":1}
[2] terminal {\"type\":\"say\",\"no\":1}
",
    "open pos → terminal /front
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"13\",\"amount\":\"1\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"13\"}
pos      {\"type\":\"stop\",\"shop\":\"s\",\"id\":\"13\"}
pos      {\"type\":\"more\",\"shop\":\"s\",\"id\":\"13\"}
terminal {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"13\"}
pos      {\"type\":\"more\",\"shop\":\"s\",\"id\":\"13\"}
terminal {\"type\":\"bill\",\"total\":0}
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"13\",\"amount\":\"1\"}
pos      {\"type\":\"stop\",\"shop\":\"s\",\"id\":\"13\"}
pos      {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"13\",\"amount\":\"1\"}
",
];

/// The files of the pack.
pub(crate) fn pages() -> impl Iterator<Item = (String, String)> {
    let pages = RULES.iter().enumerate().map(|(number, (code, rest))| {
        let (before, pattern) = rest.split_once("[pattern").unwrap();
        let mut page = format!(
            "+++\ncode = \"{code}\"\ntitle = \"t\"\nlevel = \"must\"\nauthority = \"documented\"\n\
             impact = \"money\"\nsource = [\"FT\"]\n{}[pattern{pattern}\n+++\n\
             # What it requires\n# Why it matters\n# Limits\n",
            before.replace("ROOT", "root = true")
        );
        // Every exchange is somewhere.
        let text = EXCHANGES[number % EXCHANGES.len()];
        let _ = write!(page, "```exchange pass\n{text}```\n");
        (format!("fair-talk/rules/{code}.md"), page)
    });
    pages.chain([("fair-talk/pack.toml".to_owned(), PACK.to_owned())])
}
