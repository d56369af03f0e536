//! TLS on either side: what is shown to the client, and what the upstream must prove.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::peers::{self, REQUEST, SWITCH, frame, head, listen, masked, read, rest, send};
use super::recording::{Recording, outline, program};

/// A certificate for `localhost` and its key.
struct Certified(rcgen::CertifiedKey<rcgen::KeyPair>);

impl Certified {
    fn new() -> Self {
        Self(rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap())
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.0.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.0.cert.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A client that trusts this certificate alone.
async fn connect(address: SocketAddr, trusted: &Certified) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.0.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

fn fingerprint(certificate: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(certificate) {
        write!(text, ":{byte:02X}").unwrap();
    }
    text.split_off(1)
}

#[test]
fn a_listener_shows_the_certificate_it_was_given() {
    peers::run(async {
        let certified = Certified::new();
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&cert, certified.0.cert.pem()).unwrap();
        fs::write(&key, certified.0.signing_key.serialize_pem()).unwrap();
        let (listener, upstream) = listen().await;
        let recording = Recording::of(
            upstream,
            &[
                "--listen",
                "wss://127.0.0.1:0",
                "--cert",
                cert.to_str().unwrap(),
                "--key",
                key.to_str().unwrap(),
            ],
        );
        recording.wait_for(&fingerprint(certified.0.cert.der()));
        let mut client = connect(recording.address, &certified).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        let (mut server, _) = listener.accept().await.unwrap();
        head(&mut server).await;
        send(&mut server, SWITCH.as_bytes()).await;
        assert_eq!(head(&mut client).await, SWITCH);
        let large = frame(0x82, &vec![7; 1 << 20]);
        let (_, got) = tokio::join!(send(&mut server, &large), read(&mut client, large.len()));
        assert!(got == large);
        // A session that ends without `close_notify` ends as a plain stream would.
        drop(client);
        assert_eq!(rest(&mut server).await, "");
        drop(server);
        assert_eq!(outline(&recording.stop().events()), ["open", "terminal binary", "drop"]);
    });
}

#[test]
fn without_a_certificate_one_is_made_and_its_fingerprint_said() {
    peers::run(async {
        let (_listener, upstream) = listen().await;
        let recording = Recording::of(upstream, &["--listen", "wss://localhost:0"]);
        let said = recording.wait_for("listening on wss://");
        let line = said.lines().find_map(|line| line.strip_prefix("certificate SHA-256 ")).unwrap();
        assert_eq!(line.len(), 95, "{line}");
        let error = connect(recording.address, &Certified::new()).await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        recording.wait_for("TLS handshake with the pos failed");
        let events = recording.stop().events();
        assert_eq!(outline(&events), ["pos undecodable"]);
    });
}

/// A recording of a `wss://` upstream with these arguments, and the answer to a request through it.
async fn through(certified: &Certified, arguments: &[&str]) -> (Recording, String) {
    let (listener, upstream) = listen().await;
    let recording = Recording::start(&format!("wss://localhost:{}", upstream.port()), arguments);
    let terminal = tokio::spawn(terminal(listener, certified.acceptor()));
    let mut client = TcpStream::connect(recording.address).await.unwrap();
    send(&mut client, REQUEST.as_bytes()).await;
    let answer = head(&mut client).await;
    if answer == SWITCH {
        send(&mut client, &masked(0x81, b"\"up\"")).await;
        assert_eq!(read(&mut client, 8).await, frame(0x81, b"\"down\""));
    }
    terminal.abort();
    (recording, answer)
}

async fn terminal(listener: TcpListener, acceptor: TlsAcceptor) {
    let (socket, _) = listener.accept().await.unwrap();
    let Ok(mut session) = acceptor.accept(socket).await else { return };
    head(&mut session).await;
    send(&mut session, SWITCH.as_bytes()).await;
    read(&mut session, 10).await;
    send(&mut session, &frame(0x81, b"\"down\"")).await;
    rest(&mut session).await;
}

#[test]
fn an_upstream_must_prove_who_it_is() {
    peers::run(async {
        let certified = Certified::new();
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        fs::write(&roots, certified.0.cert.pem()).unwrap();
        let other = folder.path().join("other.pem");
        fs::write(&other, Certified::new().0.cert.pem()).unwrap();

        let (recording, answer) = through(&certified, &["--upstream-ca", roots.to_str().unwrap()]).await;
        assert_eq!(answer, SWITCH);
        let events = recording.stop().events();
        assert_eq!(outline(&events)[..3], ["open", "pos text", "terminal text"]);

        let (recording, answer) = through(&certified, &["--upstream-ca", other.to_str().unwrap()]).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        recording.wait_for(
            "its certificate leads to no root that is trusted (`--upstream-ca FILE` says which to trust)",
        );
        let events = recording.stop().events();
        assert_eq!(outline(&events), ["refused"]);
        assert!(events[0]["why"].as_str().unwrap().contains("certificate"), "{}", events[0]);

        let (recording, answer) = through(&certified, &["--insecure"]).await;
        assert_eq!(answer, SWITCH);
        recording.stop().assert_complete();
    });
}

/// Many a terminal shows a certificate it has made itself, for a name nobody dials, and calls it a root.
#[test]
fn a_certificate_that_an_upstream_made_itself_can_be_named() {
    peers::run(async {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["terminal.example".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let cert = params.self_signed(&key).unwrap();
        let certified = Certified(rcgen::CertifiedKey { cert, signing_key: key });
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("terminal.pem");
        fs::write(&own, certified.0.cert.pem()).unwrap();
        let (recording, answer) = through(&certified, &["--upstream-ca", own.to_str().unwrap()]).await;
        assert_eq!(answer, SWITCH);
        recording.stop().assert_complete();
        let (recording, answer) = through(&certified, &[]).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
        recording.stop();
    });
}

#[test]
fn certificates_that_cannot_be_read_are_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (out, empty) = (folder.path().join("x.cassette.jsonl"), folder.path().join("empty.pem"));
    fs::write(&empty, "no certificate").unwrap();
    let output = program()
        .args(["record", "--upstream", "wss://localhost:1", "--out"])
        .arg(&out)
        .arg("--upstream-ca")
        .arg(&empty)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("error: `--upstream-ca`: ") && stderr.contains("help: "), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn a_till_that_speaks_no_tls_is_told_apart() {
    peers::run(async {
        let (_listener, upstream) = listen().await;
        let recording = Recording::of(upstream, &["--listen", "wss://127.0.0.1:0"]);
        let mut client = TcpStream::connect(recording.address).await.unwrap();
        send(&mut client, REQUEST.as_bytes()).await;
        recording.wait_for("TLS handshake with the pos failed");
        drop(client);
        assert_eq!(outline(&recording.stop().events()), ["pos undecodable"]);
    });
}
