//! Weights of the source's rows by a classifier of the domains (Bickel et al. 2009, Discriminative learning under
//! covariate shift, section 4): by Bayes' rule, the ratio of the densities is that of the classifier's probabilities,
//! times ns/nt.

use anyhow::{Result, ensure};
use faer::MatRef;
use rand::seq::SliceRandom;

use crate::linear::{LbfgsConfig, Logistic, LogisticConfig, logistic};
use crate::rbf::check_domains;
use crate::{WeightSummary, dot};

/// Options of [`domain_classifier`].
#[derive(Clone, Debug, PartialEq)]
pub struct DomainClassifierConfig {
    /// C of the logistic regression, the inverse of the regularization strength.
    pub cost: f64,
    /// Standardize the features first.
    pub standardize: bool,
    /// Parts of each domain: a row is weighed by the classifier of the other parts (cross-fitting), since one that saw
    /// the row overstates what it knows. `None` for a single classifier of all rows.
    pub folds: Option<usize>,
    /// The largest weight; larger ones are cut to it.
    pub bound: f64,
    /// Seed of the parts.
    pub seed: u64,
}

impl Default for DomainClassifierConfig {
    fn default() -> Self {
        Self { cost: 1.0, standardize: true, folds: Some(5), bound: 1000.0, seed: 0 }
    }
}

/// Weights found by [`domain_classifier`].
#[derive(Clone, Debug, PartialEq)]
pub struct DomainWeights {
    /// One per row of the source: p(target | x) / p(source | x) times ns/nt, from 0 to the bound. An estimate of the
    /// ratio of the densities, whose mean over the source is near 1 but not made so.
    pub weights: Vec<f64>,
    /// The mean over both domains of the share of rows whose domain is recognized, of held-out rows with folds, a tie
    /// counting half. 0.5: the domains look alike; near 1: they hardly overlap, and the weights mean little.
    pub accuracy: f64,
    /// Whether the solver converged in every fold.
    pub converged: bool,
    /// How uneven the weights are.
    pub summary: WeightSummary,
}

/// Weighs the rows of `source` [ns, d] by how much they look like rows of `target` [nt, d].
/// # Errors
/// When a domain has fewer than two rows or than folds, columns differ, a number is not finite, all rows are equal, or
/// an option is out of range.
pub fn domain_classifier(
    source: MatRef<f64>,
    target: MatRef<f64>,
    config: &DomainClassifierConfig,
) -> Result<DomainWeights> {
    check_domains(source, target)?;
    let DomainClassifierConfig { cost, standardize, folds, bound, seed } = *config;
    ensure!(cost > 0.0 && cost.is_finite(), "the cost must be a number above 0, not {cost:?}");
    ensure!(bound > 0.0 && bound.is_finite(), "the bound of the weights must be a number above 0, not {bound:?}");
    let rows = source.nrows().min(target.nrows());
    ensure!(
        folds.is_none_or(|folds| folds > 1 && folds <= rows),
        "{} folds of {rows} rows of a domain; choose --folds from 2 to the rows of the smaller side, or 1",
        folds.unwrap_or(0)
    );
    let domains = [(source, "source"), (target, "target")].map(|(rows, name)| {
        let mut parts: Vec<usize> = (0..rows.nrows()).map(|row| row % folds.unwrap_or(1)).collect();
        parts.shuffle(&mut dl_record::rng(seed, &format!("domain-classifier/{name}")));
        (rows, parts)
    });
    let solver = LbfgsConfig { tolerance: 1e-6, ..LbfgsConfig::default() };
    let options = LogisticConfig { cost, standardize, solver, ..LogisticConfig::default() };
    let mut weights = vec![0.0; source.nrows()];
    let mut accuracy = 0.0;
    let mut converged = true;
    for fold in 0..folds.unwrap_or(1) {
        let (mut features, mut labels, mut counts) = (Vec::new(), Vec::new(), [0.0_f64; 2]);
        for (label, (rows, parts)) in (0..).zip(&domains) {
            for row in (0..parts.len()).filter(|row| folds.is_none() || parts[*row] != fold) {
                features.extend(rows.row(row).iter().map(|value| *value as f32));
                labels.push(label);
                counts[label as usize] += 1.0;
            }
        }
        let classifier = logistic(&features, source.ncols(), &labels, 2, &options)?;
        converged &= classifier.converged;
        let prior = (counts[0] / counts[1]).ln();
        for (label, (rows, parts)) in domains.iter().enumerate() {
            for row in (0..parts.len()).filter(|row| parts[*row] == fold) {
                let margin = margin(&classifier, *rows, row);
                if label == 0 {
                    weights[row] = (margin + prior).exp().min(bound);
                }
                let signed = if label == 0 { -margin } else { margin };
                let right = if signed == 0.0 { 0.5 } else { f64::from(u8::from(signed > 0.0)) };
                accuracy += right / (2.0 * parts.len() as f64);
            }
        }
    }
    Ok(DomainWeights { summary: WeightSummary::of(&weights)?, weights, accuracy, converged })
}

/// The logarithm of p(target | x) / p(source | x).
fn margin(classifier: &Logistic, rows: MatRef<f64>, row: usize) -> f64 {
    // Rounded as in training.
    let row: Vec<f32> = rows.row(row).iter().map(|value| *value as f32).collect();
    let (source, target) = classifier.weight.split_at(row.len());
    dot(target, &row) - dot(source, &row) + classifier.bias[1] - classifier.bias[0]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rbf::tests::domains;

    #[test]
    fn weights_of_a_single_classifier_match_scikit_learn() {
        let golden = include_str!("../../../testdata/goldens/weights/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let expected: Vec<f64> = serde_json::from_value(golden["domain_classifier"]["weights"].clone()).unwrap();
        let (source, target) = domains(60, 90, 4);
        let config = DomainClassifierConfig { folds: None, ..DomainClassifierConfig::default() };
        let found = domain_classifier(source.as_ref(), target.as_ref(), &config).unwrap();
        assert!(found.converged && (0.6..1.0).contains(&found.accuracy), "{}", found.accuracy);
        for (found, expected) in found.weights.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4 * (1.0 + expected), "{found} {expected}");
        }
    }

    #[test]
    fn weights_of_folds_are_held_out_bounded_and_about_one_on_average() {
        let (source, target) = domains(400, 300, 3);
        let run =
            |config: &DomainClassifierConfig| domain_classifier(source.as_ref(), target.as_ref(), config).unwrap();
        let found = run(&DomainClassifierConfig::default());
        assert_eq!(found, run(&DomainClassifierConfig::default()));
        let mean = found.weights.iter().sum::<f64>() / 400.0;
        assert!((0.8..1.25).contains(&mean) && found.summary.effective_size < 400.0, "{mean}");
        let other = run(&DomainClassifierConfig { bound: 1.5, folds: None, ..DomainClassifierConfig::default() });
        assert!(other.summary.largest == 1.5 && other.accuracy >= found.accuracy - 0.02, "{other:?}");
        let refused = |config| domain_classifier(source.as_ref(), target.as_ref(), &config).unwrap_err().to_string();
        assert!(
            refused(DomainClassifierConfig { folds: Some(301), ..Default::default() }).contains("301 folds of 300")
        );
        assert!(refused(DomainClassifierConfig { bound: 0.0, ..Default::default() }).contains("bound"));
        assert!(refused(DomainClassifierConfig { cost: -1.0, ..Default::default() }).contains("cost"));
    }
}
