//! Which classes a generator makes, and how often (mode collapse; as in Srivastava et al. 2017, VEEGAN, section 5).

use std::collections::BTreeMap;

/// How often each class occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModeCounts {
    counts: BTreeMap<String, usize>,
    samples: usize,
}

/// A class.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// Its name.
    pub label: String,
    /// Samples of it.
    pub count: usize,
    /// Their share.
    pub share: f64,
    /// Its share in the reference.
    pub reference: f64,
}

/// The classes beside those of a reference.
#[derive(Clone, Debug, PartialEq)]
pub struct ModeReport {
    /// The classes of either, sorted by name.
    pub modes: Vec<Mode>,
    /// Classes of the reference that occur.
    pub found: usize,
    /// Classes of the reference.
    pub expected: usize,
    /// KL(samples || reference) in nats, at least 0; `None`, for infinite, when a class occurs that the reference lacks.
    pub divergence: Option<f64>,
    /// The smallest share of a class of the reference.
    pub smallest: f64,
}

impl ModeCounts {
    /// One sample of each of these classes.
    pub fn even<'a>(labels: impl IntoIterator<Item = &'a String>) -> Self {
        let mut even = Self::default();
        labels.into_iter().for_each(|label| even.add(label));
        even
    }

    /// Adds a sample of a class.
    pub fn add(&mut self, label: &str) {
        self.samples += 1;
        match self.counts.get_mut(label) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(label.to_owned(), 1)),
        }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The classes, sorted.
    pub fn labels(&self) -> impl Iterator<Item = &String> {
        self.counts.keys()
    }

    /// Compares the shares of the classes with those of `reference`, which has samples.
    pub fn compare(&self, reference: &Self) -> ModeReport {
        let share =
            |of: &Self, label: &str| of.counts.get(label).map_or(0.0, |count| *count as f64 / of.samples.max(1) as f64);
        let mut labels: Vec<&String> = self.labels().chain(reference.labels()).collect();
        labels.sort_unstable();
        labels.dedup();
        let mode = |label: &&String| Mode {
            label: (*label).clone(),
            count: self.counts.get(*label).copied().unwrap_or(0),
            share: share(self, label),
            reference: share(reference, label),
        };
        let modes: Vec<Mode> = labels.iter().map(mode).collect();
        let known = || modes.iter().filter(|mode| mode.reference > 0.0);
        let is_within = modes.iter().all(|mode| mode.share == 0.0 || mode.reference > 0.0);
        let terms =
            modes.iter().filter(|mode| mode.share > 0.0).map(|mode| mode.share * (mode.share / mode.reference).ln());
        ModeReport {
            found: known().filter(|mode| mode.count > 0).count(),
            expected: known().count(),
            divergence: is_within.then(|| terms.sum::<f64>().max(0.0)),
            smallest: known().map(|mode| mode.share).fold(1.0, f64::min),
            modes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(labels: &str) -> ModeCounts {
        let mut counts = ModeCounts::default();
        labels.chars().for_each(|label| counts.add(&label.to_string()));
        counts
    }

    #[test]
    fn shares_and_divergence_of_a_generator_that_lost_a_class() {
        let reference = ModeCounts::even(&["a", "b", "c", "d"].map(str::to_owned));
        let found = counts("aabbbbcc").compare(&reference);
        assert_eq!((found.found, found.expected, found.smallest), (3, 4, 0.0));
        assert_eq!(found.modes.iter().map(|mode| mode.count).collect::<Vec<_>>(), [2, 4, 2, 0]);
        // 1/4 ln 1 + 1/2 ln 2 + 1/4 ln 1
        assert!((found.divergence.unwrap() - 0.5 * 2_f64.ln()).abs() < 1e-15);
        assert_eq!(counts("dcba").compare(&reference).divergence, Some(0.0));
    }

    #[test]
    fn a_class_that_the_reference_lacks_makes_the_divergence_infinite() {
        let found = counts("aab").compare(&counts("aac"));
        assert_eq!((found.divergence, found.found, found.expected), (None, 1, 2));
        assert_eq!(found.modes[1], Mode { label: "b".into(), count: 1, share: 1.0 / 3.0, reference: 0.0 });
    }
}
