//! The L2-regularized hinge-loss SVM by dual coordinate descent with shrinking: Hsieh et al. 2008, algorithm 3, which is
//! liblinear's `-s 3` (and scikit-learn's `LinearSVC(loss="hinge", dual=True)`).
//!
//! Primal: minimize 1/2 (|w|^2 + v^2) + sum_i C_i max(0, 1 - y_i (w x_i + v B)), where B is the constant feature that
//! carries the bias (b = v B), regularized like every other weight. Dual: 0 <= alpha_i <= C_i, w = sum_i alpha_i y_i x_i.

use anyhow::{Result, ensure};
use rand::Rng;
use rand::seq::SliceRandom;

use super::check_weights;
use crate::dot;

/// Options of one two-class problem. The defaults are R-CNN's, except for the tolerance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SvmConfig {
    /// C, the weight of the loss of a negative.
    pub cost: f64,
    /// Factor on C for positives (liblinear's `-w1`).
    pub positive_weight: f64,
    /// B, the constant feature that carries the bias (liblinear's `-B`); 0 for no bias.
    pub bias: f64,
    /// Largest spread of the projected gradient at which the solver stops (liblinear's `-e`, there 0.1).
    pub tolerance: f64,
    /// Most passes over the examples.
    pub max_passes: usize,
}

impl Default for SvmConfig {
    fn default() -> Self {
        Self { cost: 1e-3, positive_weight: 2.0, bias: 10.0, tolerance: 1e-3, max_passes: 1000 }
    }
}

/// A solved problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// w, one number per feature.
    pub weight: Vec<f64>,
    /// b, added to w x.
    pub bias: f64,
    /// Value of the primal objective.
    pub objective: f64,
    /// Whether the tolerance was met before `max_passes`.
    pub converged: bool,
}

/// Solves the problem of the `rows`, the first `positives` of which are the positives; all rows have the same length,
/// at least one.
///
/// `alphas`, one per row and within its bounds, is the start (zeros are always valid) and becomes the dual solution: a
/// solved problem that gains and loses some rows is solved again in a few passes.
///
/// # Panics
/// When there are no rows, or not one alpha per row.
pub fn solve(
    rows: &[&[f32]],
    positives: usize,
    alphas: &mut [f64],
    config: &SvmConfig,
    rng: &mut impl Rng,
) -> Solution {
    descend(rows, positives, &[], alphas, config, rng)
}

/// [`solve`] with a factor on C of each row, `weights` [rows], at least 0 (liblinear's weights of instances, and
/// scikit-learn's `sample_weight`): C_i = C weight_i, times `positive_weight` for positives.
/// # Errors
/// When there are no rows, not one alpha and one weight per row, or a weight is negative or not finite, or all are 0.
pub fn solve_weighted(
    rows: &[&[f32]],
    positives: usize,
    weights: &[f64],
    alphas: &mut [f64],
    config: &SvmConfig,
    rng: &mut impl Rng,
) -> Result<Solution> {
    ensure!(
        !rows.is_empty() && alphas.len() == rows.len(),
        "{} rows and {} alphas; expected at least one row, and an alpha each",
        rows.len(),
        alphas.len()
    );
    check_weights(weights, rows.len())?;
    Ok(descend(rows, positives, weights, alphas, config, rng))
}

/// [`solve`] with a factor on C of each row, or none for 1 each.
fn descend(
    rows: &[&[f32]],
    positives: usize,
    weights: &[f64],
    alphas: &mut [f64],
    config: &SvmConfig,
    rng: &mut impl Rng,
) -> Solution {
    assert!(rows.len() == alphas.len() && !rows.is_empty(), "one alpha per row, and at least one row");
    let sign = |i: usize| if i < positives { 1.0 } else { -1.0 };
    let bound = |i: usize| {
        let factor = if i < positives { config.positive_weight } else { 1.0 };
        config.cost * factor * weights.get(i).copied().unwrap_or(1.0)
    };
    let curvature: Vec<f64> =
        rows.iter().map(|row| row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() + config.bias.powi(2)).collect();

    let mut weight = vec![0.0; rows[0].len()];
    let mut constant = 0.0; // v, the weight of the constant feature
    for (i, row) in rows.iter().enumerate() {
        alphas[i] = alphas[i].clamp(0.0, bound(i));
        if alphas[i] != 0.0 {
            add(&mut weight, alphas[i] * sign(i), row);
            constant += alphas[i] * sign(i) * config.bias;
        }
    }

    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut active = rows.len();
    // Rows whose projected gradient is outside of these bounds of the previous pass hardly change: shrink them away.
    let (mut upper, mut lower) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut converged = false;
    for _ in 0..config.max_passes {
        let (mut largest, mut smallest) = (f64::NEG_INFINITY, f64::INFINITY);
        order[..active].shuffle(rng);
        let mut at = 0;
        while at < active {
            let i = order[at];
            let gradient = sign(i) * (dot(&weight, rows[i]) + constant * config.bias) - 1.0;
            let (at_zero, at_bound) = (alphas[i] <= 0.0, alphas[i] >= bound(i));
            if (at_zero && gradient > upper) || (at_bound && gradient < lower) {
                active -= 1;
                order.swap(at, active);
                continue;
            }
            at += 1;
            let held = (at_zero && gradient > 0.0) || (at_bound && gradient < 0.0);
            let projected = if held { 0.0 } else { gradient };
            largest = largest.max(projected);
            smallest = smallest.min(projected);
            if projected.abs() > 1e-12 {
                let old = alphas[i];
                // A row of zeros without a bias has no curvature: its loss is 1 whatever w is, and alpha its bound.
                let step = if curvature[i] > 0.0 { gradient / curvature[i] } else { gradient * f64::INFINITY };
                alphas[i] = (old - step).clamp(0.0, bound(i));
                let change = (alphas[i] - old) * sign(i);
                add(&mut weight, change, rows[i]);
                constant += change * config.bias;
            }
        }
        if largest - smallest <= config.tolerance {
            if active == rows.len() {
                converged = true;
                break;
            }
            // The shrunk problem is solved: check all rows again.
            active = rows.len();
            (upper, lower) = (f64::INFINITY, f64::NEG_INFINITY);
        } else {
            upper = if largest > 0.0 { largest } else { f64::INFINITY };
            lower = if smallest < 0.0 { smallest } else { f64::NEG_INFINITY };
        }
    }

    let bias = constant * config.bias;
    let losses =
        rows.iter().enumerate().map(|(i, row)| bound(i) * (1.0 - sign(i) * (dot(&weight, row) + bias)).max(0.0));
    let norm: f64 = weight.iter().map(|w| w * w).sum::<f64>() + constant * constant;
    let objective = 0.5 * norm + losses.sum::<f64>();
    Solution { weight, bias, objective, converged }
}

/// weight += factor x.
fn add(weight: &mut [f64], factor: f64, row: &[f32]) {
    for (weight, value) in weight.iter_mut().zip(row) {
        *weight += factor * f64::from(*value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        rows: u64,
        positives: u64,
        columns: u64,
        shift: f64,
        cost: f64,
        positive_weight: f64,
        bias: f64,
        objective: f64,
    }

    impl Case {
        /// The formula of `testdata/goldens/svm/make.py`.
        fn features(&self) -> Vec<Vec<f32>> {
            let value = |i: u64, j: u64| {
                let moved = i < self.positives && j.is_multiple_of(4);
                (crate::formula(i, j) + if moved { self.shift } else { 0.0 }).max(0.0) as f32
            };
            (0..self.rows).map(|i| (0..self.columns).map(|j| value(i, j)).collect()).collect()
        }

        fn config(&self, tolerance: f64) -> SvmConfig {
            let Self { cost, positive_weight, bias, .. } = *self;
            SvmConfig { cost, positive_weight, bias, tolerance, max_passes: 100_000 }
        }
    }

    fn goldens() -> Vec<Case> {
        let golden: Golden =
            serde_json::from_str(include_str!("../../../../testdata/goldens/svm/golden.json")).unwrap();
        golden.cases
    }

    #[test]
    fn the_objective_is_scikit_learns_to_a_thousandth() {
        for case in goldens() {
            let features = case.features();
            let rows: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
            let config = case.config(SvmConfig::default().tolerance);
            let mut alphas = vec![0.0; rows.len()];
            let found = solve(&rows, case.positives as usize, &mut alphas, &config, &mut dl_record::rng(1, "svm"));
            let excess = found.objective / case.objective - 1.0;
            assert!(found.converged && excess.abs() < 1e-3, "{} for {}: {excess}", found.objective, case.objective);
        }
    }

    #[test]
    fn a_start_at_the_solution_is_left_as_it_is() {
        let case = &goldens()[1];
        let features = case.features();
        let rows: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
        let mut alphas = vec![0.0; rows.len()];
        let positives = case.positives as usize;
        let cold = solve(&rows, positives, &mut alphas, &case.config(1e-3), &mut dl_record::rng(1, "cold"));
        let config = SvmConfig { max_passes: 1, ..case.config(1e-3) };
        let warm = solve(&rows, positives, &mut alphas, &config, &mut dl_record::rng(1, "warm"));
        assert!((warm.objective / cold.objective - 1.0).abs() < 1e-5, "{} {}", warm.objective, cold.objective);
    }

    #[test]
    fn weighted_rows_have_scikit_learns_objective() {
        let golden = include_str!("../../../../testdata/goldens/weights/golden.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let cases: Vec<Case> = serde_json::from_value(golden["svm"].clone()).unwrap();
        for case in cases {
            let features = case.features();
            let rows: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
            let weights: Vec<f64> = (0..rows.len()).map(|row| (row % 5) as f64 / 2.0).collect();
            let mut alphas = vec![0.0; rows.len()];
            let positives = case.positives as usize;
            let mut run = |weights: &[f64]| {
                alphas.fill(0.0);
                let mut rng = dl_record::rng(1, "svm");
                solve_weighted(&rows, positives, weights, &mut alphas, &case.config(1e-5), &mut rng)
            };
            let found = run(&weights).unwrap();
            let excess = found.objective / case.objective - 1.0;
            assert!(found.converged && excess.abs() < 1e-5, "{} for {}: {excess}", found.objective, case.objective);
            let ones = run(&vec![1.0; rows.len()]).unwrap();
            assert!(run(&vec![0.0; rows.len()]).is_err() && run(&[1.0]).is_err());
            assert!(run(&vec![-1.0; rows.len()]).is_err());
            let plain =
                solve(&rows, positives, &mut vec![0.0; rows.len()], &case.config(1e-5), &mut dl_record::rng(1, "svm"));
            assert_eq!(plain, ones);
        }
    }

    #[test]
    fn a_row_of_zeros_without_a_bias_does_no_harm() {
        let rows: [&[f32]; 3] = [&[1.0, 0.0], &[0.0, 0.0], &[0.0, 1.0]];
        let config = SvmConfig { cost: 1.0, bias: 0.0, ..SvmConfig::default() };
        let found = solve(&rows, 2, &mut [0.0; 3], &config, &mut dl_record::rng(0, ""));
        assert!(found.weight.iter().all(|weight| weight.is_finite()) && found.converged, "{found:?}");
    }
}
