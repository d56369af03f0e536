//! The envelope of TSI messages: four kinds, a flow id, a resource (`tsi.md`, section 3).
//!
//! What comes from the other side is parsed into types here; what goes out is written in the order
//! real devices use. In single-endpoint mode (section 9) every body also names its endpoint.

use std::fmt;

use serde_json::Value;

use super::object::Object;

/// One of the four services of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Transactions and the settlement.
    Payment,
    /// Reports of the terminal.
    Reports,
    /// What the terminal is.
    Info,
    /// How the terminal is set.
    Config,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 4] = [Self::Payment, Self::Reports, Self::Info, Self::Config];

    /// Its path: `/tsi/v1/payment`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Payment => "/tsi/v1/payment",
            Self::Reports => "/tsi/v1/reports",
            Self::Info => "/tsi/v1/info",
            Self::Config => "/tsi/v1/config",
        }
    }

    /// The endpoint of a path, whatever its case.
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path().eq_ignore_ascii_case(path))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// What one socket of a terminal serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// One endpoint; bodies do not name it.
    One(Endpoint),
    /// All of them, on `/`; every body names its endpoint.
    Single,
}

impl Door {
    /// The door of a request target (path and query); `None` where a terminal has none.
    pub fn of_target(target: &str) -> Option<Self> {
        let path = target.split('?').next().unwrap_or_default();
        if path == "/" { Some(Self::Single) } else { Endpoint::of_path(path).map(Self::One) }
    }

    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::One(endpoint) => endpoint.path(),
            Self::Single => "/",
        }
    }
}

/// What ties the messages of a transaction together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    /// The id the POS chose.
    pub(crate) id: String,
    /// The endpoint as the POS wrote it; only in single-endpoint mode.
    pub(crate) endpoint: Option<String>,
}

impl Flow {
    /// `{"KIND":{"flow_id":…,"resource":…}}`
    pub(crate) fn wrap(&self, kind: &str, resource: Object) -> String {
        Object::new().object(kind, self.body(resource)).finish()
    }

    /// The body without its kind: the bare form of BF1, which no device understands.
    pub(crate) fn body(&self, resource: Object) -> Object {
        Object::new()
            .text("flow_id", &self.id)
            .given(self.endpoint.as_deref(), |body, endpoint| body.text("endpoint", endpoint))
            .object("resource", resource)
    }
}

/// A message of any of the four kinds, as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    pub(crate) flow: Flow,
    pub(crate) resource: Value,
}

/// The kinds of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    Event,
    EventAck,
}

impl Envelope {
    /// Reads a message; `None` for anything that is not exactly one of the four kinds with a text id.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Value::Object(mut frame) = serde_json::from_str(text).ok()? else { return None };
        let (name, mut body) = match frame.len() {
            1 => frame.iter_mut().next().map(|(name, body)| (name.clone(), body.take()))?,
            _ => return None,
        };
        let kind = match name.as_str() {
            "request" => Kind::Request,
            "response" => Kind::Response,
            "event" => Kind::Event,
            "event_ack" => Kind::EventAck,
            _ => return None,
        };
        let id = body.get("flow_id")?.as_str()?.to_owned();
        let endpoint = body.get("endpoint").and_then(Value::as_str).map(str::to_owned);
        let resource = body.get_mut("resource")?.take();
        Some(Self { kind, flow: Flow { id, endpoint }, resource })
    }

    /// A text member of the resource.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.resource.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_found_whatever_the_case_of_the_path() {
        assert_eq!(Door::of_target("/Tsi/V1/Payment?x=1"), Some(Door::One(Endpoint::Payment)));
        assert_eq!(Door::of_target("/"), Some(Door::Single));
        assert_eq!(Door::of_target("/tsi/v1/"), None);
        assert_eq!(Door::of_target("/tsi/v2/info"), None);
    }

    #[test]
    fn only_the_four_wrapped_kinds_are_messages() {
        let message = Envelope::parse(r#"{"request":{"flow_id":"1","resource":{"type":"sale"}}}"#).unwrap();
        assert_eq!((message.kind, message.text("type")), (Kind::Request, Some("sale")));
        for other in [
            "",
            "[]",
            r#"{"flow_id":"1","resource":{"type":"sale"}}"#,
            r#"{"request":{"flow_id":1,"resource":{}}}"#,
            r#"{"request":{"flow_id":"1"}}"#,
            r#"{"request":{"flow_id":"1","resource":{}},"event":{}}"#,
            r#"{"reply":{"flow_id":"1","resource":{}}}"#,
        ] {
            assert_eq!(Envelope::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_endpoint_stands_between_id_and_resource() {
        let flow = Flow { id: "7".into(), endpoint: Some("/tsi/v1/payment".into()) };
        assert_eq!(
            flow.wrap("event_ack", Object::new().text("status", "ok")),
            r#"{"event_ack":{"flow_id":"7","endpoint":"/tsi/v1/payment","resource":{"status":"ok"}}}"#
        );
    }
}
