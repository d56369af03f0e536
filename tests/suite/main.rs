//! The one integration binary: everything is tested through the command line, sockets and files.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start the tool, read its files and play its peers"
)]

mod architecture;
mod cassette;
mod events;
mod licences;
mod report;
mod transcript;
