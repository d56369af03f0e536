//! Reads a cassette, one event at a time, without holding more than a line of it.
//!
//! Text is checked where it enters: UTF-8 once a line, numbers and times against the event before, and a
//! JSON payload exactly once, by whoever looks at it first; see [`Reader::walk_next`].

use std::io;

use super::errors::{CassetteError, LineNumber, LineProblem};
use super::format::HeaderProblem;
use super::guess::looks_like;
use super::lines::{Lines, LinesError, Verification};
use super::{Header, MAX_LINE_BYTES, line, loose};
use crate::conversation::{ConversationEvent, EventKind, EventNumber, Message, Offset, Payload};
use crate::text::json::{self, JsonError};

/// A cassette being read from `R`, compressed or not; `R` needs no buffer of its own.
pub struct Reader<R> {
    lines: Lines<R>,
    header: Header,
    state: State,
}

/// How a cassette ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its `end` line.
    Finished {
        /// Whether the bytes before the `end` line are no longer those the recorder hashed, or it says no hash.
        edited: bool,
    },
    /// With its `end` line, which says a hash nobody compared: see [`Verification::Skipped`].
    Unverified,
    /// Without one: the recorder was killed, or the file was cut later.
    Cut {
        /// The last whole event; `#0` where there is none.
        after: EventNumber,
        /// Bytes that hung over after it: the start of a line that was never finished.
        partial_bytes: u64,
    },
}

impl<R: io::Read> Reader<R> {
    /// Reads the header; `name` is what error messages call the source. Its hash will be verified.
    pub fn open(source: R, name: &str) -> Result<Self, CassetteError> {
        Self::open_with(source, name, Verification::Whole)
    }

    /// Reads the header, like [`Reader::open`]; its hash will be verified or not.
    pub fn open_with(source: R, name: &str, verification: Verification) -> Result<Self, CassetteError> {
        let io_error = |source| CassetteError::Io { name: name.into(), source };
        let mut lines = Lines::open(source, verification).map_err(io_error)?;
        if lines.peek().is_empty() {
            return Err(match lines.compressed_bytes() {
                Some(bytes) => CassetteError::CutCompressed { name: name.into(), bytes },
                None => CassetteError::Empty { name: name.into() },
            });
        }
        let looks_like = looks_like(lines.peek());
        let mut state = State {
            name: name.into(),
            line: 0,
            last: EventNumber(0),
            at: Offset::ZERO,
            end: None,
            ending: None,
            failed: false,
        };
        let first = loop {
            if !lines.advance().map_err(|error| state.lines_error(error))? {
                return Err(CassetteError::Empty { name: name.into() });
            }
            state.line += 1;
            let first = lines.current();
            if !first.bytes.trim_ascii().is_empty() {
                break first;
            }
        };
        let (terminated, bytes) = (first.terminated, first.bytes);
        let not_a_cassette =
            || CassetteError::NotACassette { name: name.into(), looks_like: looks_like.into() };
        let header = std::str::from_utf8(bytes).ok().map(Header::parse);
        let header = match header {
            Some(Ok(header)) => header,
            None | Some(Err(HeaderProblem::Json(_))) if !terminated && is_cut_header(bytes) => {
                state.ending = Some(state.cut(bytes.len()));
                Header::default()
            }
            None => return Err(not_a_cassette()),
            Some(Err(HeaderProblem::Json(_) | HeaderProblem::NoVersion)) if !is_header(bytes) => {
                let is_event =
                    std::str::from_utf8(bytes).is_ok_and(|line| loose::parse(line, EventNumber(1)).is_ok());
                return Err(if is_event {
                    CassetteError::NoHeader { name: name.into() }
                } else {
                    not_a_cassette()
                });
            }
            Some(Err(problem)) => {
                return Err(CassetteError::Header { name: name.into(), problem: Box::new(problem) });
            }
        };
        Ok(Self { lines, header, state })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next event, its payload validated; `None` at the end.
    ///
    /// Nothing follows an error, but for that of a payload: reading may go on after the line that holds it.
    ///
    /// For consumers that walk every payload themselves, [`Reader::walk_next`] saves one pass.
    pub fn next_event(&mut self) -> Option<Result<ConversationEvent<'_>, CassetteError>> {
        Some(self.next_with_line()?.map(|(_, event)| event))
    }

    /// As [`Reader::next_event`], and the line it stands on, without its line end.
    pub fn next_with_line(&mut self) -> Option<Result<(&str, ConversationEvent<'_>), CassetteError>> {
        let Self { lines, state, .. } = self;
        state.next(lines).transpose()
    }

    /// Gives the next event to `walk`, whose own walk through its payload is the validation; `None` at the end.
    ///
    /// `walk` promises to walk a [`Payload::Json`] with a [`Cursor`](crate::text::json::Cursor) from its start to its
    /// end, and to return the error it meets. It is called a second time where a person put further keys behind
    /// the payload: what it did with a payload it then refused must have had no effect.
    ///
    /// ```
    /// # use tilltape::{cassette::Reader, conversation::{EventKind, Payload}, text::json::Cursor};
    /// # let file = "{\"cassette\":1}\n{\"n\":1,\"t_us\":0,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":{\"a\":1}}\n";
    /// # let mut reader = Reader::open(file.as_bytes(), "example").unwrap();
    /// while let Some(members) = reader.walk_next(|event| {
    ///     let mut members = 0;
    ///     if let EventKind::Message(message) = &event.kind
    ///         && let Payload::Json(json) = message.payload
    ///     {
    ///         let mut cursor = Cursor::new(json);
    ///         cursor.object(|_key, cursor| { members += 1; cursor.skip() })?;
    ///         cursor.end()?;
    ///     }
    ///     Ok(members)
    /// }) {
    ///     # assert_eq!(members.as_ref().unwrap(), &1);
    ///     println!("{} members", members?);
    /// }
    /// # Ok::<(), tilltape::cassette::CassetteError>(())
    /// ```
    #[inline]
    pub fn walk_next<T>(
        &mut self,
        mut walk: impl FnMut(&ConversationEvent<'_>) -> Result<T, JsonError>,
    ) -> Option<Result<T, CassetteError>> {
        let Self { lines, state, .. } = self;
        match state.advance(lines) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let line = match state.text(lines) {
            Ok(line) => line?,
            Err(error) => return Some(Err(error)),
        };
        // An event is large: it is walked where it was read, and never moved.
        let by_position = line::parse(line);
        if let Some(event) = &by_position {
            if let Err(error) = state.accept(event, lines) {
                return Some(Err(error));
            }
            if let Ok(value) = walk(event) {
                return Some(Ok(value));
            }
        }
        let loosely = state.read_loosely(line, by_position.is_some(), lines);
        Some(loosely.and_then(|event| walk(&event).map_err(|error| state.bad_payload(error))))
    }

    /// How the cassette ended; `None` while there are events left to read, and after an error.
    pub fn ending(&self) -> Option<Ending> {
        self.state.ending
    }

    /// The line the last event stood on.
    pub fn line_number(&self) -> LineNumber {
        LineNumber(self.state.line)
    }
}

/// What the reader remembers from line to line.
struct State {
    name: Box<str>,
    line: u64,
    last: EventNumber,
    at: Offset,
    end: Option<Ending>,
    ending: Option<Ending>,
    failed: bool,
}

impl State {
    /// The next event of `lines` and its line; `None` at the end.
    fn next<'a, R: io::Read>(
        &mut self,
        lines: &'a mut Lines<R>,
    ) -> Result<Option<(&'a str, ConversationEvent<'a>)>, CassetteError> {
        if !self.advance(lines)? {
            return Ok(None);
        }
        let lines = &*lines;
        let Some(line) = self.text(lines)? else { return Ok(None) };
        let valid = |event: &ConversationEvent<'_>| json_payload(event).map_or(Ok(()), json::validate);
        let by_position = line::parse(line);
        let accepted = by_position.is_some();
        if let Some(event) = by_position {
            self.accept(&event, lines)?;
            if valid(&event).is_ok() {
                return Ok(Some((line, event)));
            }
        }
        let event = self.read_loosely(line, accepted, lines)?;
        if !accepted {
            valid(&event).map_err(|error| self.bad_payload(error))?;
        }
        Ok(Some((line, event)))
    }

    /// Goes to the next line that is not blank; `false` at the end.
    #[inline]
    fn advance<R: io::Read>(&mut self, lines: &mut Lines<R>) -> Result<bool, CassetteError> {
        if self.failed || self.ending.is_some() {
            return Ok(false);
        }
        loop {
            if !lines.advance().map_err(|error| self.lines_error(error))? {
                self.ending = Some(self.end.unwrap_or_else(|| self.cut(0)));
                return Ok(false);
            }
            self.line += 1;
            if !lines.current().bytes.trim_ascii_start().is_empty() {
                break;
            }
        }
        if self.end.is_some() {
            return Err(self.error(LineProblem::AfterEnd));
        }
        Ok(true)
    }

    /// The text of the current line; `None` where it was cut.
    #[inline]
    fn text<'a, R: io::Read>(&mut self, lines: &'a Lines<R>) -> Result<Option<&'a str>, CassetteError> {
        let current = lines.current();
        match simdutf8::compat::from_utf8(current.bytes) {
            Ok(line) if current.terminated || json::validate(line).is_ok() => Ok(Some(line)),
            Err(error) if current.terminated => {
                Err(self.error(LineProblem::Encoding { column: error.valid_up_to() + 1 }))
            }
            Ok(_) | Err(_) => {
                self.ending = Some(self.cut(current.bytes.len()));
                Ok(None)
            }
        }
    }

    /// Takes note of the next event, where it may come here.
    #[inline]
    fn accept<R: io::Read>(
        &mut self,
        event: &ConversationEvent<'_>,
        lines: &Lines<R>,
    ) -> Result<(), CassetteError> {
        let expected = self.expected();
        if event.n != expected {
            return Err(self.error(LineProblem::Number { expected, got: event.n }));
        }
        if event.at < self.at {
            return Err(self.error(LineProblem::Backwards { expected: self.at, got: event.at }));
        }
        if let EventKind::End(end) = &event.kind {
            self.end = Some(match (end.sha256.as_deref(), lines.digest_before_line()) {
                (None, _) => Ending::Finished { edited: true },
                (Some(_), None) => Ending::Unverified,
                (Some(said), Some(digest)) => Ending::Finished { edited: said != digest },
            });
        }
        self.last = event.n;
        self.at = event.at;
        Ok(())
    }

    /// The event as JSON has it; where one was `accepted` already, its payload by position turned out to be none.
    #[cold]
    fn read_loosely<'a, R: io::Read>(
        &mut self,
        line: &'a str,
        accepted: bool,
        lines: &Lines<R>,
    ) -> Result<ConversationEvent<'a>, CassetteError> {
        if accepted {
            return loose::parse(line, self.last).map_err(|problem| self.wrong(self.line, problem));
        }
        let event = loose::parse(line, self.expected()).map_err(|problem| self.error(problem))?;
        self.accept(&event, lines)?;
        Ok(event)
    }

    /// The number the next event has to have.
    const fn expected(&self) -> EventNumber {
        EventNumber(self.last.0 + 1)
    }

    /// What is wrong with a line.
    fn wrong(&self, line: u64, problem: LineProblem) -> CassetteError {
        CassetteError::Line { name: self.name.clone(), line: LineNumber(line), problem: Box::new(problem) }
    }

    /// The payload of the current line is no JSON; what follows it may be read.
    fn bad_payload(&self, error: JsonError) -> CassetteError {
        self.wrong(self.line, payload_problem(error))
    }

    fn cut(&self, partial_bytes: usize) -> Ending {
        Ending::Cut { after: self.last, partial_bytes: partial_bytes as u64 }
    }

    #[cold]
    fn error(&mut self, problem: LineProblem) -> CassetteError {
        self.failed = true;
        self.wrong(self.line, problem)
    }

    #[cold]
    fn lines_error(&mut self, error: LinesError) -> CassetteError {
        self.failed = true;
        match error {
            LinesError::Io(source) => CassetteError::Io { name: self.name.clone(), source },
            LinesError::TooLong => self.wrong(self.line + 1, LineProblem::TooLong { limit: MAX_LINE_BYTES }),
        }
    }
}

#[inline]
fn json_payload<'a>(event: &ConversationEvent<'a>) -> Option<&'a str> {
    match &event.kind {
        EventKind::Message(Message { payload: Payload::Json(json), .. }) => Some(json),
        EventKind::Refused(refusal) => match &refusal.body {
            Payload::Json(json) => Some(json),
            Payload::Text(_) | Payload::Binary(_) | Payload::Omitted { .. } => None,
        },
        EventKind::Message(_)
        | EventKind::Open(_)
        | EventKind::Ping(_)
        | EventKind::Pong(_)
        | EventKind::Close(_)
        | EventKind::Drop(_)
        | EventKind::Undecodable(_)
        | EventKind::Gap(_)
        | EventKind::Note(_)
        | EventKind::Clock(_)
        | EventKind::End(_) => None,
    }
}

fn payload_problem(error: JsonError) -> LineProblem {
    LineProblem::Value {
        column: 1,
        what: format!("byte {} of the payload: expected {}", error.at + 1, error.expected),
    }
}

/// Whether a line that was never finished is the start of a header.
fn is_cut_header(bytes: &[u8]) -> bool {
    const START: &[u8] = b"{\"cassette\":";
    bytes.starts_with(START) || START.starts_with(bytes)
}

/// Whether a line means to be a header, well made or not.
fn is_header(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"\"cassette\"").is_some()
}
