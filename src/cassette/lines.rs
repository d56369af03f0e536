//! Lines of a cassette, one at a time, in a buffer that is reused; nothing is copied line by line.
//!
//! Hashes what it hands out, in large blocks, because the `end` line says the SHA-256 of all before it.
//! Knows nothing of JSON; a byte-order mark and CRLF line ends, which editors add, are taken off here.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::writer::hex;
use super::zst::Zst;

/// The longest line that is read, in bytes: 64 MiB. Longer ones are refused before memory grows further.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// Whether the bytes of a file are compared with the hash its `end` line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// All of them.
    Whole,
    /// None: reading a large file is a good deal faster, and its end is [`Ending::Unverified`].
    ///
    /// [`Ending::Unverified`]: super::Ending::Unverified
    Skipped,
}

/// One line, without its line end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Its bytes.
    pub(super) bytes: &'a [u8],
    /// Whether a line end followed; the last line of a recording that was cut has none.
    pub(super) terminated: bool,
}

/// Why there is no next line.
#[derive(Debug)]
pub(super) enum LinesError {
    /// The source cannot be read.
    Io(io::Error),
    /// A line is longer than [`MAX_LINE_BYTES`].
    TooLong,
}

/// Takes lines from `R`, which may be compressed with zstd.
pub(super) struct Lines<R> {
    input: Input<R>,
    buffer: Vec<u8>,
    /// Where the current line starts.
    line: usize,
    /// Where the next line starts.
    next: usize,
    filled: usize,
    ended: bool,
    /// What is hashed; nothing where nobody wants to know.
    hash: Option<Sha256>,
    /// What stands before this is in `hash`.
    hashed: usize,
}

enum Input<R> {
    Plain(R),
    Zst(Box<Zst<R>>),
}

impl<R: Read> Lines<R> {
    /// Starts at the first line; looks at the first bytes to see whether they are compressed.
    pub(super) fn open(mut source: R, verification: Verification) -> io::Result<Self> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut filled = 0;
        while filled < Zst::<R>::MAGIC.len() {
            match source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let input = if buffer[..filled].starts_with(&Zst::<R>::MAGIC) {
            let input = Input::Zst(Box::new(Zst::new(buffer[..filled].to_vec(), source)));
            filled = 0;
            input
        } else {
            Input::Plain(source)
        };
        let hash = match verification {
            Verification::Whole => Some(Sha256::new()),
            Verification::Skipped => None,
        };
        let mut lines = Self { input, buffer, line: 0, next: 0, filled, ended: false, hash, hashed: 0 };
        while lines.filled < BOM.len() && !lines.ended {
            lines.fill()?;
        }
        if lines.buffer[..lines.filled].starts_with(BOM) {
            lines.next = BOM.len();
        }
        Ok(lines)
    }

    /// The bytes at hand from the current position, to tell what a file that is no cassette may be.
    pub(super) fn peek(&self) -> &[u8] {
        &self.buffer[self.next..self.filled]
    }

    /// How many compressed bytes were read so far; `None` where the source is not compressed.
    pub(super) fn compressed_bytes(&self) -> Option<u64> {
        match &self.input {
            Input::Plain(_) => None,
            Input::Zst(source) => Some(source.bytes_read()),
        }
    }

    /// Goes to the next line; `false` at the end of the source.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool, LinesError> {
        self.line = self.next;
        let mut searched = self.line;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..self.filled]) {
                self.next = searched + at + 1;
                return Ok(true);
            }
            if self.ended {
                self.next = self.filled;
                return Ok(self.line < self.filled);
            }
            searched = self.filled - self.make_room()?;
            self.fill().map_err(LinesError::Io)?;
        }
    }

    /// The line gone to last.
    #[inline]
    pub(super) fn current(&self) -> Line<'_> {
        match &self.buffer[self.line..self.next] {
            [bytes @ .., b'\r', b'\n'] | [bytes @ .., b'\n'] => Line { bytes, terminated: true },
            bytes => Line { bytes, terminated: false },
        }
    }

    /// SHA-256 of every byte before the current line, lower-case hex; `None` where it is not taken.
    pub(super) fn digest_before_line(&self) -> Option<String> {
        let mut hash = self.hash.clone()?;
        hash.update(&self.buffer[self.hashed..self.line]);
        Some(hex(&hash.finalize()))
    }

    /// Moves the current line to the front of the buffer, and grows the buffer where the line fills it.
    /// Returns by how much the line moved.
    #[cold]
    fn make_room(&mut self) -> Result<usize, LinesError> {
        let moved = self.line;
        if moved > 0 {
            if let Some(hash) = &mut self.hash {
                hash.update(&self.buffer[self.hashed..moved]);
            }
            self.buffer.copy_within(moved..self.filled, 0);
            self.filled -= moved;
            (self.line, self.next, self.hashed) = (0, 0, 0);
        }
        if self.filled > MAX_LINE_BYTES {
            return Err(LinesError::TooLong);
        }
        if self.filled == self.buffer.len() {
            // One byte above the limit must fit, or a line of just that length could not be told.
            let grown = (2 * self.buffer.len()).min(MAX_LINE_BYTES + 1);
            self.buffer.reserve_exact(grown - self.filled);
            self.buffer.resize(grown, 0);
        }
        Ok(moved)
    }

    fn fill(&mut self) -> io::Result<()> {
        loop {
            let space = &mut self.buffer[self.filled..];
            let read = match &mut self.input {
                Input::Plain(source) => source.read(space),
                Input::Zst(source) => source.read(space),
            };
            match read {
                Ok(0) => self.ended = true,
                Ok(more) => self.filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

/// A byte-order mark, as some editors put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Small enough to stay in a core's cache, large enough that a system call costs nothing per line.
const BUFFER_BYTES: usize = 64 << 10;
