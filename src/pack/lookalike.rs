//! A member that is missing, and one beside its place that may have been meant: `type` and `Type`.

use super::suggestion;
use crate::text::Pointer;
use crate::text::json::{Cursor, JsonError};

/// What to say of a value that is not in a message: that it is missing, and what is there instead.
///
/// It names members and no values.
pub(super) fn missing(text: &str, at: &Pointer) -> String {
    let seen = format!("no `{at}`");
    let Some((name, parents)) = at.tokens().split_last() else { return seen };
    let parent = parents.iter().fold(Pointer::default(), |parent, token| parent.child(token));
    let Some(object) = parent.find(text).filter(|value| value.starts_with('{')) else { return seen };
    let mut names = Vec::new();
    let mut cursor = Cursor::new(object);
    let read = cursor.object(|key, cursor| {
        names.push(key.decode().into_owned());
        cursor.skip()
    });
    let read: Result<(), JsonError> = read;
    let same = names.iter().find(|other| other.eq_ignore_ascii_case(name)).cloned();
    let near = || names.iter().find(|other| suggestion(name, [other.as_str()]).is_some()).cloned();
    match (read, same.or_else(near)) {
        (Ok(()), Some(other)) => format!("{seen}, but `{}`", parent.child(other)),
        (Ok(()) | Err(_), _) => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_spelled_otherwise_is_named() {
        let seen = |text: &str| missing(text, &"/data/amount".parse().unwrap());
        assert_eq!(seen(r#"{"data":{"Amount":"1.00"}}"#), "no `/data/amount`, but `/data/Amount`");
        assert_eq!(
            seen(r#"{"data":{"reason":1,"ammount":"1.00"}}"#),
            "no `/data/amount`, but `/data/ammount`"
        );
        assert_eq!(seen(r#"{"data":{"reason":1}}"#), "no `/data/amount`");
        assert_eq!(seen(r#"{"data":[]}"#), "no `/data/amount`");
        assert_eq!(seen("{}"), "no `/data/amount`");
    }
}
