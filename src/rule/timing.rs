//! How long answers took, in bounded memory: a histogram whose buckets grow by a twelfth.
//!
//! Count, fastest and slowest are exact; percentiles are right to within a bucket.

use std::time::Duration;

/// Buckets of an octave.
const STEPS: usize = 8;

/// A distribution of durations, in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    buckets: Vec<u32>,
    count: u64,
    min: u64,
    max: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { buckets: Vec::new(), count: 0, min: u64::MAX, max: 0 }
    }
}

impl Distribution {
    pub(crate) fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let index = index_of(micros);
        if index >= self.buckets.len() {
            self.buckets.resize(index + 1, 0);
        }
        self.buckets[index] = self.buckets[index].saturating_add(1);
        self.count += 1;
        self.min = self.min.min(micros);
        self.max = self.max.max(micros);
    }

    /// Adds every duration of another distribution.
    pub(crate) fn absorb(&mut self, other: &Self) {
        let longer = self.buckets.len().max(other.buckets.len());
        self.buckets.resize(longer, 0);
        for (count, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *count = count.saturating_add(*more);
        }
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) const fn min(&self) -> Duration {
        Duration::from_micros(if self.count == 0 { 0 } else { self.min })
    }

    pub(crate) const fn max(&self) -> Duration {
        Duration::from_micros(self.max)
    }

    /// The duration that `percent` of a hundred did not exceed.
    pub(crate) fn percentile(&self, percent: u64) -> Duration {
        let wanted = (self.count * percent).div_ceil(100).max(1);
        let mut below = 0;
        for (index, &count) in self.buckets.iter().enumerate() {
            below += u64::from(count);
            if below >= wanted {
                return Duration::from_micros(upper_bound(index).clamp(self.min, self.max));
            }
        }
        self.max()
    }

    /// Upper bounds and counts by octave, from the fastest to the slowest.
    pub(crate) fn octaves(&self) -> Vec<(Duration, u64)> {
        if self.count == 0 {
            return Vec::new();
        }
        let (first, last) = (index_of(self.min) / STEPS, index_of(self.max) / STEPS);
        (first..=last)
            .map(|octave| {
                let from = octave * STEPS;
                let counts = self.buckets.iter().skip(from).take(STEPS).map(|&count| u64::from(count));
                (Duration::from_micros(upper_bound(from + STEPS - 1)), counts.sum())
            })
            .collect()
    }
}

/// Below 8 µs every microsecond has its bucket, above every octave has eight.
fn index_of(micros: u64) -> usize {
    if micros < STEPS as u64 {
        return micros as usize;
    }
    let octave = micros.ilog2() as usize;
    let step = (micros >> (octave - 3)) as usize & (STEPS - 1);
    (octave - 2) * STEPS + step
}

/// The largest duration of a bucket.
fn upper_bound(index: usize) -> u64 {
    if index < STEPS {
        return index as u64;
    }
    let (octave, step) = (index / STEPS + 2, (index % STEPS) as u64);
    let start = (STEPS as u64 + step) << (octave - 3);
    start + (1 << (octave - 3)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_without_gap_or_overlap() {
        for index in 0..300 {
            let upper = upper_bound(index);
            assert_eq!(index_of(upper), index, "{upper}");
            assert_eq!(index_of(upper + 1), index + 1, "{upper}");
        }
    }

    #[test]
    fn percentiles_are_right_to_within_a_bucket() {
        let mut distribution = Distribution::default();
        for millis in 1..=100 {
            distribution.add(Duration::from_millis(millis));
        }
        assert_eq!(distribution.min(), Duration::from_millis(1));
        assert_eq!(distribution.max(), Duration::from_millis(100));
        let median = distribution.percentile(50).as_millis();
        assert!((50..57).contains(&median), "{median}");
        assert_eq!(distribution.octaves().iter().map(|(_, count)| count).sum::<u64>(), 100);
    }
}
