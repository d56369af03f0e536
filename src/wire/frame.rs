//! The header of a frame (RFC 6455, section 5.2) as a value. What a header may say in its place in
//! the stream is the decoder's business; here everything that has a length is representable.

use std::fmt;

/// Which end of a connection sends: the end that dialled is the client and must mask its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The end that sent the opening request.
    Client,
    /// The end that answered it.
    Server,
}

/// What a frame is for (RFC 6455, section 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// A further part of the message that is under way.
    Continuation,
    /// A text message, or its first part.
    Text,
    /// A binary message, or its first part.
    Binary,
    /// The sender closes.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping, or says "still here".
    Pong,
    /// 3 to 7 and 11 to 15: no meaning assigned.
    Reserved(u8),
}

impl Opcode {
    /// The opcode of the low four bits of a frame's first byte.
    pub const fn from_bits(byte: u8) -> Self {
        match byte & 0x0f {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            other => Self::Reserved(other),
        }
    }

    /// The opcode as it stands on the wire.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
            Self::Reserved(bits) => bits & 0x0f,
        }
    }

    /// Whether this is a control opcode: its highest bit says so, for reserved ones as well.
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continuation => f.write_str("continuation"),
            Self::Text => f.write_str("text"),
            Self::Binary => f.write_str("binary"),
            Self::Close => f.write_str("close"),
            Self::Ping => f.write_str("ping"),
            Self::Pong => f.write_str("pong"),
            Self::Reserved(bits) => write!(f, "reserved opcode {bits:#x}"),
        }
    }
}

/// The bits RSV1, RSV2 and RSV3 of a frame: meaningful only to a negotiated extension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReservedBits(u8);

impl ReservedBits {
    /// RSV1: "this message is compressed" where permessage-deflate is negotiated (RFC 7692, section 6).
    pub const RSV1: Self = Self(0x40);

    /// The reserved bits of a frame's first byte.
    pub const fn from_bits(byte: u8) -> Self {
        Self(byte & 0x70)
    }

    /// Whether none is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all bits of `other` are set here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These bits without those of `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for ReservedBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(0x40, "RSV1"), (0x20, "RSV2"), (0x10, "RSV3")];
        let mut separator = "";
        for (_, name) in names.into_iter().filter(|(bit, _)| self.0 & bit != 0) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// RSV1 to RSV3.
    pub reserved: ReservedBits,
    /// What the frame is for.
    pub opcode: Opcode,
    /// The masking key, if the payload is masked.
    pub key: Option<[u8; 4]>,
    /// Payload size in bytes, as announced; anything up to `u64::MAX`.
    pub length: u64,
    /// Size of this header on the wire, in bytes.
    pub size: usize,
}

impl FrameHeader {
    /// The largest header, in bytes: two, a 64-bit length, a masking key.
    pub const MAX_SIZE: usize = 14;

    /// Reads the header at the start of `bytes`; `None` where it is not complete yet.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[first, second, ref rest @ ..] = bytes else { return None };
        let (length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            short => (u64::from(short), rest),
        };
        let (key, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let (key, rest) = rest.split_first_chunk()?;
            (Some(*key), rest)
        };
        Some(Self {
            fin: first & 0x80 != 0,
            reserved: ReservedBits::from_bits(first),
            opcode: Opcode::from_bits(first),
            key,
            length,
            size: bytes.len() - rest.len(),
        })
    }

    /// The header as it stood on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let key_bit = if self.key.is_some() { 0x80 } else { 0 };
        let length = self.length.to_be_bytes();
        let (short, long) = match self.length_size() {
            2 => (126, &length[6..]),
            8 => (127, &length[..]),
            _ => (length[7], &[][..]),
        };
        let fin = if self.fin { 0x80 } else { 0 };
        let mut bytes = vec![fin | self.reserved.0 | self.opcode.bits(), key_bit | short];
        bytes.extend_from_slice(long);
        bytes.extend(self.key.iter().flatten());
        bytes
    }

    /// Whether the length is written in the fewest bytes that can say it.
    pub const fn length_is_minimal(&self) -> bool {
        match self.length_size() {
            2 => self.length > 125,
            8 => self.length > 0xffff,
            _ => true,
        }
    }

    /// Size of the extended length, in bytes: 0, 2 or 8.
    const fn length_size(&self) -> usize {
        self.size - 2 - if self.key.is_some() { 4 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opcode_round_trips() {
        for bits in 0..16 {
            assert_eq!(Opcode::from_bits(0xf0 | bits).bits(), bits);
        }
    }

    #[test]
    fn a_header_is_read_only_when_it_is_complete() {
        let headers: [(&[u8], u64); 6] = [
            (&[0x81, 0x05], 5),
            (&[0x81, 0x85, 1, 2, 3, 4], 5),
            (&[0x82, 126, 0x01, 0x00], 256),
            (&[0x82, 0xfe, 0x01, 0x00, 1, 2, 3, 4], 256),
            (&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65536),
            (&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4], u64::MAX),
        ];
        for (bytes, length) in headers {
            for cut in 0..bytes.len() {
                assert_eq!(FrameHeader::parse(&bytes[..cut]), None);
            }
            let header = FrameHeader::parse(&[bytes, b"payload"].concat()).unwrap();
            assert_eq!((header.length, header.size), (length, bytes.len()));
            assert!(header.length_is_minimal());
            assert_eq!(header.to_bytes(), bytes);
        }
    }

    #[test]
    fn reserved_bits_are_named() {
        assert_eq!(ReservedBits::from_bits(0xd1).to_string(), "RSV1, RSV3");
    }
}
