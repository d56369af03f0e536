//! JSON Schemas: the compiled validator agrees with an independent one on random schemas and messages, points
//! at the right place, and refuses what it does not know.

use std::cell::Cell;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use tilltape::check::try_exchange;
use tilltape::pack::{self, Extract, Schema, Sources, Trie};
use tilltape::text::Pointer;
use tilltape::text::json as text;

/// Whether a message fits by ours.
fn fits(schema: &Schema, message: &str) -> bool {
    text::validate(message).unwrap();
    schema.fits(message, 0).is_ok()
}

fn ours(schema: &Value) -> Schema {
    Schema::from_json(&schema.to_string()).unwrap_or_else(|errors| panic!("{schema}\n{errors}"))
}

fn theirs(schema: &Value) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a"),
        Just("b"),
        Just("amount"),
        Just("transaction_date"),
        Just("transaction_time"),
        Just("é/~")
    ]
    .prop_map(str::to_owned)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("".to_owned()),
        Just("a".to_owned()),
        Just("12".to_owned()),
        Just("2350".to_owned()),
        Just("é\n\u{1f600}".to_owned()),
        Just("2026-03-02".to_owned()),
        Just("2026-03-02T10:15:44Z".to_owned()),
        "[ab1]{0,4}",
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3_i64..12).prop_map(Value::from),
        (-12_i64..40).prop_map(|quarters| json!(quarters as f64 / 4.0)),
        Just(json!(1e3)),
    ]
}

fn message() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        word().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// One keyword of the supported subset, or several that belong together.
fn keyword(inner: BoxedStrategy<Value>) -> impl Strategy<Value = Map<String, Value>> {
    let kind = prop_oneof![
        Just("object"),
        Just("array"),
        Just("string"),
        Just("number"),
        Just("integer"),
        Just("boolean"),
        Just("null")
    ];
    let one = |key: &'static str, value: BoxedStrategy<Value>| {
        value.prop_map(move |value| Map::from_iter([(key.to_owned(), value)])).boxed()
    };
    let list =
        |of: &BoxedStrategy<Value>| prop::collection::vec(of.clone(), 1..4).prop_map(Value::from).boxed();
    let by_name = |of: BoxedStrategy<Value>| {
        prop::collection::btree_map(name(), of, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
            .boxed()
    };
    let names = prop::collection::btree_set(name(), 0..3).prop_map(|names| json!(names)).boxed();
    let small = (0_u64..4).prop_map(Value::from).boxed();
    let pattern = prop_oneof![Just("^a"), Just("[0-9]+$"), Just("^.{2}$"), Just("t.*_"), Just("é")]
        .prop_map(Value::from)
        .boxed();
    let by_pattern = (pattern.clone(), inner.clone())
        .prop_map(|(pattern, schema)| json!({ pattern.as_str().unwrap_or_default(): schema }))
        .boxed();
    let groups: Vec<BoxedStrategy<Map<String, Value>>> = vec![
        one("type", kind.clone().prop_map(Value::from).boxed()),
        one("type", prop::collection::btree_set(kind, 1..4).prop_map(|kinds| json!(kinds)).boxed()),
        one("enum", prop::collection::vec(message(), 1..4).prop_map(Value::from).boxed()),
        one("const", message().boxed()),
        one("minLength", small.clone()),
        one("maxLength", small.clone()),
        one("pattern", pattern),
        one(
            "format",
            prop_oneof![Just("date"), Just("date-time"), Just("uuid")].prop_map(Value::from).boxed(),
        ),
        one("minimum", number().boxed()),
        one("maximum", number().boxed()),
        one("exclusiveMinimum", number().boxed()),
        one("exclusiveMaximum", number().boxed()),
        one(
            "multipleOf",
            prop_oneof![Just(json!(1)), Just(json!(2)), Just(json!(0.5)), Just(json!(3))].boxed(),
        ),
        one("minItems", small.clone()),
        one("maxItems", small.clone()),
        one("uniqueItems", any::<bool>().prop_map(Value::from).boxed()),
        one("items", inner.clone()),
        one("prefixItems", list(&inner)),
        (inner.clone(), small.clone(), prop::option::of(small.clone()))
            .prop_map(|(schema, min, max)| {
                let mut map =
                    Map::from_iter([("contains".to_owned(), schema), ("minContains".to_owned(), min)]);
                map.extend(max.map(|max| ("maxContains".to_owned(), max)));
                map
            })
            .boxed(),
        one("properties", by_name(inner.clone())),
        one("properties", by_name(inner.clone())),
        one("required", names.clone()),
        one("patternProperties", by_pattern),
        one("additionalProperties", inner.clone()),
        one("propertyNames", inner.clone()),
        one("minProperties", small.clone()),
        one("maxProperties", small),
        one("dependentRequired", by_name(names)),
        one("dependentSchemas", by_name(inner.clone())),
        one("allOf", list(&inner)),
        one("anyOf", list(&inner)),
        one("oneOf", list(&inner)),
        one("not", inner.clone()),
        one("$ref", prop_oneof![Just("#/$defs/one"), Just("#/$defs/two")].prop_map(Value::from).boxed()),
        (inner.clone(), prop::option::of(inner.clone()), prop::option::of(inner))
            .prop_map(|(test, then, otherwise)| {
                let mut map = Map::from_iter([("if".to_owned(), test)]);
                map.extend(then.map(|schema| ("then".to_owned(), schema)));
                map.extend(otherwise.map(|schema| ("else".to_owned(), schema)));
                map
            })
            .boxed(),
    ];
    prop::strategy::Union::new(groups)
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        Just(json!({"type": "string"})),
        Just(json!({"type": ["number", "string"]})),
        Just(json!({"type": "object", "required": ["a"]})),
    ];
    let part = leaf.prop_recursive(3, 24, 3, |inner| {
        prop::collection::vec(keyword(inner.boxed()), 1..4).prop_map(|maps| {
            let mut all = Map::new();
            maps.into_iter().for_each(|map| all.extend(map));
            Value::Object(all)
        })
    });
    // What is referred to refers to nothing, or to itself only below a member.
    (part, leaf_definition(), leaf_definition()).prop_map(|(mut root, one, two)| {
        if let Value::Object(map) = &mut root {
            map.insert("$defs".to_owned(), json!({"one": one, "two": two}));
        }
        root
    })
}

fn leaf_definition() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "integer"})),
        Just(json!({"properties": {"a": {"$ref": "#/$defs/one"}}, "maxProperties": 2})),
        Just(json!({"anyOf": [{"type": "string"}, {"items": {"$ref": "#/$defs/two"}, "type": "array"}]})),
        Just(json!(false)),
    ]
}

#[test]
fn random_messages_fit_random_schemas_exactly_where_an_independent_validator_says_so() {
    let mut runner = TestRunner::new(Config { cases: 3_000, failure_persistence: None, ..Config::default() });
    let (fitting, broken) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&(schema(), prop::collection::vec(message(), 12)), |(schema, messages)| {
        let (ours, theirs) = (ours(&schema), theirs(&schema));
        for message in messages {
            let expected = theirs.is_valid(&message);
            let count = if expected { &fitting } else { &broken };
            count.set(count.get() + 1);
            for text in
                [message.to_string(), serde_json::to_string_pretty(&message).unwrap(), escaped(&message)]
            {
                prop_assert_eq!(fits(&ours, &text), expected, "schema {}\nmessage {}", schema, text);
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // A proof in which nearly everything fits, or nearly nothing, would prove little.
    assert!(fitting.get() > 5_000 && broken.get() > 5_000, "{fitting:?} {broken:?}");
}

#[test]
fn a_schema_seen_to_in_passing_says_what_it_says_by_itself() {
    let mut runner = TestRunner::new(Config { cases: 1_500, failure_persistence: None, ..Config::default() });
    let (grafted, broken) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&(schema(), prop::collection::vec(message(), 12)), |(schema, messages)| {
        let schema = ours(&schema);
        let place: Pointer = "/x".parse().unwrap();
        let mut trie = Trie::default();
        for pointer in ["/x", "/x/a", "/x/*/b", "/y"] {
            trie.add(&pointer.parse().unwrap()).unwrap();
        }
        let check = trie.check(&place, &schema).unwrap();
        trie.graft();
        let mut extract = Extract::default();
        trie.scan("{}", &mut extract).unwrap();
        let is_grafted = !extract.doubts(check);
        grafted.set(grafted.get() + u32::from(is_grafted));
        for message in messages {
            for value in
                [message.to_string(), serde_json::to_string_pretty(&message).unwrap(), escaped(&message)]
            {
                let text = format!("{{\"w\":[{value}], \"x\" :{value},\"y\":1}}");
                trie.scan(&text, &mut extract).unwrap();
                let fits = fits(&schema, &value);
                broken.set(broken.get() + u32::from(!fits));
                prop_assert_eq!(extract.doubts(check), !(fits && is_grafted), "{:?}\n{}", schema, text);
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(grafted.get() > 1_000 && broken.get() > 5_000, "{grafted:?} {broken:?}");
}

/// The same message with every letter of every text written as an escape.
fn escaped(message: &Value) -> String {
    let string = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match message {
        Value::String(text) => string(text),
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(escaped).collect::<Vec<_>>().join(" , "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("{} : {}", string(key), escaped(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => message.to_string(),
    }
}

/// What is said of a message that does not fit: the marked text, what was wanted, what was seen.
fn said(schema: Value, message: &str) -> String {
    let schema = ours(&schema);
    let breach = schema.fits(message, 0).unwrap_err();
    let marked = &message[schema.range(&breach, message)];
    format!("{marked} | {} | {}", schema.wanted(&breach, message), schema.seen(&breach, message))
}

#[test]
fn a_breach_names_the_place_what_was_wanted_and_what_was_seen() {
    let sale = json!({
        "properties": {
            "amount": {"type": ["number", "string"], "minLength": 1},
            "tender": {"enum": ["credit", "debit"]},
            "date": {"pattern": "^[0-9]{6}$"},
            "lines": {"items": {"required": ["price"]}, "maxItems": 2, "uniqueItems": true},
            "count": {"type": "integer", "minimum": 1, "exclusiveMaximum": 10},
            "at": {"format": "date-time"},
        },
        "required": ["type", "amount"],
        "additionalProperties": false,
    });
    let mut sale = sale;
    sale["properties"]["type"] = json!(true);
    for (message, expected) in [
        (r#"{"type":"sale","amount":true}"#, "true | `/amount` a string or a number | `/amount` is `true`"),
        (r#"{"type":"sale"}"#, r#"{"type":"sale"} | a value at `/amount` | no `/amount`"#),
        ("{}", "{} | a value at `/amount` and `/type` | no `/amount` and no `/type`"),
        (
            r#"{"type":"sale","amount":"1","tendr":"credit"}"#,
            r#""credit" | no `/tendr` (did you mean `tender`?) | `/tendr` is `"credit"`"#,
        ),
        (
            r#"{"type":"sale","amount":"1","tender":"Credit"}"#,
            r#""Credit" | `/tender` `"credit"` or `"debit"` | `/tender` is `"Credit"`"#,
        ),
        (r#"{"type":"sale","amount":""}"#, r#""" | `/amount` of at least 1 character | `/amount` is `""`"#),
        (
            r#"{"type":"sale","amount":1,"date":"2026-03"}"#,
            r#""2026-03" | `/date` that matches `^[0-9]{6}$` | `/date` is `"2026-03"`"#,
        ),
        (
            r#"{"type":"sale","amount":1,"lines":[{"price":1},{"prize":2}]}"#,
            r#"{"prize":2} | a value at `/lines/1/price` | no `/lines/1/price`"#,
        ),
        (
            r#"{"type":"sale","amount":1,"lines":[{"price":1},{"price":1.0}]}"#,
            r#"{"price":1.0} | `/lines/1` that no element before it says | `/lines/1` is `{"price":1.0}`"#,
        ),
        (r#"{"type":"sale","amount":1,"count":1.5}"#, "1.5 | `/count` a whole number | `/count` is `1.5`"),
        (r#"{"type":"sale","amount":1,"count":10}"#, "10 | `/count` below `10` | `/count` is `10`"),
        (
            r#"{"type":"sale","amount":1,"at":"2026-03-02 10:15"}"#,
            r#""2026-03-02 10:15" | `/at` a date and time with its offset, such as `2026-03-02T10:15:44Z` | `/at` is `"2026-03-02 10:15"`"#,
        ),
    ] {
        assert_eq!(said(sale.clone(), message), expected);
    }
}

#[test]
fn of_alternatives_the_nearest_is_explained() {
    let schema = json!({"oneOf": [
        {"title": "sale", "type": "object", "properties": {"type": {"const": "sale"}, "amount": {"type": "number"}}, "required": ["type", "amount"]},
        {"title": "void", "type": "object", "properties": {"type": {"const": "void"}, "reference": {"type": "string"}}, "required": ["type", "reference"]},
    ]});
    let sale = r#"{"type":"sale","amount":"x"}"#;
    assert_eq!(said(schema.clone(), sale), r#""x" | `/amount` a number | `/amount` is `"x"`"#);
    assert_eq!(said(schema, "7"), "7 | the message “sale” or “void” | it is `7`");
    let either = json!({"oneOf": [{"type": "integer"}, {"minimum": 2}]});
    assert_eq!(
        said(either, "3"),
        "3 | the message exactly one of: a whole number or a value of its own form | it is 2 of them: `3`"
    );
    assert_eq!(said(json!({"not": {"const": 3}}), "3"), "3 | the message other than `3` | it is `3`");
}

fn refused(schema: &str) -> String {
    Schema::from_json(schema).unwrap_err().to_string()
}

#[test]
fn what_is_not_supported_is_refused_where_it_stands_with_a_next_step() {
    for (schema, place, words) in [
        (
            r#"{"unevaluatedProperties":false}"#,
            "schema.json:1:3",
            "keyword `unevaluatedProperties` is not supported",
        ),
        (r##"{"$dynamicRef":"#x"}"##, ":1:3", "help: refer to the schema itself"),
        (r#"{"requierd":["a"]}"#, ":1:3", "did you mean `required`?"),
        (r#"{"nullable":true}"#, ":1:3", "`\"type\": [\"string\", \"null\"]`"),
        (r#"{"pattern":"(?=a)"}"#, ":1:12", "look-around, back references"),
        (r#"{"pattern":"\\p{L}"}"#, ":1:12", "expected a regular expression that is supported"),
        (r#"{"type":"text"}"#, ":1:9", "types are object, array"),
        (r#"{"type":"strin"}"#, ":1:9", "did you mean `string`?"),
        (r#"{"minimum":"3"}"#, ":1:12", "expected a number, got `\"3\"`"),
        (r#"{"minimum":3,"exclusiveMinimum":true}"#, ":1:33", "that is draft 04"),
        (r#"{"minLength":-1}"#, ":1:14", "expected a whole number"),
        (r#"{"multipleOf":0}"#, ":1:15", "above zero"),
        (r#"{"required":"a"}"#, ":1:13", "expected a list of names"),
        (
            r#"{"properties":{"a":7}}"#,
            ":1:20",
            "expected a schema (an object, `true` or `false`), got a number",
        ),
        (r#"{"items":[{}]}"#, ":1:10", "`prefixItems` since 2020-12"),
        (r#"{"allOf":[]}"#, ":1:10", "expected a list of schemas"),
        (r##"{"$ref":"#/$defs/a"}"##, ":1:9", "expected a part of `schema.json`"),
        (r##"{"$ref":"#/$defs/sal","$defs":{"sale":{}}}"##, ":1:9", "did you mean `sale`?"),
        (r##"{"$ref":"#nowhere"}"##, ":1:9", "expected an anchor"),
        (r#"{"$ref":"https://example.com/a.json"}"#, ":1:9", "save that document in the pack's folder"),
        (r##"{"$ref":"#"}"##, ":1:9", "references in a circle"),
        (r##"{"allOf":[{"$ref":"#"}]}"##, ":1:1", "one that applies to itself"),
        (r#"{"$schema":"http://json-schema.org/draft-04/schema#"}"#, ":1:12", "supported are 2020-12"),
        (r#"{"properties":{"a":{"$id":"x.json"}}}"#, ":1:22", "`$id` at the root"),
        (r#"{"a":1,"a":2}"#, ":1:9", "expected each name once"),
        (r#"{"type":"#, ":1:9", "expected a value"),
    ] {
        let error = refused(schema);
        assert!(error.contains(place) && error.contains(words), "{schema}\n{error}");
    }
}

#[test]
fn older_editions_keep_their_meaning() {
    let seven = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}],
        "additionalItems": {"$ref": "#/definitions/n", "minimum": 100},
        "definitions": {"n": {"type": "number"}},
    });
    let schema = ours(&seven);
    let reference = jsonschema::draft7::new(&seven).unwrap();
    for message in [r#"["a",1]"#, r#"["a","b"]"#, "[1]", "[]", r#"["a",100]"#] {
        let value = serde_json::from_str(message).unwrap();
        assert_eq!(fits(&schema, message), reference.is_valid(&value), "{message}");
    }
    let dependencies = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "dependencies": {"a": ["b"], "b": {"required": ["c"]}},
    });
    let schema = ours(&dependencies);
    assert!(fits(&schema, r#"{"a":1,"b":2,"c":3}"#) && fits(&schema, "{}"));
    assert!(!fits(&schema, r#"{"a":1}"#) && !fits(&schema, r#"{"b":1}"#));
}

#[test]
fn amounts_are_compared_exactly() {
    let cents = ours(&json!({"multipleOf": 0.01, "maximum": 99_999_999.99}));
    for fits_it in ["19.99", "0.07", "1.1", "99999999.99", "1e2"] {
        assert!(fits(&cents, fits_it), "{fits_it}");
    }
    for does_not in ["19.999", "1e-3", "99999999.991", "100000000000000000000000.01"] {
        assert!(!fits(&cents, does_not), "{does_not}");
    }
    let big = ours(&json!({"const": 1}));
    assert!(fits(&big, "1.000") && !fits(&big, "1.0000000000000000000000000001"));
}

#[test]
fn deep_messages_and_greedy_schemas_end() {
    let tree =
        ours(&json!({"anyOf": [{"type": "null"}, {"properties": {"a": {"$ref": "#"}}, "type": "object"}]}));
    let deep = |levels: usize| format!("{}null{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    assert!(fits(&tree, &deep(127)));
    // Each level looks twice at the next: more than any message is worth.
    let greedy = ours(&json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#/$defs/again"}]}},
        "$defs": {"again": {"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#/$defs/again"}]}}}}}));
    // Nobody can tell, and that is said.
    assert!(greedy.fits(&deep(127), 0).is_err_and(|breach| breach.is_overrun()));
}

/// A pack whose messages are described by a vendor's JSON Schema of draft 07.
fn kiosk(kind: &str, on: &str) -> Result<pack::Pack, String> {
    let mut sources = Sources::embedded();
    let toml = format!(
        "name = \"kiosk\"\nversion = \"1.0.0\"\ntitle = \"kiosk\"\nextends = [\"core\"]\n[[document]]\nid = \"V\"\ntitle = \"V\"\n{kind}"
    );
    let page = format!(
        "+++\ncode = \"BODY-1\"\ntitle = \"bodies\"\nlevel = \"must\"\nauthority = \"documented\"\nimpact = \"data\"\nsource = [\"V\"]\n[pattern.shape]\non = \"{on}\"\nrequire = [{{ fits-body = true }}]\n+++\n# What it requires\n\nA body.\n\n# Why it matters\n\nIt does.\n\n# Limits\n\nNone.\n\n```exchange pass\npos +0ms {{\"TransactionRequest\":{{\"AmtAuth\":1250}}}}\n```\n```exchange fail at 1 blames pos\npos +0ms {{\"TransactionRequest\":{{\"AmtAuth\":\"1250\"}}}}\n```\n"
    );
    let vendor = r##"{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{
        "Message":{"type":"object","minProperties":1,"maxProperties":1,"properties":{"TransactionRequest":{"$ref":"#/definitions/Transaction Request"}}},
        "Transaction Request":{"type":"object","required":["AmtAuth"],"properties":{"AmtAuth":{"type":"integer","minimum":0}}}}}"##;
    sources.insert("kiosk/pack.toml", toml);
    sources.insert("kiosk/rules/BODY-1.md", page);
    sources.insert("kiosk/vendor/kiosk-schema.json", vendor);
    pack::load(&sources, "kiosk").map_err(|errors| errors.to_string())
}

#[test]
fn a_vendors_schema_file_describes_the_bodies_of_a_pack() {
    let message = |rest: &str| format!("[[message]]\nkind = \"ask\"\n{rest}");
    let good =
        message("is = \"json\"\nfrom = \"pos\"\nbody = \"vendor/kiosk-schema.json#/definitions/Message\"\n");
    let pack = Arc::new(kiosk(&good, "json").unwrap());
    let rule = pack.rules.iter().find(|rule| rule.info.code.to_string() == "BODY-1").unwrap();
    assert_eq!(rule.page.exchanges.len(), 2);
    for exchange in &rule.page.exchanges {
        try_exchange(&pack, rule, exchange).unwrap();
    }
    for (kind, on, words, help) in [
        (
            good.replace("Message", "Mesage"),
            "json",
            "kiosk/pack.toml:12:8: expected a part of `kiosk/vendor/kiosk-schema.json`",
            "did you mean `Message`?",
        ),
        (
            good.replace("kiosk-schema", "kiosk"),
            "json",
            "expected a document of the pack, got `kiosk/vendor/kiosk.json`",
            "did you mean `kiosk/vendor/kiosk-schema.json`?",
        ),
        (
            good.replace("is = \"json\"", "event = \"binary\""),
            "ask",
            "expected a body for a kind of JSON message only",
            "",
        ),
        (
            message("is = \"json\"\n"),
            "json",
            "kiosk/rules/BODY-1.md:9:6: expected kinds that have a `body`, got `json`",
            "say `body = ",
        ),
    ] {
        let error = kiosk(&kind, on).unwrap_err();
        assert!(error.contains(words) && error.contains(help), "{kind}\n{error}");
    }
}
