//! Weighted linear classifiers of two classes in f64: the base learners of boosting and the attribute classifiers of
//! [`crate::attributes`].
//!
//! The objectives are liblinear's as scikit-learn states them, with a cost C_i per row: 1/2 |w|^2 + sum_i C_i loss(y_i f_i),
//! f = w x + b. With the squared hinge, b is penalized like a weight (`LinearSVC`); with the logistic loss it is not
//! (`LogisticRegression`).

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use crate::linalg::{parallelism, product};
use crate::linear::{LbfgsConfig, minimize};

/// The loss of a row of margin m = y f.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loss {
    /// max(0, 1 - m)^2.
    SquaredHinge,
    /// ln(1 + exp(-m)).
    Logistic,
}

/// A linear function of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plane {
    /// w, a number per column.
    pub(crate) weight: Vec<f64>,
    /// b.
    pub(crate) bias: f64,
}

/// Rows whose share of the costs is below this do not move the solution beyond the tolerance.
const NEGLIGIBLE: f64 = 1e-12;

/// Fits `signs` [n], each -1 or 1, to `x` [n, d] with `costs` [n], each at least 0, from `start`. `tolerance` is the
/// largest entry of the gradient at the end, relative to that at 0.
/// # Errors
/// When the objective is not finite: the numbers are too large.
pub(crate) fn fit(
    x: MatRef<f64>,
    signs: &[f64],
    costs: &[f64],
    loss: Loss,
    start: Option<&Plane>,
    tolerance: f64,
) -> Result<Plane> {
    let d = x.ncols();
    let total: f64 = costs.iter().sum();
    let kept: Vec<usize> = (0..costs.len()).filter(|row| costs[*row] > NEGLIGIBLE * total).collect();
    let chosen = (kept.len() < costs.len()).then(|| Mat::from_fn(kept.len(), d, |row, column| x[(kept[row], column)]));
    let x = chosen.as_ref().map_or(x, Mat::as_ref);
    let signs: Vec<f64> = kept.iter().map(|row| signs[*row]).collect();
    let costs: Vec<f64> = kept.iter().map(|row| costs[*row]).collect();
    let objective = |at: &[f64]| {
        let bias = at[d];
        let weight = MatRef::from_column_major_slice(&at[..d], d, 1);
        let margins = multiply(x, weight);
        let mut value = 0.5 * at[..d].iter().map(|weight| weight * weight).sum::<f64>();
        let mut gradient = at.to_vec();
        gradient[d] = 0.0;
        if loss == Loss::SquaredHinge {
            value += 0.5 * bias * bias;
            gradient[d] = bias;
        }
        let mut slopes = Mat::zeros(x.nrows(), 1);
        for (row, (sign, cost)) in signs.iter().zip(&costs).enumerate() {
            let margin = sign * (margins[(row, 0)] + bias);
            let (loss, slope) = match loss {
                Loss::SquaredHinge => {
                    let short = (1.0 - margin).max(0.0);
                    (short * short, -2.0 * short)
                }
                Loss::Logistic => (softplus(-margin), -sigmoid(-margin)),
            };
            value += cost * loss;
            slopes[(row, 0)] = cost * slope * sign;
            gradient[d] += cost * slope * sign;
        }
        let toward = multiply(x.transpose(), slopes.as_ref());
        gradient[..d].iter_mut().zip(toward.col(0).iter()).for_each(|(sum, part)| *sum += part);
        (value, gradient)
    };
    let zero = vec![0.0; d + 1];
    let scale = objective(&zero).1.iter().fold(0.0, |largest: f64, slope| largest.max(slope.abs()));
    ensure!(scale.is_finite(), "the features are too large for a linear classifier; normalize them");
    let config = LbfgsConfig { memory: 20, iterations: 1000, tolerance: tolerance * scale.max(f64::MIN_POSITIVE) };
    let start = start.map_or(zero, |plane| plane.weight.iter().copied().chain([plane.bias]).collect());
    let mut weight = minimize(start, &config, objective)?.at;
    let bias = weight.pop().unwrap_or_default();
    Ok(Plane { weight, bias })
}

/// The product of a matrix and a vector, on several threads only where it pays.
fn multiply(matrix: MatRef<f64>, vector: MatRef<f64>) -> Mat<f64> {
    let parallelism = if matrix.nrows() * matrix.ncols() < 1 << 21 { Par::Seq } else { parallelism() };
    let mut result = Mat::zeros(matrix.nrows(), 1);
    matmul(&mut result, Accum::Replace, matrix, vector, 1.0, parallelism);
    result
}

/// The values of `planes` at the rows of `x`: [n, planes].
pub(crate) fn decide(x: MatRef<f64>, planes: &[Plane]) -> Mat<f64> {
    let weights = Mat::from_fn(x.ncols(), planes.len(), |column, plane| planes[plane].weight[column]);
    let mut values = product(x, weights.as_ref());
    for (plane, column) in planes.iter().zip(values.col_iter_mut()) {
        column.iter_mut().for_each(|value| *value += plane.bias);
    }
    values
}

/// 1 / (1 + exp(-z)).
pub(crate) fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) }
}

/// ln(1 + exp(z)) without overflow.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}
