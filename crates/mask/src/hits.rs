//! How often each detector hit, for the record and the metrics. Never what was hit.

/// Counts per detector. Allocates nothing before the first hit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    counts: Vec<u64>,
}

impl Hits {
    /// All hits together.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// True before the first hit.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Hits of one detector, by its index in [`crate::Detectors::names`].
    pub fn of(&self, detector: usize) -> u64 {
        self.counts.get(detector).copied().unwrap_or(0)
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (index, n) in other.counts.iter().enumerate() {
            self.add(index, *n);
        }
    }

    /// Takes the counts and leaves none.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub(crate) fn add(&mut self, detector: usize, n: u64) {
        if self.counts.len() <= detector {
            self.counts.resize(detector.saturating_add(1), 0);
        }
        if let Some(count) = self.counts.get_mut(detector) {
            *count = count.saturating_add(n);
        }
    }
}
