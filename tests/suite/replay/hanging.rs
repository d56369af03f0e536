//! A replay never hangs: peers that are silent, slow, deaf or never stop talking end in a clear verdict, in time.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use tilltape::conversation::{Content, OwnedEvent, Party};
use tilltape::replay::{Outcome, Settings, Unknown};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::live::{Seen, as_pos, as_terminal, before, settings, tsi};
use super::scripted;

const PATIENCE: Duration = Duration::from_millis(400);

/// Longer than patience and every goodbye together, on a slow machine.
const FAR_TOO_LONG: Duration = Duration::from_secs(15);

fn impatient(role: Party) -> Settings {
    Settings { patience: PATIENCE, patience_for_people: PATIENCE, ..settings(role) }
}

#[track_caller]
fn incomplete(seen: &Seen, started: Instant, waited_for: &str) {
    assert!(started.elapsed() < FAR_TOO_LONG, "{:?}", started.elapsed());
    let Outcome::Incomplete(incomplete) = &seen.verdict.outcome else { panic!("{}", seen.verdict.text()) };
    assert!(incomplete.waited_for.iter().any(|step| step.what == waited_for), "{}", seen.verdict.text());
}

#[test]
fn a_peer_that_connects_and_says_nothing() {
    let started = Instant::now();
    let seen = as_terminal(&tsi("sale-approved"), impatient(Party::Terminal), 1, async |address| {
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/tsi/v1/payment");
        let (_socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
    });
    incomplete(&seen, started, "sale request");
}

#[test]
fn a_peer_that_never_finishes_its_handshake_or_its_message() {
    let started = Instant::now();
    let seen = as_terminal(&tsi("sale-approved"), impatient(Party::Terminal), 1, async |address| {
        let mut slow = TcpStream::connect(&address).unwrap();
        slow.write_all(b"GET /tsi/v1/payment HTTP/1.1\r\nHost: x\r\n").unwrap();
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/tsi/v1/payment");
        let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        // The head of a frame, then a byte now and then.
        use tokio::io::AsyncWriteExt as _;
        socket.get_mut().write_all(&[0x81, 0xfe, 0x01, 0x00, 1, 2, 3, 4]).await.unwrap();
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if socket.get_mut().write_all(b"x").await.is_err() {
                return;
            }
        }
    });
    incomplete(&seen, started, "sale request");
}

#[test]
fn a_peer_that_never_stops_talking() {
    let started = Instant::now();
    let settings = Settings { unknown: Unknown::Ignore, ..impatient(Party::Terminal) };
    let seen = as_terminal(&tsi("sale-approved"), settings, 1, async |address| {
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/tsi/v1/payment");
        let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        let mut count = 0_u64;
        while started.elapsed() < FAR_TOO_LONG {
            count += 1;
            let text = format!("{{\"noise\":{count},\"field{count}\":true}}");
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    });
    incomplete(&seen, started, "sale request");
    assert!(seen.verdict.tally.unexpected > 100, "{:?}", seen.verdict.tally);
    assert!(seen.verdict.remarks.len() <= 21, "what is remembered of noise is bounded");
}

#[test]
fn a_peer_that_talks_and_never_stops_ends_a_strict_replay_at_its_first_word() {
    let started = Instant::now();
    let seen = as_terminal(&tsi("sale-approved"), impatient(Party::Terminal), 1, async |address| {
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/tsi/v1/payment");
        let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        while socket.send(Message::text("{\"noise\":1}")).await.is_ok() {}
    });
    assert!(started.elapsed() < FAR_TOO_LONG);
    assert_eq!((seen.verdict.word(), seen.verdict.tally.unexpected), ("mismatch", 1));
}

#[test]
fn a_peer_that_pings_for_ever_is_no_progress() {
    let started = Instant::now();
    let seen = as_terminal(&tsi("sale-approved"), impatient(Party::Terminal), 1, async |address| {
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/tsi/v1/payment");
        let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        while socket.send(Message::Ping(vec![1].into())).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    incomplete(&seen, started, "sale request");
}

#[test]
fn a_peer_that_does_not_read() {
    // An answer larger than the system's buffers, to a peer that never takes it.
    let text = format!(
        "open pos → terminal /x\npos {{\"ask\":1}}\nterminal {{\"answer\":\"{}\"}}\npos {{\"thanks\":1}}\nend stopped\n",
        "x".repeat(20 << 20)
    );
    let started = Instant::now();
    let seen = as_terminal(&scripted(&text, None), impatient(Party::Terminal), 1, async |address| {
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let (mut socket, _) =
            tokio_tungstenite::client_async(format!("ws://{address}/x"), socket).await.unwrap();
        socket.send(Message::text("{\"ask\":1}")).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
    });
    incomplete(&seen, started, "message");
    let said = &seen.verdict.remarks;
    assert!(
        said.iter().any(|(text, _)| text.contains("could not be handed over: the peer does not read")),
        "{said:?}"
    );
}

#[test]
fn a_terminal_that_accepts_and_says_nothing_or_no_http() {
    for answer in [&b""[..], b"SSH-2.0-OpenSSH_9.6\r\n"] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let peer = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            socket.write_all(answer).unwrap();
            let _ = socket.read_to_end(&mut Vec::new());
        });
        let started = Instant::now();
        let error = as_pos(&tsi("sale-approved"), impatient(Party::Pos), &address).unwrap_err();
        assert!(started.elapsed() < FAR_TOO_LONG);
        assert!(error.to_string().contains("cannot reach `ws://127.0.0.1:"), "{error}");
        peer.join().unwrap();
    }
}

/// Accepts one visitor with a handshake, and then does as it is told with the socket.
fn terminal<F: Future<Output = ()>>(
    then: impl FnOnce(WebSocketStream<tokio::net::TcpStream>) -> F + Send + 'static,
) -> String {
    let (ready, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            ready.send(listener.local_addr().unwrap().to_string()).unwrap();
            let (socket, _) = listener.accept().await.unwrap();
            then(tokio_tungstenite::accept_async(socket).await.unwrap()).await;
        });
    });
    address.recv().unwrap()
}

#[test]
fn a_terminal_that_says_nothing_after_its_handshake_or_a_byte_now_and_then() {
    for drips in [false, true] {
        let address = terminal(async move |mut socket| {
            use tokio::io::AsyncWriteExt as _;
            // The head of a frame of 200 bytes.
            socket.get_mut().write_all(&[0x81, 126, 0, 200]).await.unwrap();
            for _ in 0..30 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                if drips && socket.get_mut().write_all(b" ").await.is_err() {
                    return;
                }
            }
        });
        let started = Instant::now();
        let seen = as_pos(&tsi("sale-approved"), impatient(Party::Pos), &address).unwrap();
        incomplete(&seen, started, "response `started`");
    }
}

#[test]
fn a_terminal_that_never_stops_talking() {
    for (unknown, word) in [(Unknown::Ignore, "incomplete"), (Unknown::Fail, "mismatch")] {
        let address =
            terminal(async |mut socket| while socket.send(Message::text("{\"noise\":1}")).await.is_ok() {});
        let started = Instant::now();
        let settings = Settings { unknown, ..impatient(Party::Pos) };
        let seen = as_pos(&tsi("sale-approved"), settings, &address).unwrap();
        assert!(started.elapsed() < FAR_TOO_LONG, "{:?}", started.elapsed());
        assert_eq!(seen.verdict.word(), word, "{}", seen.verdict.text());
    }
}

#[test]
fn a_live_terminal_that_does_not_read_holds_its_peer_up_until_patience_ends() {
    let device = terminal(async |socket| {
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(socket);
    });
    let started = Instant::now();
    let seen = before(&tsi("sale-approved"), before_a_device(), &device, async |address| {
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/somewhere/else");
        let (mut socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        while socket.send(large()).await.is_ok() {}
    });
    incomplete(&seen, started, "connection to /tsi/v1/payment");
    held_up(&seen.episodes);
}

#[test]
fn a_peer_that_does_not_read_holds_a_live_terminal_up() {
    let device = terminal(async |mut socket| while socket.send(large()).await.is_ok() {});
    let started = Instant::now();
    let seen = before(&tsi("sale-approved"), before_a_device(), &device, async |address| {
        let socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let url = format!("ws://{address}/somewhere/else");
        let (_socket, _) = tokio_tungstenite::client_async(url, socket).await.unwrap();
        tokio::time::sleep(Duration::from_secs(4)).await;
    });
    incomplete(&seen, started, "connection to /tsi/v1/payment");
    held_up(&seen.episodes);
}

fn before_a_device() -> Settings {
    Settings { unknown: Unknown::Forward(PATIENCE), ..impatient(Party::Terminal) }
}

fn large() -> Message {
    Message::text(format!("{{\"noise\":\"{}\"}}", "x".repeat(256 << 10)))
}

/// What waits in us is bounded; more than that was taken only into buffers of the system.
#[track_caller]
fn held_up(said: &[OwnedEvent]) {
    let passed = said.iter().filter(|event| matches!(event.content, Content::Json(_))).count();
    assert!((16..120).contains(&passed), "{passed} messages");
}
