//! Distances of rows.

use serde::{Deserialize, Serialize};

/// How far rows are from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The Euclidean distance.
    #[default]
    Euclid,
    /// One minus the cosine of the angle; a row of zeros has a cosine of 0 to every row.
    Cosine,
}

/// The squared Euclidean distance in f64 over 8 running sums: fast, and the same on every machine.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += (a[lane] - b[lane]).powi(2);
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| (a - b).powi(2)).sum();
    sums.iter().sum::<f64>() + rest
}
