//! What the name of a field says about its values: that they are ids, that they are times, that they never
//! are ids however well they flow.

/// What a field's name says of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// They tell one thing from another: `flow_id`, `orderRef`, `seq`.
    Id,
    /// They are times: equal by chance, different by nature.
    Time,
    /// They are amounts, kinds, statuses: what the scenario is about.
    Content,
    /// Nothing.
    Nothing,
}

/// The words that make a name one of an id, as the last word of the name.
const IDS: &[&str] = &[
    "id",
    "ids",
    "ref",
    "reference",
    "no",
    "number",
    "nr",
    "num",
    "uuid",
    "guid",
    "ulid",
    "key",
    "token",
    "nonce",
    "seq",
    "sequence",
    "tag",
    "stan",
    "rrn",
    "trace",
    "cookie",
    "handle",
];

/// The words, anywhere in a name, that make it one of a time.
const TIMES: &[&str] = &[
    "date",
    "time",
    "timestamp",
    "datetime",
    "at",
    "clock",
    "expiry",
    "expires",
    "hour",
    "year",
    "month",
    "day",
];

/// The words, anywhere in a name, that make it one of the scenario's content.
const CONTENTS: &[&str] = &[
    "amount",
    "amounts",
    "total",
    "subtotal",
    "tip",
    "tax",
    "price",
    "sum",
    "balance",
    "cents",
    "cashback",
    "fee",
    "surcharge",
    "discount",
    "qty",
    "quantity",
    "count",
    "type",
    "kind",
    "status",
    "state",
    "code",
    "result",
    "action",
    "method",
    "mode",
    "version",
    "currency",
    "text",
    "message",
    "description",
    "name",
    "percent",
    "percentage",
    "rate",
    "index",
    "size",
    "length",
    "port",
    "level",
];

/// Words that make a name one of a secret: it may look like an id, and nobody may make up another one.
const SECRETS: &[&str] = &["key", "token", "secret", "password", "auth", "authorization", "credential"];

/// Judges the name of a field.
pub(super) fn says(name: &str) -> Says {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let last = words.last().map_or("", String::as_str);
    if has(CONTENTS) && !matches!(last, "id" | "uuid" | "guid" | "ref" | "reference") {
        Says::Content
    } else if has(TIMES) {
        Says::Time
    } else if IDS.contains(&last) {
        Says::Id
    } else {
        Says::Nothing
    }
}

/// Whether it is the name of a secret.
pub(super) fn is_secret(name: &str) -> bool {
    words(name).iter().any(|word| SECRETS.contains(&word.as_str()))
}

/// The words of a name, in lower case: `orderRef`, `order_ref` and `ORDER-REF` are `order`, `ref`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in name.chars() {
        let starts = character.is_uppercase() && before.is_lowercase();
        let parts = !character.is_alphanumeric();
        if (starts || parts) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if !parts && let Some(word) = words.last_mut() {
            word.extend(character.to_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_their_values_are() {
        for name in [
            "id",
            "flow_id",
            "orderRef",
            "reference_no",
            "SequenceNumber",
            "msg-uuid",
            "pos_ref_id",
            "typeId",
        ] {
            assert_eq!(says(name), Says::Id, "{name}");
        }
        for name in ["transaction_time", "expiryDate", "created_at"] {
            assert_eq!(says(name), Says::Time, "{name}");
        }
        for name in
            ["amount", "total_amount", "type", "statusCode", "tipAmount", "authorizedAmount", "item_count_no"]
        {
            assert_eq!(says(name), Says::Content, "{name}");
        }
        for name in ["resource", "", "paid", "valid"] {
            assert_eq!(says(name), Says::Nothing, "{name}");
        }
        assert!(is_secret("apiKey") && is_secret("auth_token") && !is_secret("flow_id"));
    }
}
