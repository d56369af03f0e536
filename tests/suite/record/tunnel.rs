//! Bytes pass as they are: in any pieces, broken or not, early or late, up to how a connection ends.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::peers::{self, REQUEST, SWITCH, frame, header, listen, masked, open, read, send};
use super::recording::{Recording, of_kind, outline};

/// Frames of every kind, good and bad, as one direction may send them.
fn mixed(frame: fn(u8, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    vec![
        frame(0x81, br#"{"request":{"flow_id":"1"}}"#),
        frame(0x01, b"{\"a\":"),
        frame(0x89, b"between fragments"),
        frame(0x00, b""),
        frame(0x80, b"1}"),
        frame(0x82, &[0, 159, 146, 150]),
        frame(0x81, &[0xff, 0xfe]),
        frame(0x8a, b"unasked"),
        frame(0x81, &vec![b'x'; 1 << 20]),
        frame(0xb3, b"reserved everything"),
        frame(0x80, b"nothing to continue"),
        frame(0x88, &[0x03, 0xe8, b'b', b'y', b'e']),
        frame(0x81, b"after the close"),
        header(0x81, u64::MAX, 0),
        b"no frame at all".to_vec(),
    ]
}

#[test]
fn every_byte_passes_in_both_directions() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        for (up, down) in mixed(masked).into_iter().zip(mixed(frame)) {
            // Two bytes first: frames may be cut anywhere.
            let cut = 2.min(up.len());
            send(&mut client, &up[..cut]).await;
            assert!(read(&mut server, cut).await == up[..cut]);
            let (size, rest) = (up.len() - cut, up[cut..].to_vec());
            let (_, got) = tokio::join!(send(&mut client, &rest), read(&mut server, size));
            assert!(got == rest);
            let (_, got) = tokio::join!(send(&mut server, &down), read(&mut client, down.len()));
            assert!(got == down);
        }
        drop((client, server));
        let result = recording.stop();
        result.assert_complete();
        let events = result.events();
        for kind in ["open", "text", "binary", "ping", "pong", "close", "undecodable"] {
            assert!(!of_kind(&events, kind).is_empty(), "{kind}");
        }
        assert_eq!(of_kind(&events, "text").iter().filter(|event| event["frames"].is_array()).count(), 2);
    });
}

#[test]
fn early_bytes_are_neither_lost_nor_late() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let (first, second) = (masked(0x81, b"[1]"), frame(0x81, b"[2]"));
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, &[REQUEST.as_bytes(), &first].concat()).await;
        let (mut server, _) = listener.accept().await.unwrap();
        peers::head(&mut server).await;
        assert_eq!(read(&mut server, first.len()).await, first, "it passes before the answer");
        send(&mut client, &first).await;
        assert_eq!(read(&mut server, first.len()).await, first, "and so does what follows");
        send(&mut server, &[SWITCH.as_bytes(), &second].concat()).await;
        assert_eq!(peers::head(&mut client).await, SWITCH);
        assert_eq!(read(&mut client, second.len()).await, second);
        let result = recording.stop();
        assert_eq!(outline(&result.events())[..4], ["open", "pos text", "pos text", "terminal text"]);
    });
}

#[test]
fn the_end_of_a_stream_is_passed_on_for_its_direction_alone() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
        send(&mut server, &frame(0x81, b"\"still here\"")).await;
        assert_eq!(read(&mut client, 14).await, frame(0x81, b"\"still here\""));
        drop(server);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        let result = recording.stop();
        let events = result.events();
        assert_eq!(outline(&events), ["open", "drop", "terminal text"]);
        assert_eq!(events[1]["by"], "pos");
        assert!(events[1]["reset"].is_null());
    });
}

#[test]
fn a_reset_is_passed_on_as_a_reset() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let (mut client, server) = open(recording.address, &listener).await;
        server.set_zero_linger().unwrap();
        drop(server);
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let result = recording.stop();
        let events = result.events();
        assert_eq!(outline(&events), ["open", "drop"]);
        assert_eq!((&events[1]["by"], &events[1]["reset"]), (&"terminal".into(), &true.into()));
    });
}

#[test]
fn what_a_slow_peer_leaves_over_is_kept_in_order() {
    peers::run(async {
        let (listener, address) = listen().await;
        // Room for all of it: a recorder that waits for a core loses nothing here.
        let recording = Recording::of(address, &["--buffer", "64MiB"]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        let messages: Vec<u8> =
            (0..400_u32).flat_map(|n| masked(0x81, format!("{n:0>50000}").as_bytes())).collect();
        let sent = messages.clone();
        let sender = tokio::spawn(async move {
            send(&mut client, &sent).await;
            client
        });
        // The sender gets stuck on full buffers before anybody reads.
        while !sender.is_finished() && server.try_read(&mut []).is_err() {
            tokio::task::yield_now().await;
        }
        assert!(read(&mut server, messages.len()).await == messages);
        drop(sender.await.unwrap());
        let result = recording.stop();
        assert_eq!(of_kind(&result.events(), "text").len(), 400);
    });
}

#[test]
fn what_was_unfinished_at_the_end_is_kept() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &[]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        let whole = masked(0x81, br#"{"request":{"flow_id":"1"}}"#);
        send(&mut client, &whole[..20]).await;
        read(&mut server, 20).await;
        let result = recording.stop();
        result.assert_complete();
        let events = result.events();
        assert_eq!(outline(&events), ["open", "pos undecodable"]);
        assert!(events[1]["why"].as_str().unwrap().contains("ended inside"), "{}", events[1]);
    });
}
