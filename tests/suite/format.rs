//! The published form of cassettes: the schema and the page say what the code does, on every cassette we have.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use proptest::prelude::*;
use tilltape::cassette::{Reader, encode};

use crate::events;

#[test]
fn every_committed_cassette_follows_the_schema_and_opens() {
    let schema = schema();
    let cassettes = committed();
    assert!(
        cassettes.iter().any(|path| path.ends_with("tests/formats/cassette-1-every-event.cassette.jsonl"))
    );
    for path in cassettes {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}:{}: {error}", number + 1));
            if let Err(error) = schema.validate(&value) {
                panic!("{name}:{}: {error} at {}", number + 1, error.instance_path());
            }
        }
        // Our own lines come back byte for byte.
        let mut reader = Reader::open(text.as_bytes(), &name).unwrap();
        let mut lines = text.lines().skip(1);
        while let Some(event) = reader.next_event() {
            let mut again = Vec::new();
            encode(&event.unwrap(), &mut again);
            assert_eq!(std::str::from_utf8(&again).unwrap().trim_end(), lines.next().unwrap(), "{name}");
        }
        assert!(reader.ending().is_some());
    }
}

proptest! {
    #[test]
    fn lines_of_every_kind_follow_the_schema(events in events::recording()) {
        let schema = schema();
        for event in &events {
            let mut line = Vec::new();
            encode(event, &mut line);
            let mut value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            // Where a masked value stood is any text in random events, and a pointer in real ones.
            if let Some(masked) = value.get_mut("masked").and_then(|masked| masked.as_array_mut()) {
                masked.iter_mut().for_each(|masked| masked["at"] = "/json/a".into());
            }
            if let Err(error) = schema.validate(&value) {
                prop_assert!(false, "{error}: {value}");
            }
        }
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let schema = schema();
    for line in [
        r#"{"cassette":2}"#,
        r#"{"cassette":1,"labels":{"a":1}}"#,
        r#"{"n":1,"t_us":0,"event":"txt"}"#,
        r#"{"n":1,"t_us":0,"conn":1,"event":"text","json":1}"#,
        r#"{"n":1,"t_us":0,"conn":1,"from":"pos","event":"text"}"#,
        r#"{"n":1,"t_us":0,"conn":1,"from":"pos","event":"text","json":1,"text":"1"}"#,
        r#"{"n":1,"t_us":0,"conn":1,"from":"till","event":"ping","base64":""}"#,
        r#"{"n":1,"t_us":0,"conn":1,"from":"pos","event":"ping","base64":"A"}"#,
        r#"{"n":1,"t_us":0,"conn":1,"event":"open","client":"pos"}"#,
        r#"{"n":1,"t_us":0,"event":"gap","messages":1}"#,
        r#"{"n":1,"t_us":-1,"event":"note","text":""}"#,
    ] {
        assert!(!schema.is_valid(&serde_json::from_str(line).unwrap()), "schema: {line}");
        let file =
            if line.contains("cassette") { line.to_owned() } else { format!("{{\"cassette\":1}}\n{line}\n") };
        let read =
            Reader::open(file.as_bytes(), "x").map(|mut reader| matches!(reader.next_event(), Some(Ok(_))));
        assert!(!matches!(read, Ok(true)), "reader: {line}");
    }
}

#[test]
fn every_example_on_the_page_is_a_line_of_the_format() {
    let schema = schema();
    let page = fs::read_to_string(root().join("docs/cassette.md")).unwrap();
    let mut examples = 0;
    for block in page.split("```json\n").skip(1) {
        for line in block.split("\n```").next().unwrap().lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(schema.is_valid(&value), "{line}");
            if value.get("cassette").is_none() {
                let line = line.replacen(&format!("\"n\":{},", value["n"]), "\"n\":1,", 1);
                let file = format!("{{\"cassette\":1}}\n{line}\n");
                let mut reader = Reader::open(file.as_bytes(), "example").unwrap();
                let mut again = Vec::new();
                encode(&reader.next_event().unwrap().unwrap(), &mut again);
                assert_eq!(std::str::from_utf8(&again).unwrap().trim_end(), line);
            }
            examples += 1;
        }
    }
    assert!(examples > 15, "{examples}");
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn a_reader_written_from_the_page_agrees_with_ours() {
    let python = env::var("TILLTAPE_PYTHON").unwrap_or_else(|_| "python3".into());
    if !Command::new(&python).arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: `{python}` does not run");
        return;
    }
    let page = fs::read_to_string(root().join("docs/cassette.md")).unwrap();
    let program = page.split("```python\n").nth(1).unwrap().split("\n```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.cassette.jsonl");
    let sample = fs::read(root().join("tests/formats/cassette-1-every-event.cassette.jsonl")).unwrap();
    fs::write(&cut, &sample[..sample.len() / 2]).unwrap();
    for path in committed().into_iter().chain([cut]) {
        let output = Command::new(&python).args(["-c", program]).arg(&path).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.trim(), in_words(&path), "{}", path.display());
    }
}

/// What the page's reader prints, said by ours.
fn in_words(path: &Path) -> String {
    use tilltape::cassette::Ending;
    let mut reader = Reader::open(fs::File::open(path).unwrap(), "x").unwrap();
    let mut events = 0;
    while let Some(event) = reader.next_event() {
        event.unwrap();
        events += 1;
    }
    match reader.ending().unwrap() {
        Ending::Finished { edited: false } => format!("{events} events, finished"),
        Ending::Unverified => format!("{events} events, not verified"),
        Ending::Finished { edited: true } => format!("{events} events, edited"),
        Ending::Cut { after, partial_bytes } => {
            format!("{events} events, cut after event {}, {partial_bytes} bytes hang over", after.0)
        }
    }
}

fn schema() -> jsonschema::Validator {
    let schema = include_str!("../../specs/schema/cassette.schema.json");
    jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap()
}

/// Every cassette in the repository.
fn committed() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["cassettes", "tests/formats"] {
        collect(&root().join(folder), &mut found);
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.to_string_lossy().ends_with(".cassette.jsonl") {
            found.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
