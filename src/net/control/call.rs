//! What is wanted: a request of HTTP, read and understood.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::answer::Refusal;
use crate::pack::suggestion;

/// Bytes of a body.
const LARGEST: usize = 64 << 10;

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The longest wait for a verdict.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What is wanted.
#[derive(Debug)]
pub(super) enum Call {
    State,
    Load(Load),
    Advance(u32),
    Inject(Inject),
    Fault(String),
    Stop,
    Verdict(Duration),
    OpenApi,
}

/// A cassette to be played, and how; what is absent is as the command line has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The path of the cassette.
    pub cassette: String,
    /// How fast: `recorded`, `instant`, `40x`.
    pub pace: Option<String>,
    /// Whether every message of ours waits to be let go.
    pub step: Option<bool>,
    /// Places in messages that are not compared.
    pub ignore: Option<Vec<String>>,
    /// Whether it is not compared how connections end.
    pub ignore_close: Option<bool>,
    /// What becomes of messages that the cassette does not have.
    pub unknown: Option<String>,
    /// What goes wrong on purpose.
    pub faults: Option<Vec<String>>,
    /// Whether the rules of the pack judge the peer, too.
    pub check: Option<bool>,
    /// How long nothing may come that is waited for: `30s`.
    pub patience: Option<String>,
    /// How long connections may stay open once every message was exchanged.
    pub linger: Option<String>,
    /// How often it is played.
    pub times: Option<u32>,
}

impl Load {
    /// The cassette at that path, as the command line has it.
    pub fn of(cassette: String) -> Self {
        Self {
            cassette,
            pace: None,
            step: None,
            ignore: None,
            ignore_close: None,
            unknown: None,
            faults: None,
            check: None,
            patience: None,
            linger: None,
            times: None,
        }
    }
}

/// A message from outside the cassette.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inject {
    /// As JSON, sent as it is written.
    pub(super) json: Option<Box<RawValue>>,
    /// As any text.
    pub(super) text: Option<String>,
    /// The connection of the run.
    pub(super) connection: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    messages: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    fault: String,
}

/// Every path, and the method it has.
const PATHS: [(&str, &str); 8] = [
    ("/v1/state", "GET"),
    ("/v1/cassette", "PUT"),
    ("/v1/advance", "POST"),
    ("/v1/inject", "POST"),
    ("/v1/fault", "POST"),
    ("/v1/stop", "POST"),
    ("/v1/verdict", "GET"),
    ("/v1/openapi.json", "GET"),
];

/// Reads a request; `local` where only this machine may ask.
pub(super) async fn read(request: Request<Incoming>, local: bool) -> Result<Call, Refusal> {
    if local {
        only_from_here(request.headers())?;
    }
    let path = request.uri().path().to_owned();
    let Some(&(_, method)) = PATHS.iter().find(|(known, _)| *known == path) else {
        let near = suggestion(&path, PATHS.map(|(known, _)| known));
        let known = PATHS.map(|(known, _)| known).join(", ");
        let message = format!("expected a path of this endpoint, got `{path}`");
        let near = near.map_or_else(String::new, |near| format!("{near} "));
        return Err(Refusal::new(StatusCode::NOT_FOUND, "no-such-path", message)
            .help(format!("{near}known paths: {known}")));
    };
    if request.method().as_str() != method {
        let message = format!("{path}: expected {method}, got {}", request.method());
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", message);
        return Err(Refusal { allow: Some(method), ..refusal });
    }
    Ok(match path.as_str() {
        "/v1/state" => Call::State,
        "/v1/openapi.json" => Call::OpenApi,
        "/v1/verdict" => Call::Verdict(wait(request.uri().query().unwrap_or_default())?),
        "/v1/cassette" => Call::Load(body(request).await?),
        "/v1/advance" => {
            let Advance { messages } = body_or(request, Advance { messages: None }).await?;
            Call::Advance(messages.unwrap_or(1))
        }
        "/v1/inject" => Call::Inject(body(request).await?),
        "/v1/fault" => Call::Fault(body::<Fault>(request).await?.fault),
        _ => {
            whole(request).await?;
            Call::Stop
        }
    })
}

/// A page in a browser, wherever it comes from, must not steer a terminal: neither by a name that leads here, nor by
/// a request that browsers send without asking.
fn only_from_here(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_here(host) {
        let message = format!("expected a request to this machine, got one to the host `{host}`");
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "other-host", message)
            .help("use the address that the line `ready` gave"));
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let from = origin.split_once("://").map_or("", |(_, host)| host);
    if is_here(from) {
        return Ok(());
    }
    let message = format!("expected a program, got a page of `{origin}` in a browser");
    Err(Refusal::new(StatusCode::FORBIDDEN, "other-origin", message))
}

/// Whether a host, with or without a port, is this machine.
fn is_here(authority: &str) -> bool {
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn wait(query: &str) -> Result<Duration, Refusal> {
    let mut wait = Duration::ZERO;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let bad = |message: String| {
            Refusal::new(StatusCode::BAD_REQUEST, "bad-query", message)
                .help("`?wait=5s` waits for the end of the run")
        };
        let Some(("wait", time)) = pair.split_once('=') else {
            return Err(bad(format!("expected `wait`, got `{pair}`")));
        };
        wait = humantime::parse_duration(time)
            .map_err(|error| bad(format!("expected a time such as `5s`, got `{time}`: {error}")))?;
    }
    Ok(wait.min(LONGEST_WAIT))
}

/// The body, which must be JSON.
async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refusal> {
    parsed(&whole_json(request).await?)
}

/// The body, which may be absent.
async fn body_or<T: DeserializeOwned>(request: Request<Incoming>, absent: T) -> Result<T, Refusal> {
    if request.headers().get(CONTENT_TYPE).is_none() {
        let bytes = whole(request).await?;
        return if bytes.is_empty() { Ok(absent) } else { Err(not_json("none")) };
    }
    let bytes = whole_json(request).await?;
    if bytes.is_empty() { Ok(absent) } else { parsed(&bytes) }
}

async fn whole_json(request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("none");
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(not_json(kind));
    }
    whole(request).await
}

fn not_json(kind: &str) -> Refusal {
    let message = format!("expected a body of the type `application/json`, got `{kind}`");
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "no-json", message)
}

async fn whole(request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
    let body = Limited::new(request.into_body(), LARGEST).collect();
    match tokio::time::timeout(BODY_TIME, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("expected a body of at most {LARGEST} bytes, got more");
            Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message))
        }
        Ok(Err(error)) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "bad-body",
            format!("the body cannot be read: {error}"),
        )),
        Err(_) => {
            let message = format!("expected the whole body within {} s", BODY_TIME.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "too-slow", message))
        }
    }
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the body: {error}");
        Refusal::new(StatusCode::BAD_REQUEST, "bad-body", message)
            .help("/v1/openapi.json says what is expected")
    })
}
