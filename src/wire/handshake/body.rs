//! Where the body of an HTTP/1.1 message ends (RFC 9112, sections 6 and 7), so that a refusal can be
//! relayed whole, byte for byte, and the connection ended after it. Bytes are counted, never changed.

use super::Head;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// So many bytes; 0 where there is no body.
    Exact(u64),
    /// In chunks that announce their own sizes.
    Chunked,
    /// When the sender closes.
    UntilClose,
}

impl BodyLength {
    pub(super) fn of_request(head: &Head) -> Self {
        if head.lists("transfer-encoding", "chunked") {
            return Self::Chunked;
        }
        Self::Exact(content_length(head).unwrap_or(0))
    }

    pub(super) fn of_response(head: &Head, status: u16) -> Self {
        if (100..200).contains(&status) || status == 204 || status == 304 {
            return Self::Exact(0);
        }
        match head.list("transfer-encoding").last() {
            Some(last) if last.eq_ignore_ascii_case("chunked") => Self::Chunked,
            Some(_) => Self::UntilClose,
            None => content_length(head).map_or(Self::UntilClose, Self::Exact),
        }
    }
}

/// The announced size; `None` where it is missing, no number, or announced in two ways.
fn content_length(head: &Head) -> Option<u64> {
    let mut lengths = head.list("content-length").into_iter().map(|text| text.parse::<u64>().ok());
    let first = lengths.next()??;
    lengths.all(|other| other == Some(first)).then_some(first)
}

/// A body on its way: tells how many of the bytes that come belong to it.
#[derive(Clone, Debug)]
pub struct Body {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Counting(u64),
    UntilClose,
    /// In the hexadecimal digits of a chunk's size.
    Size(u64),
    /// In what may follow the digits, up to the end of the line.
    Extension(u64),
    /// In a chunk: its bytes and the line end after them, still to come.
    Chunk(u64),
    LineEnd,
    /// In the lines after the last chunk; whether the current one is empty so far.
    Trailer {
        empty: bool,
    },
    Finished,
}

impl Body {
    /// A body of which nothing has come yet.
    pub fn new(length: BodyLength) -> Self {
        let state = match length {
            BodyLength::Exact(0) => State::Finished,
            BodyLength::Exact(size) => State::Counting(size),
            BodyLength::Chunked => State::Size(0),
            BodyLength::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    /// Whether all of it has come. A body that lasts until the sender closes is never finished before.
    pub fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// Takes what belongs to the body from the start of `bytes` and returns how many bytes that are.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(&byte) = bytes.get(taken) {
            let left = (bytes.len() - taken) as u64;
            match &mut self.state {
                State::Finished => break,
                State::UntilClose => return bytes.len(),
                State::Counting(size) | State::Chunk(size) => {
                    let step = left.min(*size);
                    *size -= step;
                    taken += step as usize;
                }
                State::Size(_) | State::Extension(_) | State::LineEnd | State::Trailer { .. } => {
                    self.state = self.state.after(byte);
                    taken += 1;
                }
            }
            self.state = match self.state {
                State::Counting(0) => State::Finished,
                State::Chunk(0) => State::LineEnd,
                other => other,
            };
        }
        taken
    }
}

impl State {
    /// The state after one byte of the lines around chunks. A size that is no number ends the body with its
    /// connection, as nobody can tell where else it would end.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(size) | Self::Extension(size), b'\n') => {
                if size == 0 {
                    Self::Trailer { empty: true }
                } else {
                    Self::Chunk(size)
                }
            }
            (Self::Size(size), b';' | b'\r' | b' ' | b'\t') => Self::Extension(size),
            (Self::Size(size), digit) => {
                let digit = char::from(digit).to_digit(16).map(u64::from);
                let longer =
                    size.checked_mul(16).zip(digit).and_then(|(size, digit)| size.checked_add(digit));
                longer.map_or(Self::UntilClose, Self::Size)
            }
            (Self::LineEnd, b'\n') => Self::Size(0),
            (Self::Trailer { empty: true }, b'\n') => Self::Finished,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { empty: true },
            (Self::Trailer { empty }, b'\r') => Self::Trailer { empty },
            (Self::Trailer { .. }, _) => Self::Trailer { empty: false },
            (other, _) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HandshakeLimits;
    use crate::wire::handshake::ResponseHead;

    #[track_caller]
    fn check(status: u16, lines: &str, expected: BodyLength) {
        let head = format!("HTTP/1.1 {status} X\r\n{lines}\r\n");
        let head = ResponseHead::parse(head.as_bytes(), HandshakeLimits::default()).unwrap().unwrap();
        assert_eq!(head.body_length(), expected);
    }

    #[test]
    fn the_head_says_where_the_body_ends() {
        check(404, "Content-Length: 12\r\n", BodyLength::Exact(12));
        check(404, "Content-Length: 12, 12\r\n", BodyLength::Exact(12));
        check(404, "Content-Length: 12\r\nContent-Length: 13\r\n", BodyLength::UntilClose);
        check(404, "Content-Length: -1\r\n", BodyLength::UntilClose);
        check(404, "", BodyLength::UntilClose);
        check(404, "Content-Length: 12\r\nTransfer-Encoding: gzip, Chunked\r\n", BodyLength::Chunked);
        check(404, "Transfer-Encoding: chunked, gzip\r\n", BodyLength::UntilClose);
        check(204, "Content-Length: 12\r\n", BodyLength::Exact(0));
        check(304, "", BodyLength::Exact(0));
    }

    #[test]
    fn a_body_takes_what_is_its_own_wherever_it_is_cut() {
        let bodies: [(&[u8], BodyLength); 4] = [
            (b"0123456789ab", BodyLength::Exact(12)),
            (b"", BodyLength::Exact(0)),
            (
                b"5;x=\"y\"\r\nhello\r\n00a \r\n0\r\n\r\n567890\r\n0\r\nTrailer: x\r\n\r\n",
                BodyLength::Chunked,
            ),
            (b"1\nx\n0\n\n", BodyLength::Chunked),
        ];
        for (body, length) in bodies {
            let bytes = [body, b"HTTP/1.1 200 OK\r\n"].concat();
            for step in 1..=bytes.len() {
                let mut reader = Body::new(length);
                let taken: usize = bytes.chunks(step).map(|piece| reader.take(piece)).sum();
                assert_eq!(taken, body.len());
                assert!(reader.is_finished());
            }
        }
    }

    #[test]
    fn a_body_without_an_end_lasts_until_the_close() {
        for (bytes, length) in
            [(&b"anything"[..], BodyLength::UntilClose), (b"zz\r\n0\r\n\r\nmore", BodyLength::Chunked)]
        {
            let mut reader = Body::new(length);
            assert_eq!(reader.take(bytes), bytes.len());
            assert!(!reader.is_finished());
        }
    }
}
