//! Replays beside a plain tungstenite pair that says the same messages, in one run:
//! `cargo bench --bench replay`.
//!
//! The cassette is generated: sales of four messages on one connection, 10,000 of them
//! (`TILLTAPE_BENCH_FLOWS` sets another number). Measured are
//!
//! - `replay self`, beside a tenth of the cassette: what a flow costs must not grow with their number;
//! - the program from its start to the line that says ready, beside one that only prints its version;
//! - flows a second over loopback: a plain client against a plain server that knows the answers, the same
//!   client against the replayed terminal, the replayed POS against the same server. Ids are fresh in all of
//!   them. Rounds alternate, so that a slow moment of the machine hits all; the medians are what counts.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark is a program of its own")]

use std::fmt::Write as _;
use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tilltape::cassette::Reader;
use tilltape::conversation::{ConversationEvent, Party};
use tilltape::mask::{Masker, Policy};
use tilltape::net::replay::{Credentials, Plan, Watcher, run};
use tilltape::net::tls::Trust;
use tilltape::pack::{self, Sources};
use tilltape::replay::{
    Closes, Expected, Ids, Outcome, Pace, Player, Script, Settings, Steps, Unknown, Wire, rehearse,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

const ROUNDS: usize = 5;
const STARTS: usize = 15;

fn main() {
    let flows = std::env::var("TILLTAPE_BENCH_FLOWS").ok().and_then(|text| text.parse().ok());
    let flows = flows.unwrap_or(10_000_u64);
    itself(flows / 10);
    let script = itself(flows);
    started(flows);
    served(&script, flows);
}

/// Plays both sides in virtual time.
fn itself(flows: u64) -> Arc<Script> {
    let cassette = generate(flows);
    let began = Instant::now();
    let script = read(&cassette);
    let read = began.elapsed();
    let began = Instant::now();
    let rehearsal = rehearse(&script, |_| {}).expect("the cassette plays itself");
    let played = began.elapsed();
    println!(
        "self      {flows} flows, {} events, {:.1} MB: read in {read:.3?}, played in {played:.3?}, {:.1} µs a flow",
        rehearsal.events,
        cassette.len() as f64 / 1e6,
        (read + played).as_secs_f64() * 1e6 / flows as f64
    );
    script
}

/// Starts the program, and waits until it accepts connections.
fn started(flows: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = folder.path().join("large.cassette.jsonl");
    std::fs::write(&large, generate(flows)).expect("the cassette is written");
    let sale =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("cassettes/bluechip-tsi/sale-approved.cassette.jsonl");
    let (mut bare, mut small, mut big) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        bare.push(first_line(&["--version"]));
        small.push(first_line(&["replay", "terminal", &sale.display().to_string()]));
        big.push(first_line(&["replay", "terminal", &large.display().to_string()]));
    }
    println!(
        "start     ready after {:.1} ms for a sale, {:.1} ms for {flows} flows; --version after {:.1} ms (medians of {STARTS})",
        median(&mut small),
        median(&mut big),
        median(&mut bare)
    );
}

/// Milliseconds from the start of the program to its first line.
fn first_line(arguments: &[&str]) -> f64 {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output is ours");
    BufReader::new(out).read_line(&mut line).expect("it says something");
    let took = began.elapsed();
    assert!(!line.is_empty(), "it says something");
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().expect("it ends");
    took.as_secs_f64() * 1e3
}

/// Flows a second over loopback.
fn served(script: &Arc<Script>, flows: u64) {
    let (mut plain, mut terminal, mut pos) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let rate = |took: Duration| flows as f64 / took.as_secs_f64();
        plain.push(rate(plain_pair(flows)));
        terminal.push(rate(as_terminal(script, flows)));
        pos.push(rate(as_pos(script, flows)));
        println!(
            "round {round}   {:.0} flows/s between plain peers, {:.0} as terminal, {:.0} as POS",
            plain[round - 1],
            terminal[round - 1],
            pos[round - 1]
        );
    }
    let (plain, terminal, pos) = (median(&mut plain), median(&mut terminal), median(&mut pos));
    println!(
        "medians   {plain:.0} flows/s between plain peers, {terminal:.0} as terminal ({:.2}x), {pos:.0} as POS ({:.2}x)",
        terminal / plain,
        pos / plain
    );
}

fn plain_pair(flows: u64) -> Duration {
    let server = serve_plainly();
    let began = Instant::now();
    block_on(visit(server, flows));
    began.elapsed()
}

fn as_terminal(script: &Arc<Script>, flows: u64) -> Duration {
    let (ready, address) = mpsc::channel();
    let plan = Plan { listen: Some("127.0.0.1:0".into()), ..plan(script, Party::Terminal) };
    let replay = thread::spawn(move || play(plan, Some(ready)));
    let address = address.recv().expect("it listens");
    let began = Instant::now();
    block_on(visit(address, flows));
    let took = began.elapsed();
    replay.join().expect("no panic");
    took
}

fn as_pos(script: &Arc<Script>, _flows: u64) -> Duration {
    let url = format!("ws://{}", serve_plainly());
    let dial = Some((url.parse().expect("a URL"), Trust::System));
    let plan = Plan { dial, ..plan(script, Party::Pos) };
    let began = Instant::now();
    play(plan, None);
    began.elapsed()
}

/// A till without any judgement: it asks, waits for both answers, and acknowledges.
async fn visit(address: SocketAddr, flows: u64) {
    let socket = TcpStream::connect(address).await.expect("it listens");
    socket.set_nodelay(true).expect("a socket");
    let url = format!("ws://{address}/tsi/v1/payment");
    let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.expect("it answers");
    for sale in 1..=flows {
        let flow = format!("0000a11e-0000-4a3c-8b1d-{sale:012x}");
        socket.send(Message::text(request(&flow, sale))).await.expect("it reads");
        for _ in 0..2 {
            socket.next().await.expect("an answer").expect("an answer");
        }
        socket.send(Message::text(ack(&flow))).await.expect("it reads");
    }
    socket.close(None).await.expect("it reads");
    while let Some(Ok(_)) = socket.next().await {}
}

/// A terminal without any judgement, for one visit: it answers every request with its id.
fn serve_plainly() -> SocketAddr {
    let (ready, address) = mpsc::channel();
    thread::spawn(move || {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            ready.send(listener.local_addr().expect("an address")).expect("somebody waits");
            let (socket, _) = listener.accept().await.expect("a visitor");
            socket.set_nodelay(true).expect("a socket");
            let mut socket = tokio_tungstenite::accept_async(socket).await.expect("a handshake");
            let mut sale = 0;
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let Some(rest) = text.strip_prefix(r#"{"request":{"flow_id":""#) else { continue };
                let flow = &rest[..36];
                sale += 1;
                socket.send(Message::text(response(flow))).await.expect("it reads");
                socket.send(Message::text(event(flow, sale))).await.expect("it reads");
            }
        });
    });
    address.recv().expect("it listens")
}

/// Wants no more of a replay than that it is complete.
struct Bystander(Option<mpsc::Sender<SocketAddr>>);

impl Watcher for Bystander {
    fn ready(&mut self, address: SocketAddr) {
        if let Some(ready) = self.0.take() {
            ready.send(address).expect("somebody waits");
        }
    }
    fn event(&mut self, _event: &ConversationEvent<'_>) {}
    fn episode(&mut self, _event: &ConversationEvent<'_>) {}
    fn note(&mut self, _note: &str) {}
    fn held(&mut self, _next: &Expected) {}
    fn run_over(&mut self, player: &Player) -> bool {
        assert_eq!(player.outcome(), Some(&Outcome::Complete));
        false
    }
}

fn play(plan: Plan, ready: Option<mpsc::Sender<SocketAddr>>) {
    let (_, advance) = tokio::sync::mpsc::unbounded_channel();
    run(plan, Bystander(ready), std::future::pending(), advance).expect("the replay runs");
}

fn plan(script: &Arc<Script>, role: Party) -> Plan {
    let ids = if role == Party::Pos { Ids::Fresh(5) } else { Ids::Recorded };
    let patience = Duration::from_secs(10);
    let settings = Settings {
        role,
        pace: Pace::Instant,
        ids,
        unknown: Unknown::Fail,
        ignore: Vec::new(),
        closes: Closes::Ignored,
        patience,
        patience_for_people: patience,
        linger: None,
        steps: Steps::Flowing,
        harm: Vec::new(),
        wire: Wire::Sockets,
        masker: Masker::new(Policy::standard(), [0; 32]),
    };
    Plan {
        script: Arc::clone(script),
        settings,
        listen: None,
        identity: None,
        dial: None,
        device: None,
        credentials: Credentials::default(),
        times: 1,
        handshake_time: patience,
        message_size: 1 << 20,
    }
}

fn read(cassette: &str) -> Arc<Script> {
    let pack = pack::load(&Sources::embedded(), "bluechip-tsi").expect("the embedded pack loads");
    let reader = Reader::open(cassette.as_bytes(), "generated").expect("the header is ours");
    let script =
        Script::read(reader, "generated", Some(Arc::new(pack)), &tilltape::replay::Wishes::default());
    Arc::new(script.expect("the cassette reads"))
}

fn generate(flows: u64) -> String {
    let mut out = String::from(
        "{\"cassette\":1,\"tool\":\"tilltape 0.1.0\",\"pack\":\"bluechip-tsi\",\"masking\":\"default@1\"}\n\
         {\"n\":1,\"t_us\":0,\"conn\":1,\"event\":\"open\",\"client\":\"pos\",\"request\":{\"target\":\"/tsi/v1/payment\",\"headers\":[]},\"response\":{\"status\":101,\"headers\":[]}}\n",
    );
    let (mut n, mut time) = (1_u64, 0_u64);
    for sale in 1..=flows {
        let flow = format!("00005a17-0000-4a3c-8b1d-{sale:012x}");
        let messages = [
            ("pos", request(&flow, sale)),
            ("terminal", response(&flow)),
            ("terminal", event(&flow, sale)),
            ("pos", ack(&flow)),
        ];
        for (from, json) in messages {
            n += 1;
            time += 900 + sale * 7 % 300;
            let _ = writeln!(
                out,
                r#"{{"n":{n},"t_us":{time},"conn":1,"from":"{from}","event":"text","json":{json}}}"#
            );
        }
    }
    let end = [
        r#""conn":1,"from":"pos","event":"close","code":1000,"reason":"""#,
        r#""event":"end","reason":"stopped""#,
    ];
    for (place, event) in end.into_iter().enumerate() {
        let _ = writeln!(out, r#"{{"n":{},"t_us":{},{event}}}"#, n + 1 + place as u64, time + 10);
    }
    out
}

fn request(flow: &str, sale: u64) -> String {
    let amount = 1_000 + sale % 9_000;
    format!(
        r#"{{"request":{{"flow_id":"{flow}","resource":{{"type":"sale","amount":{amount},"tender_type":"credit","clerk_id":"7","invoice_no":"A-{sale}"}}}}}}"#
    )
}

fn response(flow: &str) -> String {
    format!(r#"{{"response":{{"flow_id":"{flow}","resource":{{"status":"started"}}}}}}"#)
}

fn event(flow: &str, sale: u64) -> String {
    let amount = 1_000 + sale % 9_000;
    format!(
        r#"{{"event":{{"flow_id":"{flow}","resource":{{"status":"completed","results":[{{"type":"sale","status":"approved","transaction_amount":"{amount}","tip_amount":"0","total_amount":"{amount}","authorization_no":"04417Z","reference_no":"{sale}","batch_no":"12","trace_no":"{sale}","host_response_code":"00","host_response_text":"APPROVED","terminal_id":"T0007","merchant_id":"M55001","transaction_date":"26/03/02","transaction_time":"10:15:44","card":{{"account_no":"************1117","entry_mode":{{"code":"0","text":"magnetic_strip"}},"type":{{"code":"01","text":"visa"}}}},"emv":{{"aid":"A0000000031010","application_label":"VISA DEBIT","tvr":"0000008000","tsi":"E800"}}}}]}}}}}}"#
    )
}

fn ack(flow: &str) -> String {
    format!(r#"{{"event_ack":{{"flow_id":"{flow}","resource":{{"status":"ok"}}}}}}"#)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}
