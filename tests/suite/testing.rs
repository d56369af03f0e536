//! The test kit, used as a project would use it: one line starts a peer, and a red run explains itself.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rstest::{fixture, rstest};
use tilltape::replay::Outcome;
use tilltape::testing::{self, Outgoing, Protocol, Replay, Running, StartError, Stopped, Unknown};
use tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

const SALE: &str = r#"{"type":"sale","amount":2350,"tip_amount":300,"tender_type":"credit"}"#;

#[fixture]
fn sale() -> Running {
    testing::terminal(cassette("sale-approved")).checked().start().unwrap()
}

#[rstest]
fn a_pos_that_does_as_recorded_is_green_and_its_transcript_always_the_same(
    #[from(sale)] one: Running,
    #[from(sale)] other: Running,
) {
    // Both at once, on ports of their own.
    assert_ne!(one.port(), other.port());
    sell(other.url(), "700001", SALE).unwrap();
    sell(one.url(), "700002", SALE).unwrap();
    let (one, other) = (one.verdict().unwrap(), other.verdict().unwrap());
    one.assert_green();
    other.assert_green();
    assert_eq!(one.transcript(), other.transcript());
    assert_eq!(one.json(), other.json());
    insta::assert_snapshot!(one.transcript());
}

#[rstest]
fn a_pos_that_says_something_else_is_told_what_and_where(sale: Running) {
    // The run ends before the POS hears anything.
    sell(sale.url(), "700003", &SALE.replace("2350", "2351")).unwrap_err();
    let run = sale.verdict().unwrap();
    assert!(!run.is_green());
    let mismatch = run.verdict().mismatch().unwrap();
    assert_eq!(mismatch.differences[0].at, "/request/resource/amount");
    assert!(run.text().contains("settle    if that is meant, add  --ignore /request/resource/amount"));
    let panic = std::panic::catch_unwind(|| run.assert_green()).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("expected 2350, got 2351"), "{said}");
}

#[test]
fn what_is_meant_is_ignored_and_breaking_a_rule_is_red_all_the_same() {
    let sale = || testing::terminal(cassette("sale-approved")).checked();
    let other = sale().ignore("/request/resource/amount").start().unwrap();
    sell(other.url(), "700004", &SALE.replace("2350", "2351")).unwrap();
    other.verdict().unwrap().assert_green();
    // Kit against kit: a till that does just what the cassette has, and so what it should not.
    let terminal = testing::terminal(cassette("till-reuses-flow-id")).checked().start().unwrap();
    let till = testing::pos(cassette("till-reuses-flow-id"), terminal.url()).start().unwrap();
    till.verdict().unwrap().assert_green();
    let run = terminal.verdict().unwrap();
    assert!(!run.is_green());
    assert_eq!(run.verdict().outcome, Outcome::Complete);
    let said = run.verdict().conformance.clone().unwrap();
    assert_eq!((said.verdict, said.broken[0].code.as_str()), ("NON-CONFORMANT", "FLOW-1"), "{}", run.text());
}

#[test]
fn a_replayed_pos_visits_a_simulated_terminal() {
    let terminal = testing::simulated_terminal(Protocol::Tsi).seed(3).start().unwrap();
    let pos = testing::pos(cassette("sale-approved"), terminal.url())
        .ignore("transaction_date")
        .ignore("transaction_time")
        .ignore("authorization_no")
        .start()
        .unwrap();
    let run = pos.verdict().unwrap();
    run.assert_green();
    assert_eq!(terminal.served(), ["sale: served"]);
    let declining = testing::simulated_terminal(Protocol::Tsi).behaving("declined").start().unwrap();
    let run = testing::pos(cassette("sale-approved"), declining.url()).start().unwrap().verdict().unwrap();
    assert!(run.text().contains("/event/resource/results/0/status"), "{}", run.text());
}

/// What one side of a cassette says, the other side of it must find to be what it has: on sockets as in memory.
#[test]
fn every_cassette_plays_against_itself_on_real_sockets() {
    let mut pairs = Vec::new();
    for path in curated() {
        // A time-out of the protocol keeps its length at every pace, and these take a minute.
        if LONG.iter().any(|name| path.ends_with(format!("{name}.cassette.jsonl"))) {
            continue;
        }
        let terminal = testing::terminal(&path).patience(Duration::from_secs(20)).start().unwrap();
        let pos = testing::pos(&path, terminal.url()).patience(Duration::from_secs(20)).start().unwrap();
        pairs.push((path, terminal, pos));
    }
    assert!(pairs.len() > 60);
    for (path, terminal, pos) in pairs {
        for run in [pos.verdict().unwrap(), terminal.verdict().unwrap()] {
            assert!(run.is_green(), "{}:\n{}\n{}", path.display(), run.text(), run.transcript());
        }
    }
}

const LONG: [&str; 1] = ["service-missing-final"];

fn curated() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cassettes");
    let entries = ["bluechip-tsi", "gochip"].map(|pack| std::fs::read_dir(folder.join(pack)).unwrap());
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn both_protocols_can_be_simulated() {
    let service = testing::simulated_terminal(Protocol::Gochip).start().unwrap();
    let (mut pos, _) = tungstenite::connect(format!("{}/middleware", service.url())).unwrap();
    pos.close(None).unwrap();
    let wrong = testing::simulated_terminal(Protocol::Gochip).behaving("declnied").start().unwrap_err();
    assert!(wrong.to_string().contains("did you mean `declined`?"), "{wrong}");
}

#[test]
fn every_message_waits_to_be_let_go_in_step_mode() {
    let terminal = testing::terminal(cassette("sale-approved")).step_by_step().start().unwrap();
    let mut link = open(terminal.url());
    link.send(request("700006", SALE)).unwrap();
    let held = eventually(|| terminal.standing().unwrap().held);
    assert_eq!(held.what, "response `started`");
    terminal.advance();
    assert!(link.read().unwrap().to_text().unwrap().contains("started"));
    let held = eventually(|| terminal.standing().unwrap().held);
    assert_eq!(held.what, "approval");
    terminal.advance();
    assert!(link.read().unwrap().to_text().unwrap().contains("approved"));
    let standing = terminal.standing().unwrap();
    assert_eq!((standing.over, standing.tally.sent, standing.open.len()), (false, 2, 1));
    assert_eq!(standing.waits_for[0].what, "event_ack");
    terminal.stop();
    let run = terminal.verdict().unwrap();
    assert!(run.text().contains("INCOMPLETE"), "{}", run.text());
}

#[test]
fn things_go_wrong_while_a_run_goes_on() {
    let terminal = testing::terminal(cassette("sale-approved")).step_by_step().start().unwrap();
    let mut link = open(terminal.url());
    link.send(request("700007", SALE)).unwrap();
    terminal.advance();
    link.read().unwrap();
    // What is over cannot go wrong any more, and what is no fault says so.
    let late = terminal.fault("drop response").unwrap_err();
    assert!(matches!(late, Stopped::TooLate(_)), "{late}");
    assert!(late.to_string().contains("#3, which is over"), "{late}");
    assert!(terminal.fault("dorp event").unwrap_err().to_string().contains("did you mean `drop`?"));
    terminal.fault("duplicate event").unwrap();
    assert_eq!(terminal.inject(r#"{"injected":true}"#).unwrap().0, 1);
    assert_eq!(link.read().unwrap().to_text().unwrap(), r#"{"injected":true}"#);
    terminal.advance();
    let event = link.read().unwrap();
    assert_eq!(link.read().unwrap(), event);
    drop(link);
    let run = terminal.verdict().unwrap();
    assert!(run.text().contains("duplicate event: struck at #4"), "{}", run.text());
    assert!(run.text().contains("a message from outside the cassette was sent on connection 1"));
}

#[test]
fn without_a_connection_nothing_can_be_sent() {
    let terminal = testing::terminal(cassette("sale-approved")).start().unwrap();
    let refused = terminal.inject("{}").unwrap_err();
    assert_eq!(refused.to_string(), "expected an open connection, got none");
    // The type is there to be built by hand, too.
    assert_eq!(Outgoing::Text("{}".into()), Outgoing::Text("{}".to_owned()));
}

#[tokio::test]
async fn async_tests_wait_without_blocking() {
    let terminal = testing::terminal(cassette("sale-approved"))
        .unknown(Unknown::Ignore)
        .patience(Duration::from_millis(50))
        .start()
        .unwrap();
    let run = terminal.ended().await.unwrap();
    assert!(run.text().starts_with("INCOMPLETE"), "{}", run.text());
}

#[rstest]
fn whoever_is_dropped_is_gone(sale: Running) {
    let url = sale.url().to_owned();
    drop(sale);
    eventually(|| tungstenite::connect(format!("{url}/tsi/v1/payment")).is_err().then_some(()));
    let terminal = testing::simulated_terminal(Protocol::Tsi).start().unwrap();
    let url = terminal.url().to_owned();
    drop(terminal);
    eventually(|| tungstenite::connect(format!("{url}/tsi/v1/payment")).is_err().then_some(()));
}

#[test]
fn what_cannot_start_says_why() {
    let sale = || testing::terminal(cassette("sale-approved"));
    let taken = sale().start().unwrap();
    let cases: [(Replay, &str); 8] = [
        (testing::terminal("no-such.cassette.jsonl"), "cannot open `no-such.cassette.jsonl`: "),
        (testing::terminal(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), "Cargo.toml"),
        (sale().pack("bluechip"), "expected the name of a pack, got `bluechip`; known packs: "),
        (sale().without_pack().checked(), "expected a pack to judge by"),
        (sale().fault("drop evnet"), "the cassette has no message `evnet`; did you mean `event`?"),
        (sale().ignore("request/amount"), "ignore `request/amount`: expected a JSON Pointer"),
        (testing::pos(cassette("sale-approved"), "http://terminal"), "dial `http://terminal`: "),
        (sale().listen(format!("127.0.0.1:{}", taken.port().unwrap())), "cannot listen on `127.0.0.1:"),
    ];
    for (replay, said) in cases {
        let error = replay.start().unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let expired = tempfile::NamedTempFile::new().unwrap();
    let text = std::fs::read_to_string(cassette("sale-approved")).unwrap();
    let (header, events) = text.split_once('\n').unwrap();
    let mut header: serde_json::Value = serde_json::from_str(header).unwrap();
    header["labels"]["expires"] = "2026-01-31".into();
    std::fs::write(expired.path(), format!("{header}\n{events}")).unwrap();
    let error = testing::terminal(expired.path()).start().unwrap_err();
    assert!(matches!(error, StartError::Stale { .. }), "{error}");
    assert!(error.to_string().ends_with("the cassette expired on 2026-01-31"), "{error}");
}

/// Tests should not have to build a command line.
#[test]
fn the_kit_needs_no_command_line() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--no-default-features", "--features", "testing"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("tokio-tungstenite v"), "{tree}");
    for absent in ["clap v", "anstream v", "tracing-subscriber v", "hyper v"] {
        assert!(!tree.contains(absent), "`{absent}` is built for tests:\n{tree}");
    }
}

type Link = WebSocket<MaybeTlsStream<std::net::TcpStream>>;

fn open(url: &str) -> Link {
    tungstenite::connect(format!("{url}/tsi/v1/payment")).unwrap().0
}

fn request(flow: &str, resource: &str) -> Message {
    Message::text(format!(r#"{{"request":{{"flow_id":"{flow}","resource":{resource}}}}}"#))
}

/// A whole transaction of a good POS.
fn sell(url: &str, flow: &str, resource: &str) -> tungstenite::Result<()> {
    let mut link = open(url);
    link.send(request(flow, resource))?;
    assert!(hear(&mut link)?.contains(r#""status":"started""#));
    assert!(hear(&mut link)?.contains(flow));
    link.send(format!(r#"{{"event_ack":{{"flow_id":"{flow}","resource":{{"status":"ok"}}}}}}"#).into())?;
    link.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))?;
    match link.read()? {
        Message::Close(Some(answer)) => assert_eq!(answer.code, CloseCode::Normal),
        other => panic!("expected the answer to the close frame, got {other:?}"),
    }
    while link.read().is_ok() {}
    Ok(())
}

fn hear(link: &mut Link) -> tungstenite::Result<String> {
    match link.read()? {
        Message::Close(_) => Err(tungstenite::Error::ConnectionClosed),
        other => Ok(other.to_text()?.to_owned()),
    }
}

fn cassette(name: &str) -> PathBuf {
    let file = format!("cassettes/bluechip-tsi/{name}.cassette.jsonl");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

#[track_caller]
fn eventually<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "it did not happen within ten seconds");
        std::thread::yield_now();
    }
}
