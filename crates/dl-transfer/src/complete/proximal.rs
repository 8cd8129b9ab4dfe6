//! minimize loss(known entries of Z) + mu |Z|_*, by accelerated proximal gradient steps that restart when the objective
//! rises (Beck & Teboulle 2009; O'Donoghue & Candes 2015). Without acceleration, and with a last column of ones, this
//! is the fixed point continuation of Goldberg et al. 2010, algorithm 1.

use anyhow::{Result, ensure};
use faer::Mat;

use super::Observed;
use super::low_rank::{LowRank, Shrinker};

/// A convex, smooth function of the known entries.
pub(super) trait Loss {
    /// Its value at `predictions`, one per known entry; writes the gradient.
    fn gradient(&mut self, predictions: &[f64], gradient: &mut [f64]) -> f64;

    /// The inverse of the Lipschitz constant of the gradient.
    fn step(&self) -> f64;
}

/// When to stop.
#[derive(Clone, Copy)]
pub(super) struct Stop {
    pub(super) iterations: usize,
    /// Largest change of Z in a step, relative to its norm.
    pub(super) tolerance: f64,
}

/// Minimizes from `start`. With `pinned`, the last column of Z is set to 1 after each step (MC-1).
pub(super) fn minimize(
    observed: &Observed,
    shrinker: &mut Shrinker,
    loss: &mut dyn Loss,
    mu: f64,
    start: LowRank,
    stop: Stop,
    pinned: bool,
) -> Result<LowRank> {
    let step = loss.step();
    let mut gradient = vec![0.0; observed.len()];
    let (mut current, mut previous) = (start.clone(), start);
    let mut predicted = current.at_observed(observed);
    let mut predicted_before = predicted.clone();
    let mut objective = f64::INFINITY;
    let mut inertia: f64 = 1.0;
    for _ in 0..stop.iterations {
        let next_inertia = 0.5 * (1.0 + (1.0 + 4.0 * inertia * inertia).sqrt());
        let momentum = if pinned { 0.0 } else { (inertia - 1.0) / next_inertia };
        let at: Vec<f64> =
            predicted.iter().zip(&predicted_before).map(|(new, old)| new + momentum * (new - old)).collect();
        loss.gradient(&at, &mut gradient);
        gradient.iter_mut().for_each(|value| *value *= -step);
        let mut next = if momentum > 0.0 {
            shrinker.shrink(&current.combined(1.0 + momentum, &previous, -momentum), &gradient, step * mu)?
        } else {
            shrinker.shrink(&current, &gradient, step * mu)?
        };
        if pinned {
            next = with_ones(next);
        }
        let predicted_next = next.at_observed(observed);
        let value = loss.gradient(&predicted_next, &mut gradient) + mu * next.singular.iter().sum::<f64>();
        ensure!(value.is_finite(), "the completion diverged; scale the values to a common size");
        if momentum > 0.0 && value > objective {
            (inertia, previous, predicted_before) = (1.0, current.clone(), predicted.clone());
            continue;
        }
        objective = value;
        inertia = next_inertia;
        let norm = next.inner(&next);
        let change = (norm - 2.0 * next.inner(&current) + current.inner(&current)).max(0.0);
        (previous, current) = (current, next);
        (predicted_before, predicted) = (predicted, predicted_next);
        // Both 0: mu is above the largest singular value.
        if change <= stop.tolerance * stop.tolerance * norm {
            break;
        }
    }
    Ok(current)
}

/// The matrix with its last column replaced by ones; the singular values stay those before.
fn with_ones(matrix: LowRank) -> LowRank {
    let (rank, last) = (matrix.rank(), matrix.right.ncols() - 1);
    let entry = |from: &Mat<f64>, row: usize, column: usize, one: f64| {
        if row == rank { one } else { from[(row, column)] }
    };
    let left = Mat::from_fn(rank + 1, matrix.left.ncols(), |row, column| entry(&matrix.left, row, column, 1.0));
    let right = Mat::from_fn(rank + 1, last + 1, |row, column| {
        if row < rank && column == last { 0.0 } else { entry(&matrix.right, row, column, f64::from(column == last)) }
    });
    LowRank { left, right, singular: matrix.singular }
}
