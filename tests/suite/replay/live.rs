//! A replay on real sockets, run inside the test: as the terminal for virtual tills, as the POS for a virtual
//! terminal.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tilltape::conversation::{ConversationEvent, OwnedEvent, Party};
use tilltape::mask::{Masker, Policy};
use tilltape::net::demo::{Act, Entry, catalogue};
use tilltape::net::replay::{Credentials, Plan, ReplayError, Watcher, run};
use tilltape::net::simulate::{
    Manner, Pace as TillPace, Play, Protocol, ShopClock, ShopDay, Terminal, TerminalSettings, Till, dial,
    gochip, serve,
};
use tilltape::net::tls::Trust;
use tilltape::replay::{
    Closes, Expected, Ids, Outcome, Pace, Player, Script, Settings, Steps, Unknown, Verdict, Wire,
};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{load, script};

/// What a replay in a test keeps.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    pub(super) events: Vec<OwnedEvent>,
    /// What was said between the peer and the live device.
    pub(super) episodes: Vec<OwnedEvent>,
    pub(super) notes: Vec<String>,
}

struct Witness {
    role: Party,
    times: u32,
    ready: Option<mpsc::Sender<SocketAddr>>,
    runs: u32,
    verdict: Option<Verdict>,
    events: Vec<OwnedEvent>,
    episodes: Vec<OwnedEvent>,
    notes: Vec<String>,
}

impl Watcher for Witness {
    fn ready(&mut self, address: SocketAddr) {
        if let Some(ready) = self.ready.take() {
            ready.send(address).unwrap();
        }
    }

    fn event(&mut self, event: &ConversationEvent<'_>) {
        self.events.push(OwnedEvent::of(event));
    }

    fn episode(&mut self, event: &ConversationEvent<'_>) {
        self.episodes.push(OwnedEvent::of(event));
    }

    fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    fn held(&mut self, _next: &Expected) {}

    fn run_over(&mut self, player: &Player) -> bool {
        self.runs += 1;
        let verdict = Verdict::of(player, "the cassette", self.role, (self.runs, self.times));
        let goes_on = verdict.outcome == Outcome::Complete;
        self.verdict = Some(verdict);
        goes_on
    }
}

/// How tests play, unless they say otherwise: at once, and impatient.
pub(super) fn settings(role: Party) -> Settings {
    Settings {
        role,
        pace: Pace::Instant,
        ids: match role {
            Party::Pos => Ids::Fresh(5),
            Party::Terminal | Party::Gateway => Ids::Recorded,
        },
        unknown: Unknown::Fail,
        ignore: Vec::new(),
        closes: Closes::Compared,
        patience: Duration::from_millis(700),
        patience_for_people: Duration::from_millis(700),
        linger: None,
        steps: Steps::Flowing,
        harm: Vec::new(),
        wire: Wire::Sockets,
        masker: Masker::new(Policy::standard(), [0; 32]),
    }
}

/// Plays `script` as the terminal while `peer` visits the address.
pub(super) fn as_terminal<F: Future<Output = ()>>(
    script: &Arc<Script>,
    settings: Settings,
    times: u32,
    peer: impl FnOnce(String) -> F,
) -> Seen {
    let (ready, address) = mpsc::channel();
    let plan = Plan { listen: Some("127.0.0.1:0".into()), ..plan(script, settings, times) };
    let replay = thread::spawn(move || play(plan, Some(ready)).unwrap());
    let address = address.recv().unwrap().to_string();
    block_on(peer(address));
    replay.join().unwrap()
}

/// As [`as_terminal`], with the terminal or service of a curated recording behind it: what the cassette does
/// not have goes there.
pub(super) fn before_that_of<F: Future<Output = ()>>(
    script: &Arc<Script>,
    settings: Settings,
    entry: &Entry,
    peer: impl FnOnce(String) -> F,
) -> Seen {
    let (device, stop) = device_of(entry);
    let seen = before(script, settings, &device, peer);
    drop(stop);
    seen
}

/// As [`as_terminal`], with whatever listens at `device` behind it.
pub(super) fn before<F: Future<Output = ()>>(
    script: &Arc<Script>,
    settings: Settings,
    device: &str,
    peer: impl FnOnce(String) -> F,
) -> Seen {
    let (ready, address) = mpsc::channel();
    let listen = Some("127.0.0.1:0".into());
    let device = Some((format!("ws://{device}").parse().unwrap(), Trust::System));
    let plan = Plan { listen, device, ..plan(script, settings, 1) };
    let replay = thread::spawn(move || play(plan, Some(ready)));
    let address = address.recv().unwrap().to_string();
    block_on(peer(address));
    replay.join().unwrap().unwrap()
}

/// Starts the terminal or service of a curated recording: its address, and what keeps it running.
fn device_of(entry: &Entry) -> (String, watch::Sender<()>) {
    match &entry.act {
        Act::Tsi(act) => {
            let lateness = Duration::from_millis(200);
            let settings = TerminalSettings { lateness, ..act.terminal.clone() };
            start(move |listener, stopped| async move {
                let play = shop(settings.seed);
                serve(listener, Terminal::new(settings), play, |_| {}, stopped).await;
            })
        }
        Act::Gochip(act) => {
            let service = act.service;
            start(move |listener, stopped| async move {
                let play = shop(service.seed);
                gochip::serve(listener, gochip::Service::new(service), play, |_| {}, stopped).await;
            })
        }
    }
}

/// Serves until the sender is dropped.
fn start<F: Future<Output = ()>>(
    serve: impl FnOnce(TcpListener, watch::Receiver<()>) -> F + Send + 'static,
) -> (String, watch::Sender<()>) {
    let (stop, stopped) = watch::channel(());
    let (ready, address) = mpsc::channel();
    thread::spawn(move || {
        // A terminal lasts as long as its test.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ready.send(listener.local_addr().unwrap().to_string()).unwrap();
            serve(listener, stopped).await;
        });
    });
    (address.recv().unwrap(), stop)
}

/// Plays `script` as the POS against whatever listens at `address`.
pub(super) fn as_pos(script: &Arc<Script>, settings: Settings, address: &str) -> Result<Seen, ReplayError> {
    let upstream = format!("ws://{address}").parse().unwrap();
    play(Plan { dial: Some((upstream, Trust::System)), ..plan(script, settings, 1) }, None)
}

/// As [`as_pos`], against a virtual service of goChip.
pub(super) fn against_service(
    script: &Arc<Script>,
    settings: Settings,
    service: gochip::ServiceSettings,
) -> Seen {
    against_any(script, settings, move |listener, stopped| async move {
        let play = shop(service.seed);
        gochip::serve(listener, gochip::Service::new(service), play, |_| {}, stopped).await;
    })
}

/// As [`as_pos`], against a virtual terminal.
pub(super) fn against(script: &Arc<Script>, settings: Settings, terminal: TerminalSettings) -> Seen {
    against_any(script, settings, move |listener, stopped| async move {
        let play = shop(terminal.seed);
        serve(listener, Terminal::new(terminal), play, |_| {}, stopped).await;
    })
}

/// As [`as_pos`], against the terminal or the service of a curated recording; a late answer is not as late.
pub(super) fn against_that_of(entry: &Entry, settings: Settings) -> Seen {
    match &entry.act {
        Act::Tsi(act) => {
            let lateness = Duration::from_millis(200);
            against(&curated(entry), settings, TerminalSettings { lateness, ..act.terminal.clone() })
        }
        Act::Gochip(act) => against_service(&curated(entry), settings, act.service),
    }
}

/// Long enough for a second till to come while a sale runs.
fn shop(seed: u64) -> Play {
    let clock = ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, seed + 77));
    Play { pace: TillPace::Times(20.0), clock }
}

fn against_any<F: Future<Output = ()>>(
    script: &Arc<Script>,
    settings: Settings,
    serve: impl FnOnce(TcpListener, watch::Receiver<()>) -> F + Send + 'static,
) -> Seen {
    let (stop, stopped) = watch::channel(());
    let (ready, address) = mpsc::channel();
    let serving = thread::spawn(move || {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ready.send(listener.local_addr().unwrap().to_string()).unwrap();
            serve(listener, stopped).await;
        });
    });
    let seen = as_pos(script, settings, &address.recv().unwrap()).unwrap();
    drop(stop);
    serving.join().unwrap();
    seen
}

fn plan(script: &Arc<Script>, settings: Settings, times: u32) -> Plan {
    Plan {
        script: Arc::clone(script),
        settings,
        listen: None,
        identity: None,
        dial: None,
        device: None,
        credentials: Credentials::default(),
        times,
        handshake_time: Duration::from_secs(5),
        message_size: 1 << 20,
    }
}

fn play(plan: Plan, ready: Option<mpsc::Sender<SocketAddr>>) -> Result<Seen, ReplayError> {
    let witness = Witness {
        role: plan.settings.role,
        times: plan.times,
        ready,
        runs: 0,
        verdict: None,
        events: Vec::new(),
        episodes: Vec::new(),
        notes: Vec::new(),
    };
    let (_, advance) = tokio::sync::mpsc::unbounded_channel();
    let witness = run(plan, witness, std::future::pending(), advance)?;
    let Witness { verdict, events, episodes, notes, .. } = witness;
    Ok(Seen { verdict: verdict.unwrap(), events, episodes, notes })
}

/// The visits of a curated recording, made again: by tills with ids of their own.
pub(super) async fn visit_again(entry: &Entry, address: &str, patience: Duration) {
    match &entry.act {
        Act::Tsi(act) => {
            for round in &act.rounds {
                let visits = round.iter().enumerate().map(|(order, visit)| async move {
                    tokio::time::sleep(Duration::from_millis(60) * order as u32).await;
                    let till = Till::new(visit.habit, visit.doors, visit.seed + 4000);
                    let manner = Manner { pace: TillPace::Instant, patience, connections: visit.connections };
                    // What the till makes of a bad terminal is not what is tested.
                    let _ = dial(address, till, visit.errands.clone(), manner, |_| {}).await;
                });
                futures_util::future::join_all(visits).await;
            }
        }
        Act::Gochip(act) => {
            for visit in &act.visits {
                let pos = gochip::Pos::new(visit.habit, act.service.edition, visit.seed + 4000);
                let manner = gochip::Manner { pace: TillPace::Times(20.0), patience };
                let _ = gochip::dial(address, pos, visit.errands.clone(), manner, |_| {}).await;
            }
        }
    }
}

/// A curated recording of TSI.
pub(super) fn entry(name: &str) -> Entry {
    catalogue(Protocol::Tsi).into_iter().find(|entry| entry.name == name).unwrap()
}

/// The script of a curated recording.
pub(super) fn curated(entry: &Entry) -> Arc<Script> {
    let pack = match entry.act.protocol() {
        Protocol::Tsi => "bluechip-tsi",
        Protocol::Gochip => "gochip",
    };
    let path = format!("cassettes/{pack}/{}.cassette.jsonl", entry.name);
    script(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path), Some(load(pack)))
}

/// The script of a curated recording of TSI.
pub(super) fn tsi(name: &str) -> Arc<Script> {
    curated(&entry(name))
}

fn block_on(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await }).unwrap();
}
