//! Which extension the handshake agreed on (RFC 6455, section 9.1; RFC 7692, section 7.1).

use super::ResponseHead;
use crate::wire::DeflateParams;

/// The parameters of permessage-deflate, if the server accepted it: what its answer says is what holds.
///
/// Unknown parameters are passed over, and a window size outside 8 to 15 counts as 15; that a peer should
/// rather have failed the connection is not for the tap to decide.
pub fn negotiated_deflate(response: &ResponseHead) -> Option<DeflateParams> {
    let extensions = response.list("sec-websocket-extensions");
    let accepted = extensions.iter().find_map(|extension| {
        let mut parts = extension.split(';').map(str::trim);
        parts.next()?.eq_ignore_ascii_case("permessage-deflate").then_some(parts)
    })?;
    Some(accepted.fold(DeflateParams::default(), |params, parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        with_parameter(params, name.trim(), value.trim().trim_matches('"'))
    }))
}

fn with_parameter(params: DeflateParams, name: &str, value: &str) -> DeflateParams {
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits)).unwrap_or(15);
    match name.to_ascii_lowercase().as_str() {
        "client_no_context_takeover" => DeflateParams { client_no_context_takeover: true, ..params },
        "server_no_context_takeover" => DeflateParams { server_no_context_takeover: true, ..params },
        "client_max_window_bits" => DeflateParams { client_max_window_bits: bits, ..params },
        "server_max_window_bits" => DeflateParams { server_max_window_bits: bits, ..params },
        _ => params,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HandshakeLimits;

    fn negotiated(lines: &str) -> Option<DeflateParams> {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n");
        let head = ResponseHead::parse(head.as_bytes(), HandshakeLimits::default()).unwrap().unwrap();
        negotiated_deflate(&head)
    }

    #[test]
    fn the_answer_says_what_was_agreed() {
        let defaults = DeflateParams::default();
        assert_eq!(negotiated("Sec-WebSocket-Accept: x\r\n"), None);
        assert_eq!(negotiated("Sec-WebSocket-Extensions: x-other; permessage-deflate\r\n"), None);
        let line = "sec-websocket-extensions: x-other,  Permessage-Deflate\r\n";
        assert_eq!(negotiated(line), Some(defaults));
        let line = "Sec-WebSocket-Extensions: x-other\r\nSec-WebSocket-Extensions: permessage-deflate; \
            server_no_context_takeover; client_max_window_bits=\"10\" ;server_max_window_bits = 9; odd=1\r\n";
        let expected = DeflateParams {
            server_no_context_takeover: true,
            client_max_window_bits: 10,
            server_max_window_bits: 9,
            ..defaults
        };
        assert_eq!(negotiated(line), Some(expected));
        let line = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99\r\n";
        assert_eq!(negotiated(line), Some(defaults));
    }
}
