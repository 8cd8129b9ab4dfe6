//! Direct attribute prediction (Lampert, Nickisch and Harmeling 2009, Learning to detect unseen object classes by
//! between-class attribute transfer, section 2.2): a classifier for each attribute, and the class whose attributes fit
//! best.

use anyhow::{Result, bail, ensure};
use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::{Signatures, check_training, constant_columns, equal_rows};
use crate::binary::{Loss, Plane, decide, fit};
use crate::linalg::{ensure_finite, softmax_rows};
use crate::linear::Scaling;
use crate::sigmoid::softplus;

/// Options of [`Dap`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DapConfig {
    /// C of the logistic regressions, the inverse of the regularization strength.
    pub cost: f64,
    /// Standardize the features first (mean 0, variance 1).
    pub standardize: bool,
}

impl Default for DapConfig {
    fn default() -> Self {
        Self { cost: 1.0, standardize: true }
    }
}

/// Classifiers of attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dap {
    /// Names of the attributes in training.
    pub attributes: Vec<String>,
    /// Indices of the attributes with a classifier, ascending. The others are the same for all classes seen in
    /// training, cannot be predicted, and are ignored.
    pub used: Vec<usize>,
    /// [used, d]: weights of the logistic regression of each used attribute, for features as they came.
    pub weight: Mat<f64>,
    /// [used].
    pub bias: Vec<f64>,
    /// [used]: p(a_m), the share of the classes seen in training that have the attribute.
    pub prior: Vec<f64>,
}

impl Dap {
    /// Trains a logistic regression for each attribute on the rows `x` [n, d], which have the attributes that the
    /// `signatures` give to their `classes` [n].
    /// # Errors
    /// When rows, classes and signatures do not fit together, a class has no rows, attributes are not 0 or 1, all are
    /// constant, the cost is not above 0, or a number is not finite.
    pub fn new(x: MatRef<f64>, classes: &[usize], signatures: &Signatures, config: DapConfig) -> Result<Self> {
        ensure!(config.cost > 0.0 && config.cost.is_finite(), "the cost C must be above 0, not {:?}", config.cost);
        check_training(x, classes, signatures)?;
        check_binary(signatures)?;
        let values = signatures.values();
        let constant = constant_columns(values);
        let used: Vec<usize> = (0..values.ncols()).filter(|column| !constant[*column]).collect();
        ensure!(!used.is_empty(), "all attributes are the same for every class seen in training; give others");

        let scaling = if config.standardize { Scaling::of(x, &[]) } else { Scaling::none(x.ncols()) };
        let scaled = scaling.apply(x);
        let costs = vec![config.cost; x.nrows()];
        let planes: Vec<Plane> = used
            .par_iter()
            .map(|attribute| {
                let sign = |class: &usize| 2.0 * values[(*class, *attribute)] - 1.0;
                let signs: Vec<f64> = classes.iter().map(sign).collect();
                let plane = fit(scaled.as_ref(), &signs, &costs, Loss::Logistic, None, 1e-6)?;
                Ok(scaling.undo(&plane))
            })
            .collect::<Result<_>>()?;
        let weight = Mat::from_fn(used.len(), x.ncols(), |at, column| planes[at].weight[column]);
        let bias = planes.iter().map(|plane| plane.bias).collect();
        let prior = used.iter().map(|column| values.col(*column).iter().sum::<f64>() / values.nrows() as f64).collect();
        Ok(Self { attributes: signatures.attributes().to_vec(), used, weight, bias, prior })
    }

    /// ln prod_m p(a_m | x) / p(a_m) of the attributes a of each class of `signatures`, seen or not: [n, classes], for
    /// the rows
    /// `x` [n, d].
    /// # Errors
    /// When the number of columns or the attributes differ from training, attributes are not 0 or 1, two classes differ
    /// only in ignored attributes, or a number is not finite or too large.
    pub fn scores(&self, x: MatRef<f64>, signatures: &Signatures) -> Result<Mat<f64>> {
        signatures.check_same_attributes(&self.attributes)?;
        check_binary(signatures)?;
        let d = self.weight.ncols();
        ensure!(x.ncols() == d, "rows of {} columns, but the classifier was trained on {d}", x.ncols());
        ensure_finite(x, "features")?;
        let values = signatures.values();
        if let Some((a, b)) = equal_rows(values, &self.used) {
            let (a, b) = (&signatures.classes()[a], &signatures.classes()[b]);
            bail!(
                "classes \"{a}\" and \"{b}\" differ only in attributes that all training classes share; train on more classes"
            );
        }
        let planes: Vec<Plane> = (0..self.used.len())
            .map(|at| Plane { weight: self.weight.row(at).iter().copied().collect(), bias: self.bias[at] })
            .collect();
        let decisions = decide(x, &planes);
        ensure_finite(decisions.as_ref(), "values of attributes (the features are too large)")?;
        Ok(Mat::from_fn(x.nrows(), values.nrows(), |row, class| {
            let terms = self.used.iter().zip(&self.prior).enumerate().map(|(at, (attribute, prior))| {
                let z = decisions[(row, at)];
                let (log, prior) = if values[(class, *attribute)] == 1.0 {
                    (-softplus(-z), *prior)
                } else {
                    (-softplus(z), 1.0 - prior)
                };
                log - prior.ln()
            });
            terms.sum::<f64>().max(-f64::MAX)
        }))
    }

    /// p(class | x) among the classes of `signatures`, of equal priors: the softmax of [`Self::scores`].
    /// # Errors
    /// As [`Self::scores`].
    pub fn probabilities(&self, x: MatRef<f64>, signatures: &Signatures) -> Result<Mat<f64>> {
        let mut scores = self.scores(x, signatures)?;
        softmax_rows(&mut scores);
        Ok(scores)
    }
}

fn check_binary(signatures: &Signatures) -> Result<()> {
    for (column, name) in signatures.values().col_iter().zip(signatures.attributes()) {
        if let Some(value) = column.iter().find(|value| **value != 0.0 && **value != 1.0) {
            bail!("attribute \"{name}\" is {value:?}; DAP needs attributes of 0 or 1: make them so, or use ESZSL");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::names;
    use super::*;

    fn rows(first: u64, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| crate::formula(first + row as u64, column as u64))
    }

    fn bits(words: &[usize], attributes: usize) -> Signatures {
        let values = Mat::from_fn(words.len(), attributes, |class, at| (words[class] >> at & 1) as f64);
        Signatures::new(names("c", words.len()), names("a", attributes), values).unwrap()
    }

    #[test]
    fn scores_are_those_of_scikit_learns_logistic_regressions() {
        let golden = include_str!("../../../../testdata/goldens/attributes/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["dap"].as_array().unwrap() {
            let words = |key: &str| -> Vec<usize> { serde_json::from_value(case[key].clone()).unwrap() };
            let (seen, unseen) = (words("seen"), words("unseen"));
            let classes: Vec<usize> = (0..60).map(|row| row % seen.len()).collect();
            let config =
                DapConfig { cost: case["cost"].as_f64().unwrap(), standardize: case["standardize"].as_bool().unwrap() };
            let found = Dap::new(rows(0, 60, 8).as_ref(), &classes, &bits(&seen, 4), config).unwrap();
            assert_eq!(found.used, [0, 1, 2]);
            let scores = found.scores(rows(900, 5, 8).as_ref(), &bits(&unseen, 4)).unwrap();
            let expected: Vec<Vec<f64>> = serde_json::from_value(case["scores"].clone()).unwrap();
            for (row, expected) in expected.iter().enumerate() {
                for (class, expected) in expected.iter().enumerate() {
                    let found = scores[(row, class)];
                    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
                }
            }
        }
    }

    #[test]
    fn probabilities_sum_to_one_even_of_huge_rows() {
        let classes: Vec<usize> = (0..60).map(|row| row % 4).collect();
        let found = Dap::new(rows(0, 60, 8).as_ref(), &classes, &bits(&[1, 2, 4, 7], 3), DapConfig::default()).unwrap();
        let huge = Mat::from_fn(2, 8, |row, column| 1e300 * crate::formula(row as u64, column as u64));
        let shares = found.probabilities(huge.as_ref(), &bits(&[0, 3, 5], 3)).unwrap();
        for row in 0..2 {
            assert!((shares.row(row).iter().sum::<f64>() - 1.0).abs() < 1e-12, "{shares:?}");
        }
    }

    #[test]
    fn attributes_that_cannot_be_predicted_are_refused_or_ignored() {
        let x = rows(0, 60, 8);
        let classes: Vec<usize> = (0..60).map(|row| row % 2).collect();
        let found = Dap::new(x.as_ref(), &classes, &bits(&[0b01, 0b00], 2), DapConfig::default()).unwrap();
        assert_eq!(found.used, [0]);
        let error = found.scores(x.as_ref(), &bits(&[0b01, 0b11], 2)).unwrap_err().to_string();
        assert!(error.contains("\"c0\" and \"c1\" differ only in"), "{error}");
        let real =
            Signatures::new(names("c", 2), names("a", 1), Mat::from_fn(2, 1, |row, _| row as f64 / 2.0)).unwrap();
        let error = Dap::new(x.as_ref(), &classes, &real, DapConfig::default()).unwrap_err().to_string();
        assert!(error.contains("\"a0\" is 0.5"), "{error}");
    }
}
