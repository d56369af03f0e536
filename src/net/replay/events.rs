//! What happens on the wire as events: numbered, timed, the same as a recorder between the peers would see.

use std::borrow::Cow;

use crate::conversation::{
    Close, ConnectionId, Control, ConversationEvent, Drop, EventKind, EventNumber, Head, Message, Offset,
    Opening, Party, Payload, Refusal, Undecodable,
};
use crate::replay::Received;

/// Numbers the events of all runs of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    last: u64,
    connections: u64,
}

/// A handshake, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Handshake {
    pub(super) client_address: String,
    pub(super) server_address: String,
    pub(super) target: String,
    pub(super) request: Vec<(String, String)>,
    pub(super) status: u16,
    pub(super) response: Vec<(String, String)>,
}

impl Numbers {
    /// The number of a connection that was not there before.
    pub(super) fn connection(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }

    /// The next event.
    pub(super) fn event<'a>(
        &mut self,
        at: Offset,
        connection: ConnectionId,
        kind: EventKind<'a>,
    ) -> ConversationEvent<'a> {
        self.last += 1;
        ConversationEvent { n: EventNumber(self.last), at, connection: Some(connection), kind }
    }
}

impl Handshake {
    /// The handshake of a `client`, as an event: `open`, or `refused` with the body of the answer.
    pub(super) fn event(&self, client: Party, body: &str) -> EventKind<'_> {
        let (pos, terminal) = match client {
            Party::Pos => (&self.client_address, &self.server_address),
            Party::Terminal | Party::Gateway => (&self.server_address, &self.client_address),
        };
        let lines = |lines: &[(String, String)]| Head {
            headers: lines.iter().map(|(name, value)| (name.clone().into(), value.clone().into())).collect(),
        };
        let opening = Opening {
            client,
            pos: pos.into(),
            terminal: terminal.into(),
            target: self.target.as_str().into(),
            request: lines(&self.request),
            status: self.status,
            response: lines(&self.response),
            masked: Vec::new(),
        };
        if self.status == 101 {
            return EventKind::Open(Box::new(opening));
        }
        let body = Payload::Text(Cow::Owned(body.to_owned()));
        EventKind::Refused(Box::new(Refusal { opening, body, why: None }))
    }
}

/// A text or binary message.
pub(super) fn message(from: Party, payload: Payload<'_>) -> EventKind<'_> {
    let (frames, masked) = (Cow::Borrowed(&[][..]), Vec::new());
    EventKind::Message(Message { from, payload, frames, deflated: false, masked })
}

/// A close frame.
pub(super) fn close(from: Party, code: Option<u16>, reason: &str) -> EventKind<'_> {
    EventKind::Close(Close { from, code, reason: reason.into(), masked: Vec::new() })
}

/// The end of a link without a close frame.
pub(super) fn drop(by: Party, reset: bool) -> EventKind<'static> {
    EventKind::Drop(Drop { by: Some(by), reset })
}

/// A ping or pong.
pub(super) fn control(from: Party, payload: &[u8]) -> Control<'_> {
    Control { from, payload: payload.into(), masked: Vec::new() }
}

/// What came from the peer; `None` for the end of a link that was closed before.
pub(super) fn of<'a>(received: &Received<'a>, from: Party, closed: bool) -> Option<EventKind<'a>> {
    Some(match received {
        Received::Text(text) => message(from, Payload::of_text(text)),
        Received::Binary(bytes) => message(from, Payload::Binary((*bytes).into())),
        Received::Omitted { size, sha256 } => {
            message(from, Payload::Omitted { text: true, size: *size, sha256: (*sha256).into() })
        }
        Received::Ping(payload) => EventKind::Ping(control(from, payload)),
        Received::Pong(payload) => EventKind::Pong(control(from, payload)),
        Received::Close { code, reason } => close(from, *code, reason),
        Received::Broken(why) => EventKind::Undecodable(Undecodable {
            from,
            bytes: Cow::Borrowed(&[]),
            size: 0,
            why: (*why).into(),
            masked: Vec::new(),
        }),
        Received::End { .. } if closed => return None,
        Received::End { reset } => drop(from, *reset),
    })
}
