//! The opening handshake (RFC 6455, section 4) as values: heads with their exact bytes, the extension
//! that was negotiated, and where the body of an answer ends. Judges nothing: the peers do that.

mod body;
mod error;
mod extension;
mod head;
mod request;
mod response;

pub use body::{Body, BodyLength};
pub use error::HandshakeError;
pub use extension::negotiated_deflate;
pub use head::Head;
pub use request::RequestHead;
pub use response::ResponseHead;
