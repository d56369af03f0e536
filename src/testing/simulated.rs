//! A simulated terminal: takes every card, and the amount chooses what happens.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::error::StartError;
use crate::net::replay::ReplayError;
use crate::net::simulate::{
    Behaviour, Pace, Play, Protocol, ShopClock, ShopDay, Terminal, TerminalNews, TerminalSettings, gochip,
    serve,
};
use crate::pack::suggestion;

/// A simulated terminal that speaks that protocol. Instantly paced, on a free port of this machine, and the same in
/// every run, receipts included, unless it is said otherwise. `tilltape simulate terminal --help` lists which
/// amounts and behaviours it knows.
pub fn simulated_terminal(protocol: Protocol) -> Simulation {
    let (behaviour, listen) = (None, "127.0.0.1:0".to_owned());
    Simulation { protocol, behaviour, listen, seed: 1, pace: Pace::Instant }
}

/// A simulated terminal: what it is to be, before it starts.
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct Simulation {
    protocol: Protocol,
    behaviour: Option<String>,
    listen: String,
    seed: u64,
    pace: Pace,
}

/// A simulated terminal at work, until this is dropped.
pub struct Simulated {
    url: String,
    port: u16,
    served: Arc<Mutex<Vec<String>>>,
    /// It is switched off when this goes.
    _on: watch::Sender<()>,
}

impl Simulation {
    /// What it does with every request: `declined`, `silent`.
    pub fn behaving(mut self, behaviour: impl Into<String>) -> Self {
        self.behaviour = Some(behaviour.into());
        self
    }

    /// Another shop day: other authorisation numbers, other times.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How fast people and hosts are; they take no time without this.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Where to wait: `HOST:PORT`; a free port of this machine without this.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Starts it; a POS can connect when this returns.
    pub fn start(self) -> Result<Simulated, StartError> {
        let listener = TcpListener::bind(&self.listen).map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        listener.set_nonblocking(true).map_err(StartError::Listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StartError::Replay(ReplayError::Start(error)))?;
        let (on, off) = watch::channel(());
        let served = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&served);
        let tell = move |line: String| heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        let play =
            Play { pace: self.pace, clock: ShopClock::Scripted(ShopDay::new(ShopDay::OPENING, self.seed)) };
        let seed = self.seed;
        let serving: Box<dyn FnOnce() + Send> = match self.protocol {
            Protocol::Tsi => {
                let behaviour = one_of(self.behaviour, &Behaviour::ALL)?;
                let terminal =
                    Terminal::new(TerminalSettings { behaviour, seed, ..TerminalSettings::default() });
                let watch = move |news: TerminalNews| {
                    if let TerminalNews::Served(_, served) = news {
                        tell(line(&served.kind, &served.how));
                    }
                };
                Box::new(move || {
                    runtime.block_on(async {
                        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                            serve(listener, terminal, play, watch, off).await;
                        }
                    });
                })
            }
            Protocol::Gochip => {
                let behaviour = one_of(self.behaviour, &gochip::Behaviour::ALL)?;
                let settings =
                    gochip::ServiceSettings { behaviour, edition: gochip::Edition::default(), seed };
                let service = gochip::Service::new(settings);
                let watch = move |news: gochip::ServiceNews| {
                    if let gochip::ServiceNews::Served(_, served) = news {
                        tell(line(&served.kind, &served.how));
                    }
                };
                Box::new(move || {
                    runtime.block_on(async {
                        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                            gochip::serve(listener, service, play, watch, off).await;
                        }
                    });
                })
            }
        };
        let thread = std::thread::Builder::new().name("simulated terminal".into());
        thread.spawn(serving).map_err(StartError::Thread)?;
        Ok(Simulated::new(address, served, on))
    }
}

impl Simulated {
    fn new(address: SocketAddr, served: Arc<Mutex<Vec<String>>>, on: watch::Sender<()>) -> Self {
        Self { url: format!("ws://{address}"), port: address.port(), served, _on: on }
    }

    /// Where the POS connects, without a path: `ws://127.0.0.1:43121`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port of [`Simulated::url`].
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What was asked so far and what it did, in order: `sale: served`, `sale: declined`.
    pub fn served(&self) -> Vec<String> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The behaviour of that name.
fn one_of<T: Copy + fmt::Display>(name: Option<String>, all: &[T]) -> Result<Option<T>, StartError> {
    let Some(name) = name else { return Ok(None) };
    if let Some(&found) = all.iter().find(|behaviour| behaviour.to_string() == name) {
        return Ok(Some(found));
    }
    let known: Vec<String> = all.iter().map(T::to_string).collect();
    let near = suggestion(&name, known.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; {near}"));
    Err(StartError::Behaviour(format!("expected one of {}, got `{name}`{near}", known.join(", "))))
}

fn line(kind: &str, how: &str) -> String {
    format!("{kind}: {how}")
}
