//! The async shell: proxy, recorder, TLS, simulated peers, real clock. The only module with sockets.
//!
//! Files are opened by `cli` and handed in as values that can be written; nothing here prints.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "sockets, clocks and the recorder's thread live here and nowhere else"
)]

pub mod entropy;
mod interrupt;
mod link;
mod signals;

#[cfg(feature = "cli")]
pub mod control;
pub mod demo;
pub mod matrix;
pub mod record;
pub mod replay;
pub mod simulate;
pub mod tls;

pub use interrupt::until_interrupted;
pub use signals::stop_requested;
