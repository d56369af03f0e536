//! The tap's decoder against an independent one (tungstenite), and against compressors, on random and
//! mutated streams cut at any byte.

use std::io::{self, Read, Write};

use flate2::{Compress, Compression, FlushCompress};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tilltape::wire::{
    Decoder, DeflateParams, Item, MessageLimits, ProtocolError, Scratch, Sender, text, unmask,
};
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

proptest! {
    #[test]
    fn valid_streams_read_as_tungstenite_reads_them(stream in valid_stream(), cuts in vec(any::<Index>(), 0..12)) {
        let bytes = stream.bytes();
        let ours = decode(stream.sender, None, MessageLimits::default(), pieces(&bytes, &cuts));
        let (theirs, _) = tungstenite(stream.sender, &bytes);
        prop_assert_eq!(ours.iter().filter_map(Seen::message).collect::<Vec<_>>(), theirs);
        prop_assert!(ours.iter().all(|item| item.fault().is_none()), "{:?}", ours);
        let sizes = ours.iter().filter_map(|item| match item { Seen::Data { frames, .. } => Some(frames.clone()), _ => None });
        prop_assert_eq!(sizes.collect::<Vec<_>>(), stream.frame_sizes());
    }

    #[test]
    fn mutated_streams_agree_up_to_the_first_fault(
        stream in valid_stream(),
        mutations in vec(any::<Mutation>(), 1..4),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let mut bytes = stream.bytes();
        mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
        let ours = decode(stream.sender, None, MessageLimits::default(), pieces(&bytes, &cuts));
        let (theirs, error) = tungstenite(stream.sender, &bytes);
        let fault = ours.iter().position(|item| item.fault().is_some());
        let before: Vec<_> = ours[..fault.unwrap_or(ours.len())].iter().filter_map(Seen::message).collect();
        // Invalid UTF-8 shows to them with the frame, to us with the message: pings in between differ.
        let shared = if matches!(error, Error::Utf8(_)) { before.len().min(theirs.len()) } else { before.len() };
        prop_assert!(theirs.len() >= shared, "more than tungstenite: {:?} {:?} {}", before, theirs, error);
        prop_assert_eq!(&before[..shared], &theirs[..shared]);
        if fault.is_none() {
            prop_assert_eq!(before.len(), theirs.len());
            prop_assert!(matches!(error, Error::ConnectionClosed) || ended_early(&error), "{}", error);
        }
    }

    #[test]
    fn any_cut_gives_the_same_items(
        stream in valid_stream(),
        mutations in vec(any::<Mutation>(), 0..4),
        cuts in vec(any::<Index>(), 0..12),
        deflate in proptest::option::of(any::<bool>().prop_map(takeover)),
        limits in prop_oneof![Just(MessageLimits::default()), Just(TIGHT)],
    ) {
        let mut bytes = stream.bytes();
        mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
        let whole = decode(stream.sender, deflate, limits, vec![&bytes[..]]);
        prop_assert_eq!(&decode(stream.sender, deflate, limits, pieces(&bytes, &cuts)), &whole);
        prop_assert_eq!(&decode(stream.sender, deflate, limits, bytes.chunks(1).collect()), &whole);
    }

    #[test]
    fn noise_never_panics(bytes in vec(any::<u8>(), 0..600), deflate: bool, client: bool, cuts in vec(any::<Index>(), 0..4)) {
        let sender = if client { Sender::Client } else { Sender::Server };
        let deflate = deflate.then(DeflateParams::default);
        decode(sender, deflate, TIGHT, pieces(&bytes, &cuts));
    }

    #[test]
    fn compressed_messages_inflate(
        messages in vec((payload(), any::<Index>(), any::<bool>(), 0..=9_u32), 1..6),
        takes_over: bool,
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let mut compressor = Compress::new(Compression::new(6), false);
        let mut bytes = Vec::new();
        for (payload, cut, compressed, level) in &messages {
            if !takes_over {
                compressor = Compress::new(Compression::new(*level), false);
            }
            let wire = if *compressed { compress(&mut compressor, payload) } else { payload.clone() };
            let (first, second) = wire.split_at(cut.index(wire.len() + 1));
            bytes.extend(frame(if *compressed { 0x42 } else { 0x02 }, None, first));
            bytes.extend(frame(0x80, None, second));
        }
        let seen = decode(Sender::Server, Some(takeover(takes_over)), MessageLimits::default(), pieces(&bytes, &cuts));
        let read: Vec<_> = seen.iter().map(|item| match item {
            Seen::Data { payload, deflated, .. } => (payload.clone(), *deflated),
            other => panic!("{other:?}"),
        }).collect();
        let sent: Vec<_> = messages.iter().map(|(payload, _, compressed, _)| (payload.clone(), *compressed)).collect();
        prop_assert_eq!(read, sent);
    }
}

#[test]
fn data_that_ends_with_a_final_block_inflates() {
    let mut out = Vec::with_capacity(100);
    let mut compressor = Compress::new(Compression::default(), false);
    compressor.compress_vec(b"Hello", &mut out, FlushCompress::Finish).unwrap();
    // With and without the empty block that makes the usual end of a message come out right.
    let bytes = [frame(0xc1, None, &out), frame(0xc1, None, &[&out[..], &[0]].concat())].concat();
    for piece in 1..bytes.len() {
        let pieces = bytes.chunks(piece).collect();
        let seen = decode(Sender::Server, Some(takeover(true)), MessageLimits::default(), pieces);
        let hello = || Seen::Data { text: true, payload: b"Hello".into(), frames: vec![], deflated: true };
        assert_eq!(seen, [hello(), hello()]);
    }
}

#[test]
fn a_message_larger_than_kept_is_hashed_and_not_stored() {
    let payload = [b'a'; 1_000_000];
    let sha256 = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    let limits = MessageLimits { kept: 100_000, ..MessageLimits::default() };
    let oversized =
        |deflated| Seen::Oversized { text: false, size: 1_000_000, sha256: sha256.into(), deflated };
    let key = Some([1, 2, 3, 4]);

    let whole = frame(0x82, key, &payload);
    let parts: Vec<u8> = payload.chunks(30_000).flat_map(|part| frame(0x00, key, part)).collect();
    let parts = [frame(0x02, key, &[]), parts, frame(0x80, key, &[])].concat();
    for bytes in [whole, parts] {
        let mut decoder = Decoder::new(Sender::Client, None, limits);
        let (mut seen, mut scratch, mut most) = (Vec::new(), Scratch::default(), 0);
        for piece in bytes.chunks(16_384) {
            decoder.feed(piece, &mut scratch, &mut |item| seen.push(Seen::from(item)));
            most = most.max(decoder.heap_bytes());
        }
        assert_eq!(seen, [oversized(false)]);
        assert!(most <= 2 * limits.kept, "{most}");
        assert_eq!(decoder.heap_bytes(), 0);
    }

    let mut compressor = Compress::new(Compression::best(), false);
    let bomb = frame(0xc2, None, &compress(&mut compressor, &payload));
    assert!(bomb.len() < 2000);
    let mut decoder = Decoder::new(Sender::Server, Some(takeover(false)), limits);
    let mut seen = Vec::new();
    decoder.feed(&bomb, &mut Scratch::default(), &mut |item| seen.push(Seen::from(item)));
    assert_eq!(seen, [oversized(true)]);
    assert_eq!(decoder.heap_bytes(), 0);
}

#[test]
fn inflation_stops_at_its_limit() {
    let limits = MessageLimits { kept: 1000, inflated: 100_000, ..MessageLimits::default() };
    let mut compressor = Compress::new(Compression::best(), false);
    let bomb = frame(0xc2, None, &compress(&mut compressor, &[0; 1_000_000]));
    let next = frame(0xc2, None, &compress(&mut compressor, b"later"));
    let seen = decode(Sender::Server, Some(takeover(true)), limits, vec![&bomb, &next]);
    let faults: Vec<_> = seen.iter().map(Seen::fault).collect();
    let limit = ProtocolError::InflatedTooLarge { limit: 100_000 };
    assert_eq!(faults, [Some(limit), Some(ProtocolError::InflateContextLost)]);
}

#[test]
fn an_announced_length_allocates_next_to_nothing() {
    for length in [[0, 0, 0, 0, 0, 0x10, 0, 0], [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xff; 8]] {
        for first in [0x81, 0x02, 0x80, 0x83, 0x88, 0xc1] {
            let mut decoder = Decoder::new(Sender::Server, Some(takeover(false)), MessageLimits::default());
            let mut scratch = Scratch::default();
            decoder.feed(&[&[first, 127], &length[..]].concat(), &mut scratch, &mut |_| ());
            // The state that inflates is as large for the shortest message.
            let fixed = if first == 0xc1 { 44 << 10 } else { 0 };
            assert!(decoder.heap_bytes() <= fixed + 256, "{}", decoder.heap_bytes());
            decoder.feed(&[0; 10], &mut scratch, &mut |_| ());
            assert!(decoder.heap_bytes() <= fixed + 256, "{}", decoder.heap_bytes());
        }
    }
}

#[test]
fn endless_empty_fragments_do_not_grow_memory() {
    let mut decoder = Decoder::new(Sender::Server, None, MessageLimits::default());
    let mut scratch = Scratch::default();
    decoder.feed(&frame(0x01, None, b""), &mut scratch, &mut |_| ());
    let fragments = frame(0x00, None, b"").repeat(10_000);
    for _ in 0..20 {
        decoder.feed(&fragments, &mut scratch, &mut |_| ());
    }
    assert!(decoder.heap_bytes() < 300_000, "{}", decoder.heap_bytes());
}

#[test]
fn an_idle_decoder_holds_nothing() {
    assert!(size_of::<Decoder>() <= 400, "{}", size_of::<Decoder>());
    let bytes =
        [frame(0x01, Some([9; 4]), &[b'x'; 300]), frame(0x80, Some([9; 4]), &[b'x'; 70_000])].concat();
    let mut decoder = Decoder::new(Sender::Client, None, MessageLimits::default());
    for piece in bytes.chunks(1000) {
        decoder.feed(piece, &mut Scratch::default(), &mut |_| ());
    }
    assert_eq!(decoder.heap_bytes(), 0);
}

/// An item, owned.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Data { text: bool, payload: Vec<u8>, frames: Vec<u64>, deflated: bool },
    Oversized { text: bool, size: u64, sha256: String, deflated: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, Vec<u8>),
    Fault { bytes: Vec<u8>, size: u64, why: ProtocolError },
}

impl From<Item<'_>> for Seen {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Message { text, payload, frames, deflated } => {
                Self::Data { text, payload: payload.into(), frames: frames.into(), deflated }
            }
            Item::Oversized { text, size, sha256, frames: _, deflated } => {
                Self::Oversized { text, size, sha256, deflated }
            }
            Item::Ping(payload) => Self::Ping(payload.into()),
            Item::Pong(payload) => Self::Pong(payload.into()),
            Item::Close { code, reason } => Self::Close(code, reason.into()),
            Item::Undecodable { bytes, size, why } => Self::Fault { bytes: bytes.into(), size, why },
        }
    }
}

impl Seen {
    fn message(&self) -> Option<Message> {
        Some(match self {
            Self::Data { text: true, payload, .. } => Message::text(std::str::from_utf8(payload).ok()?),
            Self::Data { text: false, payload, .. } => Message::binary(payload.clone()),
            Self::Ping(payload) => Message::Ping(payload.clone().into()),
            Self::Pong(payload) => Message::Pong(payload.clone().into()),
            Self::Close(code, reason) => {
                let reason = String::from_utf8_lossy(reason).into_owned().into();
                Message::Close(
                    code.map(|code| tungstenite::protocol::CloseFrame { code: code.into(), reason }),
                )
            }
            Self::Oversized { .. } | Self::Fault { .. } => return None,
        })
    }

    fn fault(&self) -> Option<ProtocolError> {
        match self {
            Self::Fault { why, .. } => Some(*why),
            Self::Data { text: true, payload, .. } => text(payload).err(),
            Self::Data { .. } | Self::Oversized { .. } | Self::Ping(_) | Self::Pong(_) | Self::Close(..) => {
                None
            }
        }
    }
}

fn decode(
    sender: Sender,
    deflate: Option<DeflateParams>,
    limits: MessageLimits,
    pieces: Vec<&[u8]>,
) -> Vec<Seen> {
    let (mut seen, mut scratch) = (Vec::new(), Scratch::default());
    let mut decoder = Decoder::new(sender, deflate, limits);
    for piece in pieces {
        decoder.feed(piece, &mut scratch, &mut |item| seen.push(Seen::from(item)));
    }
    decoder.finish(&mut |item| seen.push(Seen::from(item)));
    seen
}

/// What tungstenite reads from the same bytes, and what it stopped at.
fn tungstenite(sender: Sender, bytes: &[u8]) -> (Vec<Message>, Error) {
    let role = match sender {
        Sender::Client => Role::Server,
        Sender::Server => Role::Client,
    };
    let mut socket = WebSocket::from_raw_socket(Replies(bytes), role, None);
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => messages.push(message),
            Err(error) => return (messages, error),
        }
    }
}

/// Whether the stream simply ended: no fault of what came before.
fn ended_early(error: &Error) -> bool {
    matches!(error, Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake))
}

/// Bytes to read; what is written is lost.
struct Replies<'a>(&'a [u8]);

impl Read for Replies<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Replies<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one end sends.
#[derive(Clone, Debug)]
struct Stream {
    sender: Sender,
    key: [u8; 4],
    sendings: Vec<Sending>,
    close: Option<(u16, String)>,
}

#[derive(Clone, Debug)]
enum Sending {
    /// A message in parts, each but the first after an optional ping or pong.
    Message {
        text: bool,
        payload: Vec<u8>,
        cuts: Vec<(Index, Interleaved)>,
    },
    Control(bool, Vec<u8>),
}

/// Whether a control frame stands here, whether it is a ping, and its payload.
type Interleaved = Option<(bool, Vec<u8>)>;

impl Stream {
    fn bytes(&self) -> Vec<u8> {
        let key = match self.sender {
            Sender::Client => Some(self.key),
            Sender::Server => None,
        };
        let mut bytes = Vec::new();
        for sending in &self.sendings {
            match sending {
                Sending::Control(ping, payload) => bytes.extend(control(*ping, key, payload)),
                Sending::Message { text, payload, cuts } => {
                    let parts = parts(payload, cuts);
                    let last = parts.len() - 1;
                    for (n, part) in parts.into_iter().enumerate() {
                        if n > 0
                            && let Some((ping, payload)) = &cuts[n - 1].1
                        {
                            bytes.extend(control(*ping, key, payload));
                        }
                        let opcode = if n > 0 {
                            0
                        } else if *text {
                            1
                        } else {
                            2
                        };
                        let fin = if n == last { 0x80 } else { 0 };
                        bytes.extend(frame(fin | opcode, key, part));
                    }
                }
            }
        }
        if let Some((code, reason)) = &self.close {
            bytes.extend(frame(0x88, key, &[&code.to_be_bytes(), reason.as_bytes()].concat()));
        }
        bytes
    }

    /// The frame sizes of each message; none for a message of one frame.
    fn frame_sizes(&self) -> Vec<Vec<u64>> {
        let sizes = |sending: &Sending| match sending {
            Sending::Message { cuts, .. } if cuts.is_empty() => Some(vec![]),
            Sending::Message { payload, cuts, .. } => {
                Some(parts(payload, cuts).iter().map(|part| part.len() as u64).collect())
            }
            Sending::Control(..) => None,
        };
        self.sendings.iter().filter_map(sizes).collect()
    }
}

fn parts<'a, T>(payload: &'a [u8], cuts: &[(Index, T)]) -> Vec<&'a [u8]> {
    let cuts: Vec<_> = cuts.iter().map(|(cut, _)| *cut).collect();
    pieces(payload, &cuts)
}

/// `bytes`, cut at these places.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let mut start = 0;
    let piece = |end| &bytes[std::mem::replace(&mut start, end)..end];
    cuts.into_iter().map(piece).collect()
}

fn control(ping: bool, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    frame(if ping { 0x89 } else { 0x8a }, key, payload)
}

fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(mask_bit | short as u8),
        medium @ 126..0x1_0000 => {
            bytes.push(mask_bit | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(mask_bit | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(key.iter().flatten());
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    if let Some(key) = key {
        unmask(&mut bytes[start..], key, 0);
    }
    bytes
}

/// Compresses a message as RFC 7692, section 7.2.1 says.
fn compress(compressor: &mut Compress, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 1000);
    let before = compressor.total_in();
    while compressor.total_in() - before < payload.len() as u64
        || out.len() == out.capacity()
        || out.is_empty()
    {
        out.reserve(1000);
        let rest = &payload[(compressor.total_in() - before) as usize..];
        compressor.compress_vec(rest, &mut out, FlushCompress::Sync).expect("compresses");
    }
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
    out.truncate(out.len() - 4);
    out
}

fn takeover(takes_over: bool) -> DeflateParams {
    DeflateParams {
        client_no_context_takeover: !takes_over,
        server_no_context_takeover: !takes_over,
        ..DeflateParams::default()
    }
}

const TIGHT: MessageLimits = MessageLimits { kept: 64, undecodable: 16, inflated: 4096, frames: 3 };

fn valid_stream() -> impl Strategy<Value = Stream> {
    let sender = prop_oneof![Just(Sender::Client), Just(Sender::Server)];
    let close =
        proptest::option::of((prop_oneof![Just(1000_u16), Just(1001), 3000..5000_u16], "[ -~]{0,40}"));
    (sender, any::<[u8; 4]>(), vec(sending(), 0..8), close)
        .prop_map(|(sender, key, sendings, close)| Stream { sender, key, sendings, close })
}

fn sending() -> impl Strategy<Value = Sending> {
    let control = || (any::<bool>(), vec(any::<u8>(), 0..126));
    let cuts = || vec((any::<Index>(), proptest::option::weighted(0.3, control())), 0..4);
    prop_oneof![
        2 => (any::<String>(), cuts()).prop_map(|(payload, cuts)| Sending::Message {
            text: true,
            payload: payload.into_bytes(),
            cuts
        }),
        2 => (payload(), cuts()).prop_map(|(payload, cuts)| Sending::Message { text: false, payload, cuts }),
        1 => control().prop_map(|(ping, payload)| Sending::Control(ping, payload)),
    ]
}

/// Payloads around the sizes where the header changes, and ones that compress well.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..300),
        2 => vec(b'a'..b'd', 0..3000),
        1 => (any::<u8>(), 65_500..65_600_usize).prop_map(|(byte, size)| vec![byte; size]),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
}

impl Arbitrary for Mutation {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        prop_oneof![
            any::<(Index, u8)>().prop_map(|(at, byte)| Self::Set(at, byte)),
            (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Self::Flip(at, bit)),
            any::<(Index, u8)>().prop_map(|(at, byte)| Self::Insert(at, byte)),
            any::<Index>().prop_map(Self::Remove),
            any::<Index>().prop_map(Self::Cut),
        ]
        .boxed()
    }
}

impl Mutation {
    fn apply(self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len();
        let here = |at: Index| at.index(size);
        match self {
            Self::Set(at, byte) => bytes[here(at)] = byte,
            Self::Flip(at, bit) => bytes[here(at)] ^= 1 << bit,
            Self::Insert(at, byte) => bytes.insert(here(at), byte),
            Self::Remove(at) => drop(bytes.remove(here(at))),
            Self::Cut(at) => bytes.truncate(here(at)),
        }
    }
}
