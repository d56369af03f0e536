//! What a request asks of the terminal, read from its resource (`tsi.md`, sections 2 and 5).

use serde_json::Value;

use super::message::{Endpoint, Envelope};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// A transaction that moves or reserves an amount: `sale`, `refund`, `pre_auth`, …
    Purchase { kind: String, amount: u64, tip: u64 },
    /// Cancels an earlier transaction of the batch.
    Void { reference: String },
    /// Captures an earlier `pre_auth`.
    Completion { reference: String, amount: u64 },
    /// Closes the batch.
    Settlement,
    /// The last result once more.
    Recall,
    /// What the terminal is.
    TerminalInfo,
    /// Sets the clock.
    SetDateTime,
    /// A report of the batch.
    Report { kind: String },
    /// Anything else the terminal lists for that endpoint: answered with a plain information block.
    Other { kind: String },
}

/// Why the terminal will not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("missing key type")]
    NoType,
    #[error("unsupported type")]
    UnknownType,
    #[error("type not available on this endpoint")]
    WrongEndpoint,
    #[error("missing key amount")]
    NoAmount,
    #[error("invalid amount")]
    BadAmount,
    #[error("missing key reference_no")]
    NoReference,
    #[error("invalid date or time")]
    BadDate,
}

impl Order {
    /// Reads a request that came in at `endpoint`.
    pub(crate) fn parse(request: &Envelope, endpoint: Endpoint) -> Result<Self, Refusal> {
        let kind = request.text("type").ok_or(Refusal::NoType)?;
        let (home, _) = TYPES.iter().find(|(_, types)| types.contains(&kind)).ok_or(Refusal::UnknownType)?;
        if *home != endpoint {
            return Err(Refusal::WrongEndpoint);
        }
        let reference = || request.text("reference_no").map(str::to_owned).ok_or(Refusal::NoReference);
        let amount =
            || cents(request.resource.get("amount")).and_then(|amount| amount.ok_or(Refusal::NoAmount));
        Ok(match kind {
            "void" => Self::Void { reference: reference()? },
            "pre_auth_completion" => Self::Completion { reference: reference()?, amount: amount()? },
            "settlement" | "auto_settlement" => Self::Settlement,
            "recall_last_transaction" => Self::Recall,
            "terminal_info" => Self::TerminalInfo,
            "set_date_time" if !is_set_date_time(request) => return Err(Refusal::BadDate),
            "set_date_time" => Self::SetDateTime,
            "detail_report" | "summary_report" | "activity_report" => Self::Report { kind: kind.to_owned() },
            kind if PURCHASES.contains(&kind) => Self::Purchase {
                kind: kind.to_owned(),
                amount: amount()?,
                tip: cents(request.resource.get("tip_amount"))?.unwrap_or(0),
            },
            kind => Self::Other { kind: kind.to_owned() },
        })
    }

    /// The type as the request wrote it, or as this terminal names it.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Purchase { kind, .. } | Self::Report { kind } | Self::Other { kind } => kind,
            Self::Void { .. } => "void",
            Self::Completion { .. } => "pre_auth_completion",
            Self::Settlement => "settlement",
            Self::Recall => "recall_last_transaction",
            Self::TerminalInfo => "terminal_info",
            Self::SetDateTime => "set_date_time",
        }
    }

    /// The amount it is about, in cents.
    pub(crate) const fn amount(&self) -> Option<u64> {
        match self {
            Self::Purchase { amount, .. } | Self::Completion { amount, .. } => Some(*amount),
            Self::Void { .. }
            | Self::Settlement
            | Self::Recall
            | Self::TerminalInfo
            | Self::SetDateTime
            | Self::Report { .. }
            | Self::Other { .. } => None,
        }
    }

    /// Whether a cardholder takes part, and so can cancel or walk away.
    pub(crate) const fn needs_a_card(&self) -> bool {
        matches!(self, Self::Purchase { .. })
    }
}

/// Whole cents, as a number or as a string of digits: clients write both.
fn cents(value: Option<&Value>) -> Result<Option<u64>, Refusal> {
    match value {
        None => Some(None),
        Some(Value::Number(number)) => number.as_u64().filter(|&cents| cents <= MAX_CENTS).map(Some),
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().filter(|&cents| cents <= MAX_CENTS).map(Some)
        }
        Some(_) => None,
    }
    .ok_or(Refusal::BadAmount)
}

fn is_set_date_time(request: &Envelope) -> bool {
    let digits = |key| {
        request.text(key).is_some_and(|text| text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()))
    };
    digits("date") && digits("time")
}

/// A hundred million in the major unit: more than any terminal takes, and far from overflow in a total.
const MAX_CENTS: u64 = 10_000_000_000;

const PURCHASES: [&str; 14] = [
    "sale",
    "refund",
    "force",
    "pre_auth",
    "auth_only",
    "force_pre_auth",
    "incremental_authorization",
    "force_incremental_authorization",
    "transaction_adjustment",
    "add_tip",
    "tab_open",
    "tab_open_force",
    "tab_close",
    "force_tab_close",
];

/// The types this terminal knows, by endpoint.
const TYPES: [(Endpoint, &[&str]); 4] = [
    (
        Endpoint::Payment,
        &[
            "sale",
            "refund",
            "force",
            "void",
            "pre_auth",
            "pre_auth_completion",
            "auth_only",
            "force_pre_auth",
            "incremental_authorization",
            "force_incremental_authorization",
            "transaction_adjustment",
            "tip_adjust",
            "add_tip",
            "verification",
            "get_token",
            "card_balance_inquiry",
            "reprint_receipt",
            "settlement",
            "auto_settlement",
            "recall_last_transaction",
            "tab_open",
            "tab_open_force",
            "tab_close",
            "force_tab_close",
            "tab_delete",
        ],
    ),
    (
        Endpoint::Reports,
        &[
            "detail_report",
            "summary_report",
            "emv_last_tx_report",
            "clerk_summary_report",
            "parameters_report",
            "activity_report",
            "recent_error",
            "clerk_id_list",
            "emv_key_date_report",
        ],
    ),
    (
        Endpoint::Info,
        &[
            "terminal_info",
            "emv_parameters",
            "emv_statistic",
            "cd_status",
            "saf_indicator",
            "printing_status",
        ],
    ),
    (Endpoint::Config, &["software_update", "set_date_time"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn order(endpoint: Endpoint, resource: &str) -> Result<Order, Refusal> {
        let text = format!(r#"{{"request":{{"flow_id":"1","resource":{resource}}}}}"#);
        Order::parse(&Envelope::parse(&text).unwrap(), endpoint)
    }

    #[test]
    fn amounts_may_be_numbers_or_digits_and_nothing_else() {
        let sale =
            |amount: &str| order(Endpoint::Payment, &format!(r#"{{"type":"sale","amount":{amount}}}"#));
        let fine = Order::Purchase { kind: "sale".into(), amount: 2350, tip: 0 };
        assert_eq!(sale("2350"), Ok(fine.clone()));
        assert_eq!(sale(r#""2350""#), Ok(fine));
        for wrong in ["23.5", "-1", r#""23.50""#, "null", "[]", "99999999999999"] {
            assert_eq!(sale(wrong), Err(Refusal::BadAmount), "{wrong}");
        }
        assert_eq!(order(Endpoint::Payment, r#"{"type":"sale"}"#), Err(Refusal::NoAmount));
    }

    #[test]
    fn each_type_belongs_to_one_endpoint() {
        assert_eq!(order(Endpoint::Info, r#"{"type":"terminal_info"}"#), Ok(Order::TerminalInfo));
        assert_eq!(order(Endpoint::Payment, r#"{"type":"terminal_info"}"#), Err(Refusal::WrongEndpoint));
        assert_eq!(order(Endpoint::Payment, r#"{"type":"sell"}"#), Err(Refusal::UnknownType));
        assert_eq!(order(Endpoint::Payment, "{}"), Err(Refusal::NoType));
        assert_eq!(order(Endpoint::Payment, r#"{"type":"void"}"#), Err(Refusal::NoReference));
        let set = r#"{"type":"set_date_time","date":"260302","time":"1045"}"#;
        assert_eq!(order(Endpoint::Config, set), Err(Refusal::BadDate));
    }
}
