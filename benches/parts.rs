//! The parts of the main job, each on the messages of one sale: `cargo bench --bench parts`.
//!
//! Where another parser does comparable work it runs beside ours, in the same group. Trust the ratios
//! inside one run, not a single time.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::value::RawValue;
use tilltape::cassette::{Reader, encode};
use tilltape::conversation::{
    ConnectionId, ConversationEvent, EventKind, EventNumber, Message, Offset, Party, Payload,
};
use tilltape::mask::{Masker, Policy};
use tilltape::text::json;
use tilltape::wire::{Decoder, Item, MessageLimits, Scratch, Sender, unmask};

const REQUEST: &str = r#"{"request":{"flow_id":"804213","resource":{"type":"sale","amount":2350,"tip_amount":300,"tender_type":"credit","clerk_id":"7","invoice_no":"A-1009"}}}"#;
const RESULT: &str = r#"{"event":{"flow_id":"804213","resource":{"status":"completed","results":[{"type":"sale","status":"approved","transaction_amount":"2350","tip_amount":"300","total_amount":"2650","authorization_no":"04417Z","reference_no":"58","batch_no":"12","host_response_code":"00","host_response_text":"APPROVED","terminal_id":"T0007","merchant_id":"M55001","transaction_date":"26/03/02","transaction_time":"10:15:44","card":{"account_no":"************1117","entry_mode":{"code":"0","text":"magnetic_strip"},"type":{"code":"01","text":"visa"}}}]}}}"#;

fn bulk() -> String {
    let data: String = (0..65_400).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
    format!(r#"{{"event":{{"flow_id":"1","resource":{{"status":"chunk","data":"{data}"}}}}}}"#)
}

fn frame(payload: &str, key: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = vec![0x81];
    let mask = if key.is_some() { 0x80 } else { 0 };
    match payload.len() {
        n @ 0..=125 => out.push(mask | n as u8),
        n @ 126..=0xffff => {
            out.push(mask | 126);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            out.push(mask | 127);
            out.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    let mut body = payload.as_bytes().to_vec();
    if let Some(key) = key {
        out.extend_from_slice(&key);
        unmask(&mut body, key, 0);
    }
    out.extend_from_slice(&body);
    out
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    let key = Some([7, 11, 13, 17]);
    for (name, text, sender, key) in [
        ("request, masked", REQUEST.to_owned(), Sender::Client, key),
        ("result", RESULT.to_owned(), Sender::Server, None),
        ("64 KiB, masked", bulk(), Sender::Client, key),
        ("64 KiB", bulk(), Sender::Server, None),
    ] {
        let bytes = frame(&text, key);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let mut decoder = Decoder::new(sender, None, MessageLimits::default());
        let mut scratch = Scratch::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                decoder.feed(black_box(&bytes), &mut scratch, &mut |item: Item<'_>| {
                    black_box(&item);
                });
            });
        });
    }
}

fn validate(c: &mut Criterion) {
    for (name, text) in [("result", RESULT.to_owned()), ("64 KiB", bulk())] {
        let mut group = c.benchmark_group(format!("validate {name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("ours", |b| b.iter(|| json::validate(black_box(&text))));
        group.bench_function("serde_json raw value", |b| {
            b.iter(|| serde_json::from_str::<&RawValue>(black_box(&text)).map(|raw| raw.get().len()));
        });
    }
}

fn mask(c: &mut Criterion) {
    let masker = Masker::new(Policy::standard(), [9; 32]);
    let mut group = c.benchmark_group("mask");
    for (name, text) in [("request", REQUEST.to_owned()), ("result", RESULT.to_owned()), ("64 KiB", bulk())] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| b.iter(|| masker.json(black_box(&text)).is_some()));
    }
}

fn event(n: u64) -> ConversationEvent<'static> {
    ConversationEvent {
        n: EventNumber(n),
        at: Offset::from_micros(n * 800),
        connection: Some(ConnectionId(1)),
        kind: EventKind::Message(Message {
            from: Party::Terminal,
            payload: Payload::Json(RESULT),
            frames: Vec::new().into(),
            deflated: false,
            masked: Vec::new(),
        }),
    }
}

fn cassette(c: &mut Criterion) {
    let mut group = c.benchmark_group("cassette");
    let mut line = Vec::new();
    encode(&event(1), &mut line);
    group.throughput(Throughput::Bytes(line.len() as u64));
    group.bench_function("encode a line", |b| {
        b.iter(|| {
            line.clear();
            encode(black_box(&event(1)), &mut line);
        });
    });
    let mut file =
        br#"{"cassette":1,"tool":"tilltape 0.1.0","recorded_at":"2026-03-02T10:15:40.120334Z"}"#.to_vec();
    file.push(b'\n');
    for n in 1..=10_000 {
        encode(&event(n), &mut file);
    }
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("read 10,000 lines", |b| {
        b.iter(|| {
            let mut reader = Reader::open(file.as_slice(), "bench").expect("the header is ours");
            let mut events = 0_u64;
            while let Some(event) = reader.next_event() {
                events += u64::from(event.is_ok());
            }
            events
        });
    });
}

criterion_group!(parts, decode, validate, mask, cassette);
criterion_main!(parts);
