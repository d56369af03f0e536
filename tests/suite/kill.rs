//! A recorder killed at any moment leaves a cassette that opens, and lost at most the messages in flight.
//!
//! 200 recorders, each with four tills in closed loops of `request → response → event → event_ack`, get a
//! SIGKILL at a seeded moment. What a till had finished by then is compared with what the cassette holds; the
//! age of the oldest message lost is the time the recorder kept something to itself.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tilltape::cassette::Ending;
use tilltape::conversation::{ConnectionId, EventKind, Party, Payload};
use tungstenite::{Message, WebSocket};

use crate::recorder::{Recorder, Recording};

const KILLS: u64 = 200;
/// Recorders running at the same time.
const AT_ONCE: u64 = 2;
const TILLS: usize = 4;
/// A till waits this long between two flows. Without it an unoptimised recorder falls behind four tills that
/// never breathe, and the test would measure the build, not the design.
const BETWEEN_FLOWS: Duration = Duration::from_millis(1);
/// From the first connection to the kill, at most.
const LONGEST_LIFE: Duration = Duration::from_millis(80);
/// What a message finished this long before the kill may never be: lost. Under load the recorder writes at
/// least every 2 ms; the rest is what a busy machine may keep it waiting for a core.
const NEVER_LOST_AFTER: Duration = Duration::from_millis(150);
/// What most of the runs keep, even on a machine that is busy with the rest of the suite.
const SELDOM_LOST_AFTER: Duration = Duration::from_millis(10);

#[test]
fn a_killed_recorder_lost_at_most_what_was_in_flight() {
    let terminal = start_terminal();
    let losses: Vec<Loss> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|worker| {
                let seeds = (0..KILLS).filter(move |seed| seed % AT_ONCE == worker);
                scope.spawn(move || seeds.map(|seed| kill_one(terminal, seed)).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no run panicked")).collect()
    });
    assert_eq!(losses.len() as u64, KILLS);

    let worst_age = losses.iter().max_by_key(|loss| loss.age).expect("there were runs");
    let worst_count = losses.iter().max_by_key(|loss| loss.messages).expect("there were runs");
    let late = losses.iter().filter(|loss| loss.age > SELDOM_LOST_AFTER).count();
    let torn = losses.iter().filter(|loss| loss.torn).count();
    let kept: usize = losses.iter().map(|loss| loss.kept).sum();
    let _ = writeln!(
        io::stderr(),
        "kill: {KILLS} recorders killed, {kept} messages kept, {torn} cassettes ended inside a line; at worst {} \
         finished messages of one connection lost (seed {}), the oldest {:.1} ms old (seed {}); {late} runs above \
         {SELDOM_LOST_AFTER:?}",
        worst_count.messages,
        worst_count.seed,
        worst_age.age.as_secs_f64() * 1e3,
        worst_age.seed,
    );
    assert!(kept as u64 > KILLS * 10, "the recorders were under load: {kept} messages in all");
    assert!(worst_age.age < NEVER_LOST_AFTER, "seed {}: {:?} old", worst_age.seed, worst_age.age);
    assert!(
        (late as u64) < KILLS / 10,
        "{late} of {KILLS} runs lost messages older than {SELDOM_LOST_AFTER:?}"
    );
}

/// What one kill cost, by its worst connection.
struct Loss {
    seed: u64,
    /// Messages in the cassette.
    kept: usize,
    /// Messages a till had finished that are not there.
    messages: usize,
    /// How long before the kill the oldest of them was finished.
    age: Duration,
    /// Whether the file ended inside a line.
    torn: bool,
}

fn kill_one(terminal: u16, seed: u64) -> Loss {
    let recorder = Recorder::start(&format!("ws://127.0.0.1:{terminal}"), &[]);
    let life = LONGEST_LIFE.mul_f64(fraction(seed));
    let tills: Vec<_> = (0..TILLS)
        .map(|till| {
            let (address, url) = (recorder.address(), recorder.url());
            thread::spawn(move || play_till(address, &format!("{url}/{till}"), till, seed))
        })
        .collect();
    thread::sleep(life);
    let killed_at = Instant::now();
    let recording = recorder.kill();
    let finished: Vec<Vec<Instant>> =
        tills.into_iter().map(|till| till.join().expect("a till does not panic")).collect();

    let (kept, torn) = read(&recording, seed);
    let mut loss = Loss { seed, kept: kept.values().sum(), messages: 0, age: Duration::ZERO, torn };
    for (till, finished) in finished.iter().enumerate() {
        let kept = kept.get(&till).copied().unwrap_or_default();
        let before_kill = finished.iter().filter(|at| **at <= killed_at).count();
        if before_kill > kept {
            loss.messages = loss.messages.max(before_kill - kept);
            loss.age = loss.age.max(killed_at - finished[kept]);
        }
    }
    loss
}

/// Reads the cassette to its cut. Every line is valid, numbers have no holes, and each connection holds the
/// beginning of its conversation, message for message. Returns messages by till.
fn read(recording: &Recording, seed: u64) -> (BTreeMap<usize, usize>, bool) {
    let mut till_of: BTreeMap<ConnectionId, usize> = BTreeMap::new();
    let mut kept: BTreeMap<usize, usize> = BTreeMap::new();
    let mut numbers = 0;
    let ending = recording.read(|event| {
        numbers += 1;
        assert_eq!(event.n.0, numbers, "seed {seed}: numbers without holes");
        let Some(connection) = event.connection else { return };
        match &event.kind {
            EventKind::Open(opening) => {
                let till = opening.target.trim_start_matches('/').parse().expect("the target names the till");
                till_of.insert(connection, till);
            }
            EventKind::Message(message) => {
                let till = till_of[&connection];
                let nth = kept.entry(till).or_default();
                let Payload::Json(json) = &message.payload else { panic!("seed {seed}: {message:?}") };
                assert_eq!(*json, nth_message(till, *nth, seed), "seed {seed}: message {nth} of till {till}");
                let sender = if matches!(*nth % 4, 0 | 3) { Party::Pos } else { Party::Terminal };
                assert_eq!(message.from, sender, "seed {seed}: message {nth} of till {till}");
                *nth += 1;
            }
            other => panic!("seed {seed}: {other:?}"),
        }
    });
    match ending.unwrap_or_else(|error| panic!("seed {seed}: {error}")) {
        Ending::Cut { after, partial_bytes } => {
            assert_eq!(after.0, numbers, "seed {seed}: says where it was cut");
            (kept, partial_bytes > 0)
        }
        Ending::Finished { .. } | Ending::Unverified => {
            panic!("seed {seed}: a killed recorder finished its cassette")
        }
    }
}

/// Plays flows until the connection ends; when each message was certainly on both sides.
fn play_till(address: (&str, u16), url: &str, till: usize, seed: u64) -> Vec<Instant> {
    let mut finished = Vec::new();
    let Ok(stream) = TcpStream::connect(address) else { return finished };
    stream.set_nodelay(true).expect("a connected socket takes the option");
    let Ok((mut socket, _)) = tungstenite::client(url, stream) else { return finished };
    while play_flow(&mut socket, &mut finished, till, seed).is_ok() {
        thread::sleep(BETWEEN_FLOWS);
    }
    finished
}

fn play_flow(
    socket: &mut WebSocket<TcpStream>,
    finished: &mut Vec<Instant>,
    till: usize,
    seed: u64,
) -> tungstenite::Result<()> {
    let first = finished.len() / 4 * 4;
    if finished.len() % 4 == 3 {
        // The answer to this request proves that the ack before it arrived too.
        socket.send(Message::text(nth_message(till, first + 4, seed)))?;
        socket.read()?;
        finished.extend([Instant::now(); 3]);
    } else {
        socket.send(Message::text(nth_message(till, 0, seed)))?;
        socket.read()?;
        finished.extend([Instant::now(); 2]);
    }
    let event = socket.read()?;
    finished.push(Instant::now());
    let nth = finished.len() - 1;
    assert_eq!(event.to_text()?, nth_message(till, nth, seed), "the proxy changed a message");
    socket.send(Message::text(nth_message(till, nth + 1, seed)))
}

/// A terminal for every till of every run; it knows from the path which one it serves.
fn start_terminal() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("loopback accepts");
            // Its end is the till's or the proxy's end, which is what this test is about.
            thread::spawn(move || serve(stream));
        }
    });
    port
}

fn serve(stream: TcpStream) -> tungstenite::Result<()> {
    stream.set_nodelay(true)?;
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    loop {
        let request = socket.read()?;
        let Ok(text) = request.to_text() else { return Ok(()) };
        let Some((till, nth, seed)) = named_in(text) else { return Ok(()) };
        if nth.is_multiple_of(4) {
            socket.send(Message::text(nth_message(till, nth + 1, seed)))?;
            socket.send(Message::text(nth_message(till, nth + 2, seed)))?;
        }
    }
}

/// The nth message of a till's conversation, counted from 0: the same for both sides and for the proof.
fn nth_message(till: usize, nth: usize, seed: u64) -> String {
    let kind = ["request", "response", "event", "event_ack"][nth % 4];
    let length = (fraction(seed ^ (nth as u64) << 8 ^ (till as u64) << 32) * 1500.0) as usize;
    let pad = "x".repeat(if nth % 4 == 2 { length * 4 } else { length / 4 });
    format!(r#"{{"{kind}":{{"flow_id":"{till}-{nth}-{seed}","resource":{{"pad":"{pad}"}}}}}}"#)
}

fn named_in(text: &str) -> Option<(usize, usize, u64)> {
    let id = text.split(r#""flow_id":""#).nth(1)?.split('"').next()?;
    let mut numbers = id.split('-');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A number in [0, 1) that looks random and is the same for the same seed (SplitMix64).
fn fraction(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
