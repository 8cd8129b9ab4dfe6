//! How uneven the weights of rows are.

use anyhow::Result;

use crate::linear::check_weights;

/// How much of a sample is left under its weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightSummary {
    /// Kish's effective sample size (sum w)^2 / sum w^2, in rows: from 1 to the number of rows.
    pub effective_size: f64,
    /// The largest weight.
    pub largest: f64,
}

impl WeightSummary {
    /// Describes `weights`, each at least 0.
    /// # Errors
    /// When there are none, one is negative or not finite, or all are 0.
    pub fn of(weights: &[f64]) -> Result<Self> {
        check_weights(weights, weights.len())?;
        let largest = weights.iter().copied().fold(0.0, f64::max);
        // Relative to the largest, whose square may be too large or too small for a number.
        let sum: f64 = weights.iter().map(|weight| weight / largest).sum();
        let squares: f64 = weights.iter().map(|weight| (weight / largest).powi(2)).sum();
        Ok(Self { effective_size: sum * sum / squares, largest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_are_all_rows_and_a_single_one_is_one() {
        assert_eq!(WeightSummary::of(&[1e-200; 8]).unwrap(), WeightSummary { effective_size: 8.0, largest: 1e-200 });
        assert_eq!(WeightSummary::of(&[0.0, 3.0]).unwrap(), WeightSummary { effective_size: 1.0, largest: 3.0 });
        assert!(WeightSummary::of(&[]).is_err() && WeightSummary::of(&[0.0]).is_err());
    }
}
