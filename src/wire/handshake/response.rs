//! The answer to an opening request (RFC 6455, section 4.2.2), be it 101 or a refusal.

use std::ops::Deref;

use super::{BodyLength, HandshakeError, Head};
use crate::wire::HandshakeLimits;

/// The head of an answer, with its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    head: Head,
    status: u16,
}

impl ResponseHead {
    /// Reads the head at the start of `bytes`; `Ok(None)` where it is not complete yet.
    /// What follows it starts at the length of [`Head::as_bytes`].
    pub fn parse(bytes: &[u8], limits: HandshakeLimits) -> Result<Option<Self>, HandshakeError> {
        let Some(window) = Head::window(bytes, limits)? else { return Ok(None) };
        let mut lines = [httparse::EMPTY_HEADER; HandshakeLimits::HEADER_LINES];
        let mut response = httparse::Response::new(&mut lines);
        let size = match response.parse(window).map_err(HandshakeError::Syntax)? {
            httparse::Status::Complete(size) => size,
            httparse::Status::Partial => return Head::unfinished(bytes, limits),
        };
        let status = response.code.unwrap_or_default();
        Ok(Some(Self { head: Head::new(bytes, size, response.headers), status }))
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether frames follow this head.
    pub fn switches_protocols(&self) -> bool {
        self.status == 101
    }

    /// Whether another head follows this one: 100, 102, 103 and their like (RFC 9110, section 15.2).
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }

    /// How long the body of this answer to a `GET` is (RFC 9112, section 6.3).
    pub fn body_length(&self) -> BodyLength {
        BodyLength::of_response(&self.head, self.status)
    }
}

impl Deref for ResponseHead {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}
