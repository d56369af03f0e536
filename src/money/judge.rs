//! Judges a book by what was meant to be paid: never charged twice, never approved and forgotten, never
//! reversed without cause, and unknown only where nobody could know.

use std::collections::BTreeMap;

use super::book::{Book, Charge, End, Reversal};
use crate::conversation::EventNumber;
use crate::pack::Moved;

/// What is wrong with the money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More charges stand, or may stand, than were meant.
    ChargedTwice {
        /// The purchase: `sale 2350`.
        same: String,
        /// How many were meant.
        meant: usize,
        /// How many stand for certain.
        certain: usize,
        /// How many more may stand.
        possible: usize,
        /// The last request that made it one too many.
        n: EventNumber,
    },
    /// A charge was approved, and the POS neither acknowledged it nor asked.
    Forgotten {
        /// The purchase.
        same: String,
        /// The event of its request.
        n: EventNumber,
    },
    /// A charge that was approved, meant and known was taken back.
    ReversedWithoutCause {
        /// The purchase; `None` for one that was never seen.
        same: Option<String>,
        /// The event of the request that took it back.
        n: EventNumber,
    },
    /// A charge was taken back again before anybody knew what became of the first time, and that moves money.
    ReversedTwice {
        /// The purchase.
        same: String,
        /// The event of the request that took it back again.
        n: EventNumber,
    },
    /// A charge that was to be taken back stands, and the POS did not see to it.
    StillStands {
        /// The purchase.
        same: String,
        /// The event of its request.
        n: EventNumber,
    },
    /// What became of a charge is open, and the POS never asked.
    NeverAsked {
        /// The purchase.
        same: String,
        /// The event of its request.
        n: EventNumber,
    },
}

/// How the money stands, where nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything that was meant was paid, once.
    AsMeant,
    /// Less was paid than was meant, and everybody knows.
    Less,
    /// The POS asked, and nobody could say.
    Unknown,
}

/// What a book comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is wrong, the gravest first.
    pub faults: Vec<Fault>,
    /// How the money stands.
    pub standing: Standing,
    /// Charges that stand for certain, and that may.
    pub charged: (usize, usize),
}

/// Judges `book`; `meant` is the book of a run in which nothing went wrong.
pub fn judge(book: &Book, meant: &Book) -> Judgement {
    let (meant_by, own) = (purchases(meant), purchases(book));
    let mut faults = Vec::new();
    let mut twice = Vec::new();
    for (same, purchase) in &own {
        let wanted = meant_by.get(same).map_or(0, |meant| meant.asked);
        let sure = purchase.certain > wanted;
        let meant_to_stand = meant_by.get(same).map_or(0, |meant| meant.certain);
        let open = open_reversals(book).any(|reversal| purchase_of(book, reversal) == Some(same));
        if !sure && purchase.asked <= wanted && purchase.certain > meant_to_stand && !open {
            faults.push(Fault::StillStands { same: (*same).to_owned(), n: purchase.last });
        }
        // What may stand counts where it was asked for again.
        if sure || (purchase.asked > wanted && purchase.certain + purchase.possible > wanted) {
            twice.push(*same);
            faults.push(Fault::ChargedTwice {
                same: (*same).to_owned(),
                meant: wanted,
                certain: purchase.certain,
                possible: purchase.possible,
                n: purchase.last,
            });
        }
    }
    faults.extend(
        book.charges
            .iter()
            .filter(|charge| is_forgotten(charge))
            .map(|charge| Fault::Forgotten { same: charge.same.clone(), n: charge.n }),
    );
    faults.extend(reversed_twice(book, meant));
    faults.extend(reversed_without_cause(book, meant));
    let open = book.charges.iter().enumerate().filter(|(_, charge)| is_open(charge));
    let mut unknown = false;
    for (index, charge) in open {
        let asked = book.enquiries.iter().any(|enquiry| enquiry.charge == Some(index));
        unknown |= asked;
        if !asked && !twice.contains(&charge.same.as_str()) {
            faults.push(Fault::NeverAsked { same: charge.same.clone(), n: charge.n });
        }
    }
    for reversal in open_reversals(book) {
        let asked = book.enquiries.iter().any(|enquiry| enquiry.n > reversal.n);
        unknown |= asked;
        if let Some(same) = purchase_of(book, reversal).filter(|_| !asked) {
            faults.push(Fault::NeverAsked { same: same.to_owned(), n: reversal.n });
        }
    }
    let total = |by: &BTreeMap<&str, Purchase>| by.values().map(|purchase| purchase.certain).sum::<usize>();
    let possible = own.values().map(|purchase| purchase.possible).sum();
    let standing = match (unknown, total(&own) < total(&meant_by)) {
        (true, _) => Standing::Unknown,
        (false, true) => Standing::Less,
        (false, false) => Standing::AsMeant,
    };
    Judgement { faults, standing, charged: (total(&own), possible) }
}

/// What was said of one purchase.
#[derive(Clone, Copy, Debug)]
struct Purchase {
    asked: usize,
    certain: usize,
    possible: usize,
    last: EventNumber,
}

fn purchases(book: &Book) -> BTreeMap<&str, Purchase> {
    let mut all = BTreeMap::new();
    for charge in &book.charges {
        let none = Purchase { asked: 0, certain: 0, possible: 0, last: charge.n };
        let purchase = all.entry(charge.same.as_str()).or_insert(none);
        purchase.asked += 1;
        purchase.last = charge.n;
        match charge.end.known().map(|ended| ended.moved) {
            _ if charge.reversed => {}
            Some(Moved::Yes) => purchase.certain += 1,
            Some(Moved::No) => {}
            Some(Moved::Unknown) | None => purchase.possible += 1,
        }
    }
    all
}

fn is_open(charge: &Charge) -> bool {
    !charge.reversed && charge.end.known().is_none_or(|ended| ended.moved == Moved::Unknown)
}

fn is_forgotten(charge: &Charge) -> bool {
    let approved = matches!(&charge.end, End::Told(ended) if ended.moved == Moved::Yes);
    approved && !charge.confirmed && !charge.reversed
}

/// Requests to take something back of which nobody knows what became, and that were not made again.
fn open_reversals(book: &Book) -> impl Iterator<Item = &Reversal> {
    let open = book.reversals.iter().enumerate().filter(|(_, reversal)| {
        reversal.charge.is_some_and(|charge| !book.charges[charge].reversed) && !reversal.answered
    });
    let last = |index: usize, reversal: &Reversal| {
        !book.reversals[index + 1..].iter().any(|later| later.charge == reversal.charge)
    };
    open.filter(move |&(index, reversal)| last(index, reversal)).map(|(_, reversal)| reversal)
}

fn purchase_of<'b>(book: &'b Book, reversal: &Reversal) -> Option<&'b str> {
    reversal.charge.map(|charge| book.charges[charge].same.as_str())
}

/// Reversals that move money every time, made again beyond those that were meant, although the one before was
/// done, or nobody knew.
fn reversed_twice(book: &Book, meant: &Book) -> Vec<Fault> {
    let again = |book: &Book| -> Vec<(String, EventNumber)> {
        let all = book.reversals.iter().enumerate();
        let again = all.filter(|(index, reversal)| {
            let mut earlier = book.reversals[..*index].iter();
            reversal.once
                && reversal.charge.is_some()
                && earlier.any(|other| other.charge == reversal.charge && (other.done || !other.answered))
        });
        again.filter_map(|(_, one)| Some((purchase_of(book, one)?.to_owned(), one.n))).collect()
    };
    let wanted = again(meant).len();
    again(book).into_iter().skip(wanted).map(|(same, n)| Fault::ReversedTwice { same, n }).collect()
}

/// Reversals without a cause, beyond those that were meant.
fn reversed_without_cause(book: &Book, meant: &Book) -> Vec<Fault> {
    let purchase = |book: &Book, charge: Option<usize>| charge.map(|at| book.charges[at].same.clone());
    let mut wanted: Vec<Option<String>> =
        meant.reversals.iter().map(|reversal| purchase(meant, reversal.charge)).collect();
    let mut faults = Vec::new();
    for (index, reversal) in book.reversals.iter().enumerate() {
        // Taking back again what was taken back before changes nothing.
        let earlier = &book.reversals[..index];
        if reversal.charge.is_some() && earlier.iter().any(|other| other.charge == reversal.charge) {
            continue;
        }
        let same = purchase(book, reversal.charge);
        if let Some(at) = wanted.iter().position(|wanted| *wanted == same) {
            wanted.swap_remove(at);
        } else if !reversal.cause && (reversal.done || reversal.charge.is_some()) {
            faults.push(Fault::ReversedWithoutCause { same, n: reversal.n });
        }
    }
    faults
}
