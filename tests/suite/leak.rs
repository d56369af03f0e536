//! Card numbers pushed through everything a peer can fill, and none of them in clear anywhere afterwards.
//!
//! Raw sockets on both sides send the published test cards in every shape: JSON strings, numbers, keys and
//! escapes, plain text, fragments, compressed and binary messages, pings, close reasons, headers, paths, queries,
//! invalid UTF-8, broken frames, broken and refused handshakes. Then every output is searched: the cassette, what
//! the tool said at its most talkative, the transcript, the bytes, and both reports.
//!
//! The search knows nothing of the tool's own masking: it drops everything but digits, undoes JSON escapes,
//! base64 and hex, and looks for the number.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;
use tempfile::TempDir;
use tilltape::mask::{MaskedKind, find_clear};

use crate::recorder::Recorder;

/// Test numbers the schemes publish: 13 to 19 digits, the 2-series among them.
const CARDS: [&str; 9] = [
    "4111111111111111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "3566002020360505",
    "4222222222222",
    "6304000000000000",
];

#[test]
fn no_card_number_leaves_in_clear() {
    let terminal = start_terminal();
    let recorder = Recorder::start(&format!("ws://127.0.0.1:{terminal}"), &["-vvv"]);
    for card in CARDS {
        let grouped = grouped(card);
        let (plus, dashed) = (grouped.replace(' ', "+"), grouped.replace(' ', "-"));
        let target = format!("/talk/{card}/{dashed}?card={card}&q={plus}&{card}");
        let (code, head) = talk(&recorder, &target, card, &frames(card, true));
        assert_eq!(code, 101, "{head}");
        let (code, _) = talk(&recorder, &format!("/break/{card}"), card, &broken_frames(card));
        assert_eq!(code, 101);
        let (code, _) = talk(&recorder, &format!("/refuse/{card}"), card, &[]);
        assert_eq!(code, 403);
        let _ = exchange(&recorder, format!("GET /{card} {card}\r\nnonsense {card}\r\n\r\n").as_bytes(), &[]);
        let _ = exchange(&recorder, format!("{card} {grouped}").as_bytes(), &[]);
    }
    let recording = recorder.stop();
    let cassette = String::from_utf8(recording.cassette.clone()).expect("a cassette is UTF-8");
    assert_everything_arrived(&cassette);

    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = folder.path().join("leak.cassette.jsonl");
    fs::write(&file, &cassette).expect("the temporary folder takes a file");
    let mut outputs = vec![
        ("the cassette".to_owned(), cassette.clone()),
        ("record's stdout".to_owned(), recording.stdout),
        ("record's stderr".to_owned(), recording.stderr),
    ];
    for arguments in [
        &["show"][..],
        &["show", "--raw"],
        &["show", "--exact"],
        &["check", "--pack", "bluechip-tsi"],
        &["check", "--pack", "bluechip-tsi", "--format", "json"],
        &["check", "--pack", "core", "--format", "json"],
    ] {
        outputs.extend(run(arguments, &file));
    }

    outputs.push(("undecodable bytes, joined".to_owned(), undecodable_bytes(&cassette)));
    let leaks: Vec<_> = outputs.iter().flat_map(|(name, text)| leaks(name, text)).collect();
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

/// Not even the published test cards stand in what is committed to be looked at.
#[test]
fn committed_recordings_hold_no_card_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut leaks = Vec::new();
    let mut open: Vec<_> =
        ["cassettes", "reports", "docs", "tests/formats"].map(|name| root.join(name)).into();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of the project can be listed");
            open.extend(entries.map(|entry| entry.expect("a folder of the project can be listed").path()));
        } else if let Ok(text) = fs::read_to_string(&path) {
            for (range, kind) in find_clear(&text) {
                // Prose about fields called `key` or `token` reads like a credential; it is none.
                if kind == MaskedKind::Secret && path.starts_with(root.join("docs")) {
                    continue;
                }
                let line = text[..range.start].lines().count().max(1);
                leaks.push(format!("{}:{line}: a {} in clear", path.display(), kind.as_str()));
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// The search finds what it is meant to find, in every disguise it undoes.
#[test]
fn the_search_finds_a_card_number() {
    let card = CARDS[0];
    let hex: String = card.bytes().map(|byte| format!("{byte:02x} ")).collect();
    for text in [
        format!("a {card} b"),
        "4111 1111-1111 1111".to_owned(),
        format!("{{\"x\":\"{}\"}}", "\\u0034".to_owned() + &card[1..]),
        format!("{{\"x\":\"{}\"}}", BASE64.encode(format!("ab{card}"))),
        format!("0000 {hex}"),
    ] {
        assert_eq!(leaks("text", &text).len(), 1, "{text}");
    }
    assert_eq!(leaks("text", "411111******1111 1785312345678"), Vec::<String>::new());
}

/// Every text in `output` that shows one of the cards, whatever stands between its digits.
fn leaks(name: &str, output: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in output.lines().enumerate() {
        let mut disguises = vec![line.to_owned()];
        if let Ok(value) = serde_json::from_str::<Value>(line) {
            strings(&value, &mut disguises);
        }
        let packed: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        for card in CARDS {
            let hex: String = card.bytes().map(|byte| format!("{byte:02x}")).collect();
            let shown = disguises.iter().any(|text| digits(text).contains(card));
            if shown || packed.to_ascii_lowercase().contains(&hex) {
                let excerpt: String = line.chars().take(160).collect();
                found.push(format!("{name}, line {}: {card}: {excerpt}", index + 1));
            }
        }
    }
    found
}

/// What could not be decoded, one line for each direction of each connection: a number that a broken frame
/// cuts in two must not stand in two lines of the cassette.
fn undecodable_bytes(cassette: &str) -> String {
    let mut streams: BTreeMap<String, String> = BTreeMap::new();
    for line in cassette.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON")) {
        if line["event"] == "undecodable" {
            let bytes = BASE64.decode(line["base64"].as_str().unwrap_or_default()).expect("base64 decodes");
            let stream = streams.entry(format!("{} {}", line["conn"], line["from"])).or_default();
            stream.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    assert!(streams.len() >= 2 * CARDS.len(), "both directions of the broken connections: {}", streams.len());
    streams.into_values().collect::<Vec<_>>().join("\n")
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Every string of a JSON value, keys too, and what it holds as base64.
fn strings(value: &Value, found: &mut Vec<String>) {
    let mut take = |text: &str| {
        if let Ok(bytes) = BASE64.decode(text) {
            found.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        found.push(text.to_owned());
    };
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => {
            members.keys().for_each(|key| take(key));
            members.values().for_each(|member| strings(member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The test would prove nothing had the recorder not seen it all.
fn assert_everything_arrived(cassette: &str) {
    let count = |needle: &str| cassette.lines().filter(|line| line.contains(needle)).count();
    for (event, at_least) in [
        (r#""event":"open""#, 2),
        (r#""event":"refused""#, 1),
        (r#""event":"text""#, 2 * 10),
        (r#""event":"binary""#, 2),
        (r#""event":"ping""#, 2),
        (r#""event":"pong""#, 2),
        (r#""event":"close""#, 2),
        (r#""event":"undecodable""#, 4),
        (r#""deflated":true"#, 2),
        (r#""frames":["#, 2),
        (r#""was":"card-number""#, 2 * 14),
    ] {
        let found = count(event);
        assert!(
            found >= at_least * CARDS.len(),
            "{event}: {found} lines, at least {}",
            at_least * CARDS.len()
        );
    }
}

fn run(arguments: &[&str], file: &Path) -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .args(arguments)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("the tool starts");
    let name = arguments.join(" ");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(!output.stdout.is_empty(), "{name} printed nothing: {}", text(&output.stderr));
    vec![(format!("{name}: stdout"), text(&output.stdout)), (format!("{name}: stderr"), text(&output.stderr))]
}

/// Opens a connection to `target`, sends the frames, reads to the end. The status and head of the answer.
fn talk(recorder: &Recorder, target: &str, card: &str, frames: &[Vec<u8>]) -> (u16, String) {
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\nX-Card: {card}\r\nX-Grouped: {}\r\n\
         Cookie: pan={card}; track=;{card}=30121010000000000000?\r\nAuthorization: Bearer {card}\r\n\r\n",
        grouped(card)
    );
    let answer = exchange(recorder, head.as_bytes(), frames);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_else(|| panic!("no status: {answer}")), answer)
}

fn exchange(recorder: &Recorder, head: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = TcpStream::connect(recorder.address()).expect("the recorder listens");
    stream.write_all(head).expect("the recorder reads");
    let mut answer = Vec::new();
    if !frames.is_empty() {
        answer = read_head(&mut stream);
        for frame in frames {
            stream.write_all(frame).expect("the recorder reads");
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// A terminal without a library: it answers every handshake as its path asks, and sends cards of its own.
fn start_terminal() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("loopback accepts");
            thread::spawn(move || answer(stream));
        }
    });
    port
}

fn answer(mut stream: TcpStream) {
    let head = String::from_utf8_lossy(&read_head(&mut stream)).into_owned();
    let mut path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').split(['/', '?']);
    let (kind, card) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let accepted = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
         X-Card: {card}\r\nSet-Cookie: pan={card}\r\n\r\n"
    );
    let refused = format!(
        "HTTP/1.1 403 not {card}\r\nX-Card: {card}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{{\"card\":\"{card}\"}}",
        card.len() + 11
    );
    let frames = match kind {
        "talk" => frames(card, false),
        "break" => broken_frames(card),
        _ => Vec::new(),
    };
    let head = if frames.is_empty() { refused } else { accepted };
    let _ = stream.write_all(head.as_bytes());
    for frame in frames {
        let _ = stream.write_all(&frame);
    }
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    head
}

const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const RESERVED: u8 = 3;

/// The card in every shape that a message can have, and a close that names it.
fn frames(card: &str, masked: bool) -> Vec<Vec<u8>> {
    let grouped = grouped(card);
    let dashed = grouped.replace(' ', "-");
    let escaped: String = card.chars().map(|digit| format!("\\u{:04x}", u32::from(digit))).collect();
    let (left, right) = card.split_at(7);
    let mut frames: Vec<(u8, Vec<u8>)> = [
        format!(r#"{{"event":{{"resource":{{"results":[{{"card":{{"account_no":"{card}"}}}}]}}}}}}"#),
        format!(r#"{{"pan":{card},"n":[{card}, {card}]}}"#),
        format!(r#"{{"a":"{grouped}","b":"{dashed}","c":"card {card}, thank you"}}"#),
        format!(r#"{{"a":"{escaped}"}}"#),
        format!(r#"{{"{card}":true}}"#),
        format!(r#"{{"inner":"{{\"pan\":\"{card}\"}}"}}"#),
        format!(r#"{{"track1":"%B{card}^DOE/JANE^30121010000000000000?","track2":";{card}=30121010000000000000?"}}"#),
        format!("{{\n  \"receipt\": \"CARD {card}\\nAPPROVED\"\n}}"),
        format!("not JSON: {card} and {grouped}"),
    ]
    .map(|text| (FIN | TEXT, text.into_bytes()))
    .into();
    frames.extend([
        (TEXT, format!(r#"{{"split":"{left}"#).into_bytes()),
        (FIN | PING, card.as_bytes().to_vec()),
        (FIN | PONG, grouped.into_bytes()),
        (FIN | CONTINUATION, format!(r#"{right}"}}"#).into_bytes()),
        (FIN | BINARY, [b"\x00\x02", card.as_bytes(), b"\x03\xff"].concat()),
        (FIN | COMPRESSED | TEXT, deflated(&format!(r#"{{"deflated":"{card}","again":"{card}"}}"#))),
        (FIN | TEXT, [b"\xff\xfe ", card.as_bytes(), b" \xc0"].concat()),
    ]);
    frames.push((FIN | CLOSE, [&4000u16.to_be_bytes(), format!("card {card}").as_bytes()].concat()));
    frames.iter().map(|(first, payload)| frame(*first, payload, masked)).collect()
}

/// A frame with an opcode that no standard gives a meaning, then bytes that are no frame at all.
fn broken_frames(card: &str) -> Vec<Vec<u8>> {
    let garbage = format!("{card} {} {card}", grouped(card)).into_bytes();
    vec![frame(FIN | RESERVED, card.as_bytes(), false), garbage]
}

fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ ..126) => frame.push(mask_bit | short),
        _ => {
            frame.push(mask_bit | 126);
            let length = u16::try_from(payload.len()).expect("the payloads of this test are short");
            frame.extend(length.to_be_bytes());
        }
    }
    if !masked {
        frame.extend(payload);
        return frame;
    }
    let key = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// As RFC 7692 sends it: a raw stream, flushed, without its last four bytes.
fn deflated(text: &str) -> Vec<u8> {
    let mut stream = Compress::new(Compression::default(), false);
    let mut bytes = Vec::with_capacity(text.len() + 64);
    stream
        .compress_vec(text.as_bytes(), &mut bytes, FlushCompress::Sync)
        .expect("the buffer is large enough");
    assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "a flushed stream ends with an empty block");
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// `4111 1111 1111 1111`
fn grouped(card: &str) -> String {
    card.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
