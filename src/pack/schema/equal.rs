//! Whether two JSON texts say the same: numbers by value, texts by character, objects without order.

use std::cmp::Ordering;

use super::decimal::Decimal;
use crate::text::json::{Cursor, JsonError, Kind, RawString, characters};

/// Whether two valid JSON values are equal. Of duplicate names in an object, each has to be found.
pub(super) fn equal(a: &str, b: &str) -> bool {
    a == b || compare(a, b).unwrap_or(false)
}

fn compare(a: &str, b: &str) -> Result<bool, JsonError> {
    let (mut left, mut right) = (Cursor::new(a), Cursor::new(b));
    let kind = left.kind()?;
    if kind != right.kind()? {
        return Ok(false);
    }
    match kind {
        Kind::True | Kind::False | Kind::Null => Ok(true),
        Kind::Number => {
            let order = Decimal::new(left.number()?).compare(Decimal::new(right.number()?));
            Ok(order == Ordering::Equal)
        }
        Kind::String => Ok(same_text(left.string()?, right.string()?)),
        Kind::Array => arrays(&mut left, b),
        Kind::Object => Ok(count(a)? == count(b)? && holds(&mut left, b)? && holds(&mut right, a)?),
    }
}

fn arrays(left: &mut Cursor<'_>, b: &str) -> Result<bool, JsonError> {
    let (mut same, mut counted) = (true, 0);
    left.array(|index, cursor| {
        counted = index + 1;
        let own = cursor.value()?;
        same = same && element(b, index)?.is_some_and(|other| equal(own, other));
        Ok::<(), JsonError>(())
    })?;
    Ok(same && element(b, counted)?.is_none())
}

/// The element of an array at `wanted`.
fn element(array: &str, wanted: usize) -> Result<Option<&str>, JsonError> {
    let mut found = None;
    Cursor::new(array).array(|index, cursor| {
        let value = cursor.value()?;
        if index == wanted {
            found = Some(value);
        }
        Ok::<(), JsonError>(())
    })?;
    Ok(found)
}

/// Whether `object` has every member of the object that `members` stands before.
fn holds(members: &mut Cursor<'_>, object: &str) -> Result<bool, JsonError> {
    let mut all = true;
    members.object(|key, cursor| {
        let own = cursor.value()?;
        let mut found = false;
        if all {
            Cursor::new(object).object(|other, cursor| {
                let value = cursor.value()?;
                found = found || same_text(key, other) && equal(own, value);
                Ok::<(), JsonError>(())
            })?;
        }
        all = all && found;
        Ok::<(), JsonError>(())
    })?;
    Ok(all)
}

fn count(object: &str) -> Result<usize, JsonError> {
    let mut count = 0;
    Cursor::new(object).object(|_, cursor| {
        count += 1;
        cursor.skip()
    })?;
    Ok(count)
}

fn same_text(a: RawString<'_>, b: RawString<'_>) -> bool {
    if !a.is_escaped() && !b.is_escaped() {
        return a.raw() == b.raw();
    }
    characters(a.raw()).map(|(c, _)| c).eq(characters(b.raw()).map(|(c, _)| c))
}

/// A number that is the same for equal values, and seldom for others.
pub(super) fn hash(text: &str) -> u64 {
    value_hash(&mut Cursor::new(text)).unwrap_or(0)
}

fn value_hash(cursor: &mut Cursor<'_>) -> Result<u64, JsonError> {
    let kind = cursor.kind()?;
    let hash = match kind {
        Kind::True | Kind::False | Kind::Null => {
            cursor.skip()?;
            7
        }
        Kind::Number => Decimal::new(cursor.number()?).hash(),
        Kind::String => text_hash(cursor.string()?),
        Kind::Array => {
            let mut sum = 11;
            cursor.array(|_, cursor| {
                sum = mixed(sum, value_hash(cursor)?);
                Ok::<(), JsonError>(())
            })?;
            sum
        }
        Kind::Object => {
            let mut sum = 13_u64;
            cursor.object(|key, cursor| {
                sum = sum.wrapping_add(mixed(text_hash(key), value_hash(cursor)?));
                Ok::<(), JsonError>(())
            })?;
            sum
        }
    };
    Ok(mixed(kind as u64, hash))
}

fn text_hash(text: RawString<'_>) -> u64 {
    characters(text.raw()).fold(17, |hash, (c, _)| mixed(hash, u64::from(c)))
}

const fn mixed(hash: u64, more: u64) -> u64 {
    (hash ^ more).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_by_what_they_say() {
        for (a, b, same) in [
            ("1", "1.0", true),
            ("[1, 2]", "[1,2.0]", true),
            ("[1,2]", "[1,2,3]", false),
            ("[1,2,3]", "[1,2]", false),
            (r#"{"a":1,"b":[2]}"#, r#"{ "b" : [2e0], "\u0061" : 1 }"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            (r#""\u00e9""#, r#""é""#, true),
            ("true", "1", false),
            ("null", "false", false),
            ("\"1\"", "1", false),
        ] {
            assert_eq!(equal(a, b), same, "{a} {b}");
            assert!(!same || hash(a) == hash(b), "{a} {b}");
        }
    }
}
