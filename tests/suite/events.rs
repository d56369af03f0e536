//! Random events for property tests, and one of every kind for tables. No tests of its own.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tilltape::conversation::{
    Clock, Close, ConnectionId, Control, ConversationEvent, Drop, End, EndReason, EventKind, EventNumber,
    Gap, Head, Masked, MaskedKind, Message, Note, Offset, Opening, Party, Payload, Refusal, Scan,
    Undecodable,
};

/// A recording: numbered from 1, times not going back, an `end` only as the last event.
pub(crate) fn recording() -> impl Strategy<Value = Vec<ConversationEvent<'static>>> {
    (vec((kind(), 1_u64..4, any::<bool>(), gap()), 0..12), option::of((end(), gap()))).prop_map(
        |(kinds, end)| {
            let mut at = Offset::ZERO;
            let mut events: Vec<_> = kinds
                .into_iter()
                .map(|(kind, connection, of_recording, gap)| {
                    at = at.after(std::time::Duration::from_micros(gap));
                    let free = matches!(kind, EventKind::Gap(_) | EventKind::Note(_) | EventKind::Clock(_));
                    let connection = (!free || !of_recording).then_some(ConnectionId(connection));
                    ConversationEvent { n: EventNumber(0), at, connection, kind }
                })
                .collect();
            if let Some((end, gap)) = end {
                at = at.after(std::time::Duration::from_micros(gap));
                events.push(ConversationEvent { n: EventNumber(0), at, connection: None, kind: end });
            }
            for (event, n) in events.iter_mut().zip(1..) {
                event.n = EventNumber(n);
            }
            events
        },
    )
}

/// Distances in microseconds, from none to hours.
fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1_u64..999, 1_000_u64..900_000, 1_000_000_u64..10_000_000_000]
}

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof![
        Just(String::new()),
        "[a-z ]{0,12}",
        "[ -~]{0,20}",
        "\\PC{0,12}",
        any::<String>(),
        Just("+2ms (a) \"b\" # c".into()),
        Just("tap card Ä\u{2028}\u{0}\u{7f}\r\n".into()),
    ]
    .prop_map(Cow::Owned)
}

fn bytes() -> impl Strategy<Value = Cow<'static, [u8]>> {
    prop_oneof![vec(any::<u8>(), 0..20), "[a-z\" ]{0,12}".prop_map(String::into_bytes)].prop_map(Cow::Owned)
}

/// JSON in any spelling: white space, escapes, odd numbers, duplicate keys.
fn json() -> impl Strategy<Value = &'static str> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0".to_owned()),
        Just("1.50".to_owned()),
        Just("1e-7".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just(r#""\u00e9\ud83d\ude00\/""#.to_owned()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    scalar
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
                vec(("[a-c]", inner), 0..4).prop_map(|members| {
                    let members: Vec<_> =
                        members.into_iter().map(|(key, value)| format!("\"{key}\" :\t{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
        .prop_map(|json| &*json.leak())
}

fn payload() -> impl Strategy<Value = Payload<'static>> {
    prop_oneof![
        4 => json().prop_map(Payload::of_text),
        1 => text().prop_map(|text| Payload::of_text(text.into_owned().leak())),
        1 => Just(Payload::Text("{\n}".into())),
        1 => bytes().prop_map(Payload::Binary),
        1 => (any::<bool>(), any::<u64>(), "[0-9a-f]{64}").prop_map(|(text, size, sha256)| Payload::Omitted {
            text,
            size,
            sha256: sha256.into()
        }),
    ]
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![Just(Party::Pos), Just(Party::Terminal)]
}

fn masked() -> impl Strategy<Value = Vec<Masked<'static>>> {
    let one = (text(), prop::sample::select(&MaskedKind::ALL[..])).prop_map(|(at, was)| Masked { at, was });
    prop_oneof![3 => Just(Vec::new()), 1 => vec(one, 1..3)]
}

fn head() -> impl Strategy<Value = Head<'static>> {
    vec((text(), text()), 0..3).prop_map(|headers| Head { headers })
}

fn opening() -> impl Strategy<Value = Opening<'static>> {
    (party(), text(), text(), text(), head(), any::<u16>(), head(), masked()).prop_map(
        |(client, pos, terminal, target, request, status, response, masked)| Opening {
            client,
            pos,
            terminal,
            target,
            request,
            status,
            response,
            masked,
        },
    )
}

fn kind() -> impl Strategy<Value = EventKind<'static>> {
    let message = (party(), payload(), vec(any::<u64>(), 0..3), any::<bool>(), masked()).prop_map(
        |(from, payload, frames, deflated, masked)| {
            EventKind::Message(Message { from, payload, frames: frames.into(), deflated, masked })
        },
    );
    let control =
        || (party(), bytes(), masked()).prop_map(|(from, payload, masked)| Control { from, payload, masked });
    prop_oneof![
        6 => message,
        1 => opening().prop_map(|mut opening| {
            opening.status = 101;
            EventKind::Open(Box::new(opening))
        }),
        1 => (opening(), payload(), option::of(text()))
            .prop_map(|(opening, body, why)| EventKind::Refused(Box::new(Refusal { opening, body, why }))),
        1 => control().prop_map(EventKind::Ping),
        1 => control().prop_map(EventKind::Pong),
        1 => (party(), option::of(any::<u16>()), text(), masked()).prop_map(|(from, code, reason, masked)| {
            EventKind::Close(Close { from, code, reason, masked })
        }),
        1 => (option::of(party()), any::<bool>()).prop_map(|(by, reset)| EventKind::Drop(Drop { by, reset })),
        1 => (party(), bytes(), any::<u64>(), text(), masked()).prop_map(|(from, bytes, size, why, masked)| {
            EventKind::Undecodable(Undecodable { from, bytes, size, why, masked })
        }),
        1 => (any::<u64>(), any::<u64>(), gap(), text()).prop_map(|(messages, bytes, from, why)| {
            EventKind::Gap(Gap { messages, bytes, from: Offset::from_micros(from), why })
        }),
        1 => (text(), masked()).prop_map(|(text, masked)| EventKind::Note(Note { text, masked })),
        1 => text().prop_map(|wall| EventKind::Clock(Clock { wall })),
    ]
}

fn end() -> impl Strategy<Value = EventKind<'static>> {
    let reason = prop_oneof![
        Just(EndReason::Stopped),
        Just(EndReason::Closed),
        Just(EndReason::Finished),
        Just(EndReason::Strict),
        text().prop_map(EndReason::from_word),
    ];
    let scan = option::of(any::<u64>().prop_map(|clear| Scan { clear }));
    (reason, scan, option::of("[0-9a-f]{64}".prop_map(Cow::Owned)))
        .prop_map(|(reason, scan, sha256)| EventKind::End(End { reason, scan, sha256 }))
}
