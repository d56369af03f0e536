//! JSON edited as text: every value with its place, and changes that leave all other bytes as they are.

use std::ops::Range;

use crate::text::Pointer;
use crate::text::json::{Cursor, JsonError, Kind};

/// A value in a JSON text.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Where it is.
    pub(super) pointer: Pointer,
    /// What it is.
    pub(super) kind: Kind,
    /// Its text.
    pub(super) value: Range<usize>,
    /// Its key, quotes included; `None` for elements and for the whole document.
    pub(super) key: Option<Range<usize>>,
    /// Whether members of its object come before it.
    follows_others: bool,
}

/// Every value of `text`, containers before what they hold.
pub(super) fn places(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let root = Pointer::default();
    match collect(&mut Cursor::new(text), root, None, false, &mut places) {
        Ok(()) => places,
        // What is no JSON has no values.
        Err(_) => Vec::new(),
    }
}

/// `text` with `new` in place of the value at `place`.
pub(super) fn replaced(text: &str, place: &Place, new: &str) -> String {
    spliced(text, place.value.clone(), new)
}

/// `text` without the member at `place`; `None` for what is no member.
pub(super) fn removed(text: &str, place: &Place) -> Option<String> {
    let key = place.key.clone()?;
    let after = &text[place.value.end..];
    let comma_after = after.trim_start().starts_with(',').then(|| after.find(',')).flatten();
    let range = match (place.follows_others, comma_after) {
        (true, _) => text[..key.start].rfind(',')?..place.value.end,
        (false, Some(comma)) => key.start..place.value.end + comma + 1,
        (false, None) => key.start..place.value.end,
    };
    Some(spliced(text, range, ""))
}

/// `text` with the member at `place` twice in its object; `None` for what is no member.
pub(super) fn doubled(text: &str, place: &Place) -> Option<String> {
    let member = place.key.clone()?.start..place.value.end;
    let again = format!(",{}", &text[member.clone()]);
    Some(spliced(text, member.end..member.end, &again))
}

/// `text` with another first member in the object at `place`; `None` for what is no object.
pub(super) fn joined(text: &str, place: &Place, member: &str) -> Option<String> {
    if place.kind != Kind::Object {
        return None;
    }
    let inside = place.value.start + 1;
    let empty = text[inside..].trim_start().starts_with('}');
    let comma = if empty { "" } else { "," };
    Some(spliced(text, inside..inside, &format!("{member}{comma}")))
}

/// `text` with `new` in place of `range`.
pub(super) fn spliced(text: &str, range: Range<usize>, new: &str) -> String {
    let mut out = String::with_capacity(text.len() + new.len());
    out.push_str(&text[..range.start]);
    out.push_str(new);
    out.push_str(&text[range.end..]);
    out
}

fn collect(
    cursor: &mut Cursor<'_>,
    pointer: Pointer,
    key: Option<Range<usize>>,
    follows_others: bool,
    places: &mut Vec<Place>,
) -> Result<(), JsonError> {
    let kind = cursor.kind()?;
    let index = places.len();
    let start = cursor.position();
    places.push(Place { pointer: pointer.clone(), kind, value: start..start, key, follows_others });
    match kind {
        Kind::Object => {
            let mut first = true;
            cursor.object(|key, cursor| {
                let quoted = key.start() - 1..key.start() + key.raw().len() + 1;
                let child = pointer.child(key.decode());
                let follows = !std::mem::replace(&mut first, false);
                collect(cursor, child, Some(quoted), follows, places)
            })?;
        }
        Kind::Array => cursor.array(|at, cursor| {
            let child = pointer.child(at.to_string());
            collect(cursor, child, None, false, places)
        })?,
        Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => cursor.skip()?,
    }
    places[index].value.end = cursor.position();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a": 1, "b":{"c":["x",{}]} ,"d":null}"#;

    fn at(pointer: &str) -> Place {
        places(TEXT).into_iter().find(|place| place.pointer.to_string() == pointer).unwrap()
    }

    #[test]
    fn every_value_is_found_where_it_stands() {
        let all: Vec<_> =
            places(TEXT).iter().map(|p| format!("{} {}", p.pointer, &TEXT[p.value.clone()])).collect();
        assert_eq!(
            all,
            [
                format!(" {TEXT}"),
                "/a 1".into(),
                r#"/b {"c":["x",{}]}"#.into(),
                r#"/b/c ["x",{}]"#.into(),
                "/b/c/0 \"x\"".into(),
                "/b/c/1 {}".into(),
                "/d null".into(),
            ]
        );
    }

    #[test]
    fn edits_touch_nothing_else() {
        assert_eq!(replaced(TEXT, &at("/a"), "2"), r#"{"a": 2, "b":{"c":["x",{}]} ,"d":null}"#);
        assert_eq!(removed(TEXT, &at("/a")).unwrap(), r#"{ "b":{"c":["x",{}]} ,"d":null}"#);
        assert_eq!(removed(TEXT, &at("/b")).unwrap(), r#"{"a": 1 ,"d":null}"#);
        assert_eq!(removed(TEXT, &at("/d")).unwrap(), r#"{"a": 1, "b":{"c":["x",{}]} }"#);
        assert_eq!(removed(TEXT, &at("/b/c")).unwrap(), r#"{"a": 1, "b":{} ,"d":null}"#);
        assert!(removed(TEXT, &at("/b/c/0")).is_none());
        assert_eq!(doubled(TEXT, &at("/d")).unwrap(), r#"{"a": 1, "b":{"c":["x",{}]} ,"d":null,"d":null}"#);
        assert_eq!(
            joined(TEXT, &at("/b/c/1"), "\"n\":0").unwrap(),
            r#"{"a": 1, "b":{"c":["x",{"n":0}]} ,"d":null}"#
        );
        for place in places(TEXT) {
            for text in [removed(TEXT, &place), doubled(TEXT, &place), joined(TEXT, &place, "\"n\":0")] {
                assert!(text.is_none_or(|text| crate::text::json::validate(&text).is_ok()));
            }
        }
    }
}
