//! What request and response heads have in common: their exact bytes, with the header lines found in them.

use std::borrow::Cow;
use std::ops::Range;

use super::HandshakeError;
use crate::wire::HandshakeLimits;

/// The bytes of a head, from its first line to its empty line, with its header lines found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: Range<usize>,
    value: Range<usize>,
}

impl Head {
    /// The head exactly as it came, empty line included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Header names and values in the order sent. A value that is not UTF-8 shows U+FFFD in its place.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.lines.iter().map(|line| {
            let name = std::str::from_utf8(&self.bytes[line.name.clone()]).unwrap_or_default();
            (name, String::from_utf8_lossy(&self.bytes[line.value.clone()]))
        })
    }

    /// The values of every header line called `name`, in the order sent; case of the name does not matter.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.headers().filter(move |(is, _)| is.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first header line called `name`.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.values(name).next()
    }

    /// The elements of the comma-separated lists in all header lines called `name`, trimmed, empty ones left out.
    pub fn list(&self, name: &str) -> Vec<String> {
        let split =
            |value: Cow<'_, str>| value.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>();
        self.values(name).flat_map(split).filter(|one| !one.is_empty()).collect()
    }

    /// Whether one of the elements of the list `name` is `element`; case does not matter.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        self.list(name).iter().any(|one| one.eq_ignore_ascii_case(element))
    }

    /// The bytes of this head with the value of every header line called `name` replaced, all else untouched.
    pub fn with_value(&self, name: &str, value: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + value.len());
        let mut copied = 0;
        for line in &self.lines {
            if self.bytes[line.name.clone()].eq_ignore_ascii_case(name.as_bytes()) {
                out.extend_from_slice(&self.bytes[copied..line.value.start]);
                out.extend_from_slice(value.as_bytes());
                copied = line.value.end;
            }
        }
        out.extend_from_slice(&self.bytes[copied..]);
        out
    }

    /// The part of `bytes` that a head may take, once it may hold a whole one; `Ok(None)` asks for more.
    ///
    /// A cheap look before parsing, so that a peer that sends its head byte by byte costs little.
    pub(super) fn window(bytes: &[u8], limits: HandshakeLimits) -> Result<Option<&[u8]>, HandshakeError> {
        const TLS_HANDSHAKE_RECORD: [u8; 2] = [0x16, 0x03];
        if bytes.starts_with(&TLS_HANDSHAKE_RECORD) {
            return Err(HandshakeError::Tls);
        }
        let window = &bytes[..bytes.len().min(limits.head)];
        let ends = |end| memchr::memmem::find(window, end).is_some();
        if ends(b"\n\r\n") || ends(b"\n\n") { Ok(Some(window)) } else { Self::unfinished(bytes, limits) }
    }

    /// What to say of `bytes` that hold no whole head: more, please, or too much already.
    pub(super) fn unfinished<T>(bytes: &[u8], limits: HandshakeLimits) -> Result<Option<T>, HandshakeError> {
        if bytes.len() < limits.head {
            Ok(None)
        } else {
            Err(HandshakeError::TooLong { limit: limits.head, got: bytes.len() })
        }
    }

    /// The head that is the first `size` bytes of `bytes`, whose header lines borrow from there.
    pub(super) fn new(bytes: &[u8], size: usize, headers: &[httparse::Header<'_>]) -> Self {
        let within = |part: &[u8]| range_of(part, bytes);
        let line = |header: &httparse::Header<'_>| {
            let name = within(header.name.as_bytes());
            // An empty value stands nowhere in particular; right after the colon is as good as any place.
            let after_colon = (name.end + 1).min(size);
            let value = if header.value.is_empty() { after_colon..after_colon } else { within(header.value) };
            Line { name, value }
        };
        Self { bytes: bytes[..size].to_vec(), lines: headers.iter().map(line).collect() }
    }

    pub(super) fn text(&self, range: &Range<usize>) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes[range.clone()])
    }
}

/// Where `part`, a slice of `whole`, stands in it.
pub(super) fn range_of(part: &[u8], whole: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if start <= whole.len() && part.len() <= whole.len() - start { start..start + part.len() } else { 0..0 }
}
