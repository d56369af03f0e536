//! The JSON cursor against serde_json: the same texts are JSON, the same values stand at the same places.

use std::borrow::Cow;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;
use tilltape::text::Pointer;
use tilltape::text::json::{self, Cursor, JsonError, Kind, MAX_DEPTH};

/// Values of every kind, with keys and strings that need escapes.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{0,12}", "\\PC{0,40}", "[\\x00-\\x7f]{0,12}", "[~/0-9\"\\\\\u{1f600}\u{e9}]{0,80}"]
}

/// Texts that are JSON, or nearly.
fn any_json() -> impl Strategy<Value = String> {
    let whole = (any_value(), any::<bool>())
        .prop_map(|(value, pretty)| if pretty { format!("{value:#}") } else { value.to_string() });
    let whole = whole.boxed();
    let bits = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "00", "-", "0", "1", ".", "e", "E+", "true", "nul",
        "null", " ", "\n", "\u{b}", "\u{a0}", "\u{0}", "\\ud800", "\\udc00", "\\u00e9", "\\x", "é", "\u{7f}",
        "false", "a",
    ]);
    let edit = (any::<prop::sample::Index>(), 0..3_usize, bits.clone());
    prop_oneof![
        whole.clone(),
        prop::collection::vec(bits, 0..12).prop_map(|bits| bits.concat()),
        (whole, prop::collection::vec(edit, 1..4)).prop_map(|(text, edits)| {
            edits.into_iter().fold(text, |mut text, (at, removed, inserted)| {
                let boundaries: Vec<usize> =
                    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                let from = at.index(boundaries.len());
                let to = (from + removed).min(boundaries.len() - 1);
                text.replace_range(boundaries[from]..boundaries[to], inserted);
                text
            })
        }),
    ]
}

/// What the cursor reads, through its own callbacks.
fn read(cursor: &mut Cursor<'_>) -> Result<Value, JsonError> {
    Ok(match cursor.kind()? {
        Kind::Object => {
            let mut members = serde_json::Map::new();
            cursor.object(|key, cursor| {
                members.insert(key.decode().into_owned(), read(cursor)?);
                Ok::<_, JsonError>(())
            })?;
            Value::Object(members)
        }
        Kind::Array => {
            let mut elements = Vec::new();
            cursor.array(|index, cursor| {
                assert_eq!(index, elements.len());
                elements.push(read(cursor)?);
                Ok::<_, JsonError>(())
            })?;
            Value::Array(elements)
        }
        Kind::String => {
            let string = cursor.string()?;
            assert!(string.is(&string.decode()));
            Value::from(string.decode())
        }
        // serde_json decides what a spelling is worth; the cursor only what a number token is.
        Kind::Number => serde_json::from_str(cursor.number()?).expect("a number token"),
        Kind::True | Kind::False | Kind::Null => serde_json::from_str(cursor.value()?).expect("a word"),
    })
}

/// Every value of a document with its pointer.
fn places<'v>(value: &'v Value, pointer: &Pointer, all: &mut Vec<(Pointer, &'v Value)>) {
    all.push((pointer.clone(), value));
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| places(value, &pointer.child(key), all));
        }
        Value::Array(elements) => {
            let each = elements.iter().enumerate();
            each.for_each(|(index, value)| places(value, &pointer.child(index.to_string()), all));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_same_texts_are_json(text in any_json()) {
        let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        let ours = json::validate(&text);
        prop_assert_eq!(ours.is_ok(), theirs, "{:?}", ours);
        if let Err(error) = ours {
            prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at));
        }
        let mut cursor = Cursor::new(&text);
        let skipped = cursor.skip().and_then(|()| cursor.end());
        prop_assert_eq!(skipped, ours);
    }

    #[test]
    fn the_same_values_are_read(value in any_value(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let theirs: Value = serde_json::from_str(&text).expect("JSON");
        let mut cursor = Cursor::new(&text);
        prop_assert_eq!(read(&mut cursor), Ok(theirs));
        prop_assert_eq!(cursor.end(), Ok(()));
    }

    #[test]
    fn strings_say_the_same(text in any_json()) {
        let token = format!("\"{}\"", text.replace('"', ""));
        if let Ok(theirs) = serde_json::from_str::<String>(&token) {
            prop_assert_eq!(json::string(&token).map(Cow::into_owned), Some(theirs));
        }
        let raw = &token[1..token.len() - 1];
        let characters: Vec<_> = json::characters(raw).collect();
        let mut end = 0;
        for (_, range) in &characters {
            prop_assert_eq!(range.start, end);
            end = range.end;
        }
        prop_assert_eq!(end, raw.len());
        if let Some(said) = json::string(&token) {
            prop_assert_eq!(characters.into_iter().map(|(character, _)| character).collect::<String>(), said);
        }
    }

    #[test]
    fn pointers_lead_to_the_same_values_and_back(value in any_value(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let mut all = Vec::new();
        places(&value, &Pointer::default(), &mut all);
        let mut offsets = Vec::new();
        for (pointer, expected) in &all {
            let found = pointer.find(&text).expect("the value is there");
            prop_assert_eq!(&serde_json::from_str::<Value>(found).expect("a value's text"), *expected);
            let offset = found.as_ptr() as usize - text.as_ptr() as usize;
            prop_assert_eq!(&Pointer::at(&text, offset), &Ok(pointer.clone()));
            prop_assert_eq!(&Pointer::at(&text, offset + found.len() - 1), &Ok(pointer.clone()));
            prop_assert_eq!(&pointer.to_string().parse(), &Ok(pointer.clone()));
            prop_assert_eq!(value.pointer(&pointer.to_string()), Some(*expected));
            offsets.push((offset, pointer.clone()));
        }
        offsets.sort_by_key(|&(offset, _)| offset);
        let (offsets, pointers): (Vec<_>, Vec<_>) = offsets.into_iter().unzip();
        prop_assert_eq!(Pointer::at_each(&text, &offsets), Ok(pointers));
    }
}

#[test]
fn containers_nest_to_the_documented_depth_and_no_deeper() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let members = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for text in [nested, members].map(|make: fn(usize) -> String| make) {
        assert_eq!(json::validate(&text(MAX_DEPTH)), Ok(()));
        let error = json::validate(&text(MAX_DEPTH + 1)).expect_err("too deep");
        assert_eq!(error.expected, "at most 128 nested containers");
        assert_eq!(read(&mut Cursor::new(&text(MAX_DEPTH))).map(drop), Ok(()));
        assert_eq!(read(&mut Cursor::new(&text(MAX_DEPTH + 1))).expect_err("too deep"), error);
        assert!(json::validate(&text(1_000_000)).is_err());
    }
    // What was read does not count.
    assert_eq!(json::validate(&format!("[{}[]]", "[[[]]],".repeat(1_000))), Ok(()));
}

#[test]
fn a_pointer_takes_the_first_of_duplicate_keys_and_indexes_as_rfc_6901_spells_them() {
    let find = |pointer: &str, json| pointer.parse::<Pointer>().expect("a pointer").find(json);
    assert_eq!(find("/a/b", r#"{"a":{"b":1},"a":{"b":2}}"#), Some("1"));
    assert_eq!(find("/a/b", r#"{"a":{},"a":{"b":2}}"#), None);
    assert_eq!(find("/a", r#"{"\u0061" : [ 1 ] , broken"#), Some("[ 1 ]"));
    assert_eq!(find("/10", "[0,1,2,3,4,5,6,7,8,9,10]"), Some("10"));
    for no_index in ["/01", "/+1", "/-", "/", "/1e0", "/-1"] {
        assert_eq!(find(no_index, "[0,1]"), None, "{no_index}");
    }
    assert_eq!(find("/~01~1", r#"{"~1/":7}"#), Some("7"));
    assert_eq!(find("/0", r#"{"0":true}"#), Some("true"));
    assert_eq!(find("", " 1 "), Some("1"));
    assert_eq!(find("/a", "1"), None);
}

#[test]
fn an_offset_in_a_key_belongs_to_the_object() {
    let text = r#"{"a":{"key" : 1, "b":[ 2 ]}}"#;
    let at = |part: &str| Pointer::at(text, text.find(part).expect("a part")).expect("JSON").to_string();
    assert_eq!(at("key"), "/a");
    assert_eq!(at(": 1"), "/a");
    assert_eq!(at("1,"), "/a/key");
    assert_eq!(at(" ]"), "/a/b");
    assert_eq!(at("2 "), "/a/b/0");
}

#[test]
fn errors_say_what_the_grammar_asks_for_and_where() {
    for (text, at, expected) in [
        ("", 0, "a value"),
        ("{", 1, "`\"`"),
        ("{\"a\" 1}", 5, "`:`"),
        ("[1 2]", 3, "`,` or `]`"),
        ("{\"a\":1]", 6, "`,` or `}`"),
        ("[1,]", 3, "a value"),
        ("{\"a\":1,}", 7, "`\"`"),
        ("\"a\u{1}\"", 2, "an escape instead of a control character"),
        ("\"\\x\"", 2, "an escape character"),
        ("\"\\u12g4\"", 5, "four hexadecimal digits"),
        ("\"a", 2, "the end of the string"),
        ("01", 1, "the end of the text"),
        ("-", 1, "a digit"),
        ("1.", 2, "a digit"),
        ("truth", 0, "true"),
    ] {
        assert_eq!(json::validate(text), Err(JsonError { at, expected }), "{text}");
    }
}
