//! Laws: what holds of every recording, whatever is in it, proved on random traces.
//!
//! | file | law |
//! |---|---|
//! | `reference` | a naive evaluator, written from the documented semantics, agrees with the engine |
//! | `roots` | where nobody broke a root rule, roots change nothing; what is folded follows from what its own accused broke |
//! | `locality` | what runs beside a flow on connections of its own changes nothing that is said of it |
//! | `truncation` | a recording that is cut says nothing the whole one does not say |
//! | `sufficiency` | the witnesses of a finding, replayed alone, give the same finding |
//! | `masking` | masking changes no verdict |
//! | `silence` | empty, refused, silent and echoing peers pass nothing |
//! | `memory` | what is remembered of messages before changes nothing that is said |
//! | `containment` | a rule that cannot be evaluated changes no other rule |
//!
//! Finality and "live equals offline" stand in `finality`, that waivers change dispositions only, in `waivers`. Traces are drawn from a fixed seed; `TILLTAPE_LAWS=SECONDS` draws others, for so long
//! each law, and a failure prints the seed that gives it again (`TILLTAPE_LAWS_SEED=SEED`).

mod containment;
mod ground;
pub(crate) mod invented;
mod locality;
mod masking;
mod memory;
mod messages;
mod reference;
mod roots;
mod silence;
mod sufficiency;
mod trace;
mod truncation;

use std::env;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseResult, TestRng, TestRunner};

pub(crate) use ground::{Ground, PACKS};
pub(crate) use trace::{Step, plan, shown};

/// Draws `cases` values, always the same, and gives them to `take`.
pub(crate) fn drawn<S: Strategy>(cases: u32, strategy: &S, take: impl Fn(S::Value) -> TestCaseResult) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[0; 32]);
    TestRunner::new_with_rng(config, rng).run(strategy, take).unwrap_or_else(|failure| panic!("{failure}"));
}

/// Draws `cases` values and asks `law` of each; more where the environment gives time.
pub(crate) fn holds_for<S: Strategy>(
    name: &str,
    cases: u32,
    strategy: &S,
    law: impl Fn(S::Value) -> TestCaseResult,
) {
    let number = |name: &str| env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let (time, seed) = (number("TILLTAPE_LAWS"), number("TILLTAPE_LAWS_SEED"));
    let started = Instant::now();
    let mut round = seed.unwrap_or_default();
    loop {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&round.to_le_bytes());
        let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        if let Err(failure) = runner.run(strategy, &law) {
            panic!("{name}, TILLTAPE_LAWS_SEED={round}: {failure}");
        }
        round += 1;
        if time.is_none_or(|seconds| started.elapsed() > Duration::from_secs(seconds)) {
            return;
        }
    }
}
