//! Feeds recordings to a check, one event at a time, and says how far it is.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::at_once::{self, News};
use super::inputs::{Input, Inputs, unreadable};
use crate::cassette::{Ending, Header};
use crate::check::{self, Basis, Check, CheckResult, Completeness, Options, SourceInfo, Subject};
use crate::pack::Pack;
use crate::prove::Proof;
use crate::report::{Report, Unreadable};

/// What became of the inputs.
pub(crate) struct Judged {
    /// The result over all that could be read.
    pub(crate) result: CheckResult,
    /// What could not, or not to its end.
    pub(crate) unreadable: Vec<Unreadable>,
    /// That each rule of the pack can fail, where that was asked for.
    pub(crate) proof: Option<Proof>,
}

impl Judged {
    /// It as a report.
    pub(crate) fn report(&self) -> Report<'_> {
        Report { result: &self.result, unreadable: &self.unreadable, proof: self.proof.as_ref() }
    }
}

/// Judges the inputs by `pack`. What cannot be read is said and hinders nothing else.
pub(crate) fn judge(inputs: &mut Inputs, pack: Arc<Pack>, options: Options) -> Judged {
    judge_by(inputs, Check::new(pack, options), None)
}

/// As [`judge`], by a check that was set up already, so many recordings at once: as many as there are processors,
/// unless said. Their number changes how long it takes and nothing else.
pub(crate) fn judge_by(inputs: &mut Inputs, mut check: Check, at_once: Option<NonZeroUsize>) -> Judged {
    let mut refused = std::mem::take(&mut inputs.unreadable);
    let mut progress = Progress::new(inputs.total_bytes(), Arc::clone(&inputs.done));
    let wanted = std::mem::take(&mut inputs.inputs);
    let processors = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = at_once.unwrap_or_else(processors).get().min(wanted.len());
    if threads > 1 && check.is_divisible() {
        let (blank, inputs) = (check.fork(), &*inputs);
        // Forks whose findings were taken over: they know already what messages are like.
        let idle = Mutex::new(Vec::new());
        let idle = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        let judge_one = |input: &Input| {
            let known = idle().pop();
            let mut own = known.unwrap_or_else(|| blank.fork());
            let outcome = open_and_judge(&mut own, inputs, input, || ());
            (own, outcome)
        };
        at_once::in_order(&wanted, threads, judge_one, |news| match news {
            News::Done((mut own, outcome)) => {
                check.absorb(&mut own);
                idle().push(own);
                refused.extend(outcome.err());
            }
            News::Waiting => progress.show(),
        });
    } else {
        for input in &wanted {
            refused.extend(open_and_judge(&mut check, inputs, input, || progress.tick()).err());
        }
    }
    progress.clear();
    let mut result = check.finish();
    check::conceal(&mut result);
    Judged { result, unreadable: refused, proof: None }
}

/// Judges one recording; `tick` is called after each event.
fn open_and_judge(
    check: &mut Check,
    inputs: &Inputs,
    input: &Input,
    mut tick: impl FnMut(),
) -> Result<(), Unreadable> {
    let mut cassette = inputs.open(input)?;
    let basis = inputs.bases.get(input).copied().unwrap_or_default();
    check.begin(SourceInfo { basis, ..source_info(input.name(), cassette.header()) });
    // The walk of the rules through a payload is its validation.
    while let Some(judged) = cassette.walk_next(|event| check.observe(event)) {
        if let Err(error) = judged {
            check.end(Completeness::Broken);
            return Err(unreadable(input.name(), &error));
        }
        tick();
    }
    check.end(completeness(cassette.ending()));
    Ok(())
}

/// What the end of a cassette means for its verdict.
pub(crate) fn completeness(ending: Option<Ending>) -> Completeness {
    match ending {
        Some(Ending::Finished { edited: false }) => Completeness::Finished,
        Some(Ending::Finished { edited: true }) => Completeness::Edited,
        Some(Ending::Unverified) => Completeness::Unverified,
        Some(Ending::Cut { .. }) | None => Completeness::Cut,
    }
}

/// What a header says of its recording.
pub(crate) fn source_info(name: String, header: &Header) -> SourceInfo {
    SourceInfo {
        name,
        pack: header.pack.clone(),
        basis: Basis::Asked,
        subject: subject(header),
        recorded_at: header.recorded_at.clone(),
        masked: header.masking.is_some(),
    }
}

/// What the header says of the parties it knows.
fn subject(header: &Header) -> Subject {
    let parties =
        header.subject.iter().filter_map(|(party, facts)| Some((party.parse().ok()?, facts.clone())));
    Subject(parties.collect())
}

/// A line on standard error that says how far a long run is; only on a terminal, and gone at the end.
struct Progress {
    total: Option<u64>,
    done: Arc<AtomicU64>,
    events: u32,
    started: Instant,
    shown: Option<Instant>,
    wanted: bool,
}

impl Progress {
    /// How long a run may take before progress is shown.
    const PATIENCE: Duration = Duration::from_millis(500);
    /// How often it is shown.
    const EVERY: Duration = Duration::from_millis(100);
    /// How many events pass between two looks at the clock.
    const EVENTS: u32 = 1 << 12;

    fn new(total: Option<u64>, done: Arc<AtomicU64>) -> Self {
        let wanted = io::stderr().is_terminal();
        Self { total, done, events: 0, started: Instant::now(), shown: None, wanted }
    }

    #[inline]
    fn tick(&mut self) {
        self.events += 1;
        if self.events >= Self::EVENTS {
            self.events = 0;
            self.show();
        }
    }

    fn show(&mut self) {
        let due = match self.shown {
            None => self.started.elapsed() >= Self::PATIENCE,
            Some(shown) => shown.elapsed() >= Self::EVERY,
        };
        if !self.wanted || !due {
            return;
        }
        self.shown = Some(Instant::now());
        let done = self.done.load(Ordering::Relaxed);
        let line = match self.total {
            Some(total @ 1..) => {
                let percent = u128::from(done.min(total)) * 100 / u128::from(total);
                format!("checked {} of {} MB ({percent} %)", megabytes(done), megabytes(total))
            }
            Some(0) | None => format!("checked {} MB", megabytes(done)),
        };
        // Progress that cannot be shown is not worth an error.
        let _ = write!(io::stderr(), "\r\x1b[2K{line}");
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}
