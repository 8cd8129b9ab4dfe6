//! Minimizes 1/2 w'Kw - k'w where 0 <= w <= bound and least <= sum w <= most.
//!
//! A primal-dual interior-point method with Mehrotra's predictor and corrector (Nocedal and Wright 2006, algorithm
//! 16.4). The constraints only add to the diagonal of K, and a constant to all of it, so a step is one Cholesky
//! decomposition of n^3/3 operations, or n m^2 where K = Z Z' has rank m. The iterates are always inside of the bounds.

use anyhow::{Result, anyhow, ensure};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use crate::dot;
use crate::linalg::{parallelism, product};

/// The quadratic part.
pub(crate) enum Quadratic {
    /// K [n, n], positive semidefinite.
    Dense(Mat<f64>),
    /// Z [n, m]: K = Z Z', which is never formed. The linear part must be Z times something, as that of a mean is:
    /// Woodbury's formula is not accurate enough for weights that only their bounds hold.
    LowRank(Mat<f64>),
}

/// The problem.
pub(crate) struct Problem<'a> {
    pub(crate) quadratic: &'a Quadratic,
    /// k [n], not all 0.
    pub(crate) linear: &'a [f64],
    /// Upper bound of each w.
    pub(crate) bound: f64,
    /// Lower bound of sum w.
    pub(crate) least: f64,
    /// Upper bound of sum w, above `least`.
    pub(crate) most: f64,
}

/// The minimum.
pub(crate) struct Minimum {
    pub(crate) at: Vec<f64>,
    pub(crate) objective: f64,
    /// The multiplier of the sum: that of its upper bound minus that of its lower bound.
    pub(crate) sum_multiplier: f64,
    /// How far the conditions of Karush, Kuhn and Tucker are from holding: see [`Problem::residual`].
    pub(crate) residual: f64,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

impl Problem<'_> {
    /// Solves until the residual is at most `tolerance`, and so are the duality gap, relative to the objective, and the
    /// gradient of the Lagrangian, relative to the largest linear coefficient.
    pub(crate) fn solve(&self, tolerance: f64, max_iterations: usize) -> Result<Minimum> {
        let n = self.linear.len();
        let (low, high) = ((self.least / n as f64).max(0.0), (self.most / n as f64).min(self.bound));
        ensure!(low < high, "no weights of at most {} have a sum of at least {}", self.bound, self.least);
        // The weights, their distances to the bound, and those of the sum to its bounds; the multiplier of each.
        let mut at = vec![if low < 1.0 && 1.0 < high { 1.0 } else { 0.5 * (low + high) }; n];
        let mut slack = self.slack(&at);
        let scale = self.linear.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let mut multipliers: Vec<f64> = slack.iter().map(|slack| scale * at[0] / slack).collect();
        let mut system = System::new(self.quadratic, n);
        let (mut iterations, mut converged) = (0, false);
        loop {
            let gradient = self.gradient(&at);
            let residual = self.lagrangian(&gradient, &multipliers);
            let gap = dot(&slack, &multipliers);
            let objective = self.objective(&at, &gradient);
            converged |= gap <= tolerance * objective.abs()
                && residual.iter().all(|residual| residual.abs() <= tolerance * scale)
                && self.residual(&at, &gradient, sum_multiplier(&multipliers), scale) <= tolerance;
            if converged || iterations == max_iterations {
                return Ok(self.finish(at, &multipliers, scale, iterations, converged));
            }
            iterations += 1;
            system.factor(&slack, &multipliers)?;
            let center = gap / slack.len() as f64;
            let mut wanted: Vec<f64> = slack.iter().zip(&multipliers).map(|(slack, it)| -slack * it).collect();
            let (step, turn) = system.direction(&residual, &wanted, &slack, &multipliers);
            let share = reach(&slack, &step).min(reach(&multipliers, &turn)).min(1.0);
            let predicted: f64 = (slack.iter().zip(&step))
                .zip(multipliers.iter().zip(&turn))
                .map(|((slack, step), (multiplier, turn))| (slack + share * step) * (multiplier + share * turn))
                .sum();
            let centering = (predicted / gap).max(0.0).powi(3) * center;
            for ((wanted, step), turn) in wanted.iter_mut().zip(&step).zip(&turn) {
                *wanted += centering - step * turn;
            }
            let (step, turn) = system.direction(&residual, &wanted, &slack, &multipliers);
            let share = (0.995 * reach(&slack, &step).min(reach(&multipliers, &turn))).min(1.0);
            if !share.is_finite() || share < 1e-12 {
                // Rounding leaves no direction.
                return Ok(self.finish(at, &multipliers, scale, iterations, false));
            }
            at.iter_mut().zip(&step).for_each(|(at, step)| *at += share * step);
            multipliers.iter_mut().zip(&turn).for_each(|(multiplier, turn)| *multiplier += share * turn);
            let moved: Vec<f64> = slack.iter().zip(&step).map(|(slack, step)| slack + share * step).collect();
            // What is subtracted from a bound is rounded; a slack never reaches 0.
            slack = self.slack(&at).into_iter().zip(moved).map(|(new, moved)| new.max(1e-3 * moved)).collect();
        }
    }

    /// w, bound - w, sum w - least, most - sum w.
    fn slack(&self, at: &[f64]) -> Vec<f64> {
        let sum: f64 = at.iter().sum();
        let upper = at.iter().map(|at| self.bound - at);
        at.iter().copied().chain(upper).chain([sum - self.least, self.most - sum]).collect()
    }

    /// K w - k.
    fn gradient(&self, at: &[f64]) -> Vec<f64> {
        let column = MatRef::from_column_major_slice(at, at.len(), 1);
        let product = match self.quadratic {
            Quadratic::Dense(matrix) => product(matrix.as_ref(), column),
            Quadratic::LowRank(factor) => product(factor.as_ref(), product(factor.transpose(), column).as_ref()),
        };
        self.linear.iter().enumerate().map(|(row, linear)| product[(row, 0)] - linear).collect()
    }

    fn objective(&self, at: &[f64], gradient: &[f64]) -> f64 {
        0.5 * (dot(at, gradient) - dot(at, self.linear))
    }

    /// The gradient of the Lagrangian.
    fn lagrangian(&self, gradient: &[f64], multipliers: &[f64]) -> Vec<f64> {
        let n = gradient.len();
        let sum = sum_multiplier(multipliers);
        (0..n).map(|i| gradient[i] - multipliers[i] + multipliers[n + i] + sum).collect()
    }

    fn finish(&self, at: Vec<f64>, multipliers: &[f64], scale: f64, iterations: usize, converged: bool) -> Minimum {
        let describe = |at: &[f64]| {
            let gradient = self.gradient(at);
            (self.objective(at, &gradient), self.residual(at, &gradient, sum_multiplier(multipliers), scale))
        };
        let (mut objective, mut residual) = describe(&at);
        // Weights that the multipliers hold at 0 are 0, if that is as good.
        let zero = |(at, multiplier): (&f64, &f64)| if *at < 1e-5 && *at < multiplier / scale { 0.0 } else { *at };
        let rounded: Vec<f64> = at.iter().zip(multipliers).map(zero).collect();
        let sum: f64 = rounded.iter().sum();
        let found = describe(&rounded);
        let mut at = at;
        if self.least <= sum && sum <= self.most && found.1 <= residual.max(1e-8) {
            (objective, residual) = found;
            at = rounded;
        }
        Minimum { at, objective, sum_multiplier: sum_multiplier(multipliers), residual, iterations, converged }
    }

    /// How far w and the multiplier of its sum are from optimal: the largest, over the weights, of the middle one of w,
    /// w - bound and the slope (Kw - k + multiplier) / max |k|, which is 0 when w is 0 and the slope upward, or at the
    /// bound and downward, or the slope is 0; and the same for the sum, per row.
    fn residual(&self, at: &[f64], gradient: &[f64], multiplier: f64, scale: f64) -> f64 {
        let middle = |low: f64, slope: f64, high: f64| slope.clamp(low, high).abs();
        let rows = at.len() as f64;
        let sum: f64 = at.iter().sum();
        let of_sum = middle((sum - self.most) / rows, -multiplier / scale, (sum - self.least) / rows);
        at.iter()
            .zip(gradient)
            .map(|(at, slope)| middle(at - self.bound, (slope + multiplier) / scale, *at))
            .fold(of_sum, f64::max)
    }
}

/// The multiplier of the sum of the weights: that of its upper bound minus that of its lower bound.
fn sum_multiplier(multipliers: &[f64]) -> f64 {
    let last = multipliers.len() - 1;
    multipliers[last] - multipliers[last - 1]
}

/// The largest share of `step` after which no number is below 0.
fn reach(from: &[f64], step: &[f64]) -> f64 {
    from.iter()
        .zip(step)
        .filter(|(_, step)| **step < 0.0)
        .fold(f64::INFINITY, |least, (from, step)| least.min(-from / step))
}

/// The linear system of a step: K + diagonal + constant.
struct System<'a> {
    quadratic: &'a Quadratic,
    diagonal: Vec<f64>,
    constant: f64,
    /// The Cholesky factor of the system, or of I + Z' diagonal^-1 Z.
    factor: Mat<f64>,
    /// Z with the column of the constant.
    extended: Mat<f64>,
}

impl<'a> System<'a> {
    fn new(quadratic: &'a Quadratic, n: usize) -> Self {
        let (factor, extended) = match quadratic {
            Quadratic::Dense(_) => (Mat::zeros(n, n), Mat::zeros(0, 0)),
            Quadratic::LowRank(factor) => {
                let mut extended = Mat::zeros(n, factor.ncols() + 1);
                extended.subcols_mut(0, factor.ncols()).copy_from(factor);
                (Mat::zeros(factor.ncols() + 1, factor.ncols() + 1), extended)
            }
        };
        Self { quadratic, diagonal: vec![0.0; n], constant: 0.0, factor, extended }
    }

    fn factor(&mut self, slack: &[f64], multipliers: &[f64]) -> Result<()> {
        let n = self.diagonal.len();
        let share: Vec<f64> = multipliers.iter().zip(slack).map(|(multiplier, slack)| multiplier / slack).collect();
        self.constant = share[2 * n] + share[2 * n + 1];
        // The kernels of near rows are singular to rounding, and Woodbury's formula cancels more than Cholesky: an
        // addition that only the path feels, not the result.
        let mut addition = match self.quadratic {
            Quadratic::Dense(matrix) => 1e-13 * (0..n).map(|i| matrix[(i, i)]).sum::<f64>(),
            Quadratic::LowRank(factor) => 1e-8 * factor.squared_norm_l2() / n as f64,
        };
        for _ in 0..8 {
            for (i, diagonal) in self.diagonal.iter_mut().enumerate() {
                *diagonal = share[i] + share[n + i] + addition;
            }
            if self.try_factor() {
                return Ok(());
            }
            addition *= 100.0;
        }
        Err(anyhow!("the weights were not found: the kernel of {n} rows is not positive definite; try another gamma"))
    }

    fn try_factor(&mut self) -> bool {
        let (diagonal, constant) = (&self.diagonal, self.constant);
        match self.quadratic {
            Quadratic::Dense(matrix) => {
                self.factor.par_col_iter_mut().enumerate().for_each(|(column, values)| {
                    for (value, kernel) in values.iter_mut().zip(matrix.col(column).iter()).skip(column) {
                        *value = kernel + constant;
                    }
                });
                for (i, diagonal) in diagonal.iter().enumerate() {
                    self.factor[(i, i)] += diagonal;
                }
            }
            Quadratic::LowRank(_) => {
                let columns = self.extended.ncols();
                self.extended.col_mut(columns - 1).iter_mut().for_each(|value| *value = constant.sqrt());
                let mut scaled = self.extended.clone();
                scaled.par_col_iter_mut().for_each(|values| {
                    values.iter_mut().zip(diagonal).for_each(|(value, diagonal)| *value /= diagonal.sqrt());
                });
                let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
                let (a, b) = (scaled.transpose(), scaled.as_ref());
                triangular::matmul(&mut self.factor, lower, Accum::Replace, a, full, b, full, 1.0, parallelism());
                (0..columns).for_each(|i| self.factor[(i, i)] += 1.0);
            }
        }
        let scratch = cholesky_in_place_scratch::<f64>(self.factor.nrows(), parallelism(), Default::default());
        let mut memory = MemBuffer::new(scratch);
        let stack = MemStack::new(&mut memory);
        cholesky_in_place(self.factor.as_mut(), Default::default(), parallelism(), stack, Default::default()).is_ok()
    }

    /// The changes of the slacks and of the multipliers that make the gradient of the Lagrangian 0 and
    /// `slack turn + multiplier step = wanted`, to first order.
    fn direction(&self, residual: &[f64], wanted: &[f64], slack: &[f64], multipliers: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = self.diagonal.len();
        let push = |i: usize| wanted[i] / slack[i];
        let sum = push(2 * n) - push(2 * n + 1);
        let mut step: Vec<f64> = (0..n).map(|i| push(i) - push(n + i) + sum - residual[i]).collect();
        self.solve(&mut step);
        let total: f64 = step.iter().sum();
        let opposite: Vec<f64> = step.iter().map(|step| -step).collect();
        step.extend(opposite);
        step.extend([total, -total]);
        let turn = (0..slack.len()).map(|i| (wanted[i] - multipliers[i] * step[i]) / slack[i]).collect();
        (step, turn)
    }

    /// Replaces `right` by the solution of the system.
    fn solve(&self, right: &mut [f64]) {
        if let Quadratic::Dense(_) = self.quadratic {
            self.back_substitute(right);
            return;
        }
        // Woodbury's formula, refined: its cancellation grows as weights approach 0.
        let mut rest = right.to_vec();
        right.fill(0.0);
        for _ in 0..3 {
            let mut part: Vec<f64> = rest.iter().zip(&self.diagonal).map(|(rest, diagonal)| rest / diagonal).collect();
            let mut inner = self.transposed_times(&part);
            self.back_substitute(&mut inner);
            for ((part, outer), diagonal) in part.iter_mut().zip(self.times(&inner)).zip(&self.diagonal) {
                *part -= outer / diagonal;
            }
            right.iter_mut().zip(&part).for_each(|(sum, part)| *sum += part);
            let outer = self.times(&self.transposed_times(&part));
            for (((rest, part), outer), diagonal) in rest.iter_mut().zip(&part).zip(outer).zip(&self.diagonal) {
                *rest -= outer + diagonal * part;
            }
        }
    }

    fn times(&self, inner: &[f64]) -> Vec<f64> {
        let inner = MatRef::from_column_major_slice(inner, inner.len(), 1);
        product(self.extended.as_ref(), inner).col(0).iter().copied().collect()
    }

    fn transposed_times(&self, outer: &[f64]) -> Vec<f64> {
        let outer = MatRef::from_column_major_slice(outer, outer.len(), 1);
        product(self.extended.transpose(), outer).col(0).iter().copied().collect()
    }

    fn back_substitute(&self, right: &mut [f64]) {
        let mut column = Mat::from_fn(right.len(), 1, |row, _| right[row]);
        let mut memory = MemBuffer::new(solve_in_place_scratch::<f64>(right.len(), 1, parallelism()));
        solve_in_place(self.factor.as_ref(), column.as_mut(), parallelism(), MemStack::new(&mut memory));
        right.iter_mut().zip(column.col(0).iter()).for_each(|(right, value)| *right = *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_and_its_factor_have_the_same_minimum_at_every_kind_of_bound() {
        let factor = Mat::from_fn(60, 9, |row, column| crate::formula(row as u64, column as u64));
        let mean = Mat::from_fn(9, 1, |column, _| 20.0 * crate::formula(100, column as u64));
        let linear: Vec<f64> = product(factor.as_ref(), mean.as_ref()).col(0).iter().copied().collect();
        let dense = Quadratic::Dense(product(factor.as_ref(), factor.transpose()));
        let low_rank = Quadratic::LowRank(factor);
        for (bound, least, most) in [(100.0, 1.0, 1000.0), (1.5, 1.0, 1000.0), (100.0, 59.999, 60.001)] {
            let solve =
                |quadratic| Problem { quadratic, linear: &linear, bound, least, most }.solve(1e-8, 100).unwrap();
            let (a, b) = (solve(&dense), solve(&low_rank));
            for found in [&a, &b] {
                assert!(found.converged && found.residual < 1e-7, "{} in {}", found.residual, found.iterations);
                assert!(found.at.iter().all(|at| (0.0..=bound).contains(at)));
                assert!((least..=most).contains(&found.at.iter().sum::<f64>()));
            }
            assert!((a.objective - b.objective).abs() < 1e-7 * a.objective.abs(), "{} {}", a.objective, b.objective);
        }
    }

    #[test]
    fn bounds_that_exclude_each_other_are_refused() {
        let quadratic = Quadratic::Dense(Mat::identity(4, 4));
        let problem = Problem { quadratic: &quadratic, linear: &[1.0; 4], bound: 0.5, least: 3.0, most: 5.0 };
        assert!(problem.solve(1e-9, 50).is_err());
    }
}
