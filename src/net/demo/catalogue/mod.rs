//! The curated recordings: what each shows, and the act that makes it; a file for each protocol.
//!
//! Seeds are fixed, so a cassette made again differs in times and ports only.

mod gochip;
mod tsi;

use super::Act;
use crate::net::simulate::Protocol;

/// The normal day of `demo`.
pub const NORMAL_DAY: &str = "normal-day";
/// The bad till of `demo`.
pub const BAD_TILL: &str = "bad-till";

/// One curated recording.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name: the file is `NAME.cassette.jsonl`.
    pub name: &'static str,
    /// What it shows, in one line.
    pub about: &'static str,
    /// How it is made.
    pub act: Act,
}

/// Every curated recording of a protocol, in the order people should meet them.
pub fn catalogue(protocol: Protocol) -> Vec<Entry> {
    match protocol {
        Protocol::Tsi => tsi::catalogue(),
        Protocol::Gochip => gochip::catalogue(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_all_different_and_fit_a_file_name() {
        for protocol in Protocol::ALL {
            let entries = catalogue(protocol);
            let names: BTreeSet<_> = entries.iter().map(|entry| entry.name).collect();
            assert_eq!(names.len(), entries.len());
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(names.iter().all(|name| name.bytes().all(fits)));
            assert!(names.contains(NORMAL_DAY) && names.contains(BAD_TILL));
            assert!(entries.iter().all(|entry| entry.act.protocol() == protocol));
        }
    }
}
