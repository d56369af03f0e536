//! The curated cassettes: each is whole, says what it shows, holds no card data, and the tool still makes it.
//!
//! `cargo run -- demo --pack PACK --cassettes cassettes/PACK --pace real` records them anew; it takes a minute
//! or two.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tilltape::cassette::{Ending, Header, Reader};
use tilltape::conversation::{ConnectionId, EventKind, Masked, Party, Payload};
use tilltape::mask::Policy;
use tilltape::net::demo::{Entry, Tape, catalogue, play};
use tilltape::net::record::{Medium, Shelf};
use tilltape::net::simulate::{Pace, Protocol};
use tilltape::pack::{self, Sources};

#[test]
fn every_entry_of_the_catalogue_has_its_cassette() {
    for protocol in Protocol::ALL {
        let entries = catalogue(protocol);
        let files: BTreeSet<String> = fs::read_dir(folder(protocol))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let named = entries.iter().map(|entry| format!("{}.cassette.jsonl", entry.name));
        assert_eq!(files, named.collect(), "{protocol}");
    }
}

#[test]
fn every_cassette_is_whole_says_what_it_shows_and_is_small() {
    for entry in Protocol::ALL.into_iter().flat_map(catalogue) {
        let text = fs::read_to_string(path(&entry)).unwrap();
        assert!(text.len() < 32 * 1024, "{}: {} bytes", entry.name, text.len());
        let mut reader = Reader::open(text.as_bytes(), entry.name).unwrap();
        assert_eq!(reader.header().labels.get("about").map(String::as_str), Some(entry.about));
        assert_eq!(reader.header().pack.as_deref(), Some(entry.act.protocol().pack()));
        while let Some(event) = reader.next_event() {
            event.unwrap();
        }
        assert_eq!(reader.ending(), Some(Ending::Finished { edited: false }), "{}", entry.name);
    }
}

/// A card that is keyed in crosses the link by design; no part of it may reach the disk.
#[test]
fn a_keyed_card_is_masked_before_it_is_written() {
    let text = fs::read_to_string(folder(Protocol::Gochip).join("keyed-refund.cassette.jsonl")).unwrap();
    let request = text.lines().find(|line| line.contains("REQ_PROCESS_UNREFERENCED_REFUND")).unwrap();
    for clear in ["411111", "\"123\"", "1230", "A CARDHOLDER"] {
        assert!(!request.contains(clear), "{clear}: {request}");
    }
    for was in
        ["/json/data/cardNumber\",\"was\":\"card-number", "/json/data/cvv\",\"was\":\"verification-value"]
    {
        assert!(request.contains(was), "{was}: {request}");
    }
}

/// Looks with a scanner of its own: 12 to 19 digits that pass the Luhn check, spaces and dashes between
/// them or not.
#[test]
fn no_committed_cassette_holds_a_card_number() {
    let mut scanned = 0;
    for file in files_below(&root().join("cassettes")) {
        scanned += 1;
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            assert_eq!(card_like(line), None, "{}:{number}", file.display());
        }
    }
    assert!(scanned > Protocol::ALL.into_iter().flat_map(catalogue).count());
}

#[test]
fn the_scanner_finds_what_it_is_for() {
    assert!(card_like(r#"{"a":"4111111111111111"}"#).is_some());
    assert!(card_like("5555 5555-5555 4444").is_some());
    assert_eq!(card_like(r#"{"a":"************1117","b":"4111111111111112","c":1772446272}"#), None);
}

/// Time-outs are cut short and people hurried; what is said must be the same.
#[test]
fn the_tool_still_makes_every_cassette() {
    for protocol in Protocol::ALL {
        let policy = pack::load(&Sources::embedded(), protocol.pack()).unwrap().masking();
        let made: Vec<_> = catalogue(protocol)
            .into_iter()
            .map(|entry| {
                let policy = policy.clone();
                let (name, path) = (entry.name, path(&entry));
                (name, path, thread::spawn(move || record(entry, policy)))
            })
            .collect();
        for (name, path, recording) in made {
            let now = recording.join().unwrap();
            let committed = fs::read_to_string(path).unwrap();
            assert_eq!(said(&now), said(&committed), "{protocol}: {name}");
        }
    }
}

/// What each party did on each connection, in its own order: who was first of two is chance.
fn said(cassette: &str) -> Vec<String> {
    let mut reader = Reader::open(cassette.as_bytes(), "cassette").unwrap();
    let mut said = Vec::new();
    while let Some(event) = reader.next_event() {
        let event = event.unwrap();
        let (who, what) = match event.kind {
            EventKind::Open(opening) => {
                (Party::Pos, format!("opens {} {:?}", opening.target, key(&opening.request.headers)))
            }
            EventKind::Message(message) => match message.payload {
                Payload::Json(text) => (message.from, without_aliases(text, &message.masked)),
                other => (message.from, format!("{other:?}")),
            },
            EventKind::Close(close) => (close.from, format!("closes {:?}", close.code)),
            EventKind::Drop(drop) => (Party::Terminal, format!("drop by {:?}", drop.by)),
            EventKind::End(_) => continue,
            other => (Party::Terminal, format!("{other:?}")),
        };
        said.push((event.connection, who, what));
    }
    said.sort_by_key(|(connection, who, _)| (*connection, *who));
    said.into_iter().map(|(connection, who, what)| format!("{connection:?} {who} {what}")).collect()
}

/// A message with what each masked value was in its place: the replacements differ from recording to recording.
fn without_aliases(text: &str, masked: &[Masked<'_>]) -> String {
    if masked.is_empty() {
        return text.to_owned();
    }
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    for Masked { at, was } in masked {
        *value.pointer_mut(at.strip_prefix("/json").unwrap()).unwrap() = format!("({was:?})").into();
    }
    value.to_string()
}

fn key(headers: &[(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)]) -> Option<String> {
    let key = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Key"));
    key.map(|(_, value)| value.to_string())
}

fn record(mut entry: Entry, policy: Policy) -> String {
    entry.act.hurry(Duration::from_millis(3500), Duration::from_millis(50));
    let file = tempfile::NamedTempFile::new().unwrap();
    let tape = Tape { header: Header::default(), policy, shelf: Box::new(Place(file.path().to_owned())) };
    let played = play(entry.act, Pace::Times(20.0), tape, |_, _| {}).unwrap();
    assert!(played.summary.is_complete(), "{}: {:?}", entry.name, played.summary);
    fs::read_to_string(file.path()).unwrap()
}

/// Shelf and medium of one file.
struct Place(PathBuf);

impl Shelf for Place {
    fn open(&mut self, _: Option<ConnectionId>) -> std::io::Result<Box<dyn Medium>> {
        Ok(Box::new(Taped(fs::File::create(&self.0)?)))
    }
}

struct Taped(fs::File);

impl std::io::Write for Taped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Medium for Taped {
    fn name(&self) -> String {
        "test".to_owned()
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn reread(&mut self) -> std::io::Result<Option<Box<dyn std::io::Read>>> {
        Ok(None)
    }
}

/// The first run of digits in a line that could be a card number.
fn card_like(line: &str) -> Option<String> {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let mut digits = String::new();
        while at < bytes.len() {
            match bytes[at] {
                digit @ b'0'..=b'9' => digits.push(char::from(digit)),
                b' ' | b'-' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {}
                _ => break,
            }
            at += 1;
        }
        if (12..=19).contains(&digits.len()) && digits.bytes().any(|digit| digit != b'0') && luhn(&digits) {
            return Some(digits);
        }
    }
    None
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

fn folder(protocol: Protocol) -> PathBuf {
    root().join("cassettes").join(protocol.pack())
}

fn path(entry: &Entry) -> PathBuf {
    folder(entry.act.protocol()).join(format!("{}.cassette.jsonl", entry.name))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
