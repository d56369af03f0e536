//! The async shell: proxy, recorder, TLS, simulated peers, real clock. The only module with sockets.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "sockets, clocks and the recorder's thread live here and nowhere else"
)]

mod interrupt;
pub mod simulate;

pub use interrupt::until_interrupted;
