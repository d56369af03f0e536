//! The first line of a cassette: the format's version and what is known about the recording as a whole.
//!
//! ```text
//! {"cassette":1,"tool":"tilltape 0.1.0","recorded_at":"2026-03-02T10:15:40.120334Z","pack":"bluechip-tsi",…}
//! ```
//!
//! Keys this version does not know are kept, in their order and spelling, and written back.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::text::json::{Cursor, JsonError, Kind};

/// The version of the format: a whole number that grows only when an old reader would misread a new file.
///
/// * 1: the first one. New optional keys may appear within it; new values of `event` may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion(pub u64);

impl FormatVersion {
    /// The version this library writes.
    pub const CURRENT: Self = Self(1);
    /// The oldest version this library reads.
    pub const OLDEST: Self = Self(1);
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known about one thing, as words: `name`, `version`, `model`, `firmware`, …
pub type Facts = BTreeMap<String, String>;

/// The header of a cassette. Every key but the version may be missing, as in cassettes made by hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// The program that made the recording, with its version: `tilltape 0.1.0`.
    pub tool: Option<String>,
    /// Wall clock at offset zero: RFC 3339, UTC, microseconds.
    pub recorded_at: Option<String>,
    /// Name of the pack the operator recorded with.
    pub pack: Option<String>,
    /// Where the recorder stood: `proxy`, `simulator`, …
    pub vantage: Option<String>,
    /// What was recorded: a party's word (`pos`, `terminal`, `gateway`) to what is known about it.
    pub subject: BTreeMap<String, Facts>,
    /// The masking policy, with its version: `default@1`; `None` where nothing was masked.
    pub masking: Option<String>,
    /// The operator's own words: `scenario`, `ticket`, …
    pub labels: Facts,
    /// Keys this version does not know, each with the text of its value, in their order.
    pub other: Vec<(String, String)>,
}

impl Header {
    /// Reads the header line, without its line end.
    pub fn parse(line: &str) -> Result<Self, HeaderProblem> {
        let mut header = Self::default();
        let mut version = None;
        let mut cursor = Cursor::new(line);
        if cursor.kind()? != Kind::Object {
            return Err(HeaderProblem::NoVersion);
        }
        cursor.object(|key, cursor| {
            let key = key.decode();
            let value = cursor.value()?;
            match key.as_ref() {
                "cassette" => version = Some(parse_version(value)?),
                "tool" => header.tool = typed("tool", "a string", value)?,
                "recorded_at" => header.recorded_at = typed("recorded_at", "a string", value)?,
                "pack" => header.pack = typed("pack", "a string", value)?,
                "vantage" => header.vantage = typed("vantage", "a string", value)?,
                "subject" => header.subject = typed("subject", "an object of objects of strings", value)?,
                "masking" => header.masking = typed("masking", "a string", value)?,
                "labels" => header.labels = typed("labels", "an object of strings", value)?,
                _ => header.other.push((key.into_owned(), value.to_owned())),
            }
            Ok::<(), HeaderProblem>(())
        })?;
        cursor.end()?;
        match version {
            Some(_) => Ok(header),
            None => Err(HeaderProblem::NoVersion),
        }
    }

    /// Appends the header line, with its line end.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{{\"cassette\":{}", FormatVersion::CURRENT).as_bytes());
        let mut member = |key: &str, value: String| {
            out.push(b',');
            out.extend_from_slice(to_json(key).as_bytes());
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        };
        let words = [
            ("tool", &self.tool),
            ("recorded_at", &self.recorded_at),
            ("pack", &self.pack),
            ("vantage", &self.vantage),
        ];
        for (key, value) in words {
            if let Some(value) = value {
                member(key, to_json(value));
            }
        }
        if !self.subject.is_empty() {
            member("subject", to_json(&self.subject));
        }
        if let Some(masking) = &self.masking {
            member("masking", to_json(masking));
        }
        if !self.labels.is_empty() {
            member("labels", to_json(&self.labels));
        }
        for (key, value) in &self.other {
            member(key, value.clone());
        }
        out.extend_from_slice(b"}\n");
    }
}

/// What is wrong with a header line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProblem {
    /// The line is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// There is no `cassette` key.
    #[error("expected the key `cassette` with the version of the format")]
    NoVersion,
    /// The version is no whole number.
    #[error("expected the version of the format as a whole number, got `{got}`")]
    Version {
        /// The value, as written.
        got: String,
    },
    /// The version is one this library does not read any more, or never did.
    #[error("expected format {oldest} to {current}, got format {got}, which is older", oldest = FormatVersion::OLDEST, current = FormatVersion::CURRENT)]
    Older {
        /// The version of the file.
        got: FormatVersion,
    },
    /// The version is one of a later program.
    #[error("expected format {current} or older, got format {got}, which is newer", current = FormatVersion::CURRENT)]
    TooNew {
        /// The version of the file.
        got: FormatVersion,
    },
    /// A key has a value of another type.
    #[error("expected {expected} at `{key}`, got `{got}`")]
    Type {
        /// The key.
        key: &'static str,
        /// The type it has in this format.
        expected: &'static str,
        /// The value, as written.
        got: String,
    },
}

impl HeaderProblem {
    /// The next step.
    pub(super) fn help(&self) -> String {
        match self {
            Self::TooNew { .. } => {
                "the cassette was made by a later program: update tilltape, then read it again".into()
            }
            Self::Older { .. } => "formats before 1 were never released: correct the number by hand".into(),
            Self::NoVersion | Self::Version { .. } | Self::Json(_) => {
                "the first line of a cassette reads at least `{\"cassette\":1}`".into()
            }
            Self::Type { key, expected, .. } => format!("write {expected}, or leave `{key}` out"),
        }
    }
}

fn parse_version(value: &str) -> Result<FormatVersion, HeaderProblem> {
    let got: u64 = value.parse().map_err(|_| HeaderProblem::Version { got: value.into() })?;
    let got = FormatVersion(got);
    if got > FormatVersion::CURRENT {
        Err(HeaderProblem::TooNew { got })
    } else if got < FormatVersion::OLDEST {
        Err(HeaderProblem::Older { got })
    } else {
        Ok(got)
    }
}

fn typed<T: DeserializeOwned + Default>(
    key: &'static str,
    expected: &'static str,
    value: &str,
) -> Result<T, HeaderProblem> {
    serde_json::from_str::<Option<T>>(value).map(Option::unwrap_or_default).map_err(|_| HeaderProblem::Type {
        key,
        expected,
        got: value.into(),
    })
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and maps of strings always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_keep_their_order_and_spelling() {
        let line = r#"{"cassette":1,"tool":"x 1","labels":{"scenario":"sale"},"zz":1.50,"aa":{"b":[1e2]}}"#;
        let header = Header::parse(line).unwrap();
        assert_eq!(header.other, [("zz".into(), "1.50".into()), ("aa".into(), r#"{"b":[1e2]}"#.into())]);
        let mut out = Vec::new();
        header.encode(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{line}\n"));
    }

    #[test]
    fn newer_and_older_versions_are_told_apart() {
        assert!(matches!(Header::parse(r#"{"cassette":2}"#), Err(HeaderProblem::TooNew { .. })));
        assert!(matches!(Header::parse(r#"{"cassette":0}"#), Err(HeaderProblem::Older { .. })));
        assert!(matches!(Header::parse(r#"{"cassette":"1"}"#), Err(HeaderProblem::Version { .. })));
        assert!(matches!(Header::parse(r#"{"n":1}"#), Err(HeaderProblem::NoVersion)));
        assert!(matches!(
            Header::parse(r#"{"cassette":1,"labels":{"a":1}}"#),
            Err(HeaderProblem::Type { key: "labels", .. })
        ));
    }
}
