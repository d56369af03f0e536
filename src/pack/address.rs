//! How rules are named: the code `ACK-1`, and the grammar that picks rules on the command line.
//!
//! ```text
//! ACK                  the whole family, in whichever pack has it
//! ACK-1                one rule
//! bluechip-tsi/ACK-1   one rule of one pack
//! bluechip-tsi/ACK     a family of one pack
//! ```

use std::fmt;
use std::str::FromStr;

/// The code of a rule: a family and a number within it, `ACK-1`. Never reused, never renumbered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleCode {
    family: String,
    number: u32,
}

impl RuleCode {
    /// The family: `ACK` of `ACK-1`.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The number: 1 of `ACK-1`.
    pub const fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Display for RuleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.family, self.number))
    }
}

impl FromStr for RuleCode {
    type Err = AddressError;

    /// Lower-case letters are accepted and mean the same.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressError { text: text.into(), expected: "a rule code such as `ACK-1`" };
        match family_and_number(text).ok_or_else(error)? {
            (family, Some(number)) => Ok(Self { family, number }),
            (_, None) => Err(error()),
        }
    }
}

/// Picks rules: one, or a family, in one pack or in any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleSelector {
    pack: Option<String>,
    family: String,
    number: Option<u32>,
}

impl RuleSelector {
    /// The pack it is confined to.
    pub fn pack(&self) -> Option<&str> {
        self.pack.as_deref()
    }

    /// Whether it picks the rule `code` of `pack`.
    pub fn picks(&self, pack: &str, code: &RuleCode) -> bool {
        self.pack.as_deref().is_none_or(|own| own == pack)
            && self.family == code.family
            && self.number.is_none_or(|number| number == code.number)
    }
}

impl fmt::Display for RuleSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pack) = &self.pack {
            write!(f, "{pack}/")?;
        }
        f.write_str(&self.family)?;
        match self.number {
            Some(number) => write!(f, "-{number}"),
            None => Ok(()),
        }
    }
}

impl FromStr for RuleSelector {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressError {
            text: text.into(),
            expected: "a rule such as `ACK`, `ACK-1` or `bluechip-tsi/ACK-1`",
        };
        let (pack, rule) = match text.split_once('/') {
            Some((pack, rule)) => (Some(pack), rule),
            None => (None, text),
        };
        if pack.is_some_and(|pack| !is_pack_name(pack)) {
            return Err(error());
        }
        let (family, number) = family_and_number(rule).ok_or_else(error)?;
        Ok(Self { pack: pack.map(str::to_owned), family, number })
    }
}

/// Whether `text` can be the name of a pack: lower-case letters, digits and single inner hyphens.
pub fn is_pack_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// The text names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got `{text}`")]
pub struct AddressError {
    text: String,
    expected: &'static str,
}

/// `ACK-1` as `("ACK", Some(1))`, `ACK` as `("ACK", None)`; upper case. A family starts with a letter.
fn family_and_number(text: &str) -> Option<(String, Option<u32>)> {
    let (family, number) = match text.rsplit_once('-') {
        Some((family, digits)) => (family, Some(number(digits)?)),
        None => (text, None),
    };
    let well_formed = family.starts_with(|c: char| c.is_ascii_alphabetic())
        && family.bytes().all(|b| b.is_ascii_alphanumeric());
    well_formed.then(|| (family.to_ascii_uppercase(), number))
}

fn number(digits: &str) -> Option<u32> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(text: &str) -> Vec<&'static str> {
        const RULES: [(&str, &str); 4] =
            [("bluechip-tsi", "ACK-1"), ("bluechip-tsi", "ACK-12"), ("gochip", "ACK-1"), ("core", "JSON-1")];
        let selector: RuleSelector = text.parse().unwrap();
        let mut out = Vec::new();
        for (pack, code) in RULES {
            if selector.picks(pack, &code.parse().unwrap()) {
                out.push(pack);
                out.push(code);
            }
        }
        out
    }

    #[test]
    fn selectors_pick_what_they_say() {
        let cases: [(&str, &[&str]); 8] = [
            ("ACK", &["bluechip-tsi", "ACK-1", "bluechip-tsi", "ACK-12", "gochip", "ACK-1"]),
            ("ack", &["bluechip-tsi", "ACK-1", "bluechip-tsi", "ACK-12", "gochip", "ACK-1"]),
            ("ACK-1", &["bluechip-tsi", "ACK-1", "gochip", "ACK-1"]),
            ("ack-1", &["bluechip-tsi", "ACK-1", "gochip", "ACK-1"]),
            ("bluechip-tsi/ACK-1", &["bluechip-tsi", "ACK-1"]),
            ("bluechip-tsi/ACK", &["bluechip-tsi", "ACK-1", "bluechip-tsi", "ACK-12"]),
            ("ACK-2", &[]),
            ("core/ACK", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(selected(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in [
            "",
            "/",
            "ACK-",
            "-1",
            "ACK-x",
            "ACK-01",
            "ACK-1-2",
            "ACK-99999999999",
            "1ACK",
            "AC K",
            "ÄCK",
            "bluechip-tsi/",
            "/ACK-1",
            "Blue/ACK-1",
            "a--b/ACK",
            "a/b/ACK-1",
        ] {
            assert!(text.parse::<RuleSelector>().is_err(), "{text}");
        }
    }

    #[test]
    fn selectors_and_codes_print_as_they_are_read() {
        for text in ["ACK", "ACK-1", "bluechip-tsi/ACK-1", "core/JSON"] {
            assert_eq!(text.parse::<RuleSelector>().unwrap().to_string(), text);
        }
        assert_eq!("ack-7".parse::<RuleCode>().unwrap().to_string(), "ACK-7");
        assert!("ACK".parse::<RuleCode>().is_err());
    }
}
