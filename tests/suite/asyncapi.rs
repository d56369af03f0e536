//! AsyncAPI: a vendor's document becomes a pack with a few lines, mistakes are shown where they stand, and what
//! a pack is written as is valid and read back as the same kinds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tilltape::cassette::Reader;
use tilltape::conversation::{EventKind, Party, Payload};
use tilltape::pack::{self, Carrier, Extract, GroupScope, Pack, Sources, View};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The packs of `tests/asyncapi`, and `core`.
fn sources() -> Sources {
    let mut sources = Sources::embedded();
    let mut open = vec![root().join("tests/asyncapi")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root().join("tests/asyncapi")).unwrap().to_string_lossy();
                sources.insert(name.replace('\\', "/"), fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.env_remove("CLICOLOR_FORCE").current_dir(root()).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Kind, sender, role, endpoints, where its key is: of the kinds that are not of `core`.
fn kinds(pack: &Pack) -> Vec<String> {
    let core = pack::load(&Sources::embedded(), "core").unwrap();
    let of_core: Vec<&str> = core.kinds.iter().map(|kind| kind.name.as_str()).collect();
    let own = pack
        .kinds
        .iter()
        .filter(|kind| kind.carriers.contains(Carrier::Json) && !of_core.contains(&kind.name.as_str()));
    own.map(|kind| {
        let endpoints: Vec<&str> = kind.endpoints.iter().map(|id| pack.endpoints[id.0].path()).collect();
        let keys =
            kind.keys.iter().flat_map(|key| &key.slots).map(|&slot| pack.trie.pointer(slot).to_string());
        let from = kind.from.map_or("anybody", Party::as_str);
        let keys: Vec<String> = keys.collect();
        format!("{} from {from} {:?} on {} by {}", kind.name, kind.role, endpoints.join(","), keys.join(","))
    })
    .collect()
}

#[test]
fn a_document_of_version_2_becomes_a_pack_that_proves_its_rule() {
    let pack = pack::load(&sources(), "table").unwrap();
    assert_eq!(
        kinds(&pack),
        [
            "ListTables from terminal Opens on /v4/tables by /id",
            "TakePayment from terminal Opens on /v4/tables by /id",
            "answer from pos Final on /v4/tables by /id",
            "failure from pos Final on /v4/tables by /id",
        ]
    );
    let (code, out, err) = run(&["pack", "test", "table", "counter", "--specs", "tests/asyncapi"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert_eq!(
        out,
        "table: 4 exchanges of 1 rule, all as their pages say\n\
         counter: 3 exchanges of 1 rule, all as their pages say\n"
    );
}

#[test]
fn one_fault_in_messages_of_a_document_has_one_root_finding() {
    let (code, out, _) = run(&["pack", "prove", "table", "counter", "--specs", "tests/asyncapi"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("table: 14 of 14 rules caught, 0 faults not found as they should be"), "{out}");
}

#[test]
fn a_document_of_version_3_gives_roles_by_its_replies() {
    let pack = pack::load(&sources(), "counter").unwrap();
    assert_eq!(
        kinds(&pack),
        [
            "saleReply from terminal Final on /counter by /head/id",
            "progress from terminal Control on /counter by /head/id",
            "saleRequest from pos Opens on /counter by /head/id",
        ]
    );
    assert_eq!(pack.kinds.iter().find(|kind| kind.name == "saleReply").unwrap().what, "reply");
}

/// A file, what stands in it, and what stands there instead.
type Change = (&'static str, &'static str, &'static str);

/// What `pack check` says of pack `table` once its files were changed.
fn said(changes: &[Change]) -> String {
    let mut sources = sources();
    for (file, before, after) in changes {
        let text = sources.text(file).unwrap().to_owned();
        assert!(text.contains(before), "{file} holds no {before}");
        sources.insert(*file, text.replacen(before, after, 1));
    }
    let name = changes[0].0.split('/').next().unwrap();
    pack::load(&sources, name).map_or_else(|errors| errors.to_string(), |_| "no mistakes".to_owned())
}

#[test]
fn a_wrong_vendor_schema_is_overruled_by_a_patch() {
    let specs = tempfile::tempdir().unwrap();
    for file in ["pack.toml", "vendor/table.yaml", "rules/BODY-1.md"] {
        let target = specs.path().join("table").join(file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let text = fs::read_to_string(root().join("tests/asyncapi/table").join(file)).unwrap();
        fs::write(target, text.replace("patch = \"vendor/corrections.json\"\n", "")).unwrap();
    }
    let folder = specs.path().to_str().unwrap();
    let (code, out, _) = run(&["pack", "test", "table", "--specs", folder]);
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("table: 4 exchanges of 1 rule, 2 not as their pages say"), "{out}");
}

#[test]
fn mistakes_are_shown_where_they_stand_with_a_next_step() {
    let toml = "table/pack.toml";
    let yaml = "table/vendor/table.yaml";
    let json = "counter/vendor/counter.json";
    let cases: &[(&[Change], &str, &str)] = &[
        (
            &[(toml, "TakePaymentResponse = { kind = \"answer\" }\n", "")],
            "table/vendor/table.yaml:49:7: message `ListTablesResponse` cannot be told from `TakePaymentResponse`",
            "help: say how, `[asyncapi.message.ListTablesResponse]` with `when = [{ … }]`, or give both the same `kind`",
        ),
        (
            &[(toml, "ListTables = ", "ListTabels = ")],
            "table/pack.toml:22:1: expected a message of the document, got `ListTabels`",
            "did you mean `ListTables`?",
        ),
        (
            &[(toml, "table.yaml", "tables.yaml")],
            "expected a document of the pack, got `table/vendor/tables.yaml`",
            "did you mean `table/vendor/table.yaml`?",
        ),
        (
            &[(toml, "application = \"pos\"", "application = \"till\"")],
            "table/pack.toml:17:15: expected `pos`, `terminal`",
            "",
        ),
        (
            &[(toml, "key = \"call\"", "key = \"cal\"")],
            "expected a key of the pack, got `cal`",
            "did you mean `call`?",
        ),
        (
            &[(yaml, "2.6.0", "1.2.0")],
            "table/vendor/table.yaml:1:11: expected `asyncapi` 2.x or 3.x, got \"1.2.0\"",
            "",
        ),
        (
            &[(yaml, "#/components/messages/TakePayment'", "#/components/messages/TakePaymnt'")],
            "table/vendor/table.yaml:12:19: expected a part of",
            "did you mean `TakePayment`?",
        ),
        (
            &[(yaml, "additionalProperties: false", "unevaluatedProperties: false")],
            "table.yaml:104:7: keyword `unevaluatedProperties` is not supported",
            "patch",
        ),
        (
            &[(yaml, "$message.payload#/id", "payload.id")],
            "expected a place such as `$message.payload#/id`",
            "",
        ),
        (
            &[(yaml, "defaultContentType: application/json", "defaultContentType: application/xml")],
            "table.yaml:5:21: expected JSON, got \"application/xml\"",
            "`skip = true`",
        ),
        (
            &[(json, "application/schema+json;version=2020-12", "application/vnd.apache.avro+json")],
            "expected JSON Schema, got \"application/vnd.apache.avro+json\"",
            "",
        ),
        (
            &[(json, "\"action\": \"send\"", "\"action\": \"publish\"")],
            "expected the `action` of the operation: `send` or `receive`",
            "",
        ),
    ];
    let mut wrong = Vec::new();
    for (changes, words, help) in cases {
        let said = said(changes);
        if !(said.contains(words) && said.contains(help)) {
            wrong.push(format!("{changes:?}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_message_can_be_left_out_or_told_by_hand() {
    let toml = "table/pack.toml";
    let skipped = ("TakePaymentResponse = { kind = \"answer\" }", "TakePaymentResponse = { skip = true }");
    assert_eq!(said(&[(toml, skipped.0, skipped.1)]), "no mistakes");
    let told =
        "TakePaymentResponse = { when = [{ has = \"/result/booked\" }], role = \"final\", endpoint = [] }";
    assert_eq!(said(&[(toml, skipped.0, told)]), "no mistakes");
}

/// `pack` written as AsyncAPI and read back, with its keys and nothing else of its own.
fn again(pack: &Pack) -> Pack {
    let mut sources = Sources::embedded();
    let mut toml =
        String::from("name = \"again\"\nversion = \"1.0.0\"\ntitle = \"again\"\nextends = [\"core\"]\n");
    for grouping in pack.groupings.iter().filter(|grouping| grouping.keyed) {
        let scope = match grouping.scope {
            GroupScope::Connection => "connection",
            GroupScope::Recording => "recording",
            GroupScope::Installation => "installation",
            GroupScope::Sender | GroupScope::Endpoint => unreachable!("no key of a pack"),
        };
        let _ = writeln!(toml, "[keys.{}]\nscope = \"{scope}\"\nflows = {}", grouping.name, grouping.flows);
    }
    toml.push_str("[[asyncapi]]\ndocument = \"all.json\"\napplication = \"terminal\"\n");
    sources.insert("again/pack.toml", toml);
    sources.insert("again/all.json", pack::asyncapi(pack, Party::Terminal).unwrap());
    pack::load(&sources, "again").unwrap_or_else(|errors| panic!("{errors}"))
}

/// The kinds of all JSON messages of the curated cassettes of a pack, in their order.
fn classified(pack: &Pack, folder: &str) -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("cassettes").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut kinds = Vec::new();
    for file in files.iter().filter(|file| file.to_string_lossy().ends_with(".cassette.jsonl")) {
        let mut reader = Reader::open(fs::File::open(file).unwrap(), "curated").unwrap();
        let mut endpoints = BTreeMap::new();
        while let Some(event) = reader.next_event() {
            let event = event.unwrap();
            let Some(connection) = event.connection else { continue };
            match &event.kind {
                EventKind::Open(opening) => {
                    endpoints.insert(connection, pack.endpoint_of(&opening.target));
                }
                EventKind::Message(message) => {
                    let Payload::Json(text) = message.payload else { continue };
                    let mut extract = Extract::default();
                    pack.trie.scan(text, &mut extract).unwrap();
                    let view = View {
                        from: Some(message.from),
                        endpoint: endpoints.get(&connection).copied().flatten(),
                        ..View::of(text, &extract)
                    };
                    let kind = pack.classify(Carrier::Json, Some(message.from), &view).unwrap();
                    let kind = &pack.kinds[kind.0];
                    kinds.push(format!("{} {:?} {}", kind.name, kind.role, kind.what));
                }
                _ => {}
            }
        }
    }
    kinds
}

#[test]
fn a_pack_written_and_read_back_has_the_same_kinds() {
    for name in ["bluechip-tsi", "gochip", "castle"] {
        let pack = pack::load(&Sources::embedded(), name).unwrap();
        let again = again(&pack);
        let mut before = kinds(&pack);
        let mut after = kinds(&again);
        before.sort();
        after.sort();
        assert_eq!(before, after);
        if !root().join("cassettes").join(name).is_dir() {
            continue;
        }
        let messages = classified(&pack, name);
        assert!(messages.len() > 50, "{name}: {} messages", messages.len());
        assert_eq!(messages, classified(&again, name), "{name}");
    }
}

/// Every `$ref` of a document, and whether it leads somewhere.
fn follow_all(node: &Value, document: &Value, count: &mut usize) {
    if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
        let pointer =
            reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads out of the document"));
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        *count += 1;
    }
    let parts: Vec<&Value> = match node {
        Value::Object(members) => members.values().collect(),
        Value::Array(elements) => elements.iter().collect(),
        _ => Vec::new(),
    };
    parts.iter().for_each(|part| follow_all(part, document, count));
}

#[test]
fn what_is_written_is_whole_and_the_same_every_time() {
    for name in ["bluechip-tsi", "gochip", "castle", "table", "counter"] {
        let arguments = ["pack", "export", "--asyncapi", name, "--specs", "tests/asyncapi"];
        let (code, out, err) = run(&arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert_eq!(run(&arguments).1, out, "{name}");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["asyncapi"], "3.0.0");
        let mut count = 0;
        follow_all(&document, &document, &mut count);
        assert!(count > 3, "{name}");
        for operation in document["operations"].as_object().unwrap().values() {
            assert!(!operation["messages"].as_array().unwrap().is_empty(), "{name}: {operation}");
        }
    }
    let (_, terminal, _) = run(&["pack", "export", "--asyncapi", "bluechip-tsi"]);
    let (_, pos, _) = run(&["pack", "export", "--asyncapi", "bluechip-tsi", "--application", "pos"]);
    let sent = |text: &str| {
        let document: Value = serde_json::from_str(text).unwrap();
        document["operations"]["payment.send"]["messages"].as_array().unwrap().clone()
    };
    let holds = |sent: &[Value], message: &str| {
        let reference = format!("#/channels/payment/messages/{message}");
        sent.iter().any(|sent| sent["$ref"] == reference)
    };
    assert!(holds(&sent(&terminal), "response") && !holds(&sent(&terminal), "request"));
    assert!(holds(&sent(&pos), "request") && !holds(&sent(&pos), "response"));
}

#[test]
fn what_is_written_is_valid_by_the_official_schema() {
    let modules = std::env::var_os("TILLTAPE_NODE_MODULES").map(PathBuf::from);
    let Some(schemas) = modules.map(|folder| folder.join("@asyncapi/specs/schemas")).filter(|at| at.is_dir())
    else {
        // Past the test harness, which keeps the output of a test that passes to itself.
        let _ = writeln!(
            io::stderr(),
            "skipped: the official schema: no npm `@asyncapi/specs` in TILLTAPE_NODE_MODULES"
        );
        return;
    };
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(schemas.join("3.0.0.json")).unwrap()).unwrap();
    let validator = jsonschema::options().build(&schema).unwrap();
    for name in ["bluechip-tsi", "gochip", "castle", "table", "counter"] {
        let pack = pack::load(&sources(), name).unwrap();
        let text = pack::asyncapi(&pack, Party::Terminal).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}
