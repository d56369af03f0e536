//! Finds clear card data in what is already written: a finished file, a message of somebody else's recording.
//!
//! What a `Masker` put there, or a sender masked itself, is not clear. No result holds the value found.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::text::Pointer;
use crate::text::json::{self, Cursor, Kind};

use super::find::{self, Hit, Purpose};
use super::{MaskedKind, Policy};

/// Where `text`, JSON or not, shows card data in clear, under the policy `default@1`.
///
/// Fast where there is none, so that it can look at every message of a recording.
pub fn find_clear(text: &str) -> Vec<(Range<usize>, MaskedKind)> {
    let policy = Policy::shared();
    let is_structured = matches!(text.trim_ascii_start().as_bytes(), [b'{' | b'[', ..]);
    if is_structured && !policy.suspects(text) {
        return Vec::new();
    }
    clear(policy, text).into_iter().map(|hit| (hit.range, hit.kind)).collect()
}

/// Card data found in clear. It does not hold the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clear {
    /// The line, counted from 1.
    pub line: u64,
    /// Where in the line, if it is JSON.
    pub at: Pointer,
    /// What it is.
    pub kind: MaskedKind,
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanResult {
    /// Lines looked at.
    pub lines: u64,
    /// How many values were found.
    pub total: u64,
    /// The first 100 of them.
    pub found: Vec<Clear>,
}

/// Scans a file as its bytes come by; it holds one line at a time.
#[derive(Debug)]
pub struct Scanner {
    policy: Policy,
    partial: Vec<u8>,
    result: ScanResult,
}

impl Scanner {
    /// A scanner under this policy.
    pub fn new(policy: Policy) -> Self {
        Self { policy, partial: Vec::new(), result: ScanResult::default() }
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.partial.is_empty() {
                self.line(line);
            } else {
                self.partial.extend_from_slice(line);
                let line = std::mem::take(&mut self.partial);
                self.line(&line);
                self.partial = line;
                self.partial.clear();
            }
        }
        self.partial.extend_from_slice(bytes);
    }

    /// The file ended, perhaps in the middle of a line.
    pub fn finish(mut self) -> ScanResult {
        let last = std::mem::take(&mut self.partial);
        if !last.is_empty() {
            self.line(&last);
        }
        self.result
    }

    fn line(&mut self, line: &[u8]) {
        self.result.lines += 1;
        // Whole at first: looking for what is not UTF-8 piece by piece takes ten times as long.
        let text = std::str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
        let encoded = memchr::memmem::find(line, b"\"base64\"").is_some();
        if !encoded && text.starts_with('{') && !self.policy.suspects(&text) {
            return;
        }
        let hits = clear(&self.policy, &text);
        let offsets: Vec<usize> = hits.iter().map(|hit| hit.range.start).collect();
        let places = Pointer::at_each(&text, &offsets).unwrap_or_default();
        let places = places.into_iter().chain(std::iter::repeat(Pointer::default()));
        for (hit, at) in hits.iter().zip(places) {
            self.found(at, hit.kind);
        }
        if encoded {
            self.encoded(&text);
        }
    }

    /// Looks into `{"base64":"…"}`, which is how a cassette holds bytes.
    fn encoded(&mut self, text: &str) {
        let mut payloads = Vec::new();
        if base64_fields(&mut Cursor::new(text), &Pointer::default(), &mut payloads).is_err() {
            return;
        }
        for (at, payload) in payloads {
            let Ok(bytes) = STANDARD.decode(payload.as_bytes()) else { continue };
            for hit in find::in_text(&self.policy, &bytes, Purpose::Report) {
                self.found(at.clone(), hit.kind);
            }
        }
    }

    fn found(&mut self, at: Pointer, kind: MaskedKind) {
        const MOST_KEPT: usize = 100;
        self.result.total += 1;
        if self.result.found.len() < MOST_KEPT {
            self.result.found.push(Clear { line: self.result.lines, at, kind });
        }
    }
}

fn clear(policy: &Policy, text: &str) -> Vec<Hit> {
    find::in_json(policy, text, Purpose::Report)
        .unwrap_or_else(|_| find::in_text(policy, text.as_bytes(), Purpose::Report))
}

fn base64_fields(
    cursor: &mut Cursor<'_>,
    path: &Pointer,
    found: &mut Vec<(Pointer, String)>,
) -> Result<(), json::JsonError> {
    match cursor.kind()? {
        Kind::Object => cursor.object(|key, cursor| {
            let inner = path.child(key.decode());
            if key.is("base64") && cursor.kind()? == Kind::String {
                found.push((inner, cursor.string()?.decode().into_owned()));
                return Ok(());
            }
            base64_fields(cursor, &inner, found)
        }),
        Kind::Array => {
            cursor.array(|index, cursor| base64_fields(cursor, &path.child(index.to_string()), found))
        }
        Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => cursor.skip(),
    }
}
