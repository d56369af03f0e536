//! Result data of a virtual terminal: realistic in shape, invented in content (`tsi.md`, section 6).

use super::calendar::WallTime;
use super::chance::Chance;
use super::ledger::Totals;
use super::object::Object;

/// How a transaction that ran to its end turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Approved,
    Declined,
    Cancelled,
    TimedOut,
    NotFound,
}

impl Outcome {
    /// The word in `results[].status`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "decline_by_host_or_card",
            Self::Cancelled => "cancelled_by_user",
            Self::TimedOut => "timeout_on_user_input",
            Self::NotFound => "transaction_record_not_found",
        }
    }
}

/// An approved transaction.
pub(crate) struct Approval<'a> {
    pub(crate) kind: &'a str,
    pub(crate) amount: u64,
    pub(crate) tip: u64,
    pub(crate) reference: &'a str,
    pub(crate) batch: &'a str,
}

/// The result of an approval.
pub(crate) fn approved(approval: &Approval<'_>, chance: &mut Chance, now: WallTime) -> Object {
    let tip = (approval.tip > 0).then(|| approval.tip.to_string());
    let authorization = format!("{:05}Z", chance.below(100_000));
    head(approval.kind, Outcome::Approved)
        .text("transaction_amount", &approval.amount.to_string())
        .given(tip.as_deref(), |result, tip| result.text("tip_amount", tip))
        .text("total_amount", &(approval.amount + approval.tip).to_string())
        .text("authorization_no", &authorization)
        .text("reference_no", approval.reference)
        .text("batch_no", approval.batch)
        .text("host_response_code", "00")
        .text("host_response_text", "APPROVED")
        .text("terminal_id", TERMINAL)
        .text("merchant_id", MERCHANTS[0])
        .object("card", card())
        .dated(now)
}

/// The result of a transaction the host or the card declined.
pub(crate) fn declined(kind: &str, amount: u64, now: WallTime) -> Object {
    head(kind, Outcome::Declined)
        .text("transaction_amount", &amount.to_string())
        .text("total_amount", &amount.to_string())
        .text("host_response_code", "51")
        .text("host_response_text", "INSUFF FUNDS")
        .text("terminal_id", TERMINAL)
        .text("merchant_id", MERCHANTS[0])
        .object("card", card())
        .dated(now)
}

/// A result without host data: what the cardholder or the terminal ended itself.
pub(crate) fn unapproved(kind: &str, outcome: Outcome, now: WallTime) -> Object {
    head(kind, outcome).dated(now)
}

/// The result of a void that was done.
pub(crate) fn voided(reference: &str, total: u64, now: WallTime) -> Object {
    head("void", Outcome::Approved)
        .text("transaction_amount", &total.to_string())
        .text("total_amount", &total.to_string())
        .text("reference_no", reference)
        .text("host_response_code", "00")
        .text("host_response_text", "VOIDED")
        .text("terminal_id", TERMINAL)
        .text("merchant_id", MERCHANTS[0])
        .dated(now)
}

/// The result of a reference that is not in the batch.
pub(crate) fn not_found(kind: &str, reference: Option<&str>, now: WallTime) -> Object {
    head(kind, Outcome::NotFound)
        .given(reference, |result, text| result.text("reference_no", text))
        .dated(now)
}

/// One merchant's results of a settlement: the totals stand with the first, the second had no trade.
pub(crate) fn settled(merchant: usize, batch: &str, totals: Totals, now: WallTime) -> Object {
    let totals = if merchant == 0 { totals } else { Totals::default() };
    head("settlement", Outcome::Approved)
        .text("merchant_id", MERCHANTS[merchant])
        .text("batch_no", batch)
        .array("terminal_total", [batch_totals(totals)])
        .dated(now)
}

/// A report of the open batch.
pub(crate) fn report(kind: &str, batch: &str, totals: Totals, now: WallTime) -> Object {
    head(kind, Outcome::Approved)
        .text("batch_no", batch)
        .array("terminal_total", [batch_totals(totals)])
        .dated(now)
}

/// What the terminal is: labels as devices print them, odd spaces included.
pub(crate) fn terminal_info(now: WallTime) -> Object {
    let parameters = Object::new()
        .text("Device Type:", "Lane3600")
        .text("OS Version:", "07")
        .text("Hardware Serial Number:", "000000000000")
        .text("TSI version: ", "3.4.0")
        .text("RAM Total:", "536870912")
        .text("RAM Available:", "201326592");
    information().object("parameters", parameters).dated(now)
}

/// An empty information block.
pub(crate) fn information() -> Object {
    Object::new().text("status", "receipt_information")
}

/// The result of a setting that was made.
pub(crate) fn done() -> Object {
    Object::new().text("status", Outcome::Approved.as_str())
}

/// `error_info`. No public table of codes exists; 0 is what devices send with `TSI busy`.
pub(crate) fn error_info(code: &str, text: &str, now: WallTime) -> Object {
    Object::new().text("code", code).text("code_extended", "0").text("text", text).text("time", &now.stamp())
}

impl Object {
    fn dated(self, now: WallTime) -> Self {
        self.text("transaction_date", &now.date()).text("transaction_time", &now.time())
    }
}

fn head(kind: &str, outcome: Outcome) -> Object {
    Object::new().text("type", kind).text("status", outcome.as_str())
}

fn card() -> Object {
    Object::new()
        .text("account_no", "************1117")
        .object("entry_mode", Object::new().text("code", "5").text("text", "tap"))
        .object("type", Object::new().text("code", "01").text("text", "visa"))
}

fn batch_totals(totals: Totals) -> Object {
    let (sales, refunds, voids) = (totals.sales, totals.refunds, totals.voids);
    let net = i128::from(sales.1) - i128::from(refunds.1);
    Object::new()
        .text("batch_sale_count", &sales.0.to_string())
        .text("batch_sale_amount", &sales.1.to_string())
        .text("batch_refund_count", &refunds.0.to_string())
        .text("batch_refund_amount", &refunds.1.to_string())
        .text("batch_void_count", &voids.0.to_string())
        .text("batch_void_amount", &voids.1.to_string())
        .text("batch_total_count", &(sales.0 + refunds.0).to_string())
        .text("batch_total_amount", &net.to_string())
}

const TERMINAL: &str = "T0007";
/// A terminal settles for each of its merchants.
pub(crate) const MERCHANTS: [&str; 2] = ["M55001", "M55002"];
