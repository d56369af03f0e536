//! A run in a thread of its own, for whoever does other things meanwhile: a test, the control endpoint.

use std::net::SocketAddr;
use std::sync::mpsc as channel;

use tokio::sync::{mpsc, oneshot};

use super::order::{Order, Reply};
use super::plan::{Plan, ReplayError, Watcher};
use super::run::run;
use crate::conversation::ConversationEvent;
use crate::replay::{Expected, Player};

/// A run in a thread of its own; dropped, it is stopped.
#[derive(Debug)]
pub struct Session<W> {
    address: Option<SocketAddr>,
    orders: mpsc::UnboundedSender<Order>,
    ended: oneshot::Receiver<Result<W, ReplayError>>,
}

/// The run is over: nothing can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run is over")]
pub struct Over;

impl<W: Watcher + Send + 'static> Session<W> {
    /// Starts it; where it listens, peers can connect when this returns.
    pub fn start(plan: Plan, watcher: W) -> Result<Self, ReplayError> {
        let (orders, obeyed) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let (early, ready) = channel::channel();
        let (role, listens) = (plan.settings.role, plan.listen.is_some());
        let crier = Crier { watcher, ready: early.clone() };
        let whole = move || {
            let ended = match run(plan, crier, std::future::pending(), obeyed) {
                Ok(crier) => Ok(crier.watcher),
                // Whoever waits for the address hears it at once.
                Err(error) => match early.send(Err(error)) {
                    Ok(()) => return,
                    Err(channel::SendError(Err(error))) => Err(error),
                    Err(channel::SendError(Ok(_))) => return,
                },
            };
            // Whoever dropped its end does not want to know.
            drop(end.send(ended));
        };
        let thread = std::thread::Builder::new().name(format!("replayed {role}"));
        thread.spawn(whole).map_err(ReplayError::Start)?;
        let address = match listens.then(|| ready.recv()) {
            None => None,
            Some(Ok(address)) => Some(address?),
            // Both senders went with the thread.
            Some(Err(_)) => return Err(ReplayError::Start(std::io::ErrorKind::BrokenPipe.into())),
        };
        Ok(Self { address, orders, ended })
    }
}

impl<W> Session<W> {
    /// Where peers connect; `None` where we dial.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Gives an order; a run that is over obeys nothing.
    pub fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// Gives an order and waits for its answer, which comes between two messages.
    pub fn ask<T: Send + 'static>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, Over> {
        let (answer, answered) = channel::channel();
        self.order(order(Reply::new(move |value| drop(answer.send(value)))));
        // An order that nobody obeys any more is dropped, and its answer with it.
        answered.recv().map_err(|_| Over)
    }

    /// Waits until the run is over and has let go of its port, as often as one likes.
    pub async fn gone(&self) {
        self.orders.closed().await;
    }

    /// Waits for the end, which comes once; never called from async code.
    pub fn wait(&mut self) -> Result<Result<W, ReplayError>, Over> {
        let (_, nothing) = oneshot::channel();
        std::mem::replace(&mut self.ended, nothing).blocking_recv().map_err(|_| Over)
    }

    /// Waits for the end, which comes once.
    pub async fn ended(&mut self) -> Result<Result<W, ReplayError>, Over> {
        (&mut self.ended).await.map_err(|_| Over)
    }
}

impl<W> Drop for Session<W> {
    fn drop(&mut self) {
        self.order(Order::Stop);
    }
}

/// Says where peers can connect, and passes everything else on.
struct Crier<W> {
    watcher: W,
    ready: channel::Sender<Result<SocketAddr, ReplayError>>,
}

impl<W: Watcher> Watcher for Crier<W> {
    fn ready(&mut self, address: SocketAddr) {
        self.watcher.ready(address);
        // Whoever started the run waits for it.
        let _ = self.ready.send(Ok(address));
    }

    fn event(&mut self, event: &ConversationEvent<'_>) {
        self.watcher.event(event);
    }

    fn episode(&mut self, event: &ConversationEvent<'_>) {
        self.watcher.episode(event);
    }

    fn note(&mut self, note: &str) {
        self.watcher.note(note);
    }

    fn held(&mut self, next: &Expected) {
        self.watcher.held(next);
    }

    fn run_over(&mut self, player: &Player) -> bool {
        self.watcher.run_over(player)
    }
}
