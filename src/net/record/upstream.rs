//! Where the proxy dials: the upstream as the user writes it, and the connection to it.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::net::link::Link;
use crate::net::tls::{self, TlsError, Trust};

/// `ws://HOST[:PORT][/PATH]` or `wss://…`, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Upstream {
    /// `host:port`, or `host` where the port is the scheme's own: what stands in a `Host` header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.secure) { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        let ip: Option<std::net::IpAddr> = self.host.parse().ok();
        self.host.eq_ignore_ascii_case("localhost") || ip.is_some_and(|ip| ip.is_loopback())
    }

    /// What is put before each request target: empty, or a path without a slash at its end.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason| UpstreamError { text: text.into(), reason };
        let (secure, rest) = match text.split_once("://") {
            Some(("ws", rest)) => (false, rest),
            Some(("wss", rest)) => (true, rest),
            Some(_) => return Err(wrong("the scheme is neither `ws` nor `wss`")),
            None => return Err(wrong("the scheme is missing")),
        };
        if rest.contains(['?', '#']) {
            return Err(wrong("a query comes from the client, not from here"));
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(wrong("credentials come from the client, not from here"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| wrong("the port is no number up to 65535"))?;
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(wrong("it holds a space or a control character"));
        }
        Ok(Self {
            secure,
            host: host.into(),
            port: port.unwrap_or(default_port(secure)),
            path: path.trim_end_matches('/').into(),
        })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// The text names no upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an upstream such as `ws://192.168.1.20:50000`, got `{text}`: {reason}")]
pub struct UpstreamError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Dials one upstream, again and again.
#[derive(Clone)]
pub(in crate::net) struct Dialler {
    upstream: Arc<Upstream>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dialler {
    pub(in crate::net) fn new(upstream: Upstream, trust: &Trust) -> Result<Self, TlsError> {
        let tls = match upstream.secure {
            true => {
                let name = ServerName::try_from(upstream.host.clone()).map_err(|error| TlsError::Name {
                    name: upstream.host.clone(),
                    reason: error.to_string(),
                })?;
                Some((tls::connector(trust)?, name))
            }
            false => None,
        };
        Ok(Self { upstream: Arc::new(upstream), tls })
    }

    pub(in crate::net) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(in crate::net) async fn dial(&self) -> io::Result<Link> {
        let socket = TcpStream::connect((self.upstream.host.as_str(), self.upstream.port)).await?;
        socket.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Link::Plain(socket)),
            Some((connector, name)) => {
                let session = connector.connect(name.clone(), socket).await?;
                Ok(Link::Tls(Box::new(session.into())))
            }
        }
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Host and port of an authority; IPv6 addresses stand in brackets. `None` where the port is no number.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) }),
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None => Some((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host, Some(digits.parse().ok()?)))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_read_and_written() {
        let cases = [
            ("ws://127.0.0.1:50000", "ws://127.0.0.1:50000", "127.0.0.1:50000", ""),
            ("ws://till.local/", "ws://till.local", "till.local", ""),
            ("ws://till.local:80", "ws://till.local", "till.local", ""),
            ("wss://[::1]:8443/base/", "wss://[::1]:8443/base", "[::1]:8443", "/base"),
            ("wss://[::1]", "wss://[::1]", "[::1]", ""),
        ];
        for (text, shown, authority, path) in cases {
            let upstream: Upstream = text.parse().expect(text);
            assert_eq!(
                (upstream.to_string(), upstream.authority(), upstream.path()),
                (shown.into(), authority.into(), path)
            );
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_its_reason() {
        let cases = [
            ("127.0.0.1:50000", "the scheme is missing"),
            ("http://127.0.0.1", "neither `ws` nor `wss`"),
            ("ws://", "the host is missing"),
            ("ws://host:x", "no number"),
            ("ws://host:99999", "no number"),
            ("ws://host:1?a=b", "a query"),
            ("ws://me:secret@host", "credentials"),
            ("ws://ho st", "a space"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Upstream>().expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
