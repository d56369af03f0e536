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
