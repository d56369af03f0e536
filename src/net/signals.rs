//! The operator's signals; for a recording, the first one asks for an orderly end, the second for one at once.

use std::future::Future;
use std::io;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Signals this close to the first one ask for the same.
const SAME_WISH: Duration = Duration::from_millis(200);

/// Listens from now on. The future is ready at the first SIGINT or SIGTERM (Ctrl-C elsewhere);
/// `at_once` is called at the second one, from a thread of its own.
pub fn stop_requested(at_once: impl FnOnce() + Send + 'static) -> io::Result<impl Future<Output = ()>> {
    let (first, asked) = oneshot::channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::listen()?
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async move {
            signals.next().await;
            // The recording may have ended by itself in the meantime.
            let _ = first.send(());
            // `timeout` and terminals signal a process and its group: that is one wish, not two.
            let heard = tokio::time::Instant::now();
            signals.next().await;
            while heard.elapsed() < SAME_WISH {
                signals.next().await;
            }
            at_once();
        });
    })?;
    Ok(async move {
        if asked.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// SIGINT and SIGTERM, from when it listens; Ctrl-C elsewhere, from when it is waited for.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// A file-size limit ends the process unless somebody listens; the failing write says it all the same.
    _file_size: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// SIGXFSZ on every system this builds for.
    const FILE_SIZE: i32 = 25;

    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _file_size: signal(SignalKind::from_raw(Self::FILE_SIZE))?,
        })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
