//! The loss of classification: cross-entropy with class weights, label smoothing and mixed labels, as in torch's
//! `CrossEntropyLoss`.

use anyhow::{Result, bail};
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::{cross_entropy, log_softmax};

use super::batches::{Batch, Targets};

/// Options of the loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LossConfig {
    /// Fraction of each label that is spread evenly over all classes (Szegedy et al. 2016, section 7).
    pub smoothing: f64,
    /// Weight of the examples of each class; empty for equal weights.
    pub weights: Vec<f64>,
}

impl LossConfig {
    /// The mean loss of the scores [n, classes] of a batch.
    /// # Errors
    /// When candle fails.
    pub fn loss(&self, logits: &Tensor, batch: &Batch) -> Result<Tensor> {
        self.of(logits, &batch.targets, batch.mixed.as_ref().map(|(targets, share)| (targets, *share))).map_err(plain)
    }

    /// The mean loss of the scores [n, classes] of examples of the classes `targets`.
    /// # Errors
    /// When candle fails.
    pub fn loss_of_targets(&self, logits: &Tensor, targets: &Targets) -> Result<Tensor> {
        self.of(logits, targets, None).map_err(plain)
    }

    /// The weighted sum of the losses of the network and of its auxiliary classifiers.
    /// # Errors
    /// When candle fails.
    pub fn loss_of_all(&self, scores: &[(Tensor, f64)], batch: &Batch) -> Result<Tensor> {
        let losses = scores.iter().map(|(logits, share)| (self.loss(logits, batch)? * *share).map_err(plain));
        let sum = losses.reduce(|a: Result<Tensor>, b| (a? + b?).map_err(plain));
        sum.unwrap_or_else(|| bail!("a network without class scores"))
    }

    fn of(&self, logits: &Tensor, targets: &Targets, mixed: Option<(&Targets, f64)>) -> candle_core::Result<Tensor> {
        let (n, classes) = logits.dims2()?;
        if self.smoothing == 0.0 && self.weights.is_empty() && targets.weights.is_empty() && mixed.is_none() {
            return cross_entropy(logits, &Tensor::new(targets.classes.as_slice(), logits.device())?);
        }
        // The weight of each -log p in the mean.
        let mut shares = vec![0.0_f64; n * classes];
        self.add(&mut shares, targets, classes, mixed.map_or(1.0, |(_, share)| share));
        if let Some((targets, share)) = mixed {
            self.add(&mut shares, targets, classes, 1.0 - share);
        }
        let shares: Vec<f32> = shares.into_iter().map(|share| share as f32).collect();
        let shares = Tensor::from_vec(shares, (n, classes), logits.device())?;
        (log_softmax(logits, 1)? * shares)?.sum_all()?.neg()
    }

    fn add(&self, shares: &mut [f64], targets: &Targets, classes: usize, factor: f64) {
        let weight = |class: usize| self.weights.get(class).copied().unwrap_or(1.0);
        let own = |row: usize| targets.weights.get(row).map_or(1.0, |weight| f64::from(*weight));
        let targets: Vec<usize> = targets.classes.iter().map(|target| *target as usize).collect();
        let all: f64 = targets.iter().enumerate().map(|(row, target)| own(row) * weight(*target)).sum();
        // A batch whose weights are all 0 teaches nothing.
        let all = if all > 0.0 { all } else { 1.0 };
        for (index, (row, target)) in shares.chunks_exact_mut(classes).zip(targets).enumerate() {
            let factor = factor * own(index) / all;
            row[target] += factor * (1.0 - self.smoothing) * weight(target);
            for (class, share) in row.iter_mut().enumerate() {
                *share += factor * self.smoothing / classes as f64 * weight(class);
            }
        }
    }
}

/// Weights that balance classes of different size: n / (classes x examples of the class), scikit-learn's `balanced`.
pub fn balanced(counts: &[usize]) -> Vec<f64> {
    let present = counts.iter().filter(|count| **count > 0).count();
    let all: usize = counts.iter().sum();
    counts.iter().map(|count| if *count == 0 { 1.0 } else { all as f64 / (present * count) as f64 }).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use serde_json::Value;

    use super::*;

    #[test]
    fn losses_and_gradients_are_those_of_torch() {
        let golden = include_str!("../../../../testdata/goldens/optimizers/loss.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let numbers = |value: &Value| -> Vec<f32> { serde_json::from_value(value.clone()).unwrap() };
        let integers = |value: &Value| -> Vec<u32> { serde_json::from_value(value.clone()).unwrap() };
        for case in golden["cases"].as_array().unwrap() {
            let logits = Var::from_vec(numbers(&golden["logits"]), (5, 4), &Device::Cpu).unwrap();
            let config = LossConfig {
                smoothing: case["smoothing"].as_f64().unwrap(),
                weights: numbers(&case["weights"]).into_iter().map(f64::from).collect(),
            };
            let (targets, others) = (integers(&golden["targets"]), integers(&golden["others"]));
            let (targets, others) = (Targets::from(targets.as_slice()), Targets::from(others.as_slice()));
            let mixed = case["share"].as_f64().map(|share| (&others, share));
            let loss = config.of(&logits, &targets, mixed).unwrap();
            let expected = case["loss"].as_f64().unwrap() as f32;
            assert!((loss.to_scalar::<f32>().unwrap() - expected).abs() < 1e-5, "{loss} {case}");
            let gradient = loss.backward().unwrap().get(&logits).unwrap().flatten_all().unwrap().to_vec1::<f32>();
            for (found, expected) in gradient.unwrap().iter().zip(numbers(&case["gradient"])) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected} {case}");
            }
        }
    }

    #[test]
    fn an_example_of_weight_2_counts_as_two() {
        let logits = Tensor::new(&[[0.5_f32, -1.0, 2.0], [1.5, 0.0, -0.5]], &Device::Cpu).unwrap();
        let twice = Tensor::cat(&[&logits, &logits.narrow(0, 0, 1).unwrap()], 0).unwrap();
        let weighted = Targets { classes: vec![1, 2], weights: vec![2.0, 1.0] };
        for config in [LossConfig::default(), LossConfig { smoothing: 0.1, weights: vec![1.0, 3.0, 0.5] }] {
            let found = config.of(&logits, &weighted, None).unwrap().to_scalar::<f32>().unwrap();
            let expected = config.of(&twice, &Targets::from([1, 2, 1].as_slice()), None).unwrap();
            assert!((found - expected.to_scalar::<f32>().unwrap()).abs() < 1e-6, "{found} {expected}");
        }
        let nothing = Targets { classes: vec![1, 2], weights: vec![0.0, 0.0] };
        assert_eq!(LossConfig::default().of(&logits, &nothing, None).unwrap().to_scalar::<f32>().unwrap(), 0.0);
    }

    #[test]
    fn balanced_weights_match_scikit_learn() {
        assert_eq!(balanced(&[2, 6, 4]), [2.0, 12.0 / 18.0, 1.0]);
    }
}
