//! Reads events into the book.

use std::collections::HashMap;
use std::sync::Arc;

use super::book::{Book, Charge, End, Enquiry, Reversal};
use crate::conversation::{ConnectionId, ConversationEvent, EventKind, EventNumber, Party, Payload};
use crate::pack::{Ended, EndpointId, Meaning, MoneyReader, Moved, Pack, Role};

/// Reads events into a [`Book`].
#[derive(Clone, Debug)]
pub struct Ledger {
    reader: MoneyReader,
    endpoints: HashMap<ConnectionId, Option<EndpointId>>,
    book: Book,
    /// By the key of a flow: what the last request with that key was.
    flows: HashMap<String, Item>,
    /// By charge: the connection it was asked for on.
    on: Vec<Option<ConnectionId>>,
    /// Whether a POS acknowledges what it was told.
    acknowledges: bool,
}

/// What a flow is about.
#[derive(Clone, Copy, Debug)]
enum Item {
    Charge(usize),
    Reversal(usize),
    Enquiry(usize),
}

impl Ledger {
    /// An empty book, for messages of that protocol.
    pub fn new(pack: Arc<Pack>) -> Self {
        let acknowledges =
            pack.kinds.iter().any(|kind| kind.role == Role::Acknowledgement && kind.from == Some(Party::Pos));
        Self {
            reader: MoneyReader::new(pack),
            endpoints: HashMap::new(),
            book: Book::default(),
            flows: HashMap::new(),
            on: Vec::new(),
            acknowledges,
        }
    }

    /// What stands in it.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Enters an event.
    pub fn see(&mut self, event: &ConversationEvent<'_>) {
        let Some(connection) = event.connection else { return };
        match &event.kind {
            EventKind::Open(opening) => {
                let path = opening.target.split('?').next().unwrap_or_default();
                let endpoint = self.reader.pack().endpoint_of(path);
                self.endpoints.insert(connection, endpoint);
            }
            EventKind::Close(_) | EventKind::Drop(_) => self.link_ended(connection),
            EventKind::Message(message) => {
                let text = match &message.payload {
                    Payload::Json(text) => text,
                    Payload::Text(text) => text.as_ref(),
                    Payload::Binary(_) | Payload::Omitted { .. } => return,
                };
                self.said(event.n, connection, message.from, text);
            }
            EventKind::Refused(_)
            | EventKind::Ping(_)
            | EventKind::Pong(_)
            | EventKind::Undecodable(_)
            | EventKind::Gap(_)
            | EventKind::Note(_)
            | EventKind::Clock(_)
            | EventKind::End(_) => {}
        }
    }

    /// The POS said something that never arrived: it may show what the POS knows, and asks for nothing.
    pub fn lost(&mut self, text: &str) {
        let reading = self.reader.read(Party::Pos, text, None);
        if reading.role == Some(Role::Acknowledgement) {
            self.acknowledged(&reading.key.unwrap_or_default());
        }
    }

    fn acknowledged(&mut self, key: &str) {
        if let Some(&Item::Charge(charge)) = self.flows.get(key) {
            let charge = &mut self.book.charges[charge];
            charge.confirmed |= charge.end.known().is_some();
        }
    }

    /// Whoever had not shown that he knows has reason to doubt.
    fn link_ended(&mut self, connection: ConnectionId) {
        for (charge, on) in self.book.charges.iter_mut().zip(&self.on) {
            if *on == Some(connection) && !charge.confirmed {
                charge.doubted = true;
            }
        }
    }

    fn said(&mut self, n: EventNumber, connection: ConnectionId, from: Party, text: &str) {
        let endpoint = self.endpoints.get(&connection).copied().flatten();
        let reading = self.reader.read(from, text, endpoint);
        let key = reading.key.unwrap_or_default();
        match (from, reading.meaning) {
            (Party::Pos, Meaning::Charge { what, same }) => {
                let (confirmed, doubted, reversed) = (false, false, false);
                let end = End::Open;
                self.book.charges.push(Charge { n, what, same, end, confirmed, doubted, reversed });
                self.on.push(Some(connection));
                self.flows.insert(key, Item::Charge(self.book.charges.len() - 1));
            }
            (Party::Pos, Meaning::Reversal { what, of, once }) => {
                let charge = of.and_then(|of| self.of_reference(&of));
                let cause = charge.is_some_and(|charge| self.has_cause(charge));
                let (answered, done) = (false, false);
                self.book.reversals.push(Reversal { n, what, charge, cause, once, answered, done });
                self.flows.insert(key, Item::Reversal(self.book.reversals.len() - 1));
            }
            (Party::Pos, Meaning::Enquiry) => {
                let charge = self.book.charges.len().checked_sub(1);
                let later = |reversal: &Reversal| {
                    reversal.once && charge.is_some_and(|charge| self.book.charges[charge].n < reversal.n)
                };
                let reversal = self.book.reversals.iter().rposition(later);
                if let Some(charge) = charge.map(|charge| &mut self.book.charges[charge])
                    && !charge.confirmed
                {
                    charge.doubted = true;
                }
                self.book.enquiries.push(Enquiry { n, charge, reversal, answered: false });
                self.flows.insert(key, Item::Enquiry(self.book.enquiries.len() - 1));
            }
            (Party::Pos, Meaning::Other) if reading.role == Some(Role::Acknowledgement) => {
                self.acknowledged(&key);
            }
            (Party::Terminal, Meaning::Ended(ended)) => self.ended(&key, ended),
            (_, _) => {}
        }
    }

    /// The terminal said how something ended.
    fn ended(&mut self, key: &str, ended: Ended) {
        match self.flows.get(key) {
            Some(&Item::Charge(index)) => {
                let charge = &mut self.book.charges[index];
                if matches!(charge.end, End::Open) {
                    charge.end = End::Told(ended);
                    charge.confirmed |= !self.acknowledges;
                }
            }
            Some(&Item::Reversal(index)) => {
                let reversal = &mut self.book.reversals[index];
                reversal.answered |= ended.moved != Moved::Unknown;
                reversal.done |= ended.moved == Moved::Yes;
                if reversal.done
                    && let Some(charge) = reversal.charge
                {
                    self.book.charges[charge].reversed = true;
                }
            }
            Some(&Item::Enquiry(index)) => self.answered(index, ended),
            None => {}
        }
    }

    /// An enquiry was answered: of the last charge, unless the terminal speaks of an earlier one. Then the last
    /// one never came to anything.
    fn answered(&mut self, index: usize, ended: Ended) {
        let enquiry = &mut self.book.enquiries[index];
        enquiry.answered = true;
        if let Some(reversal) = enquiry.reversal {
            return self.reversal_told(reversal, &ended);
        }
        let Some(last) = enquiry.charge else { return };
        let earlier = ended.reference.as_ref().and_then(|reference| self.of_reference(reference));
        if let Some(earlier) = earlier.filter(|&earlier| earlier != last) {
            self.book.charges[earlier].confirmed = true;
        }
        let never = earlier.is_some_and(|earlier| earlier != last);
        let charge = &mut self.book.charges[last];
        let is_open = charge.end.known().is_none_or(|known| known.moved == Moved::Unknown);
        if is_open && never {
            let outcome = "never begun".to_owned();
            charge.end = End::Asked(Ended { outcome, moved: Moved::No, reference: None });
        } else if is_open && ended.moved != Moved::Unknown {
            charge.end = End::Asked(ended);
        }
        charge.confirmed |= charge.end.known().is_some();
    }

    /// The terminal tells of a transaction after a reversal: the reversal itself, unless it is one from before.
    fn reversal_told(&mut self, index: usize, ended: &Ended) {
        let earlier =
            ended.reference.as_ref().is_some_and(|reference| self.of_reference(reference).is_some());
        let reversal = &mut self.book.reversals[index];
        if reversal.answered {
            return;
        }
        reversal.answered = true;
        reversal.done = ended.moved == Moved::Yes && !earlier;
        if let Some(charge) = reversal.charge.filter(|_| reversal.done) {
            self.book.charges[charge].reversed = true;
        }
    }

    /// The charge that the terminal gave that reference.
    fn of_reference(&self, reference: &str) -> Option<usize> {
        self.book.charges.iter().rposition(|charge| {
            let ended = charge.end.known();
            ended.is_some_and(|ended| {
                ended.moved == Moved::Yes && ended.reference.as_deref() == Some(reference)
            })
        })
    }

    /// Whether a charge is in doubt, or one of several for the same purchase.
    fn has_cause(&self, index: usize) -> bool {
        let charge = &self.book.charges[index];
        let standing = |other: &&Charge| {
            other.same == charge.same
                && !other.reversed
                && other.end.known().is_none_or(|ended| ended.moved != Moved::No)
        };
        charge.doubted || self.book.charges.iter().filter(standing).count() > 1
    }
}
