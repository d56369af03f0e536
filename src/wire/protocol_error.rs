//! The ways of breaking RFC 6455 (and RFC 7692), one variant each, and the few ways a stream can end
//! or exceed our limits without breaking anything. The text of each is what a recording says.

use super::{CloseCode, Opcode, ReservedBits};

/// Why bytes could not be read, or what was wrong with them although they could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A frame of the client has no masking key.
    #[error("a client must mask its frames, this one is not masked (RFC 6455, section 5.1)")]
    MissingMask,
    /// A frame of the server has a masking key.
    #[error("a server must not mask its frames, this one is masked (RFC 6455, section 5.1)")]
    UnexpectedMask,
    /// Reserved bits that no negotiated extension gives a meaning to in this place.
    #[error("reserved bits must be zero here, {0} set (RFC 6455, section 5.2)")]
    ReservedBitsSet(ReservedBits),
    /// An opcode nobody assigned.
    #[error("opcode {0:#x} is reserved (RFC 6455, section 5.2)")]
    ReservedOpcode(u8),
    /// A length in more bytes than it needs.
    #[error("the length {length} must be written in the fewest bytes (RFC 6455, section 5.2)")]
    LengthNotMinimal {
        /// The length as announced, in bytes.
        length: u64,
    },
    /// A 64-bit length with its highest bit set. Where the next frame starts is unknown from here on.
    #[error(
        "the highest bit of a 64-bit length must be zero, got length {length:#x} (RFC 6455, section 5.2)"
    )]
    LengthTooLarge {
        /// The length as announced, in bytes.
        length: u64,
    },
    /// A control frame without FIN.
    #[error("a control frame must not be fragmented, this {0} lacks FIN (RFC 6455, section 5.5)")]
    FragmentedControl(Opcode),
    /// A control frame of more than 125 bytes.
    #[error(
        "a control frame carries at most 125 bytes, this {opcode} announces {length} (RFC 6455, section 5.5)"
    )]
    ControlTooLong {
        /// Which control frame.
        opcode: Opcode,
        /// The length as announced, in bytes.
        length: u64,
    },
    /// A continuation frame with no message under way.
    #[error("a continuation frame came with no message to continue (RFC 6455, section 5.4)")]
    NothingToContinue,
    /// A new message while another was under way. The bytes are those of the message cut off.
    #[error("a {0} frame came before the last frame of the message under way (RFC 6455, section 5.4)")]
    MessageInterrupted(Opcode),
    /// A data frame after the sender's own close frame.
    #[error("no data frame may follow the sender's own close frame (RFC 6455, section 5.5.1)")]
    DataAfterClose(Opcode),
    /// A close frame of one byte.
    #[error("the body of a close frame starts with a two-byte code, got one byte (RFC 6455, section 5.5.1)")]
    CloseCodeCut,
    /// A close code that must not be sent.
    #[error("close code {0} must not be sent (RFC 6455, section 7.4)")]
    CloseCodeNotSendable(CloseCode),
    /// A close reason that is not UTF-8.
    #[error("the reason of a close frame must be UTF-8, invalid at byte {at} (RFC 6455, section 5.5.1)")]
    CloseReasonNotUtf8 {
        /// Offset of the first invalid byte in the reason.
        at: usize,
    },
    /// A text message that is not UTF-8.
    #[error("a text message must be UTF-8, invalid at byte {at} (RFC 6455, section 8.1)")]
    TextNotUtf8 {
        /// Offset of the first invalid byte in the message.
        at: usize,
    },
    /// A message marked as compressed that is no DEFLATE data.
    #[error("the payload of a compressed message must be DEFLATE data (RFC 7692, section 7.2.2)")]
    NotDeflate,
    /// A compressed message that needs the content of an earlier one that could not be inflated.
    #[error("cannot inflate: the content it refers back to was not inflated")]
    InflateContextLost,
    /// A compressed message larger than the tap inflates.
    #[error("not inflated further: more than {limit} bytes")]
    InflatedTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The stream ended inside a frame's header.
    #[error("the stream ended inside the header of a frame")]
    EndedInHeader,
    /// The stream ended inside a frame's payload.
    #[error("the stream ended inside a {opcode} frame, {missing} bytes of its payload are missing")]
    EndedInFrame {
        /// Which frame.
        opcode: Opcode,
        /// Bytes announced and not sent.
        missing: u64,
    },
    /// The stream ended between the frames of a message.
    #[error("the stream ended before the last frame of a message")]
    EndedInMessage,
    /// What follows a header that cannot be read.
    #[error("the frames here cannot be told apart, after a length that could not be read")]
    Unframed,
}

impl ProtocolError {
    /// Whether the sender broke the protocol; `false` where the link ended early or a limit of ours was
    /// reached, for which nobody is to be accused.
    pub const fn is_breach(self) -> bool {
        match self {
            Self::MissingMask
            | Self::UnexpectedMask
            | Self::ReservedBitsSet(_)
            | Self::ReservedOpcode(_)
            | Self::LengthNotMinimal { .. }
            | Self::LengthTooLarge { .. }
            | Self::FragmentedControl(_)
            | Self::ControlTooLong { .. }
            | Self::NothingToContinue
            | Self::MessageInterrupted(_)
            | Self::DataAfterClose(_)
            | Self::CloseCodeCut
            | Self::CloseCodeNotSendable(_)
            | Self::CloseReasonNotUtf8 { .. }
            | Self::TextNotUtf8 { .. }
            | Self::NotDeflate => true,
            Self::InflateContextLost
            | Self::InflatedTooLarge { .. }
            | Self::EndedInHeader
            | Self::EndedInFrame { .. }
            | Self::EndedInMessage
            | Self::Unframed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProtocolError as Why;
    use super::*;
    use crate::wire::{Decoder, DeflateParams, Item, MessageLimits, Scratch, Sender};

    /// What is wrong with `bytes`, in order, and what was read all the same.
    fn judge(sender: Sender, deflate: Option<DeflateParams>, bytes: &[u8]) -> (Vec<ProtocolError>, String) {
        let mut faults = Vec::new();
        let mut read = String::new();
        let mut sink = |item: Item<'_>| match item {
            Item::Message { payload, .. } => {
                read += &format!("message {} ", String::from_utf8_lossy(payload));
                faults.extend(crate::wire::text(payload).err());
            }
            Item::Oversized { size, .. } => read += &format!("oversized {size} "),
            Item::Ping(payload) => read += &format!("ping {} ", String::from_utf8_lossy(payload)),
            Item::Pong(payload) => read += &format!("pong {} ", String::from_utf8_lossy(payload)),
            Item::Close { code, .. } => read += &format!("close {code:?} "),
            Item::Undecodable { bytes, size, why } => {
                assert_eq!(bytes.len() as u64, size);
                faults.push(why);
            }
        };
        let mut decoder = Decoder::new(sender, deflate, MessageLimits::default());
        decoder.feed(bytes, &mut Scratch::default(), &mut sink);
        decoder.finish(&mut sink);
        (faults, read.trim_end().to_owned())
    }

    #[track_caller]
    fn check(sender: Sender, bytes: &[u8], faults: &[ProtocolError], read: &str) {
        assert_eq!(judge(sender, None, bytes), (faults.to_vec(), read.to_owned()));
    }

    #[test]
    fn masks() {
        check(Sender::Client, b"\x81\x01a", &[Why::MissingMask], "message a");
        check(Sender::Server, b"\x81\x81\0\0\0\x01`", &[Why::UnexpectedMask], "message `");
        check(Sender::Client, b"\x81\x82\x01\x02\x03\x04`b", &[], "message a`");
    }

    #[test]
    fn reserved_bits_and_opcodes() {
        let set = |byte| Why::ReservedBitsSet(ReservedBits::from_bits(byte));
        check(Sender::Server, b"\xc1\x01a", &[set(0x40)], "message a");
        check(Sender::Server, b"\xb9\x01a", &[set(0x30)], "ping a");
        check(Sender::Server, b"\x83\x01a\x81\x01b", &[Why::ReservedOpcode(3)], "message b");
        check(Sender::Server, b"\x8b\x01a\x81\x01b", &[Why::ReservedOpcode(11)], "message b");
        let deflate = Some(DeflateParams::default());
        assert_eq!(judge(Sender::Server, deflate, b"\xc9\x01a"), (vec![set(0x40)], "ping a".into()));
        let continued = b"\x01\x01a\xc0\x01b";
        assert_eq!(judge(Sender::Server, deflate, continued), (vec![set(0x40)], "message ab".into()));
    }

    #[test]
    fn lengths() {
        check(Sender::Server, b"\x81\x7e\0\x01a", &[Why::LengthNotMinimal { length: 1 }], "message a");
        let eight = b"\x81\x7f\0\0\0\0\0\0\0\x01a";
        check(Sender::Server, eight, &[Why::LengthNotMinimal { length: 1 }], "message a");
        let huge = Why::LengthTooLarge { length: 1 << 63 };
        check(Sender::Server, b"\x81\x7f\x80\0\0\0\0\0\0\0\x81\x01a", &[huge, Why::Unframed], "");
    }

    #[test]
    fn control_frames() {
        check(Sender::Server, b"\x09\x01a", &[Why::FragmentedControl(Opcode::Ping)], "ping a");
        let long = [&b"\x89\x7e\0\x7e"[..], &[b'x'; 126]].concat();
        let too_long = Why::ControlTooLong { opcode: Opcode::Ping, length: 126 };
        check(Sender::Server, &long, &[too_long], &format!("ping {}", "x".repeat(126)));
        check(Sender::Server, b"\x01\x01a\x8a\x01p\x80\x01b", &[], "pong p message ab");
    }

    #[test]
    fn an_endless_control_frame_is_not_kept() {
        let header = b"\x89\x7f\0\0\0\0\0\x10\0\0";
        let mut kept = Vec::new();
        let mut decoder = Decoder::new(Sender::Server, None, MessageLimits::default());
        let mut sink = |item: Item<'_>| kept.push(format!("{item:?}").len());
        let mut scratch = Scratch::default();
        decoder.feed(header, &mut scratch, &mut sink);
        for _ in 0..256 {
            decoder.feed(&[0; 4096], &mut scratch, &mut sink);
            assert!(decoder.heap_bytes() <= 8192);
        }
        assert_eq!(kept.len(), 1);
    }

    #[test]
    fn fragments() {
        check(Sender::Server, b"\x80\x01a\x81\x01b", &[Why::NothingToContinue], "message b");
        let interrupted = Why::MessageInterrupted(Opcode::Text);
        check(Sender::Server, b"\x02\x01a\x81\x01b", &[interrupted], "message b");
        check(
            Sender::Server,
            b"\x02\x01a\x01\x01b\x80\x01c",
            &[Why::MessageInterrupted(Opcode::Text)],
            "message bc",
        );
    }

    #[test]
    fn closing() {
        check(Sender::Server, b"\x88\0", &[], "close None");
        check(Sender::Server, b"\x88\x01a", &[Why::CloseCodeCut], "close None");
        let code = Why::CloseCodeNotSendable(CloseCode(1005));
        check(Sender::Server, b"\x88\x02\x03\xed", &[code], "close Some(1005)");
        let reason = Why::CloseReasonNotUtf8 { at: 1 };
        check(Sender::Server, b"\x88\x04\x03\xe8a\xff", &[reason], "close Some(1000)");
        let after = Why::DataAfterClose(Opcode::Text);
        check(Sender::Server, b"\x88\0\x8a\0\x81\x01a", &[after], "close None pong  message a");
    }

    #[test]
    fn text_that_is_not_utf8() {
        let fault = Why::TextNotUtf8 { at: 1 };
        check(Sender::Server, b"\x81\x02a\xff", &[fault], "message a\u{fffd}");
    }

    #[test]
    fn an_end_inside_something() {
        check(Sender::Server, b"\x81", &[Why::EndedInHeader], "");
        let missing = Why::EndedInFrame { opcode: Opcode::Text, missing: 2 };
        check(Sender::Server, b"\x81\x03a", &[missing], "");
        let missing = Why::EndedInFrame { opcode: Opcode::Ping, missing: 1 };
        check(Sender::Server, b"\x01\x01a\x89\x01", &[Why::EndedInMessage, missing], "");
        check(Sender::Server, b"\x01\x01a\x80", &[Why::EndedInMessage, Why::EndedInHeader], "");
        check(Sender::Server, b"\x85\x03a", &[Why::ReservedOpcode(5)], "");
    }

    #[test]
    fn compressed_messages() {
        let deflate = Some(DeflateParams::default());
        // RFC 7692, section 7.2.3.1 and 7.2.3.2: "Hello" twice, the second referring back to the first.
        let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\0\xc1\x05\xf2\0\x11\0\0";
        let read = "message Hello message Hello".to_owned();
        assert_eq!(judge(Sender::Server, deflate, hello), (vec![], read));
        // A block type that does not exist; what refers back to it is lost as well.
        let broken = b"\xc1\x01\x07\xc1\x05\xf2\0\x11\0\0\x81\x01a";
        let faults = vec![Why::NotDeflate, Why::InflateContextLost];
        assert_eq!(judge(Sender::Server, deflate, broken), (faults, "message a".into()));
        let alone = Some(DeflateParams { server_no_context_takeover: true, ..DeflateParams::default() });
        let broken = b"\xc1\x01\x07\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\0";
        assert_eq!(judge(Sender::Server, alone, broken), (vec![Why::NotDeflate], "message Hello".into()));
    }

    #[test]
    fn only_what_the_sender_did_is_a_breach() {
        assert!(Why::MissingMask.is_breach());
        assert!(!Why::EndedInMessage.is_breach());
    }

    #[test]
    fn the_text_names_the_section() {
        let why = Why::LengthTooLarge { length: 1 << 63 };
        assert_eq!(
            why.to_string(),
            "the highest bit of a 64-bit length must be zero, got length 0x8000000000000000 (RFC 6455, section 5.2)"
        );
    }
}
