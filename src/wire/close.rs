//! Status codes of a close frame (RFC 6455, section 7.4, and the IANA registry it opened).

use std::fmt;

/// A status code as it stands in a close frame; any 16-bit value can be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The endpoint goes away: a server stops, a program ends.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// "No code was in the close frame": for programs, never on the wire.
    pub const NO_STATUS: Self = Self(1005);

    /// Whether an endpoint may put this code into a close frame: registered codes except the three that
    /// only ever stand for something local, and the ranges for libraries (3000) and applications (4000).
    pub const fn is_sendable(self) -> bool {
        match self.class() {
            CloseClass::Registered | CloseClass::Library | CloseClass::Application => true,
            CloseClass::LocalOnly | CloseClass::Unassigned => false,
        }
    }

    /// Which part of the number space the code comes from.
    pub const fn class(self) -> CloseClass {
        match self.0 {
            1005 | 1006 | 1015 => CloseClass::LocalOnly,
            1000..=1003 | 1007..=1014 => CloseClass::Registered,
            3000..=3999 => CloseClass::Library,
            4000..=4999 => CloseClass::Application,
            _ => CloseClass::Unassigned,
        }
    }

    /// The registered name of the code, in words; `None` where nobody gave it one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status received",
            1006 => "abnormal closure",
            1007 => "invalid payload data",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            1015 => "TLS handshake",
            3000 => "unauthorized",
            3003 => "forbidden",
            3008 => "timeout",
            _ => return None,
        })
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The parts of the number space of close codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseClass {
    /// Registered for use on the wire.
    Registered,
    /// 1005, 1006 and 1015: what a library tells its program, never sent.
    LocalOnly,
    /// 3000 to 3999, registered by libraries and frameworks.
    Library,
    /// 4000 to 4999, agreed between applications.
    Application,
    /// Everything else: below 1000, 1004, not yet assigned, above 4999.
    Unassigned,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_meaningful_codes_may_be_sent() {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999] {
            assert!(CloseCode(code).is_sendable(), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            assert!(!CloseCode(code).is_sendable(), "{code}");
        }
    }

    #[test]
    fn a_code_is_shown_with_its_name() {
        assert_eq!(CloseCode(1001).to_string(), "1001 (going away)");
        assert_eq!(CloseCode(4001).to_string(), "4001");
    }
}
