//! RFC 6455 as values: frames, messages, opcodes, close codes, handshakes, and the tap's decoder. No I/O.
//!
//! Bytes go in as they came off a socket, [`Item`]s come out in order. Nothing here ever fails: what
//! breaks the protocol is an item that names the breach. Memory is bounded by [`MessageLimits`].

mod limits;

mod close;
mod frame;
mod protocol_error;

mod deflate;
mod unmask;

mod content;
mod decoder;
mod item;
mod scratch;
mod unfinished;

pub mod handshake;

pub use close::{CloseClass, CloseCode};
pub use decoder::Decoder;
pub use deflate::DeflateParams;
pub use frame::{FrameHeader, Opcode, ReservedBits, Sender};
pub use item::{Item, text};
pub use limits::{HandshakeLimits, MessageLimits};
pub use protocol_error::ProtocolError;
pub use scratch::Scratch;
pub use unmask::unmask;
