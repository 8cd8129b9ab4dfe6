//! Weighted linear classifiers of two classes in f64: the base learners of boosting and the attribute classifiers of
//! [`crate::attributes`].
//!
//! The objectives are liblinear's as scikit-learn states them, with a cost C_i per row: 1/2 |w|^2 + sum_i C_i loss(y_i
//! f_i), f = w x + b. With the squared hinge, b is penalized like a weight (`LinearSVC`); with the logistic loss it is
//! not (`LogisticRegression`).

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::solvers::Solve;
use faer::{Accum, Mat, MatRef, Par, Side};

use crate::dot;
use crate::linalg::{fix_parallelism, parallelism, product};
use crate::linear::{LbfgsConfig, minimize};
use crate::sigmoid::{sigmoid, softplus};

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

/// Columns up to which the Hessian is cheap to solve.
const NEWTON: usize = 512;

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
    let problem = Problem { x, signs: &signs, costs: &costs, loss };
    let zero = vec![0.0; d + 1];
    let steepest = problem.at(&zero).1;
    let scale = largest(&steepest);
    ensure!(
        steepest.iter().all(|slope| slope.is_finite()),
        "the features are too large for a linear classifier; normalize them"
    );
    let tolerance = tolerance * scale.max(f64::MIN_POSITIVE);
    let start = start.map_or(zero, |plane| plane.weight.iter().copied().chain([plane.bias]).collect());
    let (mut weight, mut solved) = (start, false);
    if d <= NEWTON {
        (weight, solved) = problem.newton(weight, tolerance);
    }
    if !solved {
        let config = LbfgsConfig { memory: 20, iterations: 1000, tolerance };
        let minimum = minimize(weight, &config, |at| {
            let (value, gradient, _) = problem.at(at);
            (value, gradient)
        });
        weight = minimum?.at;
    }
    let bias = weight.pop().unwrap_or_default();
    ensure!(
        weight.iter().all(|value| value.is_finite()) && bias.is_finite(),
        "no finite solution; normalize the features"
    );
    Ok(Plane { weight, bias })
}

struct Problem<'a> {
    x: MatRef<'a, f64>,
    signs: &'a [f64],
    costs: &'a [f64],
    loss: Loss,
}

impl Problem<'_> {
    /// The objective at w and b, `at` [d + 1], its gradient, and the second derivative of each row's loss by f.
    fn at(&self, at: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
        let d = self.x.ncols();
        let bias = at[d];
        let margins = multiply(self.x, MatRef::from_column_major_slice(&at[..d], d, 1));
        let mut value = 0.5 * at[..d].iter().map(|weight| weight * weight).sum::<f64>();
        let mut gradient = at.to_vec();
        value += 0.5 * self.bias_penalty() * bias * bias;
        gradient[d] *= self.bias_penalty();
        let mut slopes = Mat::zeros(self.x.nrows(), 1);
        let mut curvatures = Vec::with_capacity(self.costs.len());
        for (row, (sign, cost)) in self.signs.iter().zip(self.costs).enumerate() {
            let margin = sign * (margins[(row, 0)] + bias);
            let (loss, slope, curvature) = match self.loss {
                Loss::SquaredHinge => {
                    let short = (1.0 - margin).max(0.0);
                    (short * short, -2.0 * short, if short > 0.0 { 2.0 } else { 0.0 })
                }
                Loss::Logistic => {
                    let wrong = sigmoid(-margin);
                    (softplus(-margin), -wrong, wrong * (1.0 - wrong))
                }
            };
            value += cost * loss;
            slopes[(row, 0)] = cost * slope * sign;
            gradient[d] += cost * slope * sign;
            curvatures.push(cost * curvature);
        }
        let toward = multiply(self.x.transpose(), slopes.as_ref());
        gradient[..d].iter_mut().zip(toward.col(0).iter()).for_each(|(sum, part)| *sum += part);
        (value, gradient, curvatures)
    }

    fn bias_penalty(&self) -> f64 {
        match self.loss {
            Loss::SquaredHinge => 1.0,
            Loss::Logistic => 0.0,
        }
    }

    /// Newton's method with a halved step where the objective does not fall enough. The squared hinge is quadratic
    /// between the points where rows reach the margin: a few steps are enough. False if rounding has made the Hessian
    /// singular before the end.
    fn newton(&self, mut at: Vec<f64>, tolerance: f64) -> (Vec<f64>, bool) {
        let (mut value, mut gradient, mut curvatures) = self.at(&at);
        for _ in 0..100 {
            if largest(&gradient) <= tolerance {
                break;
            }
            let Some(step) = self.newton_step(&gradient, &curvatures) else { return (at, false) };
            let slope = dot(&step, &gradient);
            let mut length = 1.0;
            let next = loop {
                let place: Vec<f64> = at.iter().zip(&step).map(|(at, step)| at - length * step).collect();
                let found = self.at(&place);
                if found.0 <= value - 1e-4 * length * slope {
                    break Some((place, found));
                }
                length /= 2.0;
                if length < 1e-8 {
                    break None; // No smaller value is distinguishable from rounding.
                }
            };
            let Some((place, found)) = next else { break };
            at = place;
            (value, gradient, curvatures) = found;
        }
        (at, true)
    }

    /// The inverse Hessian times the gradient; `None` if rounding has made the Hessian singular.
    fn newton_step(&self, gradient: &[f64], curvatures: &[f64]) -> Option<Vec<f64>> {
        let d = self.x.ncols();
        // Rows beyond the margin have no curvature.
        let curved: Vec<usize> = (0..curvatures.len()).filter(|row| curvatures[*row] > 0.0).collect();
        let roots: Vec<f64> = curved.iter().map(|row| curvatures[*row].sqrt()).collect();
        let scaled = Mat::from_fn(curved.len(), d + 1, |at, column| {
            roots[at] * if column < d { self.x[(curved[at], column)] } else { 1.0 }
        });
        let mut hessian = Mat::zeros(d + 1, d + 1);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let (left, right) = (scaled.transpose(), scaled.as_ref());
        triangular::matmul(&mut hessian, lower, Accum::Replace, left, full, right, full, 1.0, parallelism());
        for column in 0..d {
            hessian[(column, column)] += 1.0;
        }
        // Without a penalty or a curved row, any small number keeps the bias determined.
        hessian[(d, d)] += self.bias_penalty().max(1e-12 * (1.0 + hessian[(d, d)]));
        fix_parallelism();
        let factor = hessian.llt(Side::Lower).ok()?;
        let step = factor.solve(MatRef::from_column_major_slice(gradient, d + 1, 1));
        let step: Vec<f64> = step.col(0).iter().copied().collect();
        step.iter().all(|value| value.is_finite()).then_some(step)
    }
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |largest, number| number.abs().max(largest))
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn problem(columns: usize) -> (Mat<f64>, Vec<f64>, Vec<f64>) {
        let x = Mat::from_fn(60, columns, |row, column| crate::formula(row as u64, column as u64));
        let signs = (0..60).map(|row| if row % 3 == 0 { 1.0 } else { -1.0 }).collect();
        let costs = (0..60).map(|row| (row % 5) as f64 / 4.0).collect();
        (x, signs, costs)
    }

    #[test]
    fn weighted_planes_are_scikit_learns() {
        let golden = include_str!("../../../testdata/goldens/boost/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let (x, signs, costs) = problem(6);
        for (loss, key) in [(Loss::SquaredHinge, "svm"), (Loss::Logistic, "logistic")] {
            let expected: Vec<f64> = serde_json::from_value(golden[key].clone()).unwrap();
            let found = fit(x.as_ref(), &signs, &costs, loss, None, 1e-12).unwrap();
            for (found, expected) in found.weight.iter().chain([&found.bias]).zip(expected) {
                assert!((found - expected).abs() < 1e-7, "{key} {found} {expected}");
            }
        }
    }

    #[test]
    fn many_columns_and_few_have_no_gradient_left_and_a_warm_start_changes_nothing() {
        for columns in [6, NEWTON + 8] {
            let (x, signs, costs) = problem(columns);
            for loss in [Loss::SquaredHinge, Loss::Logistic] {
                let found = fit(x.as_ref(), &signs, &costs, loss, None, 1e-9).unwrap();
                let at: Vec<f64> = found.weight.iter().copied().chain([found.bias]).collect();
                let problem = Problem { x: x.as_ref(), signs: &signs, costs: &costs, loss };
                let scale = largest(&problem.at(&vec![0.0; columns + 1]).1);
                assert!(largest(&problem.at(&at).1) < 1e-8 * scale, "{columns} {loss:?}");
                let again = fit(x.as_ref(), &signs, &costs, loss, Some(&found), 1e-9).unwrap();
                assert_eq!(found, again);
            }
        }
    }

    #[test]
    fn one_class_alone_and_rows_too_large_are_no_panic() {
        let (x, _, costs) = problem(6);
        for loss in [Loss::SquaredHinge, Loss::Logistic] {
            let found = fit(x.as_ref(), &[1.0; 60], &costs, loss, None, 1e-6).unwrap();
            assert!(found.bias > 0.0 && found.bias.is_finite(), "{loss:?} {found:?}");
            for factor in [1e12, 1e100, 1e200] {
                let huge = Mat::from_fn(60, 6, |row, column| factor * x[(row, column)]);
                let found = fit(huge.as_ref(), &[1.0; 60], &costs, loss, None, 1e-6);
                assert!(found.is_ok_and(|found| found.weight.iter().all(|value| value.is_finite())), "{factor}");
            }
            let infinite = Mat::from_fn(60, 6, |_, _| 1e308);
            assert!(fit(infinite.as_ref(), &[1.0; 60], &costs, loss, None, 1e-6).is_err());
        }
    }
}
