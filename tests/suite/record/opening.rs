//! The opening handshake: what is changed, what is relayed, what the proxy answers itself, and its limits.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::peers::{self, REQUEST, SWITCH, head, listen, open, rest, send};
use super::recording::{Recording, of_kind, outline};

/// The request as the upstream gets it.
async fn request_through(path: &str, arguments: &[&str]) -> (String, String) {
    let (listener, address) = listen().await;
    let recording = Recording::start(&format!("ws://{address}{path}"), arguments);
    let mut client = TcpStream::connect(recording.address).await.unwrap();
    send(&mut client, REQUEST.as_bytes()).await;
    let (mut server, _) = listener.accept().await.unwrap();
    let request = head(&mut server).await;
    send(&mut server, SWITCH.as_bytes()).await;
    assert_eq!(head(&mut client).await, SWITCH, "the answer is not touched");
    (request, address.to_string())
}

#[test]
fn only_the_host_is_changed() {
    peers::run(async {
        let (request, address) = request_through("", &[]).await;
        assert_eq!(request, REQUEST.replace("till.example", &address));
        let (request, _) = request_through("", &["--keep-host"]).await;
        assert_eq!(request, REQUEST);
        let (request, address) = request_through("/bridge/", &[]).await;
        let expected = REQUEST.replace("till.example", &address).replace("/tsi/", "/bridge/tsi/");
        assert_eq!(request, expected);
    });
}

#[test]
fn an_answer_without_101_is_relayed_whole() {
    peers::run(async {
        let terminal = MockServer::start().await;
        let answer = ResponseTemplate::new(401)
            .insert_header("WWW-Authenticate", "Bearer")
            .set_body_string("{\"error\":\"card 4111111111111111 unknown\"}");
        Mock::given(method("GET"))
            .and(path("/tsi/v1/payment"))
            .and(header("x-odd", "two  spaces"))
            .respond_with(answer)
            .mount(&terminal)
            .await;
        let recording = Recording::of(*terminal.address(), &[]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
        assert!(answer.ends_with("{\"error\":\"card 4111111111111111 unknown\"}"), "{answer}");
        let result = recording.stop();
        result.assert_complete();
        let events = result.events();
        assert_eq!(outline(&events), ["refused"]);
        assert_eq!(events[0]["response"]["status"], 401);
        assert_eq!(events[0]["request"]["target"], "/tsi/v1/payment?till=7");
        assert!(!events[0].to_string().contains("4111111111111111"), "{}", events[0]);
        assert!(events[0].to_string().contains("1111 unknown"), "{}", events[0]);
        assert!(events[0]["why"].is_null());
    });
}

#[test]
fn a_chunked_refusal_ends_where_it_ends() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        let (mut server, _) = listener.accept().await.unwrap();
        head(&mut server).await;
        let early = "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n";
        let refusal = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n";
        send(&mut server, format!("{early}{refusal}").as_bytes()).await;
        assert_eq!(rest(&mut client).await, format!("{early}{refusal}"), "the server keeps its end open");
        drop(server);
        assert_eq!(of_kind(&recording.stop().events(), "refused").len(), 1);
    });
}

#[test]
fn an_upstream_that_cannot_be_reached_is_a_502() {
    peers::run(async {
        let (listener, address) = listen().await;
        drop(listener);
        let recording = Recording::of(address, &[]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer}");
        assert!(answer.contains("cannot reach ws://"), "{answer}");
        recording.wait_for("cannot reach ws://");
        let result = recording.stop();
        let events = result.events();
        assert_eq!(events[0]["response"]["status"], 502);
        assert!(events[0]["why"].as_str().unwrap().contains("refused"), "{}", events[0]);
    });
}

#[test]
fn an_upstream_that_is_no_web_server_is_a_502_with_its_bytes_kept() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        let (mut server, _) = listener.accept().await.unwrap();
        send(&mut server, b"220 mail.example ESMTP\r\n\r\n").await;
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 502 "));
        assert_eq!(outline(&recording.stop().events()), ["terminal undecodable", "refused"]);
    });
}

#[test]
fn a_client_that_speaks_no_http_leaves_its_bytes() {
    peers::run(async {
        let (_listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, b"\x16\x03\x01\x00\xf4").await;
        assert_eq!(rest(&mut client).await, "");
        recording.wait_for("wss://");
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, b"HELLO\x00\r\n\r\n").await;
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 400 "));
        let events = recording.stop().events();
        assert_eq!(outline(&events), ["pos undecodable", "pos undecodable"]);
        assert_eq!(events[0]["base64"], "FgMBAPQ=");
    });
}

#[test]
fn a_head_without_end_is_cut_off() {
    peers::run(async {
        let (_listener, address) = listen().await;
        let recording = Recording::of(address, &["--max-handshake", "2KiB", "--handshake-timeout", "300ms"]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, &[b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; 4096]].concat()).await;
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 431 "));
        let mut slow = TcpStream::connect(recording.address).await.unwrap();
        send(&mut slow, b"GET / HTTP/1.1\r\n").await;
        assert!(rest(&mut slow).await.starts_with("HTTP/1.1 408 "));
        let events = recording.stop().events();
        assert_eq!(outline(&events), ["pos undecodable", "pos undecodable"]);
        assert!(events[1]["why"].as_str().unwrap().contains("300ms"), "{}", events[1]);
    });
}

#[test]
fn an_upstream_that_does_not_answer_is_a_504() {
    peers::run(async {
        let (_listener, address) = listen().await;
        let recording = Recording::of(address, &["--handshake-timeout", "300ms"]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 504 "));
        assert_eq!(outline(&recording.stop().events()), ["refused"]);
    });
}

#[test]
fn a_handshake_cut_short_by_the_end_is_recorded() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        let (mut server, _) = listener.accept().await.unwrap();
        head(&mut server).await;
        let events = recording.stop().events();
        assert_eq!(outline(&events), ["refused"]);
        assert!(events[0]["why"].as_str().unwrap().contains("the recording ended"), "{}", events[0]);
    });
}

#[test]
fn one_connection_too_many_is_told_so() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &["--max-connections", "2"]);
        let first = open(recording.address, &listener).await;
        let _second = open(recording.address, &listener).await;
        let mut third = TcpStream::connect(recording.address).await.unwrap();
        send(&mut third, REQUEST.as_bytes()).await;
        assert!(rest(&mut third).await.starts_with("HTTP/1.1 503 "));
        drop(first);
        recording.events_when(|events| !of_kind(events, "drop").is_empty());
        // The place is free once the connection is over, which may be a moment after its drop.
        loop {
            let mut fourth = TcpStream::connect(recording.address).await.unwrap();
            fourth.write_all(REQUEST.as_bytes()).await.unwrap();
            tokio::select! {
                accepted = listener.accept() => {
                    let (mut server, _) = accepted.unwrap();
                    head(&mut server).await;
                    send(&mut server, SWITCH.as_bytes()).await;
                    assert_eq!(head(&mut fourth).await, SWITCH);
                    break;
                }
                answer = rest(&mut fourth) => assert!(answer.starts_with("HTTP/1.1 503 ")),
            }
        }
        assert_eq!(of_kind(&recording.stop().events(), "open").len(), 3);
    });
}

#[test]
fn a_connection_on_which_nothing_moves_is_closed_where_that_was_asked_for() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &["--idle-timeout", "300ms"]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            send(&mut client, &peers::masked(0x89, b"")).await;
        }
        assert_eq!(server.read_to_end(&mut Vec::new()).await.unwrap(), 4 * 6);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        let events = recording.stop().events();
        assert_eq!(outline(&events).last().unwrap(), "drop");
        assert!(of_kind(&events, "drop")[0]["by"].is_null());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn hostile_peers_cannot_grow_its_memory() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &["--max-connections", "100"]);
        // A frame that announces a terabyte, and sends a good part of what any buffer would hold.
        let (mut client, mut server) = open(recording.address, &listener).await;
        send(&mut client, &peers::header(0x81, 1 << 40, 0)).await;
        read_away(&mut server, 10).await;
        let chunk = vec![b'9'; 1 << 20];
        for _ in 0..64 {
            let (_, ()) = tokio::join!(send(&mut client, &chunk), read_away(&mut server, chunk.len()));
        }
        // Connections that say nothing, or half a request, and more of them than there may be.
        let mut idlers = Vec::new();
        for n in 0..250 {
            let mut idler = TcpStream::connect(recording.address).await.unwrap();
            if n % 2 == 0 {
                let _ = idler.write_all(&REQUEST.as_bytes()[..100]).await;
            }
            idlers.push(idler);
        }
        send(&mut client, b"9").await;
        read_away(&mut server, 1).await;
        let peak = recording.peak_memory();
        assert!(peak < 40 * 1024, "{peak} KiB");
        recording.stop();
    });
}

async fn read_away(stream: &mut TcpStream, mut size: usize) {
    let mut chunk = vec![0; 64 << 10];
    while size > 0 {
        let wanted = size.min(chunk.len());
        size -= stream.read(&mut chunk[..wanted]).await.unwrap();
    }
}
