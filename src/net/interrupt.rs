//! Work that SIGINT or SIGTERM may end: it runs on a thread of its own while this one waits for either.

use std::{io, panic, thread};

use tokio::runtime;
use tokio::sync::oneshot;

use super::signals::Signals;

/// Runs `work` to its end; `None` where a signal came first, and `work` is left behind unfinished.
///
/// The caller then leaves the process; nothing that `work` holds is told.
pub fn until_interrupted<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let signal = signals()?;
        let (done, result) = oneshot::channel();
        let worker = thread::Builder::new().name("work".into()).spawn(move || {
            // Nobody waits any more where a signal came first.
            let _ = done.send(work());
        })?;
        tokio::select! {
            result = result => match result {
                Ok(value) => Ok(Some(value)),
                Err(_) => match worker.join() {
                    Err(panicked) => panic::resume_unwind(panicked),
                    Ok(()) => Ok(None),
                },
            },
            () = signal => Ok(None),
        }
    })
}

/// Ends with Ctrl-C or, where there is such a thing, SIGTERM; in force once this returns.
pub(crate) fn signals() -> io::Result<impl Future<Output = ()>> {
    let mut signals = Signals::listen()?;
    Ok(async move { signals.next().await })
}

#[cfg(test)]
mod tests {
    use super::until_interrupted;

    #[test]
    fn work_that_ends_is_returned() {
        assert_eq!(until_interrupted(|| 7).unwrap(), Some(7));
    }

    #[test]
    #[should_panic(expected = "an invariant broke")]
    fn a_panic_is_passed_on() {
        let _ = until_interrupted(|| panic!("an invariant broke"));
    }
}
