//! Converts class scores to probabilities.

use anyhow::{Result, bail};

/// The softmax of a network's class scores, in double precision.
/// # Errors
/// When a score is not a number, or the largest one is not finite.
pub fn probabilities(scores: &[f32]) -> Result<Vec<f64>> {
    let largest = f64::from(scores.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    if !largest.is_finite() || scores.iter().any(|score| score.is_nan()) {
        bail!("the class scores are not finite; are the network's weights damaged?");
    }
    let powers: Vec<f64> = scores.iter().map(|score| (f64::from(*score) - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    Ok(powers.into_iter().map(|power| power / total).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_sum_to_one_even_for_large_scores() {
        let found = probabilities(&[1000.0, 1000.0 - 2.0_f32.ln(), f32::NEG_INFINITY]).unwrap();
        assert!((found[0] - 2.0 / 3.0).abs() < 1e-5 && (found[1] - 1.0 / 3.0).abs() < 1e-5, "{found:?}");
        assert_eq!(found[2], 0.0);
    }

    #[test]
    fn scores_that_are_not_finite_are_an_error() {
        for scores in [[f32::NAN, 0.0], [f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2]] {
            assert!(probabilities(&scores).is_err(), "{scores:?}");
        }
    }
}
