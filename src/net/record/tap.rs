//! The passive tap of one connection: decodes a copy of what passed and hands it to the recorder's queue.
//!
//! It sees bytes only after they were forwarded. Whatever it makes of them, the traffic is not touched.

use std::rc::Rc;

use super::batch::{Happened, Oversized, Why};
use super::queue::{Page, Put};
use super::station::Station;
use super::tunnel::Sight;
use crate::conversation::{ConnectionId, Drop as LinkEnd, Offset, Party};
use crate::wire::handshake::{ResponseHead, negotiated_deflate};
use crate::wire::{Decoder, Item, Sender};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client to the upstream.
    Up,
    /// From the upstream to the client.
    Down,
}

/// The tap of one connection.
pub(super) struct Tap {
    station: Rc<Station>,
    connection: ConnectionId,
    up: Side,
    down: Side,
    ending: Ending,
}

struct Side {
    from: Party,
    decoder: Decoder,
    ended: bool,
}

/// How far the connection is on its way to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Open,
    /// A close frame came by, or the drop was recorded.
    Explained,
}

impl Tap {
    /// Both decoders of a connection that was opened with `response`.
    pub(super) fn new(station: Rc<Station>, connection: ConnectionId, response: &ResponseHead) -> Self {
        let deflate = negotiated_deflate(response);
        let side = |sender, from| Side {
            from,
            decoder: Decoder::new(sender, deflate, station.message_limits()),
            ended: false,
        };
        Self {
            up: side(Sender::Client, station.client),
            down: side(Sender::Server, station.server()),
            station,
            connection,
            ending: Ending::Open,
        }
    }

    /// Looks at what just happened in one direction.
    pub(super) fn saw(&mut self, way: Way, sight: Sight<'_>) {
        match sight {
            Sight::Bytes(bytes) => self.feed(way, bytes),
            Sight::End => self.ended(way, false),
            Sight::Reset => self.ended(way, true),
        }
    }

    /// Looks at bytes that were just forwarded.
    pub(super) fn feed(&mut self, way: Way, bytes: &[u8]) {
        self.decode(way, Some(bytes));
    }

    /// One direction ended, orderly or by a reset.
    pub(super) fn ended(&mut self, way: Way, reset: bool) {
        self.finish(way);
        if self.ending == Ending::Open {
            self.ending = Ending::Explained;
            let by = Some(self.side(way).from);
            self.station.put(self.connection, &[], Happened::Drop(LinkEnd { by, reset }));
        }
    }

    /// The proxy ended the connection itself.
    pub(super) fn cut(&mut self) {
        if self.ending == Ending::Open {
            self.ending = Ending::Explained;
            self.station.put(self.connection, &[], Happened::Drop(LinkEnd { by: None, reset: false }));
        }
    }

    fn finish(&mut self, way: Way) {
        if !std::mem::replace(&mut self.side(way).ended, true) {
            self.decode(way, None);
        }
    }

    fn side(&mut self, way: Way) -> &mut Side {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    /// Decodes bytes, or `None` for the end of the stream.
    fn decode(&mut self, way: Way, bytes: Option<&[u8]>) {
        let station = Rc::clone(&self.station);
        let at = station.now();
        let connection = self.connection;
        let side = self.side(way);
        let from = side.from;
        let mut closes = false;
        let mut worst = Put::Kept;
        let mut page = station.queue.page();
        let mut sink = |item: Item<'_>| {
            closes |= matches!(item, Item::Close { .. });
            if put(&mut page, connection, at, from, item) == Put::FirstLost {
                worst = Put::FirstLost;
            }
        };
        match bytes {
            Some(bytes) => side.decoder.feed(bytes, &mut station.scratch.borrow_mut(), &mut sink),
            None => side.decoder.finish(&mut sink),
        }
        drop(page);
        if closes {
            self.ending = Ending::Explained;
        }
        station.mind(worst);
    }
}

impl Drop for Tap {
    /// However the connection ended, what was still unfinished is handed over, and its end is said.
    fn drop(&mut self) {
        self.finish(Way::Up);
        self.finish(Way::Down);
        self.station.over(self.connection);
    }
}

fn put(page: &mut Page<'_>, connection: ConnectionId, at: Offset, from: Party, item: Item<'_>) -> Put {
    let (bytes, frames, happened): (&[u8], &[u64], _) = match item {
        Item::Message { text, payload, frames, deflated } => {
            (payload, frames, Happened::Message { from, text, deflated })
        }
        Item::Oversized { text, size, sha256, frames, deflated } => {
            (&[], frames, Happened::Oversized(Box::new(Oversized { from, text, deflated, size, sha256 })))
        }
        Item::Ping(payload) => (payload, &[], Happened::Ping(from)),
        Item::Pong(payload) => (payload, &[], Happened::Pong(from)),
        Item::Close { code, reason } => (reason, &[], Happened::Close { from, code }),
        Item::Undecodable { bytes, size, why } => {
            (bytes, &[], Happened::Undecodable { from, size, why: Why::Frames(why) })
        }
    };
    page.put(Some(connection), at, bytes, frames, happened)
}
