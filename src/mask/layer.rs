//! A text that stands inside another, decoded, with the way back: JSON escapes and percent escapes.
//!
//! What hides behind escapes is looked for in the decoded text; replacements happen in the original,
//! so every byte that is not masked stays as it was.

use std::borrow::Cow;
use std::ops::Range;

use crate::text::json;

/// A decoded text and where its bytes came from.
pub(crate) struct Layer<'a> {
    /// The decoded bytes.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// For each decoded byte, and for the end, where its source starts; empty where nothing was escaped.
    starts: Vec<usize>,
}

impl<'a> Layer<'a> {
    /// The content of a JSON string token, as written between its quotes.
    pub(crate) fn json_string(raw: &'a str) -> Self {
        if !raw.contains('\\') {
            return Self { bytes: Cow::Borrowed(raw.as_bytes()), starts: Vec::new() };
        }
        let mut layer = Builder::default();
        for (character, range) in json::characters(raw) {
            let mut buffer = [0; 4];
            layer.push(character.encode_utf8(&mut buffer).as_bytes(), range);
        }
        layer.finish(raw.len())
    }

    /// A part of a request target; `%XX` escapes, nothing else.
    pub(crate) fn percent(raw: &'a [u8]) -> Self {
        Self::escaped(raw, b'%')
    }

    /// The value of a query parameter; `%XX` escapes, and `+` for a space.
    pub(crate) fn form(raw: &'a [u8]) -> Self {
        Self::escaped(raw, b'+')
    }

    fn escaped(raw: &'a [u8], space: u8) -> Self {
        if memchr::memchr2(b'%', space, raw).is_none() {
            return Self { bytes: Cow::Borrowed(raw), starts: Vec::new() };
        }
        let mut layer = Builder::default();
        let mut at = 0;
        while at < raw.len() {
            let (byte, length) = match raw[at..] {
                [b'%', high, low, ..] => match (hex(high), hex(low)) {
                    (Some(high), Some(low)) => (high << 4 | low, 3),
                    _ => (b'%', 1),
                },
                [b'+', ..] if space == b'+' => (b' ', 1),
                [byte, ..] => (byte, 1),
                [] => break,
            };
            layer.push(&[byte], at..at + length);
            at += length;
        }
        layer.finish(raw.len())
    }

    /// Whether anything was escaped.
    pub(crate) fn is_decoded(&self) -> bool {
        !self.starts.is_empty()
    }

    /// Where the decoded bytes `range` stand in the original.
    pub(crate) fn source(&self, range: &Range<usize>) -> Range<usize> {
        if self.starts.is_empty() { range.clone() } else { self.starts[range.start]..self.starts[range.end] }
    }
}

#[derive(Default)]
struct Builder {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Builder {
    fn push(&mut self, bytes: &[u8], source: Range<usize>) {
        self.bytes.extend_from_slice(bytes);
        self.starts.resize(self.bytes.len(), source.start);
    }

    fn finish(mut self, end: usize) -> Layer<'static> {
        self.starts.push(end);
        Layer { bytes: Cow::Owned(self.bytes), starts: self.starts }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::Layer;

    #[test]
    fn decoded_ranges_lead_back_to_their_escapes() {
        let raw = r"a\u0034\n\ud83d\ude00b";
        let layer = Layer::json_string(raw);
        assert_eq!(&*layer.bytes, "a4\n\u{1f600}b".as_bytes());
        assert_eq!(&raw[layer.source(&(1..2))], r"\u0034");
        assert_eq!(&raw[layer.source(&(3..7))], r"\ud83d\ude00");
        assert_eq!(&raw[layer.source(&(7..8))], "b");

        let raw = b"%34+1%2d%zz";
        let layer = Layer::form(raw);
        assert_eq!(&*layer.bytes, b"4 1-%zz");
        assert_eq!(layer.source(&(0..4)), 0..8);
        assert_eq!(&*Layer::percent(raw).bytes, b"4+1-%zz");
    }
}
