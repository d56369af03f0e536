//! Recording: a byte tunnel with a passive tap, and the recorder that writes what the tap saw.
//!
//! ```text
//!  tunnel's thread                                          recorder's thread
//!  proxy ─▶ opening ─▶ tunnel ══ bytes, forwarded first ══▶
//!                        └─ tap ─▶ queue (bounded) ─▶ recorder ─▶ translate (mask) ─▶ tape ─▶ shelf
//! ```
//!
//! Invariants: the traffic never waits for the recorder for longer than the queue's patience; nothing
//! unmasked passes `translate`; what could not be kept is counted and said.

mod limits;
mod plan;
mod proxy;

mod answer;
mod attempt;
mod opening;
mod tunnel;
mod upstream;

mod tap;

mod batch;
mod notes;
mod queue;
mod station;

mod quiet;
mod recorder;
mod shelf;
mod summary;
mod tape;
mod translate;

pub use limits::Limits;
pub use notes::Notes;
pub use plan::{HostHeader, Losing, Plan};
pub use proxy::{Proxy, RecordError};
pub use queue::Loss;
pub use quiet::until_quiet;
pub use recorder::{Follower, Growth, Observer, Spread};
pub use shelf::{Medium, Shelf};
pub use summary::{Finished, Summary, Totals};
pub(in crate::net) use upstream::Dialler;
pub use upstream::{Upstream, UpstreamError};
