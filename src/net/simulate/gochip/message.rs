//! goChip messages: one JSON object each, told apart by `type`, their content in `data`.

use serde_json::Value;

use super::super::object::Object;
use super::amount::Major;

/// A message as a peer reads it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    /// `REQ_…` or `RES_ON_…`.
    pub(crate) kind: String,
    /// The request an error is about.
    pub(crate) source: Option<String>,
    /// `{}` where it has none.
    data: Value,
}

impl Message {
    /// Reads a message; `None` where it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        let word = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let (kind, source) = (word("type")?, word("messageTypeSource"));
        let data = value.get_mut("data").map_or_else(|| Value::Object(serde_json::Map::new()), Value::take);
        Some(Self { kind, source, data })
    }

    /// The value at `path` below `data`; a number picks from an array.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.data, |value, key| match value {
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => value.get(key),
        })
    }

    /// The text at `path` below `data`.
    pub(crate) fn text(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// The amount at `path` below `data`, written as text or as number.
    pub(crate) fn amount(&self, path: &[&str]) -> Option<Major> {
        match self.at(path)? {
            Value::String(text) => Major::parse(text),
            // As it is spelled: serde_json prints the shortest decimal that reads back the same.
            Value::Number(number) => {
                let text = number.to_string();
                Major::parse(text.strip_suffix(".0").unwrap_or(&text))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// A request without data.
pub(crate) fn bare(kind: &str) -> String {
    bare_with("type", kind).finish()
}

/// The start of a request whose type stands under `key`.
pub(crate) fn bare_with(key: &str, kind: &str) -> Object {
    Object::new().text(key, kind)
}

/// A request.
pub(crate) fn request(kind: &str, data: Object) -> String {
    Object::new().text("type", kind).object("data", data).finish()
}

/// A message of the service that says something went well.
pub(crate) fn fine(kind: &str, data: Object) -> String {
    message(kind).object("data", data).finish()
}

/// The same, without data.
pub(crate) fn fine_bare(kind: &str) -> String {
    message(kind).finish()
}

/// A progress text.
pub(crate) fn progress(text: &str) -> String {
    fine("RES_ON_MESSAGE", Object::new().text("message", text))
}

/// How a cancel request goes on.
pub(crate) fn cancellation(status: &str) -> String {
    fine("RES_ON_CANCEL_TRANSACTION_ATTEMPT", Object::new().text("cancellationStatus", status))
}

/// What the card reader has to complain about.
pub(crate) fn device_error(error: &str, description: &str) -> String {
    Object::new()
        .text("type", "RES_ON_DEVICE_ERROR")
        .text("responseType", FAILED)
        .text("description", description)
        .object("data", Object::new().text("deviceError", error))
        .finish()
}

/// The gateway could not be reached, or did not answer.
pub(crate) fn comm_error(amount: Major, error: &str, text: &str) -> String {
    let sale = Object::new().decimal("amount", &amount.number());
    let data = Object::new().object("sale", sale).text("error", error).text("message", text);
    Object::new()
        .text("type", "RES_ON_TRANSACTION_COMM_ERROR")
        .text("responseType", FAILED)
        .text("description", "onTransactionCommError")
        .object("data", data)
        .finish()
}

/// A request could not be done. The shape of `data` is not published; ours holds one word.
pub(crate) fn refusal(source: &str, error: &str, description: &str) -> String {
    refusal_of(FAILED, source, error, description)
}

/// The same, but claiming that all is well: what a faulty service sends.
pub(crate) fn smiling_refusal(source: &str, error: &str, description: &str) -> String {
    refusal_of(OK, source, error, description)
}

fn refusal_of(response: &str, source: &str, error: &str, description: &str) -> String {
    Object::new()
        .text("type", "RES_ON_ERROR")
        .text("responseType", response)
        .text("description", description)
        .text("messageTypeSource", source)
        .object("data", Object::new().text("error", error))
        .finish()
}

fn message(kind: &str) -> Object {
    Object::new().text("type", kind).text("responseType", OK)
}

const OK: &str = "RESPONSE_OK";
const FAILED: &str = "RESPONSE_ERROR_GENERAL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_text_and_as_number() {
        let amount = |json: &str| {
            Message::parse(&format!(r#"{{"type":"REQ_PROCESS_SALE","data":{{"amount":{json}}}}}"#))
                .and_then(|message| message.amount(&["amount"]))
        };
        for spelled in ["\"8.40\"", "8.4", "8.40", "\"8.4\""] {
            assert_eq!(amount(spelled), Some(Major(840)), "{spelled}");
        }
        assert_eq!(amount("8.0"), Some(Major(800)));
        assert_eq!(amount("8.123"), None);
        assert_eq!(amount("null"), None);
    }

    #[test]
    fn a_message_without_a_type_is_none() {
        assert_eq!(Message::parse(r#"{"Type":"REQ_WS_INIT"}"#), None);
        assert_eq!(Message::parse("[]"), None);
        let bare = Message::parse(r#"{"type":"REQ_CANCEL_TRANSACTION"}"#).unwrap();
        assert_eq!(bare.text(&["anything"]), None);
    }
}
