//! What the SVMs of several classes have in common: their options, and the check of their rows.

use anyhow::{Result, bail, ensure};
use faer::MatRef;

use super::check_weights;
use crate::linalg::ensure_finite;

/// Options of SVMs of several classes.
#[derive(Clone, Debug, PartialEq)]
pub struct SvmClassesConfig {
    /// C: the inverse of the regularization strength.
    pub cost: f64,
    /// Factor on C for the rows of each class; empty for 1 each.
    pub class_weights: Vec<f64>,
    /// Standardize the features first (mean 0, variance 1); the result is for unstandardized features.
    pub standardize: bool,
    /// When to stop: libsvm's `-e` for one against one, and for one against the rest the largest entry of the gradient,
    /// relative to that at 0.
    pub tolerance: f64,
}

impl Default for SvmClassesConfig {
    fn default() -> Self {
        Self { cost: 1.0, class_weights: Vec::new(), standardize: true, tolerance: 1e-3 }
    }
}

impl SvmClassesConfig {
    /// C of a row.
    pub(super) fn cost_of(&self, row: usize, targets: &[usize], weights: &[f64]) -> f64 {
        let of_class = self.class_weights.get(targets[row]).copied().unwrap_or(1.0);
        self.cost * of_class * weights.get(row).copied().unwrap_or(1.0)
    }
}

/// Checks that every class has a row whose weight is above 0, and that there are no numbers that cannot be fitted.
pub(super) fn check_rows(x: MatRef<f64>, targets: &[usize], classes: usize, weights: &[f64]) -> Result<()> {
    ensure!(x.nrows() > 0 && x.ncols() > 0 && targets.len() == x.nrows(), "no features to train on");
    ensure!(classes > 1, "only one class; training needs at least two");
    ensure_finite(x, "features")?;
    if !weights.is_empty() {
        check_weights(weights, x.nrows())?;
    }
    let counts = |row: usize| weights.get(row).is_none_or(|weight| *weight > 0.0);
    let mut seen = vec![false; classes];
    (0..x.nrows()).filter(|row| counts(*row)).for_each(|row| seen[targets[row]] = true);
    if let Some(class) = seen.iter().position(|seen| !seen) {
        bail!("no row of class {class} has a weight above 0; leave its rows out");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use faer::Mat;
    use serde_json::Value;

    use super::super::{OneVsOne, one_vs_rest};
    use super::*;

    /// The rows and classes of `testdata/goldens/linear/make.py`.
    fn problem(rows: usize, columns: usize, classes: usize, unbalanced: bool) -> (Mat<f64>, Vec<usize>) {
        let target = |row: usize| match (unbalanced, row % 7) {
            (true, 3) => classes - 1,
            (true, _) => row % (classes - 1),
            (false, _) => (row * 7 + row / 3) % classes,
        };
        let targets: Vec<usize> = (0..rows).map(target).collect();
        let x = Mat::from_fn(rows, columns, |row, column| {
            crate::formula(row as u64, column as u64) + if column % classes == targets[row] { 0.75 } else { 0.0 }
        });
        (x, targets)
    }

    #[test]
    fn planes_and_votes_match_scikit_learn() {
        let golden = include_str!("../../../../testdata/goldens/linear/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let cases = golden["svms"].as_array().unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let count = |key: &str| case[key].as_u64().unwrap() as usize;
            let (rows, columns, classes) = (count("rows"), count("columns"), count("classes"));
            let (x, targets) = problem(rows, columns, classes, case["unbalanced"].as_bool().unwrap());
            let weights: Vec<f64> = (0..rows).map(|row| (row % 5 + 1) as f64 / 3.0).collect();
            let numbers = |value: &Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
            let mut config = SvmClassesConfig {
                cost: case["cost"].as_f64().unwrap(),
                class_weights: numbers(&case["class_weights"]),
                standardize: case["standardize"].as_bool().unwrap(),
                tolerance: 1e-9,
            };
            let close = |found: Vec<f64>, expected: Vec<f64>, most: f64| {
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(&expected) {
                    assert!((found - expected).abs() < most, "{found} {expected} {case}");
                }
            };
            let (pairs, converged) = OneVsOne::fit(x.as_ref(), &targets, classes, &weights, &config).unwrap();
            assert!(converged);
            // libsvm keeps the products of rows in single precision; cvxopt agrees with ours to 1e-8.
            close(crate::linalg::row_major(pairs.weight.as_ref()), numbers(&case["pairs"]["weight"]), 3e-5);
            close(pairs.bias.clone(), numbers(&case["pairs"]["bias"]), 3e-5);
            let shares = pairs.shares(x.as_ref()).unwrap();
            let first_largest = |row: usize| {
                let own: Vec<f64> = shares.row(row).iter().copied().collect();
                (0..classes).fold(0, |best, class| if own[class] > own[best] { class } else { best })
            };
            let predicted: Vec<f64> = (0..rows).map(|row| first_largest(row) as f64).collect();
            assert_eq!(predicted, numbers(&case["predicted"]));

            config.tolerance = 1e-12;
            let (weight, bias) = one_vs_rest(x.as_ref(), &targets, classes, &weights, &config).unwrap();
            let (mut expected, mut offsets) = (numbers(&case["rest"]["weight"]), numbers(&case["rest"]["bias"]));
            if classes == 2 {
                expected = expected.iter().map(|w| -0.5 * w).chain(expected.iter().map(|w| 0.5 * w)).collect();
                offsets = vec![-0.5 * offsets[0], 0.5 * offsets[0]];
            }
            close(weight, expected, 1e-6);
            close(bias, offsets, 1e-6);
        }
    }

    #[test]
    fn many_rows_without_kept_products_and_threads_give_the_same_planes() {
        let (few, targets) = problem(90, 5, 3, false);
        // Each row fifty times with a fiftieth of C is the same problem, with too many rows of a pair to keep products.
        let many = Mat::from_fn(90 * 50, 5, |row, column| few[(row % 90, column)]);
        let copied: Vec<usize> = (0..90 * 50).map(|row| targets[row % 90]).collect();
        let config = SvmClassesConfig { tolerance: 1e-6, ..SvmClassesConfig::default() };
        let shared = SvmClassesConfig { cost: 0.02, ..config.clone() };
        let (one, _) = OneVsOne::fit(few.as_ref(), &targets, 3, &[], &config).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| OneVsOne::fit(many.as_ref(), &copied, 3, &[], &shared).unwrap().0)
        };
        let (by_one, by_three) = (run(1), run(3));
        assert_eq!(by_one, by_three);
        for (one, many) in one.bias.iter().zip(&by_one.bias) {
            assert!((one - many).abs() < 1e-4, "{one} {many}");
        }
    }

    #[test]
    fn rows_that_cannot_be_told_apart_and_bad_rows_are_no_panic() {
        let config = SvmClassesConfig::default();
        let same = Mat::from_fn(6, 2, |_, _| 1.0);
        let targets = [0, 1, 0, 1, 0, 1];
        let (found, converged) = OneVsOne::fit(same.as_ref(), &targets, 2, &[], &config).unwrap();
        assert!(converged && found.bias[0].is_finite());
        let refused = |x: &Mat<f64>, weights: &[f64]| {
            OneVsOne::fit(x.as_ref(), &targets, 2, weights, &config).unwrap_err().to_string()
        };
        assert!(refused(&Mat::from_fn(6, 2, |_, _| f64::NAN), &[]).contains("features"));
        assert!(refused(&same, &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]).contains("no row of class 0"));
        assert!(refused(&same, &[-1.0; 6]).contains("weight -1"));
        let raw = SvmClassesConfig { standardize: false, ..config.clone() };
        let huge = Mat::from_fn(6, 2, |row, _| if row % 2 == 0 { 1e200 } else { -1e200 });
        let error = OneVsOne::fit(huge.as_ref(), &targets, 2, &[], &raw).unwrap_err().to_string();
        assert!(error.contains("too large"), "{error}");
    }
}
