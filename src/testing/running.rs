//! A peer made of a cassette at work: what can be asked of it, and how it ends.

use std::fmt;
use std::sync::Arc;

use super::error::StartError;
use super::run::Run;
use super::witness::Witness;
use crate::conversation::{ConnectionId, Party};
use crate::net::replay::{NoConnection, Order, Over, Plan, ReplayError, Session, Standing};
use crate::replay::{Fault, FaultError, Outgoing, Script, TooLate};

/// A peer made of a cassette, at work until its run is over, or this is dropped.
pub struct Running {
    url: String,
    role: Party,
    script: Arc<Script>,
    session: Session<Witness>,
}

/// Why something could not be done, or a run gave no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The run is over.
    #[error(transparent)]
    Over(#[from] Over),
    /// It failed: nothing is proved.
    #[error(transparent)]
    Failed(#[from] ReplayError),
    /// It ended without a verdict.
    #[error("the run ended without a verdict")]
    NoVerdict,
    /// No fault, or none of this cassette.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The message is over.
    #[error(transparent)]
    TooLate(#[from] TooLate),
    /// Nothing can be sent there.
    #[error(transparent)]
    NoConnection(#[from] NoConnection),
}

impl Running {
    pub(super) fn start(plan: Plan, witness: Witness) -> Result<Self, StartError> {
        let (role, script) = (plan.settings.role, Arc::clone(&plan.script));
        let dialled = plan.dial.as_ref().map(|(upstream, _)| upstream.to_string());
        let session = Session::start(plan, witness)?;
        let url = match session.address() {
            Some(address) => format!("ws://{address}"),
            None => dialled.unwrap_or_default(),
        };
        Ok(Self { url, role, script, session })
    }

    /// Where the peer connects, without a path: `ws://127.0.0.1:43121`; where we dial, whom.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port that the peer connects to; `None` where we dial.
    pub fn port(&self) -> Option<u16> {
        self.session.address().map(|address| address.port())
    }

    /// Lets the next message of ours go, after [`super::Replay::step_by_step`].
    pub fn advance(&self) {
        self.session.order(Order::Advance);
    }

    /// Ends the run; its verdict is `incomplete` where something was still to come.
    pub fn stop(&self) {
        self.session.order(Order::Stop);
    }

    /// Something goes wrong on purpose from now on: `drop event#2`.
    pub fn fault(&self, fault: &str) -> Result<(), Stopped> {
        let harm = fault.parse::<Fault>()?.aim(&self.script, self.role)?;
        Ok(self.session.ask(|answer| Order::Harm(harm, answer))??)
    }

    /// Sends a text message that the cassette does not have, on the connection that was opened last.
    pub fn inject(&self, message: impl Into<String>) -> Result<ConnectionId, Stopped> {
        let message = Outgoing::Text(message.into());
        Ok(self.session.ask(|answer| Order::Inject { connection: None, message, answer })??)
    }

    /// How the run stands.
    pub fn standing(&self) -> Result<Standing, Stopped> {
        Ok(self.session.ask(Order::Look)?)
    }

    /// Waits for the end. In async code use [`Running::ended`], which does not block.
    pub fn verdict(mut self) -> Result<Run, Stopped> {
        self.session.wait()??.into_run().ok_or(Stopped::NoVerdict)
    }

    /// Waits for the end.
    pub async fn ended(mut self) -> Result<Run, Stopped> {
        self.session.ended().await??.into_run().ok_or(Stopped::NoVerdict)
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("role", &self.role).field("url", &self.url).finish_non_exhaustive()
    }
}
