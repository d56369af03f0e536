//! The books of a virtual service: what was sold and refunded, and the objects that tell of it.

use super::super::calendar::WallTime;
use super::super::chance::Chance;
use super::super::object::Object;
use super::amount::Major;
use super::edition::Edition;

/// Every transaction since the service was started.
#[derive(Debug)]
pub(crate) struct Books {
    chance: Chance,
    edition: Edition,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    kind: &'static str,
    amount: Major,
    /// What was given back of it.
    refunded: Major,
    /// Whether it was taken back as a whole.
    reversed: bool,
    verdict: Verdict,
    reference: String,
    order: String,
    when: WallTime,
}

/// What the host said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// `A`, `D`, `C` or `R`.
    pub(crate) code: &'static str,
    /// In words.
    pub(crate) description: String,
}

/// Why a refund cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRefund {
    /// No approved sale has that reference.
    Unknown,
    /// So much is not left of it.
    TooMuch,
}

impl Books {
    /// Empty books whose references depend on `seed`.
    pub(crate) const fn new(seed: u64, edition: Edition) -> Self {
        Self { chance: Chance::new(seed), edition, rows: Vec::new() }
    }

    /// Enters a sale and gives its `saleResponse`. `authorised` differs from `asked` at a faulty service.
    pub(crate) fn sale(&mut self, authorised: Major, verdict: Verdict, now: WallTime) -> Object {
        let row = self.enter("SALE", authorised, verdict, now);
        let approved = row.verdict.code == "A";
        let amount = approved.then(|| row.amount.number());
        let response = Object::new()
            .text("code", row.verdict.code)
            .text("description", &row.verdict.description)
            .given(amount, |response, amount| response.decimal("authorizedAmount", &amount))
            .text("currency", CURRENCY)
            .text("uniqueRef", &row.reference)
            .text("orderId", &row.order)
            .text("dateTime", &iso(row.when))
            .text("cardHolderName", "A CARDHOLDER")
            .text("cardNumber", CARD)
            .text("expiryDate", "1230")
            .text("cardType", "Visa");
        let response = match self.edition {
            Edition::Since3028 => response,
            Edition::Before3028 => response.text("cardReference", "CARD-REF-1"),
        };
        response.array("emvTags", [])
    }

    /// Enters a refund and gives its `refundResponse`.
    pub(crate) fn refund(
        &mut self,
        reference: &str,
        amount: Major,
        now: WallTime,
    ) -> Result<Object, NoRefund> {
        let sold = |row: &&mut Row| row.reference == reference && row.may_be_given_back();
        let sale = self.rows.iter_mut().find(sold).ok_or(NoRefund::Unknown)?;
        let refunded = sale.refunded.0.checked_add(amount.0).filter(|&sum| sum <= sale.amount.0);
        sale.refunded = Major(refunded.ok_or(NoRefund::TooMuch)?);
        Ok(self.enter("REFUND", amount, Verdict::approved(), now).refund_response())
    }

    /// Takes back a sale as a whole, as can be done before the batch is closed, and gives what is told of it:
    /// the fields of a sale response.
    pub(crate) fn reverse(&mut self, reference: &str) -> Result<Object, NoRefund> {
        let sold = |row: &&mut Row| row.reference == reference && row.may_be_given_back();
        let sale = self.rows.iter_mut().find(sold).ok_or(NoRefund::Unknown)?;
        sale.reversed = true;
        Ok(Object::new()
            .text("code", "A")
            .text("description", "REVERSED")
            .decimal("authorizedAmount", &sale.amount.number())
            .text("currency", CURRENCY)
            .text("uniqueRef", &sale.reference)
            .text("orderId", &sale.order))
    }

    /// Whether a refund of so much is all of a sale of which nothing was given back.
    pub(crate) fn is_whole(&self, reference: &str, amount: Major) -> bool {
        let whole = |row: &Row| row.amount == amount && row.refunded.0 == 0 && row.may_be_given_back();
        self.rows.iter().any(|row| row.reference == reference && whole(row))
    }

    /// Enters a refund to a card that is not that of a sale.
    pub(crate) fn unreferenced_refund(&mut self, amount: Major, now: WallTime) -> Object {
        self.enter("REFUND", amount, Verdict::approved(), now).refund_response()
    }

    /// Everything, the latest first: `data.transactions`.
    pub(crate) fn transactions(&self) -> Vec<Object> {
        self.rows.iter().rev().map(Row::listed).collect()
    }

    fn enter(&mut self, kind: &'static str, amount: Major, verdict: Verdict, when: WallTime) -> &Row {
        let letter = |chance: &mut Chance| char::from(LETTERS[chance.below(LETTERS.len() as u64) as usize]);
        let reference = (0..10).map(|_| letter(&mut self.chance)).collect();
        let order = format!("ORD{}", 44 + self.rows.len());
        let (refunded, reversed) = (Major(0), false);
        self.rows.push(Row { kind, amount, refunded, reversed, verdict, reference, order, when });
        // One was just put in.
        &self.rows[self.rows.len() - 1]
    }
}

impl Row {
    fn may_be_given_back(&self) -> bool {
        self.kind == "SALE" && self.verdict.code == "A" && !self.reversed
    }

    fn refund_response(&self) -> Object {
        Object::new()
            .text("code", self.verdict.code)
            .text("description", &self.verdict.description)
            .text("uniqueRef", &self.reference)
            .text("orderId", &self.order)
            .text("dateTime", &iso(self.when))
    }

    fn listed(&self) -> Object {
        Object::new()
            .decimal("amount", &self.amount.number())
            .text("orderId", &self.order)
            .text("transactionDate", &format!("{}+0000", iso(self.when).trim_end_matches('Z')))
            .text("transactionState", "READY")
            .text("transactionStatus", "COMPLETE")
            .text("transactionType", self.kind)
            .text("uniqueRef", &self.reference)
            .text("currency", CURRENCY)
            .text("code", self.verdict.code)
            .text("description", &self.verdict.description)
    }
}

impl Verdict {
    /// The host approves.
    pub(crate) fn approved() -> Self {
        Self::new("A", "APPROVAL")
    }

    /// The host answers with that code.
    pub(crate) fn new(code: &'static str, description: &str) -> Self {
        Self { code, description: description.to_owned() }
    }
}

/// `2026-03-02T10:15:44.000Z`.
fn iso(when: WallTime) -> String {
    format!("{}.000Z", when.stamp().replacen(' ', "T", 1))
}

const CURRENCY: &str = "EUR";
/// First six and last four digits of a published test card.
const CARD: &str = "411111******1117";
/// No letter that is taken for a digit.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

#[cfg(test)]
mod tests {
    use super::super::super::calendar::ShopDay;
    use super::*;

    #[test]
    fn no_more_is_refunded_than_was_sold_and_nothing_that_was_declined() {
        let mut books = Books::new(1, Edition::Since3028);
        let reference = |object: Object| {
            let value: serde_json::Value = serde_json::from_str(&object.finish()).unwrap();
            value["uniqueRef"].as_str().unwrap().to_owned()
        };
        let now = ShopDay::OPENING;
        let sold = reference(books.sale(Major(840), Verdict::approved(), now));
        let declined = reference(books.sale(Major(701), Verdict::new("D", "DECLINED"), now));
        assert_eq!(books.refund(&declined, Major(1), now).unwrap_err(), NoRefund::Unknown);
        assert!(books.refund(&sold, Major(800), now).is_ok());
        assert_eq!(books.refund(&sold, Major(41), now).unwrap_err(), NoRefund::TooMuch);
        assert!(books.refund(&sold, Major(40), now).is_ok());
        assert_eq!(books.transactions().len(), 4);
        assert_eq!(books.reverse(&declined).unwrap_err(), NoRefund::Unknown);
        assert!(books.reverse(&sold).is_ok());
        assert_eq!(books.reverse(&sold).unwrap_err(), NoRefund::Unknown, "once is enough");
    }
}
