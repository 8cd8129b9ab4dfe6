//! `--metric`.

use clap::ValueEnum;
use dl_transfer::neighbors::Metric;

/// How far two rows are from each other.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum MetricName {
    /// The Euclidean distance
    Euclid,
    /// One minus the cosine of the angle
    Cosine,
}

impl From<MetricName> for Metric {
    fn from(name: MetricName) -> Self {
        match name {
            MetricName::Euclid => Self::Euclid,
            MetricName::Cosine => Self::Cosine,
        }
    }
}
