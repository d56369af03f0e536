//! What the tap saw, on its way to the recorder: bytes in one arena, one small entry a thing.
//!
//! Batches are recycled, so that recording allocates nothing once it runs.

use std::time::SystemTime;

use crate::conversation::{ConnectionId, Drop, Offset, Party};
use crate::wire::ProtocolError;

/// Everything the recorder has not looked at yet, up to some size.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    frames: Vec<u64>,
    entries: Vec<Entry>,
}

/// One thing that happened. Its bytes lie in the arena, behind those of the entry before it.
#[derive(Debug)]
struct Entry {
    connection: Option<ConnectionId>,
    at: Offset,
    bytes: usize,
    frames: usize,
    happened: Happened,
}

/// What happened; sizes and words only, bytes are in the arena.
#[derive(Debug)]
pub(super) enum Happened {
    Message {
        from: Party,
        text: bool,
        deflated: bool,
    },
    Oversized(Box<Oversized>),
    Ping(Party),
    Pong(Party),
    Close {
        from: Party,
        code: Option<u16>,
    },
    Undecodable {
        from: Party,
        size: u64,
        why: Why,
    },
    Open(Box<Handshake>),
    Refused(Box<Handshake>),
    Drop(Drop),
    /// The connection is over; nothing more comes from it.
    Over,
    Gap(Box<Lost>),
    Note,
    /// The wall clock, for long recordings.
    Clock(SystemTime),
    /// Nothing, but that it is later now.
    Tick,
}

/// Why bytes stand as `undecodable`.
#[derive(Debug)]
pub(super) enum Why {
    Frames(ProtocolError),
    Handshake(String),
}

/// A message too large to keep.
#[derive(Debug)]
pub(super) struct Oversized {
    pub(super) from: Party,
    pub(super) text: bool,
    pub(super) deflated: bool,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// An opening handshake as it was on the wire; masked when it is written.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) client: Party,
    pub(super) pos: String,
    pub(super) terminal: String,
    pub(super) target: String,
    pub(super) request: Vec<(String, String)>,
    pub(super) status: u16,
    pub(super) response: Vec<(String, String)>,
    /// Why the proxy answered in place of the upstream.
    pub(super) why: Option<String>,
}

/// What could not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) since: Offset,
    pub(super) why: String,
}

/// An entry with its bytes.
pub(super) struct Seen<'a> {
    pub(super) connection: Option<ConnectionId>,
    pub(super) at: Offset,
    pub(super) bytes: &'a [u8],
    pub(super) frames: &'a [u64],
    pub(super) happened: &'a Happened,
}

impl Happened {
    /// Whether this is content that may be counted instead of kept; what opens and ends connections is
    /// small and gives the rest its meaning.
    pub(super) fn is_content(&self) -> bool {
        match self {
            Self::Message { .. }
            | Self::Oversized(_)
            | Self::Ping(_)
            | Self::Pong(_)
            | Self::Undecodable { .. } => true,
            Self::Close { .. }
            | Self::Open(_)
            | Self::Refused(_)
            | Self::Drop(_)
            | Self::Over
            | Self::Gap(_)
            | Self::Note
            | Self::Clock(_)
            | Self::Tick => false,
        }
    }
}

impl Batch {
    /// What an entry with so many bytes costs, in bytes of memory.
    pub(super) const fn cost(bytes: usize, frames: usize) -> usize {
        size_of::<Entry>() + bytes + frames * size_of::<u64>()
    }

    /// What this batch costs.
    pub(super) fn size(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.bytes.len() + self.frames.len() * size_of::<u64>()
    }

    pub(super) fn push(
        &mut self,
        connection: Option<ConnectionId>,
        at: Offset,
        bytes: &[u8],
        frames: &[u64],
        happened: Happened,
    ) {
        self.bytes.extend_from_slice(bytes);
        self.frames.extend_from_slice(frames);
        self.entries.push(Entry { connection, at, bytes: bytes.len(), frames: frames.len(), happened });
    }

    /// What is in it, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Seen<'_>> {
        let (mut bytes, mut frames) = (self.bytes.as_slice(), self.frames.as_slice());
        self.entries.iter().map(move |entry| {
            let (own_bytes, other_bytes) = bytes.split_at(entry.bytes);
            let (own_frames, other_frames) = frames.split_at(entry.frames);
            (bytes, frames) = (other_bytes, other_frames);
            Seen {
                connection: entry.connection,
                at: entry.at,
                bytes: own_bytes,
                frames: own_frames,
                happened: &entry.happened,
            }
        })
    }

    /// Empties it and keeps its memory, as far as it is worth keeping.
    pub(super) fn recycle(&mut self, keep: usize) {
        self.bytes.clear();
        self.frames.clear();
        self.entries.clear();
        self.bytes.shrink_to(keep);
        self.frames.shrink_to(keep / 64);
        self.entries.shrink_to(keep / 64);
    }
}
