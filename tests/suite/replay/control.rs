//! The control endpoint, as a test framework uses it. Every answer is held against the OpenAPI document.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use super::tilltape;

const SALE: &str = "cassettes/bluechip-tsi/sale-approved.cassette.jsonl";
const DECLINED: &str = "cassettes/bluechip-tsi/sale-declined.cassette.jsonl";

#[test]
fn one_process_plays_one_cassette_after_the_other() {
    let endpoint = Endpoint::start(&["--pace", "instant"]);
    let idle = endpoint.get("/v1/state", 200);
    assert_eq!(
        (&idle["state"], &idle["run"], &idle["cassette"]),
        (&json!("idle"), &Value::Null, &Value::Null)
    );
    assert_eq!(endpoint.get("/v1/verdict", 409)["error"]["code"], "nothing-loaded");
    assert_eq!(endpoint.post("/v1/advance", "", 409)["error"]["code"], "nothing-loaded");
    for (number, (cassette, till)) in
        [(SALE, sale()), (DECLINED, declined()), (SALE, sale())].iter().enumerate()
    {
        let state = endpoint.load(&json!({"cassette": cassette, "check": true}));
        assert_eq!(state["run"], number + 1);
        assert_eq!((&state["state"], &state["cassette"]), (&json!("playing"), &json!(cassette)));
        assert_eq!(state["url"], idle["url"], "peers never need another address");
        assert_eq!(state["waits_for"][0]["what"], "connection to /tsi/v1/payment");
        till.sell(&endpoint.url);
        let verdict = endpoint.get("/v1/verdict?wait=20s", 200);
        assert_eq!(verdict["verdict"], "complete", "{}", verdict["text"]);
        assert_eq!(verdict["conformance"]["verdict"], "CONFORMANT");
        let over = endpoint.get("/v1/state", 200);
        assert_eq!((&over["state"], &over["verdict"]), (&json!("over"), &json!("complete")));
    }
    assert_eq!(endpoint.post("/v1/stop", "", 409)["error"]["code"], "over");
    endpoint.ends_with(0);
}

#[test]
fn a_run_goes_step_by_step_and_wrong_on_demand() {
    let endpoint = Endpoint::start(&[SALE, "--pace", "instant", "--step"]);
    let mut till = open(&endpoint.url);
    assert_eq!(
        endpoint.post("/v1/inject", r#"{"connection":7,"text":"x"}"#, 409)["error"]["code"],
        "no-connection"
    );
    till.send(sale().request("600001").into()).unwrap();
    let held = endpoint.until(|state| !state["held"].is_null());
    assert_eq!(held["held"]["what"], "response `started`");
    assert_eq!(
        held["messages"],
        json!({"sent": 0, "to_send": 2, "matched": 1, "to_match": 2, "unexpected": 0})
    );
    assert_eq!(held["connections"], json!([1]));
    endpoint.post("/v1/advance", "", 200);
    assert!(till.read().unwrap().to_text().unwrap().contains("started"));
    assert_eq!(endpoint.post("/v1/fault", r#"{"fault":"drop response"}"#, 409)["error"]["code"], "too-late");
    let wrong = endpoint.post("/v1/fault", r#"{"fault":"dorp event"}"#, 422);
    assert!(wrong["error"]["message"].as_str().unwrap().contains("did you mean `drop`?"), "{wrong}");
    assert_eq!(wrong["error"]["help"], "`tilltape replay --faults` lists them");
    endpoint.post("/v1/fault", r#"{"fault":"duplicate event"}"#, 200);
    endpoint.post("/v1/inject", r#"{"json":{ "a" : 1.0 }}"#, 200);
    assert_eq!(till.read().unwrap().to_text().unwrap(), r#"{ "a" : 1.0 }"#, "sent as it was written");
    endpoint.post("/v1/inject", r#"{"text":"no JSON","connection":1}"#, 200);
    assert_eq!(till.read().unwrap().to_text().unwrap(), "no JSON");
    assert_eq!(
        endpoint.post("/v1/inject", "{}", 422)["error"]["message"],
        "expected one of `json` and `text`"
    );
    endpoint.post("/v1/advance", r#"{"messages":1}"#, 200);
    let event = till.read().unwrap();
    assert_eq!(till.read().unwrap(), event);
    let struck = endpoint.get("/v1/state", 200);
    assert_eq!(struck["faults"], json!([{"fault": "duplicate event", "n": 4}]));
    assert_eq!(endpoint.get("/v1/verdict?wait=10ms", 409)["error"]["code"], "playing");
    assert_eq!(endpoint.post("/v1/stop", "", 200)["verdict"], "incomplete");
    let verdict = endpoint.get("/v1/verdict", 200);
    assert_eq!(verdict["incomplete"]["why"], "stopped");
    endpoint.ends_with(0);
}

#[test]
fn what_a_request_does_not_say_is_as_on_the_command_line() {
    let endpoint = Endpoint::start(&["--pace", "instant", "--ignore", "/request/resource/amount"]);
    let other = Till { resource: sale().resource.replace("2350", "2351") };
    endpoint.load(&json!({"cassette": SALE}));
    other.sell(&endpoint.url);
    assert_eq!(endpoint.get("/v1/verdict?wait=20s", 200)["verdict"], "complete");
    endpoint.load(&json!({"cassette": SALE, "ignore": []}));
    other.sell(&endpoint.url);
    let verdict = endpoint.get("/v1/verdict?wait=20s", 200);
    assert_eq!(verdict["mismatch"]["differences"][0]["at"], "/request/resource/amount");
    // A run that goes on makes place for the next.
    endpoint.load(&json!({"cassette": SALE}));
    let _till = open(&endpoint.url);
    let state = endpoint.load(&json!({"cassette": DECLINED, "times": 2, "faults": ["cut before event_ack"]}));
    assert_eq!((&state["run"], &state["connections"]), (&json!(4), &json!([])));
}

/// Method, path, header lines, body; the status and what the answer says.
#[rstest]
#[case("GET", "/v1/stat", "", "", 404, "did you mean `/v1/state`?")]
#[case("POST", "/v1/state", "", "", 405, "expected GET, got POST")]
#[case("PUT", "/v1/cassette", "", "{}", 415, "`application/json`, got `none`")]
#[case("PUT", "/v1/cassette", "Content-Type: text/plain\r\n", "{}", 415, "got `text/plain`")]
#[case("PUT", "/v1/cassette", JSON, "{", 400, "EOF while parsing")]
#[case("PUT", "/v1/cassette", JSON, "{}", 400, "missing field `cassette`")]
#[case("PUT", "/v1/cassette", JSON, r#"{"cassete":"x"}"#, 400, "unknown field `cassete`")]
#[case("PUT", "/v1/cassette", JSON, r#"{"cassette":"no-such-file"}"#, 422, "no-such-file")]
#[case("PUT", "/v1/cassette", JSON, r#"{"cassette":"Cargo.toml"}"#, 422, "Cargo.toml")]
#[case("PUT", "/v1/cassette", JSON, r#"{"cassette":"-"}"#, 422, "expected the path of a cassette")]
#[case("PUT", "/v1/cassette", JSON, &format!(r#"{{"cassette":"{SALE}","pace":"warp"}}"#), 422, "`pace`: `warp`")]
#[case("PUT", "/v1/cassette", JSON, &format!(r#"{{"cassette":"{SALE}","faults":["drop evnet"]}}"#), 422, "did you mean `event`?")]
#[case("PUT", "/v1/cassette", JSON, &format!(r#"{{"cassette":"{SALE}","unknown":"panic"}}"#), 422, "`unknown`: `panic`")]
#[case("PUT", "/v1/cassette", JSON, &format!(r#"{{"cassette":"{SALE}","patience":"soon"}}"#), 422, "`patience`: `soon`")]
#[case("POST", "/v1/advance", JSON, r#"{"messages":-1}"#, 400, "invalid value")]
#[case("GET", "/v1/verdict?wait=soon", "", "", 400, "expected a time such as `5s`")]
#[case("GET", "/v1/verdict?weight=5s", "", "", 400, "expected `wait`")]
#[case("GET", "/v1/state", "Origin: https://shop.example\r\n", "", 403, "a page of `https://shop.example`")]
#[case("POST", "/v1/stop", "Origin: null\r\n", "", 403, "a page of `null`")]
fn a_bad_request_is_told_what_is_wrong(
    #[case] method: &str,
    #[case] path: &str,
    #[case] headers: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] said: &str,
) {
    let endpoint = Endpoint::start(&[]);
    let answer = endpoint.call(method, path, headers, body);
    assert_eq!(answer.0, status, "{}", answer.1);
    assert!(answer.1.to_string().replace("\\\"", "\"").contains(said), "{}", answer.1);
    assert_eq!(endpoint.get("/v1/state", 200)["state"], "idle");
}

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn a_request_that_is_none_too_large_or_for_another_machine_harms_nothing() {
    let endpoint = Endpoint::start(&[]);
    let (status, answer) = endpoint.call("PUT", "/v1/cassette", JSON, &" ".repeat(70_000));
    assert_eq!((status, &answer["error"]["code"]), (413, &json!("too-large")));
    let other = "GET /v1/state HTTP/1.1\r\nHost: terminal.example\r\nConnection: close\r\n\r\n";
    assert!(endpoint.raw(other.as_bytes()).starts_with("HTTP/1.1 421 "));
    for noise in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(endpoint.address()).unwrap();
        socket.write_all(noise).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
    }
    let endless = format!("GET /v1/state HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let answer = endpoint.raw(endless.as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(endpoint.get("/v1/state", 200)["state"], "idle");
    endpoint.ends_with(0);
}

#[test]
fn what_cannot_be_served_at_all_is_said_at_the_start() {
    let run = |arguments: &[&str]| {
        let output = tilltape(&[&["replay", "terminal"], arguments].concat()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = run(&[&format!("--control={address}")]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("--control: cannot listen on `127.0.0.1:"), "{said}");
    let (code, said) = run(&["no-such-file", "--control"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = run(&["--control", "--times", "3"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`times` in the request"), "{said}");
    let (code, said) = run(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("CASSETTE"), "{said}");
}

#[test]
fn the_document_is_whole_and_served() {
    let endpoint = Endpoint::start(&[]);
    let served = endpoint.get("/v1/openapi.json", 200);
    let document = document();
    assert_eq!(served, document);
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    walk(&document, &mut |key, value| {
        if key == "$ref" {
            references.push(value.as_str().unwrap().to_owned());
        }
    });
    assert!(references.len() > 50);
    let replay = replay_schema();
    for reference in references {
        let (file, pointer) = reference.split_once('#').unwrap();
        let target = if file.is_empty() { document.pointer(pointer) } else { replay.pointer(pointer) };
        assert!(target.is_some(), "{reference} leads nowhere");
    }
}

fn document() -> Value {
    serde_json::from_str(include_str!("../../../specs/schema/control.openapi.json")).unwrap()
}

fn replay_schema() -> Value {
    serde_json::from_str(include_str!("../../../specs/schema/replay.schema.json")).unwrap()
}

fn walk(value: &Value, seen: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                seen(key, value);
                walk(value, seen);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| walk(element, seen)),
        _ => {}
    }
}

/// Holds an answer against the document: the status is one of the path, the body of its schema.
fn conforms(method: &str, path: &str, status: u16, body: &Value) {
    let document = document();
    let path = path.split('?').next().unwrap();
    let operation = &document["paths"][path][method.to_lowercase()];
    let response = match &operation["responses"][status.to_string()] {
        // What has no operation, or not that method, is an error like all others.
        Value::Null if matches!(status, 404 | 405) => &document["components"]["responses"]["NotFound"],
        response => response,
    };
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => response,
    };
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path}: the document has no {status}");
    let mut whole = json!({"$defs": document["components"]["schemas"], "allOf": [schema]});
    for (name, definition) in replay_schema()["$defs"].as_object().unwrap() {
        let mut definition = definition.clone();
        point(&mut definition, "#/$defs/", "#/$defs/replay-");
        whole["$defs"][format!("replay-{name}")] = definition;
    }
    point(&mut whole, "#/components/schemas/", "#/$defs/");
    point(&mut whole, "replay.schema.json#/$defs/", "#/$defs/replay-");
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    let errors: Vec<String> = validator.iter_errors(body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{method} {path} {status}: {errors:?}\n{body}");
}

/// Makes references that begin in one way begin in another.
fn point(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "$ref" && text.starts_with(from) => {
                        *text = format!("{to}{}", &text[from.len()..]);
                    }
                    _ => point(value, from, to),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| point(element, from, to)),
        _ => {}
    }
}

struct Endpoint {
    child: Child,
    control: String,
    url: String,
}

impl Endpoint {
    fn start(arguments: &[&str]) -> Self {
        let arguments = [&["replay", "terminal", "--control"], arguments].concat();
        let mut child = tilltape(&arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(ready["ready"], true);
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        assert!(text("url").ends_with(&format!(":{}", ready["port"])));
        Self { child, control: text("control"), url: text("url") }
    }

    fn address(&self) -> &str {
        self.control.strip_prefix("http://").unwrap()
    }

    fn get(&self, path: &str, status: u16) -> Value {
        self.expect("GET", path, "", status)
    }

    fn post(&self, path: &str, body: &str, status: u16) -> Value {
        self.expect("POST", path, body, status)
    }

    fn load(&self, body: &Value) -> Value {
        self.expect("PUT", "/v1/cassette", &body.to_string(), 200)
    }

    #[track_caller]
    fn expect(&self, method: &str, path: &str, body: &str, status: u16) -> Value {
        let headers = if body.is_empty() { "" } else { JSON };
        let (got, answer) = self.call(method, path, headers, body);
        assert_eq!(got, status, "{method} {path}: {answer}");
        answer
    }

    fn until(&self, done: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let state = self.get("/v1/state", 200);
            if done(&state) {
                return state;
            }
            assert!(Instant::now() < until, "it did not happen: {state}");
        }
    }

    fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let host = self.address();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        let answer = self.raw(request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
        let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
        conforms(method, path, status, &body);
        (status, body)
    }

    fn raw(&self, request: &[u8]) -> String {
        let mut socket = TcpStream::connect(self.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        // An endpoint that has heard enough may stop reading.
        let _ = socket.write_all(request);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    #[cfg(unix)]
    fn ends_with(mut self, code: i32) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(code));
    }

    #[cfg(not(unix))]
    fn ends_with(self, _code: i32) {}
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Link = tungstenite::WebSocket<tungstenite::stream::MaybeTlsStream<TcpStream>>;

fn open(url: &str) -> Link {
    tungstenite::connect(format!("{url}/tsi/v1/payment")).unwrap().0
}

/// A till that sells once.
struct Till {
    resource: String,
}

fn sale() -> Till {
    Till { resource: r#"{"type":"sale","amount":2350,"tip_amount":300,"tender_type":"credit"}"#.to_owned() }
}

fn declined() -> Till {
    Till { resource: r#"{"type":"sale","amount":4561,"tender_type":"credit"}"#.to_owned() }
}

impl Till {
    fn request(&self, flow: &str) -> String {
        format!(r#"{{"request":{{"flow_id":"{flow}","resource":{}}}}}"#, self.resource)
    }

    /// Sells, as far as the terminal plays along.
    fn sell(&self, url: &str) {
        let mut link = open(url);
        let ack = r#"{"event_ack":{"flow_id":"600002","resource":{"status":"ok"}}}"#;
        let mut talk = || -> tungstenite::Result<()> {
            link.send(self.request("600002").into())?;
            link.read()?;
            link.read()?;
            link.send(ack.into())?;
            let code = tungstenite::protocol::frame::coding::CloseCode::Normal;
            link.close(Some(tungstenite::protocol::CloseFrame { code, reason: "".into() }))?;
            while link.read().is_ok() {}
            Ok(())
        };
        let _ = talk();
    }
}
