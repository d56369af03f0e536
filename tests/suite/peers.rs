//! Clients and servers of other WebSocket implementations, talking through the recorder.
//!
//! Each client plays the scenarios of `tests/peers/README.md` against each server, once directly and once with
//! the recorder between them. Three things are compared: what both peers report, with and without the proxy;
//! every byte that entered the proxy with every byte that left it; and the cassette with what the peers saw.
//! A peer that is not installed is skipped by name; how to install one stands in `CONTRIBUTING.md`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rstest::rstest;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tilltape::conversation::{ConnectionId, EventKind, Party, Payload};

use crate::recorder::{Recorder, Recording};
use crate::relay::{Relay, Traffic};

/// The scenarios and whether their messages are compressed, in the order the clients play them.
const SCENARIOS: [(&str, Compressed); 10] = [
    ("fragments", Compressed::No),
    ("pings", Compressed::No),
    ("deflate", Compressed::Yes),
    ("deflate-fresh", Compressed::Yes),
    ("big", Compressed::No),
    ("close-client", Compressed::No),
    ("close-server", Compressed::No),
    ("close-bare", Compressed::No),
    ("lost-client", Compressed::No),
    ("lost-server", Compressed::No),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compressed {
    Yes,
    No,
}

/// An implementation that is not ours.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    Node,
    Python,
}

#[rstest]
#[case::node_to_node(Peer::Node, Peer::Node)]
#[case::node_to_python(Peer::Node, Peer::Python)]
#[case::python_to_node(Peer::Python, Peer::Node)]
#[case::python_to_python(Peer::Python, Peer::Python)]
fn the_proxy_changes_nothing_between(#[case] client: Peer, #[case] server: Peer) {
    for peer in [client, server] {
        if let Err(reason) = peer.available() {
            // Past the test harness, which keeps the output of a test that passes to itself.
            let _ = writeln!(io::stderr(), "skipped: peers {client:?} to {server:?}: {reason}");
            return;
        }
    }
    let direct = play_directly(client, server);
    let proxied = play_through_the_recorder(client, server);

    assert_eq!(direct.client, proxied.logs.client, "what the client saw, directly and through the proxy");
    assert_eq!(direct.server, proxied.logs.server, "what the server saw, directly and through the proxy");
    same_bytes_on_both_sides(&proxied.before, &proxied.after);
    cassette_holds_what_the_peers_saw(&proxied.logs, &proxied.recording);
}

/// What the two peers received, by scenario.
struct Logs {
    client: Log,
    server: Log,
}

type Log = BTreeMap<String, Vec<Got>>;

/// One line a peer prints.
#[derive(Debug, Deserialize)]
struct Line {
    scenario: String,
    #[serde(flatten)]
    got: Got,
}

/// One thing a peer received.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "got", rename_all = "lowercase")]
enum Got {
    Text { size: u64, sha256: String },
    Binary { size: u64, sha256: String },
    Pong { hex: String },
    Close { code: u16, reason: String },
}

struct Proxied {
    logs: Logs,
    /// Between the client and the recorder.
    before: Vec<Traffic>,
    /// Between the recorder and the server.
    after: Vec<Traffic>,
    recording: Recording,
}

fn play_directly(client: Peer, server: Peer) -> Logs {
    let server = Server::start(server);
    let client = play(client, server.port);
    Logs { client, server: server.finish() }
}

fn play_through_the_recorder(client: Peer, server: Peer) -> Proxied {
    let server = Server::start(server);
    let after = Relay::start(server.port);
    let recorder = Recorder::start(&format!("ws://{}", after.address), &[]);
    let before = Relay::start(recorder.port);
    let client = play(client, before.address.port());
    let logs = Logs { client, server: server.finish() };
    let (before, after) = (before.finish(), after.finish());
    Proxied { logs, before, after, recording: recorder.stop() }
}

fn play(client: Peer, port: u16) -> Log {
    let output = client
        .command("client")
        .arg(format!("ws://127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .output()
        .expect("the client starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the {client:?} client failed: {stderr}{stdout}");
    read_log(stdout.lines().map(str::to_owned))
}

fn read_log(lines: impl Iterator<Item = String>) -> Log {
    let mut log = Log::new();
    for line in lines {
        let line: Line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        log.entry(line.scenario).or_default().push(line.got);
    }
    log
}

/// A server of another implementation; killed when dropped.
struct Server {
    child: Child,
    port: u16,
    lines: io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Server {
    fn start(peer: Peer) -> Self {
        let mut child = peer
            .command("server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let first = lines.next().expect("the server says its port").expect("the server prints text");
        let port = first.strip_prefix("port ").and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("no port: {first}")), lines }
    }

    /// Closes its standard input, upon which it ends once every connection is over.
    fn finish(mut self) -> Log {
        drop(self.child.stdin.take());
        let log = read_log(self.lines.by_ref().map(|line| line.expect("the server prints text")));
        let status = self.child.wait().expect("the server can be waited for");
        assert!(status.success(), "the server failed: {status}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    pub(crate) fn command(self, role: &str) -> Command {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        let (program, extension) = match self {
            Self::Node => (env::var_os("TILLTAPE_NODE").unwrap_or_else(|| "node".into()), "js"),
            Self::Python => (env::var_os("TILLTAPE_PYTHON").unwrap_or_else(|| "python3".into()), "py"),
        };
        let mut command = Command::new(program);
        command.arg(folder.join(role).with_extension(extension)).env("PYTHONDONTWRITEBYTECODE", "1");
        if let Some(modules) = env::var_os("TILLTAPE_NODE_MODULES") {
            command.env("NODE_PATH", modules);
        }
        command
    }

    /// Whether it is installed, or the reason to skip it. A location that was given must hold it.
    pub(crate) fn available(self) -> Result<(), String> {
        let (variable, probe, option, name) = match self {
            Self::Node => ("TILLTAPE_NODE_MODULES", "require('ws')", "-e", "npm `ws`"),
            Self::Python => {
                ("TILLTAPE_PYTHON", "import websockets.asyncio.client", "-c", "PyPI `websockets`")
            }
        };
        let mut command = self.command("probe");
        let mut probing = Command::new(command.get_program());
        probing.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command = probing;
        let works = command.args([option, probe]).output().is_ok_and(|output| output.status.success());
        match (works, env::var_os(variable)) {
            (true, _) => Ok(()),
            (false, None) => Err(format!("{name} is not found; {variable} says where it is")),
            (false, Some(place)) => panic!("{name} is not in {variable}={}", PathBuf::from(place).display()),
        }
    }
}

/// After the heads of the handshake the proxy is a pipe; the request's head differs in `Host` at most.
fn same_bytes_on_both_sides(before: &[Traffic], after: &[Traffic]) {
    assert_eq!(before.len(), SCENARIOS.len(), "connections to the proxy");
    assert_eq!(after.len(), SCENARIOS.len(), "connections from the proxy");
    for ((scenario, _), (before, after)) in SCENARIOS.iter().zip(before.iter().zip(after)) {
        let (request, from_client) = Traffic::split(&before.up);
        let (passed_request, to_server) = Traffic::split(&after.up);
        assert!(!from_client.is_empty(), "{scenario}: the client sent something");
        assert!(from_client == to_server, "{scenario}: {}", difference(from_client, to_server));
        assert!(before.down == after.down, "{scenario}: {}", difference(&after.down, &before.down));
        assert_eq!(without_host(request), without_host(passed_request), "{scenario}: the request's head");
    }
}

fn difference(sent: &[u8], received: &[u8]) -> String {
    let at = sent.iter().zip(received).take_while(|(a, b)| a == b).count();
    format!("{} bytes entered the proxy, {} left it, the first {at} are equal", sent.len(), received.len())
}

fn without_host(head: &[u8]) -> Vec<Cow<'_, str>> {
    head.split(|byte| *byte == b'\n')
        .map(String::from_utf8_lossy)
        .filter(|line| !line.to_ascii_lowercase().starts_with("host:"))
        .collect()
}

/// What the cassette says of one connection.
#[derive(Debug, Default)]
struct Taped {
    from_pos: Vec<Got>,
    from_terminal: Vec<Got>,
    /// In order: `pos ping between frames`, `terminal message 3`, `dropped by pos`.
    order: Vec<String>,
    compressed: Vec<Compressed>,
}

fn cassette_holds_what_the_peers_saw(logs: &Logs, recording: &Recording) {
    assert!(recording.status.success(), "the recorder ended with {}: {}", recording.status, recording.stderr);
    let taped = read_cassette(recording);
    assert_eq!(taped.len(), SCENARIOS.len(), "connections in the cassette: {:?}", taped.keys());
    for (scenario, compressed) in SCENARIOS {
        let taped = &taped[scenario];
        assert_eq!(taped.from_pos, received(&logs.server[scenario]), "{scenario}: from the client");
        assert_eq!(taped.from_terminal, received(&logs.client[scenario]), "{scenario}: from the server");
        assert!(taped.compressed.iter().all(|found| *found == compressed), "{scenario}: {taped:?}");
        for event in expected(scenario) {
            assert!(taped.order.iter().any(|found| found == event), "{scenario}: no `{event}` in {taped:?}");
        }
        let is_lost = scenario.starts_with("lost-");
        assert_eq!(
            taped.order.iter().any(|found| found.starts_with("dropped")),
            is_lost,
            "{scenario}: {taped:?}"
        );
    }
    let fragments = &taped["fragments"].order;
    let position = |event: &str| fragments.iter().position(|found| found == event);
    assert!(
        position("pos ping between frames") < position("pos message in frames"),
        "the ping came before the message was whole: {fragments:?}"
    );
}

/// What a peer received, as far as its sender put it on the wire: pongs are the answers of libraries, and the
/// codes 1005 and 1006 stand for what did not come.
fn received(log: &[Got]) -> Vec<Got> {
    log.iter()
        .filter(|got| match got {
            Got::Text { .. } | Got::Binary { .. } => true,
            Got::Close { code, .. } => !matches!(code, 1005 | 1006),
            Got::Pong { .. } => false,
        })
        .cloned()
        .collect()
}

/// What must be in the cassette beside the messages and closes that the peers report.
fn expected(scenario: &str) -> &'static [&'static str] {
    match scenario {
        "fragments" => &[
            "pos ping between frames",
            "terminal pong between frames",
            "pos message in frames",
            "terminal message in frames",
        ],
        "pings" => &[
            "pos ping client asks",
            "terminal pong client asks",
            "terminal ping server asks",
            "pos pong server asks",
        ],
        "close-bare" => &["pos close"],
        "lost-client" => &["dropped by pos"],
        "lost-server" => &["dropped by terminal"],
        _ => &[],
    }
}

fn read_cassette(recording: &Recording) -> BTreeMap<String, Taped> {
    let mut scenario_of: BTreeMap<ConnectionId, String> = BTreeMap::new();
    let mut taped: BTreeMap<String, Taped> = BTreeMap::new();
    let ending = recording.read(|event| {
        let Some(connection) = event.connection else { return };
        if let EventKind::Open(opening) = &event.kind {
            let scenario = opening.target.rsplit('/').next().unwrap_or_default().to_owned();
            taped.entry(scenario.clone()).or_default();
            scenario_of.insert(connection, scenario);
            return;
        }
        let taped = taped.get_mut(&scenario_of[&connection]).expect("inserted with the opening");
        take(taped, &event.kind);
    });
    assert!(ending.is_ok(), "the cassette is whole: {ending:?}");
    taped
}

fn take(taped: &mut Taped, kind: &EventKind<'_>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (from, got) = match kind {
        EventKind::Message(message) => {
            taped.compressed.push(if message.deflated { Compressed::Yes } else { Compressed::No });
            let frames = if message.frames.is_empty() { "" } else { " in frames" };
            taped.order.push(format!("{} message{frames}", message.from));
            (message.from, content(&message.payload))
        }
        EventKind::Ping(ping) => {
            return taped.order.push(format!("{} ping {}", ping.from, text(&ping.payload)));
        }
        EventKind::Pong(pong) => {
            return taped.order.push(format!("{} pong {}", pong.from, text(&pong.payload)));
        }
        EventKind::Close(close) => {
            taped.order.push(format!("{} close", close.from));
            let Some(code) = close.code else { return };
            (close.from, Got::Close { code, reason: close.reason.to_string() })
        }
        EventKind::Drop(drop) => {
            let by = drop.by.map_or("nobody known", Party::as_str);
            return taped.order.push(format!("dropped by {by}"));
        }
        EventKind::Undecodable(undecodable) => panic!("undecodable: {undecodable:?}"),
        EventKind::Gap(gap) => panic!("gap: {gap:?}"),
        EventKind::Open(_)
        | EventKind::Refused(_)
        | EventKind::Note(_)
        | EventKind::Clock(_)
        | EventKind::End(_) => {
            return;
        }
    };
    match from {
        Party::Pos => taped.from_pos.push(got),
        Party::Terminal | Party::Gateway => taped.from_terminal.push(got),
    }
}

fn content(payload: &Payload<'_>) -> Got {
    let (is_text, size, sha256) = match payload {
        Payload::Json(text) => (true, text.len() as u64, digest(text.as_bytes())),
        Payload::Text(text) => (true, text.len() as u64, digest(text.as_bytes())),
        Payload::Binary(bytes) => (false, bytes.len() as u64, digest(bytes)),
        Payload::Omitted { text, size, sha256 } => (*text, *size, sha256.to_string()),
    };
    if is_text { Got::Text { size, sha256 } } else { Got::Binary { size, sha256 } }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
