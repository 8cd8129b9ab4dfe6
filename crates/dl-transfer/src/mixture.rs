//! Shares of a mixture by maximum likelihood: maximizes the mean of log (A a) over the simplex.
//!
//! At shares a with ratios R = A / (A a), let g be the mean of each column of R. The best likelihood is at most max g -
//! 1 above that of a, by concavity: a certificate. Interior-point Newton steps come near the optimum in a few dozen
//! steps; the multiplicative update a <- a g (the EM algorithm), which never decreases the likelihood, does the rest if
//! they fail.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

use crate::linalg::{fix_parallelism, product};

/// The shares.
pub(crate) struct Mixture {
    /// [m], summing to 1.
    pub(crate) shares: Vec<f64>,
    /// The mean of log (A a).
    pub(crate) likelihood: f64,
    /// By how much the best likelihood is larger, at most.
    pub(crate) certificate: f64,
    pub(crate) iterations: usize,
}

/// Newton steps before multiplicative updates take over.
const NEWTON_STEPS: usize = 60;

/// Fits shares to the densities [n, m], each above 0 and finite, until the certificate is at most `tolerance`.
pub(crate) fn fit(densities: MatRef<f64>, tolerance: f64, max_iterations: usize) -> Mixture {
    let m = densities.ncols();
    let mut best = State::at(densities, vec![1.0 / m as f64; m]);
    let mut at = best.shares.clone();
    let mut multipliers = vec![1.0; m];
    let mut iterations = 0;
    while best.certificate > tolerance && iterations < NEWTON_STEPS.min(max_iterations) {
        iterations += 1;
        if !newton_step(densities, &mut at, &mut multipliers) {
            break;
        }
        let total: f64 = at.iter().sum();
        let state = State::at(densities, at.iter().map(|share| share / total).collect());
        if state.certificate < best.certificate {
            best = state;
        }
    }
    while best.certificate > tolerance && iterations < max_iterations {
        iterations += 1;
        let shares: Vec<f64> = best.shares.iter().zip(&best.gains).map(|(share, gain)| share * gain).collect();
        let total: f64 = shares.iter().sum();
        best = State::at(densities, shares.iter().map(|share| share / total).collect());
    }
    let State { shares, likelihood, certificate, .. } = best;
    Mixture { shares, likelihood, certificate, iterations }
}

/// Shares and what follows from them.
struct State {
    shares: Vec<f64>,
    likelihood: f64,
    /// g.
    gains: Vec<f64>,
    certificate: f64,
}

impl State {
    fn at(densities: MatRef<f64>, shares: Vec<f64>) -> Self {
        let totals = totals(densities, &shares);
        let n = totals.len() as f64;
        let gains: Vec<f64> = densities
            .col_iter()
            .map(|column| column.iter().zip(&totals).map(|(density, total)| density / total).sum::<f64>() / n)
            .collect();
        let certificate = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max) - 1.0;
        let likelihood = totals.iter().map(|total| total.ln()).sum::<f64>() / n;
        Self { shares, likelihood, gains, certificate }
    }
}

/// A a.
fn totals(densities: MatRef<f64>, shares: &[f64]) -> Vec<f64> {
    let mut totals = vec![0.0; densities.nrows()];
    for (column, share) in densities.col_iter().zip(shares) {
        totals.iter_mut().zip(column.iter()).for_each(|(total, density)| *total += share * density);
    }
    totals
}

/// A step on sum a - mean log (A a), a >= 0, whose minimum has shares that sum to 1. Returns whether there was one.
fn newton_step(densities: MatRef<f64>, at: &mut [f64], multipliers: &mut [f64]) -> bool {
    let (n, m) = (densities.nrows(), densities.ncols());
    let totals = totals(densities, at);
    let ratios = Mat::from_fn(n, m, |row, column| densities[(row, column)] / totals[row]);
    let mut hessian = product(ratios.transpose(), ratios.as_ref());
    let center = 0.1 * at.iter().zip(&*multipliers).map(|(at, multiplier)| at * multiplier).sum::<f64>() / m as f64;
    let mut right = Mat::zeros(m, 1);
    for column in 0..m {
        hessian.col_mut(column).iter_mut().for_each(|value| *value /= n as f64);
        hessian[(column, column)] += multipliers[column] / at[column];
        let gain = ratios.col(column).iter().sum::<f64>() / n as f64;
        right[(column, 0)] = gain - 1.0 + center / at[column];
    }
    fix_parallelism();
    let Ok(cholesky) = hessian.llt(Side::Lower) else { return false };
    let step = cholesky.solve(&right);
    let mut share = 1.0_f64;
    let mut turns = vec![0.0; m];
    for column in 0..m {
        let step = step[(column, 0)];
        turns[column] = (center - multipliers[column] * step) / at[column] - multipliers[column];
        for (from, change) in [(at[column], step), (multipliers[column], turns[column])] {
            if change < 0.0 {
                share = share.min(-0.99 * from / change);
            }
        }
    }
    let new: Vec<f64> = (0..m).map(|column| at[column] + share * step[(column, 0)]).collect();
    if !new.iter().all(|share| share.is_normal() && *share > 0.0) {
        return false;
    }
    at.copy_from_slice(&new);
    multipliers.iter_mut().zip(&turns).for_each(|(multiplier, turn)| *multiplier += share * turn);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newton_steps_and_multiplicative_updates_agree() {
        let densities = Mat::from_fn(80, 12, |row, column| {
            (-(row as f64 / 8.0 - column as f64).powi(2)).exp()
                + 0.01 * (2.1 + crate::formula(row as u64, column as u64))
        });
        let found = fit(densities.as_ref(), 1e-9, 1000);
        assert!(found.certificate <= 1e-9 && found.iterations < NEWTON_STEPS, "{}", found.iterations);
        assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let mut slow = State::at(densities.as_ref(), vec![1.0 / 12.0; 12]);
        for _ in 0..2000 {
            let shares = slow.shares.iter().zip(&slow.gains).map(|(share, gain)| share * gain).collect();
            let next = State::at(densities.as_ref(), shares);
            assert!(next.likelihood >= slow.likelihood - 1e-14);
            slow = next;
            assert!(found.likelihood - slow.likelihood <= slow.certificate + 1e-12);
        }
        assert!((found.likelihood - slow.likelihood).abs() < 1e-5, "{} {}", found.likelihood, slow.likelihood);
    }
}
