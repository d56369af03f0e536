//! A TCP relay that keeps a copy of every byte: stood on either side of the proxy, it proves what the proxy changed.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What one connection carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// From the dialling side.
    pub(crate) up: Vec<u8>,
    /// From the listening side.
    pub(crate) down: Vec<u8>,
}

/// A relay to one target; it accepts until it is dropped with the test.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Arc<Tape>>>>,
    pumps: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

#[derive(Default)]
struct Tape {
    up: Mutex<Vec<u8>>,
    down: Mutex<Vec<u8>>,
}

impl Relay {
    /// Listens on a free loopback port; each connection goes on to the port that `target` gives.
    pub(crate) fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let relay = Self { address, seen: Arc::default(), pumps: Arc::default() };
        let (seen, pumps) = (Arc::clone(&relay.seen), Arc::clone(&relay.pumps));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("loopback accepts");
                let server = TcpStream::connect(("127.0.0.1", target)).expect("the target listens");
                let tape = Arc::new(Tape::default());
                seen.lock().unwrap().push(Arc::clone(&tape));
                let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let tape_too = Arc::clone(&tape);
                let mut pumps = pumps.lock().unwrap();
                pumps.push(thread::spawn(move || pump(client, server, &tape.up)));
                pumps.push(thread::spawn(move || pump(server_too, client_too, &tape_too.down)));
            }
        });
        relay
    }

    /// Waits until every connection is over; what each carried, in the order of arrival.
    pub(crate) fn finish(self) -> Vec<Traffic> {
        let pumps: Vec<_> = self.pumps.lock().unwrap().drain(..).collect();
        for pump in pumps {
            pump.join().expect("a pump does not panic");
        }
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|tape| Traffic {
                up: tape.up.lock().unwrap().clone(),
                down: tape.down.lock().unwrap().clone(),
            })
            .collect()
    }
}

/// Copies until the end of the stream, which it passes on; a reset counts as an end.
fn pump(mut from: TcpStream, mut to: TcpStream, tape: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        tape.lock().unwrap().extend_from_slice(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

impl Traffic {
    /// Splits a direction at the end of its HTTP head: the head with its blank line, and all that follows.
    pub(crate) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        bytes.split_at(end)
    }
}
