//! Places that are not compared, as a pack or the command line spells them: a pointer, or the name of a field.

use std::fmt;
use std::str::FromStr;

/// Where values stand: at a pointer, whose token `*` takes any key or index, or in every field of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    text: String,
}

impl Spot {
    /// Whether the value at `pointer` is the one meant.
    pub fn is_at(&self, pointer: &str) -> bool {
        if self.text.starts_with('/') {
            let mut tokens = pointer.split('/');
            let mut wanted = self.text.split('/');
            return loop {
                match (wanted.next(), tokens.next()) {
                    (None, None) => break true,
                    (Some(wanted), Some(token)) if wanted == token || wanted == "*" => {}
                    _ => break false,
                }
            };
        }
        pointer.rsplit('/').find(|token| !is_index(token)).is_some_and(|name| unescaped_is(name, &self.text))
    }

    /// Whether the value at `pointer` is the one meant, or stands in it.
    pub fn covers(&self, pointer: &str) -> bool {
        let ends = pointer.match_indices('/').skip(1).map(|(at, _)| at).chain([pointer.len()]);
        ends.map(|end| &pointer[..end]).any(|outer| self.is_at(outer))
    }
}

impl FromStr for Spot {
    type Err = SpotError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = !text.is_empty() && !text.contains('/');
        let pointer = text.starts_with('/') && text.len() > 1;
        if name || pointer { Ok(Self { text: text.to_owned() }) } else { Err(SpotError { got: text.into() }) }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON Pointer such as `/request/resource/clerk_id`, or the name of a field, got `{got}`")]
pub struct SpotError {
    got: String,
}

fn is_index(token: &str) -> bool {
    token == "*" || (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()))
}

fn unescaped_is(token: &str, name: &str) -> bool {
    token == name || (token.contains('~') && token.replace("~1", "/").replace("~0", "~") == name)
}

#[cfg(test)]
mod tests {
    use super::Spot;

    fn spot(text: &str) -> Spot {
        text.parse().unwrap()
    }

    #[test]
    fn a_spot_is_a_pointer_or_a_name() {
        assert!(spot("/a/*/b").is_at("/a/7/b"));
        assert!(!spot("/a/*/b").is_at("/a/7/b/c"));
        assert!(spot("/a/*/b").covers("/a/7/b/c"));
        assert!(spot("no").is_at("/x/no") && spot("no").is_at("/x/no/3"));
        assert!(!spot("no").is_at("/no/x"));
        assert!(spot("no").covers("/no/x"));
        assert!(!spot("no").covers("/nob/x"));
        for wrong in ["", "/", "a/b"] {
            assert!(wrong.parse::<Spot>().is_err(), "{wrong}");
        }
    }
}
