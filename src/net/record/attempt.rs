//! One opening handshake on its way into the recording: whatever becomes of it, it leaves an event.
//!
//! An attempt that is dropped half-way (the operator stops, a peer leaves) is recorded as refused, with
//! the reason known by then.

use std::net::SocketAddr;
use std::rc::Rc;

use super::batch::{Handshake, Happened};
use super::station::Station;
use crate::conversation::{ConnectionId, Party};
use crate::wire::handshake::{Head, RequestHead, ResponseHead};

/// What is known of a handshake, until it is settled.
pub(super) struct Attempt {
    station: Rc<Station>,
    connection: ConnectionId,
    /// `None` once it is settled.
    handshake: Option<Box<Handshake>>,
    body: Vec<u8>,
}

impl Attempt {
    /// A client at `peer` sent this request.
    pub(super) fn new(
        station: Rc<Station>,
        connection: ConnectionId,
        peer: SocketAddr,
        request: &RequestHead,
    ) -> Self {
        let upstream = station.dialler.upstream().authority();
        let (pos, terminal) = match station.client {
            Party::Pos | Party::Gateway => (peer.to_string(), upstream),
            Party::Terminal => (upstream, peer.to_string()),
        };
        let handshake = Handshake {
            client: station.client,
            pos,
            terminal,
            target: request.target(),
            request: lines(request),
            status: 502,
            response: Vec::new(),
            why: Some("the recording ended before there was an answer".into()),
        };
        Self { station, connection, handshake: Some(Box::new(handshake)), body: Vec::new() }
    }

    /// The upstream was reached at this address.
    pub(super) fn reached(&mut self, address: SocketAddr) {
        let client = self.station.client;
        if let Some(handshake) = &mut self.handshake {
            let place = match client {
                Party::Pos | Party::Gateway => &mut handshake.terminal,
                Party::Terminal => &mut handshake.pos,
            };
            *place = address.to_string();
        }
    }

    /// The upstream answered.
    pub(super) fn answered(&mut self, response: &ResponseHead) {
        if let Some(handshake) = &mut self.handshake {
            handshake.status = response.status();
            handshake.response = lines(response);
            handshake.why = None;
        }
    }

    /// The proxy answers with `status`, or would if anybody listened.
    pub(super) fn failed(&mut self, status: u16, why: impl Into<String>) {
        if let Some(handshake) = &mut self.handshake {
            handshake.status = status;
            handshake.why = Some(why.into());
        }
    }

    /// A piece of the answer's body, kept as far as messages are.
    pub(super) fn body(&mut self, bytes: &[u8]) {
        let room = self.station.limits.message_kept.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The answer was 101: the connection is open.
    pub(super) fn opened(mut self) {
        if let Some(handshake) = self.handshake.take() {
            self.station.put(self.connection, &[], Happened::Open(handshake));
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(handshake) = self.handshake.take() {
            self.station.put(self.connection, &self.body, Happened::Refused(handshake));
            self.station.over(self.connection);
        }
    }
}

fn lines(head: &Head) -> Vec<(String, String)> {
    head.headers().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
}
