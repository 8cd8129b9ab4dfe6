//! The Inception score (Salimans et al. 2016, Improved techniques for training GANs, section 4): exp of the mean
//! divergence KL(p(y|x) || p(y)) of class probabilities. 1 when every image looks like every class or all like one; at
//! most the number of classes.

use anyhow::{Result, ensure};
use dl_record::{Matrix, rng};
use rand::seq::SliceRandom;

/// The score over splits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InceptionScore {
    /// Mean over the splits.
    pub mean: f64,
    /// Standard deviation over the splits, divided by their number.
    pub deviation: f64,
}

/// The score of class scores before the softmax [n, classes], in f64. The rows are divided into `splits` of nearly equal
/// size, in their order, or in a random order with a seed; samples sorted by class need that. (torch-fidelity shuffles
/// with numpy's RandomState(2020).)
/// # Errors
/// When there are fewer rows than splits, no classes, or a number is not finite.
pub fn inception_score(logits: &Matrix, splits: usize, shuffle: Option<u64>) -> Result<InceptionScore> {
    let (rows, classes) = (logits.rows, logits.columns);
    ensure!(classes > 0, "no class scores");
    ensure!(splits > 0 && rows >= splits, "{rows} rows for {splits} splits; each needs at least one");
    ensure!(logits.data.iter().all(|value| value.is_finite()), "a class score is not a finite number");
    let mut order: Vec<usize> = (0..rows).collect();
    if let Some(seed) = shuffle {
        order.shuffle(&mut rng(seed, "inception-score"));
    }
    let score = |split: usize| {
        let part = &order[split * rows / splits..(split + 1) * rows / splits];
        let mut marginal = vec![0.0; classes];
        // The sum of p log p over the part.
        let mut negative_entropy = 0.0;
        for row in part {
            let row = logits.row(*row);
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let shifted = || row.iter().map(|value| f64::from(*value) - f64::from(largest));
            let total = shifted().map(f64::exp).sum::<f64>().ln();
            for (sum, value) in marginal.iter_mut().zip(shifted()) {
                let log = value - total;
                *sum += log.exp();
                negative_entropy += log.exp() * log;
            }
        }
        let count = part.len() as f64;
        let marginal = marginal.iter().map(|sum| sum / count).filter(|share| *share > 0.0);
        let cross = marginal.map(|share| share * share.ln()).sum::<f64>();
        (negative_entropy / count - cross).exp()
    };
    let scores: Vec<f64> = (0..splits).map(score).collect();
    let mean = scores.iter().sum::<f64>() / splits as f64;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / splits as f64;
    Ok(InceptionScore { mean, deviation: variance.sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{golden, golden_rows};

    #[test]
    fn scores_equal_those_of_torch_fidelity() {
        for case in golden()["inception_score"].as_array().unwrap() {
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let logits = golden_rows(0, number("rows"), number("classes"), 0.0);
            let found = inception_score(&logits, number("splits"), None).unwrap();
            for (found, key) in [(found.mean, "mean"), (found.deviation, "deviation")] {
                let expected = case[key].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}: {case}");
            }
        }
    }

    #[test]
    fn certain_and_even_classes_score_their_number_and_one_class_scores_one() {
        let certain = |class: fn(usize) -> usize| {
            let value = |at: usize| if class(at / 5) == at % 5 { 1e4 } else { 0.0 };
            Matrix { rows: 20, columns: 5, data: (0..100).map(value).collect() }
        };
        let score = |logits: &Matrix| inception_score(logits, 1, None).unwrap().mean;
        assert!((score(&certain(|row| row % 5)) - 5.0).abs() < 1e-12);
        assert!((score(&certain(|_| 3)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn sorted_samples_need_the_random_order() {
        let value = |at: usize| if at / 10 / 20 == at % 10 { 20.0 } else { 0.0 };
        let sorted = Matrix { rows: 200, columns: 10, data: (0..2000).map(value).collect() };
        assert!(inception_score(&sorted, 10, None).unwrap().mean < 1.01);
        let shuffled = inception_score(&sorted, 10, Some(0)).unwrap();
        assert!(shuffled.mean > 6.0, "{shuffled:?}");
        assert_eq!(shuffled, inception_score(&sorted, 10, Some(0)).unwrap());
    }

    #[test]
    fn more_splits_than_rows_and_numbers_that_are_not_finite_are_refused() {
        let logits = golden_rows(0, 4, 3, 0.0);
        assert!(inception_score(&logits, 5, None).is_err() && inception_score(&logits, 0, None).is_err());
        let broken = Matrix { rows: 1, columns: 2, data: vec![0.0, f32::INFINITY] };
        assert!(inception_score(&broken, 1, None).unwrap_err().to_string().contains("not a finite number"));
    }
}
