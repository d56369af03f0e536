//! Raw peers: they speak bytes, so that nothing between them and the proxy can mend or merge anything.

use std::future::Future;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::recording::PATIENCE;

pub(super) const REQUEST: &str = "GET /tsi/v1/payment?till=7 HTTP/1.1\r\nhost: till.example\r\nUpgrade: websocket\r\n\
     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Odd:  two  spaces \r\n\
     Sec-WebSocket-Version: 13\r\n\r\n";

pub(super) const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Runs a test that must not hang.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE * 2, test).await.expect("the test hangs") });
}

/// A listener on a free port.
pub(super) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A client and the upstream behind the proxy at `proxy`, with the handshake behind them.
pub(super) async fn open(proxy: SocketAddr, upstream: &TcpListener) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(proxy).await.unwrap();
    client.write_all(REQUEST.as_bytes()).await.unwrap();
    let (mut server, _) = upstream.accept().await.unwrap();
    head(&mut server).await;
    server.write_all(SWITCH.as_bytes()).await.unwrap();
    assert_eq!(head(&mut client).await, SWITCH);
    (client, server)
}

/// Reads one HTTP head.
pub(super) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// Reads to the end of the stream.
pub(super) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

pub(super) async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
}

/// An unmasked frame, as a server sends it.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64, 0);
    bytes.extend_from_slice(payload);
    bytes
}

/// A masked frame, as a client sends it.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x5a, 0x01, 0xf3, 0x80];
    let mut bytes = header(first, payload.len() as u64, 0x80);
    bytes.extend_from_slice(&key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// A frame header that announces `length` bytes.
pub(super) fn header(first: u8, length: u64, mask: u8) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(mask | length as u8),
        126..=0xffff => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes
}
