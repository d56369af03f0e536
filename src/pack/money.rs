//! What moves money in a protocol, by its pack: charges, reversals, enquiries, and the ends that count.
//!
//! Who charged whom how often is for the ledger (`money`) to say; here stands what one message means.

use std::ops::Range;
use std::sync::Arc;

use super::extract::{Extract, Slot};
use super::model::{EndpointId, KindId, Pack, Role};
use super::pattern::Selector;
use super::trie::Trie;
use super::view::View;
use super::{Carrier, Template};
use crate::conversation::Party;
use crate::text::json;

/// What a pack says of money.
#[derive(Clone, Debug, Default)]
pub struct Money {
    /// The outcomes, by their place in the pack, after which the money has moved.
    pub moved: Vec<usize>,
    /// The outcomes, by their place in the pack, after which nobody knows.
    pub unknown: Vec<usize>,
    /// In a message that shows how a transaction ended: what names the transaction ever after.
    pub reference: Option<Slot>,
    /// Requests that move money.
    pub charges: Vec<Charge>,
    /// Requests that take a transaction back.
    pub reversals: Vec<Reversal>,
    /// Requests that ask what became of the last transaction.
    pub enquiry: Option<Selector>,
    /// What tells of a transaction and is no outcome of the pack: answers to such a question, say.
    pub told: Vec<Told>,
    /// How a model POS asks what became of the last transaction.
    pub ask: Option<Template>,
    /// How a model POS takes the last transaction back: the first that can be filled.
    pub undo: Vec<Template>,
}

/// A request that moves money.
#[derive(Clone, Debug)]
pub struct Charge {
    /// What people call it: `sale`.
    pub what: String,
    /// The requests.
    pub on: Selector,
    /// What two of them have in common that are the same purchase.
    pub same: Vec<Slot>,
}

/// A request that takes a transaction back.
#[derive(Clone, Debug)]
pub struct Reversal {
    /// What people call it: `void`.
    pub what: String,
    /// The requests.
    pub on: Selector,
    /// The reference of what is taken back.
    pub of: Slot,
    /// Whether a second one moves money again.
    pub once: bool,
}

/// A message that tells of a transaction.
#[derive(Clone, Debug)]
pub struct Told {
    /// The messages.
    pub on: Selector,
    /// What they tell of the last transaction.
    pub outcome: String,
    /// Whether the money has moved.
    pub moved: bool,
    /// The reference of that transaction.
    pub reference: Option<Slot>,
}

/// What a terminal answers to what a cassette does not have.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The requests.
    pub on: Selector,
    /// Only where the value there is the reference of a transaction that stands.
    pub knows: Option<Slot>,
    /// What is answered, in this order.
    pub answers: Vec<Template>,
}

/// What a message means for the money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Money is to be moved.
    Charge {
        /// What people call it.
        what: String,
        /// What it has in common with the same purchase.
        same: String,
    },
    /// A transaction is to be taken back.
    Reversal {
        /// What people call it.
        what: String,
        /// The reference of the transaction.
        of: Option<String>,
        /// Whether a second one moves money again.
        once: bool,
    },
    /// What became of the last transaction?
    Enquiry,
    /// A transaction came to an end, or that is told.
    Ended(Ended),
    /// Nothing.
    Other,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// In the words of the pack.
    pub outcome: String,
    /// Whether the money has moved.
    pub moved: Moved,
    /// What names the transaction ever after.
    pub reference: Option<String>,
}

/// Whether money has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It has.
    Yes,
    /// It has not.
    No,
    /// Nobody knows.
    Unknown,
}

/// What a pack says of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyReading {
    /// Its kind.
    pub kind: Option<KindId>,
    /// What it is in a flow.
    pub role: Option<Role>,
    /// What it has in common with the messages of its transaction.
    pub key: Option<String>,
    /// What it means for the money.
    pub meaning: Meaning,
}

/// Reads messages for what they mean.
#[derive(Clone, Debug)]
pub struct MoneyReader {
    pack: Arc<Pack>,
    kinds: Extract,
    outcomes: Extract,
    money: Extract,
}

impl MoneyReader {
    /// A reader for messages of that protocol.
    pub fn new(pack: Arc<Pack>) -> Self {
        Self { pack, kinds: Extract::default(), outcomes: Extract::default(), money: Extract::default() }
    }

    /// The pack it reads with.
    pub fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// What a text message of `from` on a connection to `endpoint` means.
    pub fn read(&mut self, from: Party, text: &str, endpoint: Option<EndpointId>) -> MoneyReading {
        let pack = Arc::clone(&self.pack);
        let nothing = MoneyReading { kind: None, role: None, key: None, meaning: Meaning::Other };
        if !scan(&pack.trie, text, &mut self.kinds) {
            return nothing;
        }
        let told = View { from: Some(from), ..view(text, &self.kinds, endpoint, None) };
        let Some(kind) = pack.classify(Carrier::Json, Some(from), &told) else {
            return nothing;
        };
        // It is JSON, as was just seen.
        scan(&pack.outcome_trie, text, &mut self.outcomes);
        scan(&pack.money_trie, text, &mut self.money);
        let key = key_of(&pack, kind, text, &self.kinds);
        let meaning = self.meaning(&pack, kind, text, endpoint);
        MoneyReading { kind: Some(kind), role: Some(pack.kinds[kind.0].role), key, meaning }
    }

    /// The recoveries for the message last read, which was of `kind`, in the order of the pack.
    pub fn recoveries(&self, kind: KindId, text: &str, endpoint: Option<EndpointId>) -> Vec<usize> {
        let view = view(text, &self.money, endpoint, Some(kind));
        let all = self.pack.recoveries.iter().enumerate();
        all.filter(|(_, recovery)| meant(&self.pack, &recovery.on, kind, &view))
            .map(|(index, _)| index)
            .collect()
    }

    /// The value that a recovery wants to be known, in the message last read.
    pub fn wanted(&self, recovery: &Recovery, text: &str) -> Option<String> {
        value(&self.money, recovery.knows?, text)
    }

    /// Where the reference stands in the message last read, quotes included.
    pub fn reference_in(&self) -> Option<Range<usize>> {
        let slot = self.pack.money.as_ref()?.reference?;
        Some(self.money.first(slot)?.range())
    }

    fn meaning(&self, pack: &Pack, kind: KindId, text: &str, endpoint: Option<EndpointId>) -> Meaning {
        let Some(money) = &pack.money else { return Meaning::Other };
        let seen = view(text, &self.money, endpoint, Some(kind));
        let is = |selector: &Selector| meant(pack, selector, kind, &seen);
        if let Some(charge) = money.charges.iter().find(|charge| is(&charge.on)) {
            let same = charge.same.iter().map(|&slot| value(&self.money, slot, text).unwrap_or_default());
            let same = std::iter::once(charge.what.clone()).chain(same).collect::<Vec<_>>().join(" ");
            return Meaning::Charge { what: charge.what.clone(), same };
        }
        if let Some(reversal) = money.reversals.iter().find(|reversal| is(&reversal.on)) {
            let of = value(&self.money, reversal.of, text);
            return Meaning::Reversal { what: reversal.what.clone(), of, once: reversal.once };
        }
        if money.enquiry.as_ref().is_some_and(is) {
            return Meaning::Enquiry;
        }
        let seen = view(text, &self.outcomes, endpoint, Some(kind));
        let ended = pack.outcomes.iter().position(|outcome| {
            outcome.kinds.iter().any(|&wanted| pack.is_a(kind, wanted)) && seen.holds(&outcome.tests)
        });
        let Some(index) = ended else { return self.told(pack, money, kind, text, endpoint) };
        let moved = match (money.moved.contains(&index), money.unknown.contains(&index)) {
            (true, _) => Moved::Yes,
            (false, true) => Moved::Unknown,
            (false, false) => Moved::No,
        };
        Meaning::Ended(Ended {
            outcome: pack.outcomes[index].name.clone(),
            moved,
            reference: money.reference.and_then(|slot| value(&self.money, slot, text)),
        })
    }

    /// What is told of a transaction by a message that is no outcome.
    fn told(
        &self,
        pack: &Pack,
        money: &Money,
        kind: KindId,
        text: &str,
        endpoint: Option<EndpointId>,
    ) -> Meaning {
        let seen = view(text, &self.money, endpoint, Some(kind));
        match money.told.iter().find(|told| meant(pack, &told.on, kind, &seen)) {
            Some(told) => Meaning::Ended(Ended {
                outcome: told.outcome.clone(),
                moved: if told.moved { Moved::Yes } else { Moved::No },
                reference: told.reference.and_then(|slot| value(&self.money, slot, text)),
            }),
            None => Meaning::Other,
        }
    }
}

fn scan(trie: &Trie, text: &str, out: &mut Extract) -> bool {
    let read = trie.scan(text, out).is_ok();
    if !read {
        out.clear(trie.len());
    }
    read
}

fn view<'a>(
    text: &'a str,
    extract: &'a Extract,
    endpoint: Option<EndpointId>,
    kind: Option<KindId>,
) -> View<'a> {
    View { endpoint, kind, ..View::of(text, extract) }
}

fn meant(pack: &Pack, selector: &Selector, kind: KindId, view: &View<'_>) -> bool {
    selector.kinds.iter().any(|&wanted| pack.is_a(kind, wanted)) && view.holds(&selector.tests)
}

/// What a value says, whether it is spelled as a string or as a number.
fn value(extract: &Extract, slot: Slot, text: &str) -> Option<String> {
    let token = extract.first(slot)?.token(text);
    Some(json::string(token).map_or_else(|| token.to_owned(), std::borrow::Cow::into_owned))
}

/// The key of the flow of a message, where it has one, else its first key.
fn key_of(pack: &Pack, kind: KindId, text: &str, extract: &Extract) -> Option<String> {
    let keys = &pack.kinds[kind.0].keys;
    let of_flow = keys.iter().find(|key| pack.groupings[key.grouping.0].flows);
    let key = of_flow.or(keys.first())?;
    let values = key.slots.iter().map(|&slot| value(extract, slot, text)).collect::<Option<Vec<_>>>()?;
    let plain =
        |fixed: &String| json::string(fixed).map_or_else(|| fixed.clone(), |fixed| fixed.into_owned());
    let fixed = key.fixed.as_ref().map(plain);
    Some(fixed.into_iter().chain(values).collect::<Vec<_>>().join(" "))
}
