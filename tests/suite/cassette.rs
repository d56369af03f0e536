//! The cassette format from the outside: round trips, cuts at every byte, lines written by hand, limits.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use rstest::rstest;
use tilltape::cassette::{
    CassetteError, Ending, Header, LineProblem, MAX_LINE_BYTES, Reader, Verification, Writer, encode,
};
use tilltape::conversation::{
    ConversationEvent, EndReason, EventKind, EventNumber, Message, Offset, Payload, Scan, transcript,
};
use tilltape::text::json;

use crate::events;

const SAMPLE: &str = include_str!("../formats/cassette-1-every-event.cassette.jsonl");

/// What reading a whole cassette gives: its events as lines of the format, and its ending.
fn read(source: impl Read) -> Result<(Vec<String>, Ending), CassetteError> {
    let mut reader = Reader::open(source, "sample")?;
    let mut lines = Vec::new();
    while let Some(event) = reader.next_event() {
        let mut line = Vec::new();
        encode(&event?, &mut line);
        lines.push(String::from_utf8(line).unwrap());
    }
    Ok((lines, reader.ending().unwrap()))
}

fn problem(source: &str) -> LineProblem {
    match read(source.as_bytes()).unwrap_err() {
        CassetteError::Line { problem, .. } => *problem,
        other => panic!("expected an error of a line, got {other}"),
    }
}

fn written(events: &[ConversationEvent<'_>]) -> Vec<u8> {
    let mut writer = Writer::create(Vec::new(), &Header::default()).unwrap();
    for event in events {
        writer.write(event);
    }
    writer.finish(Offset::from_micros(u64::MAX), EndReason::Finished, Some(Scan { clear: 0 })).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_written_again(events in events::recording()) {
        let mut text = b"{\"cassette\":1}\n".to_vec();
        let mut lines = Vec::new();
        for event in &events {
            let start = text.len();
            encode(event, &mut text);
            lines.push(String::from_utf8(text[start..].to_vec()).unwrap());
        }
        let mut reader = Reader::open(&text[..], "random").unwrap();
        for (event, line) in events.iter().zip(&lines) {
            json::validate(line).unwrap();
            let read = reader.next_event().unwrap().unwrap();
            prop_assert_eq!(&read, event);
            let mut again = Vec::new();
            encode(&read, &mut again);
            prop_assert_eq!(std::str::from_utf8(&again).unwrap(), line);
        }
        prop_assert!(reader.next_event().is_none());
    }

    #[test]
    fn a_reader_that_gets_a_byte_at_a_time_reads_the_same(events in events::recording()) {
        let events: Vec<_> =
            events.into_iter().filter(|event| !matches!(event.kind, EventKind::End(_))).collect();
        let text = written(&events);
        prop_assert_eq!(read(&text[..]).unwrap(), read(OneByte(&text)).unwrap());
    }

    #[test]
    fn nothing_a_file_can_hold_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..SAMPLE.len(), value: u8) {
        let _ = read(&bytes[..]);
        let mut mutated = SAMPLE.as_bytes().to_vec();
        mutated[at] = value;
        let _ = read(&mutated[..]);
    }
}

#[test]
fn a_cassette_cut_at_any_byte_opens_and_says_where() {
    let whole = SAMPLE.as_bytes();
    let lines: Vec<&str> = SAMPLE.split_inclusive('\n').collect();
    assert!(matches!(read(&whole[..0]), Err(CassetteError::Empty { .. })));
    for cut in 1..whole.len() {
        let kept = &whole[..cut];
        let ends = kept.iter().filter(|byte| **byte == b'\n').count();
        let hanging = cut - lines[..ends].iter().map(|line| line.len()).sum::<usize>();
        // A line that lacks its line end only is whole.
        let whole_lines = ends + usize::from(hanging + 1 == lines[ends].len());
        let hanging = if whole_lines == ends { hanging as u64 } else { 0 };
        let (events, ending) = read(kept).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert_eq!(events, &lines[1..whole_lines.max(1)], "cut at {cut}");
        let after = EventNumber(whole_lines.saturating_sub(1) as u64);
        if whole_lines == lines.len() {
            assert_eq!(ending, Ending::Finished { edited: false });
        } else {
            assert_eq!(ending, Ending::Cut { after, partial_bytes: hanging }, "cut at {cut}");
        }
    }
}

#[test]
fn an_edit_is_noticed_and_hinders_nothing() {
    let (events, ending) = read(SAMPLE.as_bytes()).unwrap();
    assert_eq!(ending, Ending::Finished { edited: false });
    let edited = SAMPLE.replacen("2350", "2351", 1);
    assert_eq!(read(edited.as_bytes()).unwrap().1, Ending::Finished { edited: true });
    let end = SAMPLE.find(",\"sha256\":\"4").or(SAMPLE.rfind(",\"sha256\"")).unwrap();
    let without = format!("{}}}\n", &SAMPLE[..end]);
    let (same, ending) = read(without.as_bytes()).unwrap();
    assert_eq!(ending, Ending::Finished { edited: true });
    assert_eq!(same.len(), events.len());
}

#[test]
fn a_hash_nobody_compared_is_not_said_to_fit() {
    let ending = |text: &str| {
        let mut reader = Reader::open_with(text.as_bytes(), "sample", Verification::Skipped).unwrap();
        while let Some(event) = reader.next_event() {
            event.unwrap();
        }
        reader.ending().unwrap()
    };
    assert_eq!(ending(SAMPLE), Ending::Unverified);
    assert_eq!(ending(&SAMPLE.replacen("2350", "2351", 1)), Ending::Unverified);
    let end = SAMPLE.rfind(",\"sha256\"").unwrap();
    assert_eq!(ending(&format!("{}}}\n", &SAMPLE[..end])), Ending::Finished { edited: true });
}

#[test]
fn editors_leave_a_mark_and_other_line_ends() {
    let (events, _) = read(SAMPLE.as_bytes()).unwrap();
    let windows = format!("\u{feff}{}\r\n\r\n", SAMPLE.replace('\n', "\r\n"));
    let (same, ending) = read(windows.as_bytes()).unwrap();
    assert_eq!(same, events);
    assert_eq!(ending, Ending::Finished { edited: true });
}

#[rstest]
#[case::other_order(r#"{"event":"text","json":{"a":1},"from":"pos","conn":1,"t_us":5,"n":1}"#)]
#[case::spaces(r#" { "n" : 1 , "t_us":5, "conn":1, "from":"pos", "event":"text", "json" : {"a":1} } "#)]
#[case::keys_after(
    r#"{"n":1,"t_us":5,"conn":1,"from":"pos","event":"text","json":{"a":1},"mine":{"b":[2]}}"#
)]
#[case::keys_before(r#"{"n":1,"mine":0,"t_us":5,"conn":1,"from":"pos","event":"text","json":{"a":1}}"#)]
#[case::no_number(r#"{"t_us":5,"conn":1,"from":"pos","event":"text","json":{"a":1}}"#)]
#[case::space_before_payload(r#"{"n":1,"t_us":5,"conn":1,"from":"pos","event":"text","json": {"a":1} }"#)]
#[case::escaped_words(r#"{"n":1,"t_us":5,"conn":1,"from":"\u0070os","event":"text","json":{"a":1}}"#)]
fn lines_by_hand_read_as_the_tools_own(#[case] line: &str) {
    let (events, _) = read(format!("{{\"cassette\":1}}\n{line}\n").as_bytes()).unwrap();
    let own = "{\"n\":1,\"t_us\":5,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":{\"a\":1}}\n";
    assert_eq!(events, [own]);
}

#[test]
fn null_is_a_payload() {
    let line = r#"{"event":"text","json":null,"from":"pos","conn":1,"t_us":0}"#;
    let (events, _) = read(format!("{{\"cassette\":1}}\n{line}\n").as_bytes()).unwrap();
    assert!(events[0].ends_with(",\"json\":null}\n"), "{}", events[0]);
}

#[test]
fn a_consumer_that_walks_the_payload_sees_it_once_validated() {
    let file = "{\"cassette\":1}\n\
        {\"n\":1,\"t_us\":0,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":{\"a\":1},\"mine\":2}\n\
        {\"n\":2,\"t_us\":0,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":{\"a\":}}\n\
        {\"n\":3,\"t_us\":0,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":[]}\n";
    let mut reader = Reader::open(file.as_bytes(), "sample").unwrap();
    let mut seen = Vec::new();
    while let Some(walked) = reader.walk_next(|event| match &event.kind {
        EventKind::Message(Message { payload: Payload::Json(json), .. }) => {
            json::validate(json).map(|()| json.to_string())
        }
        other => panic!("expected JSON, got {other:?}"),
    }) {
        seen.push(walked.map_err(|error| error.to_string()));
    }
    assert_eq!(seen[0].as_deref(), Ok("{\"a\":1}"));
    assert_eq!(seen[1].as_ref().unwrap_err(), "sample:3: column 66: expected a value");
    assert_eq!(seen[2].as_deref(), Ok("[]"));
}

#[rstest]
#[case::hole(r#"{"n":2,"t_us":0,"event":"note","text":""}"#, "sample:2: expected the event number 1, got 2")]
#[case::not_json(r#"{"n":1,"t_us":0,"event":note}"#, "sample:2: column 25: expected null")]
#[case::unknown_event(
    r#"{"n":1,"t_us":0,"conn":1,"event":"txt"}"#,
    "sample:2: expected `open`, `refused`, `text`, `binary`, `ping`, `pong`, `close`, `drop`, `undecodable`, \
     `gap`, `note`, `clock` or `end` at `event`, got `txt`"
)]
#[case::no_sender(
    r#"{"n":1,"t_us":0,"conn":1,"event":"text","json":1}"#,
    "sample:2: expected the key `from` in the event `text`"
)]
#[case::no_payload(
    r#"{"n":1,"t_us":0,"conn":1,"from":"pos","event":"text"}"#,
    "sample:2: expected the key `json`, `text`, or `size` with `sha256` in the event `text`"
)]
#[case::wrong_type(
    r#"{"n":1,"t_us":"0","event":"note","text":""}"#,
    "sample:2: column 17: invalid type: string \"0\", expected u64"
)]
fn a_line_that_cannot_be_read_says_what_was_expected(#[case] line: &str, #[case] expected: &str) {
    let error = read(format!("{{\"cassette\":1}}\n{line}\n").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert!(error.help().is_some() || line.contains("no help"));
}

#[test]
fn order_is_part_of_the_format() {
    let note =
        |n: u64, t_us: u64| format!("{{\"n\":{n},\"t_us\":{t_us},\"event\":\"note\",\"text\":\"\"}}\n");
    let header = "{\"cassette\":1}\n";
    assert!(matches!(
        problem(&format!("{header}{}{}", note(1, 5), note(2, 4))),
        LineProblem::Backwards { .. }
    ));
    assert!(matches!(problem(&format!("{header}{}{}", note(1, 5), note(1, 5))), LineProblem::Number { .. }));
    assert!(matches!(problem(&format!("{SAMPLE}{}", note(99, u64::MAX))), LineProblem::AfterEnd));
}

#[rstest]
#[case::empty("", "is empty")]
#[case::blank("\n\n", "is empty")]
#[case::event_first("{\"n\":1,\"t_us\":0,\"event\":\"note\",\"text\":\"\"}\n", "expected the header")]
#[case::other_json("{\"log\":{\"version\":\"1.2\",\"creator\":{}}}", "got an HTTP archive (HAR)")]
#[case::text("hello\nworld\n", "got plain text")]
#[case::gzip("\u{1f}\u{8b}", "got binary data")]
#[case::newer("{\"cassette\":2}\n", "got format 2, which is newer")]
#[case::older("{\"cassette\":0}\n", "got format 0, which is older")]
fn what_is_no_cassette_is_told_apart(#[case] file: &str, #[case] expected: &str) {
    let error = read(file.as_bytes()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.help().is_some());
}

#[test]
fn a_line_over_the_limit_is_refused_without_reading_it_into_memory() {
    let endless = b"{\"cassette\":1}\n{\"n\":".chain(io::repeat(b' '));
    let error = read(endless).unwrap_err();
    let CassetteError::Line { line, problem, .. } = error else { panic!("{error}") };
    assert_eq!((line.0, *problem), (2, LineProblem::TooLong { limit: MAX_LINE_BYTES }));
}

#[test]
fn compressed_cassettes_are_read_while_they_are_decompressed() {
    let compress = |text: &str| {
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
    };
    let whole = compress(SAMPLE);
    assert_eq!(read(&whole[..]).unwrap(), read(SAMPLE.as_bytes()).unwrap());
    // `zstd` appends frames when files are concatenated, and may put skippable ones between.
    let (one, two) = SAMPLE.split_at(700);
    let frames = [compress(one), b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), compress(two)].concat();
    assert_eq!(read(OneByte(&frames)).unwrap(), read(SAMPLE.as_bytes()).unwrap());
    let cut = [compress(one), compress(two)[..40].to_vec()].concat();
    assert!(matches!(read(&cut[..]).unwrap().1, Ending::Cut { .. }));
    let Err(error) = read(&whole[..40]) else { panic!("nothing can be decompressed") };
    assert!(matches!(error, CassetteError::CutCompressed { bytes: 40, .. }), "{error}");
    assert!(error.help().unwrap().contains("from the original"));
}

#[test]
fn a_write_that_fails_halfway_is_continued_where_it_stopped() {
    let mut writer = Writer::create(Stuttering::default(), &Header::default()).unwrap();
    for event in transcript::parse("pos +0ms {\"a\":1}\nnote tap card A\n").unwrap() {
        writer.write(&event);
    }
    let mut failures = 0;
    while writer.flush().is_err() {
        failures += 1;
    }
    assert!(failures > 2);
    // The end line goes through the same destination, which by now takes everything.
    writer.destination().healthy = true;
    let sink = writer.finish(Offset::from_micros(9), EndReason::Stopped, None).unwrap();
    assert_eq!(read(&sink.taken[..]).unwrap().1, Ending::Finished { edited: false });
}

/// Takes seven bytes, then fails once, and so on, until it is healthy; the header goes through whole.
#[derive(Default)]
struct Stuttering {
    taken: Vec<u8>,
    calls: usize,
    healthy: bool,
}

impl Write for Stuttering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.healthy || self.calls == 1 {
            self.taken.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        if self.calls % 2 == 1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let some = &bytes[..bytes.len().min(7)];
        self.taken.extend_from_slice(some);
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct OneByte<'a>(&'a [u8]);

impl Read for OneByte<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let one = space.len().min(1);
        self.0.read(&mut space[..one])
    }
}
