//! How a value is spelled, as a picture of it: `9+.99` is `12.50`, `REQ_?+` is `REQ_WS_INIT`.
//!
//! | In a picture | Stands for |
//! |---|---|
//! | `9` | a decimal digit |
//! | `?` | any character |
//! | `\` and a character | that character |
//! | any other character | itself |
//! | one of these and `+` | one of them or more |

use std::fmt;
use std::str::FromStr;

/// A picture of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    text: String,
    parts: Vec<Part>,
    /// By ASCII character: the parts that it fits, one bit each.
    fitting: Box<[u64; 128]>,
    /// Parts that more than one character may fit.
    more: u64,
}

/// The text is no picture: empty, of more than 63 parts, a `+` with nothing before it, or a `\` with
/// nothing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a picture such as `9+.99`")]
pub struct PictureError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    what: What,
    more: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Digit,
    Any,
    Char(char),
}

impl Picture {
    /// Whether all of `value` is spelled like this.
    ///
    /// Costs at most the length of the value times the length of the picture.
    pub fn fits(&self, value: &str) -> bool {
        // Bit `i` says that the first `i` parts may have been seen: all ways are tried at once.
        let mut at = 1_u64;
        for c in value.chars() {
            let fitting = match self.fitting.get(c as usize) {
                Some(&fitting) => fitting,
                None => fitting(&self.parts, c),
            };
            // The next part, or the last one again.
            at = (at & fitting) << 1 | at & (fitting & self.more) << 1;
            if at == 0 {
                return false;
            }
        }
        at & 1 << self.parts.len() != 0
    }
}

/// The parts that a character fits, one bit each.
fn fitting(parts: &[Part], c: char) -> u64 {
    let fits = parts.iter().enumerate().filter(|(_, part)| part.what.is(c));
    fits.fold(0, |all, (index, _)| all | 1 << index)
}

impl What {
    fn is(self, c: char) -> bool {
        match self {
            Self::Digit => c.is_ascii_digit(),
            Self::Any => true,
            Self::Char(own) => own == c,
        }
    }
}

impl FromStr for Picture {
    type Err = PictureError;

    fn from_str(text: &str) -> Result<Self, PictureError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let what = match c {
                '+' => {
                    let last = parts.last_mut().filter(|last| !last.more).ok_or(PictureError)?;
                    last.more = true;
                    continue;
                }
                '9' => What::Digit,
                '?' => What::Any,
                '\\' => What::Char(chars.next().ok_or(PictureError)?),
                other => What::Char(other),
            };
            parts.push(Part { what, more: false });
        }
        if parts.is_empty() || parts.len() > MOST_PARTS {
            return Err(PictureError);
        }
        let ascii = |byte: usize| fitting(&parts, char::from(byte as u8));
        let fitting = Box::new(std::array::from_fn(ascii));
        let more = parts.iter().enumerate().filter(|(_, part)| part.more);
        let more = more.fold(0, |all, (index, _)| all | 1 << index);
        Ok(Self { text: text.to_owned(), parts, fitting, more })
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// So many fit into the bits of a [`Picture::fits`].
const MOST_PARTS: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_spelled_like_its_picture_from_start_to_end() {
        for (picture, fit, unfit) in [
            ("9+.99", &["12.50", "0.05"][..], &["12.5", "12.505", ".50", "12,50", "x12.50", ""][..]),
            ("9+", &["7", "0042"], &["", "7 ", "-7", "٣"]),
            ("REQ_?+", &["REQ_WS_INIT"], &["REQ_", "req_x", "XREQ_x"]),
            ("?+_CARD", &["A_CARD", "A_CARD_CARD"], &["_CARD", "A_CARDS"]),
            ("?+CARD?+", &["aCARDb", "aCARDCARDb"], &["CARDb", "aCARD"]),
            ("999999*+9999", &["411111******1117"], &["4111111111111117", "41111******1117"]),
            ("?+9+x", &["a1b2x"], &["a1bx"]),
            (r"\9\+", &["9+"], &["8+", "9"]),
        ] {
            let picture: Picture = picture.parse().unwrap();
            assert!(fit.iter().all(|value| picture.fits(value)), "{picture}");
            assert_eq!(unfit.iter().find(|value| picture.fits(value)), None, "{picture}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for text in ["", "+9", "9++", "\\", &"x".repeat(64)] {
            assert_eq!(text.parse::<Picture>(), Err(PictureError), "{text}");
        }
    }

    #[test]
    fn a_long_value_costs_no_more_than_its_length() {
        let picture: Picture = "9+9+9+9+9+x".parse().unwrap();
        assert!(!picture.fits(&"9".repeat(20_000)));
    }
}
