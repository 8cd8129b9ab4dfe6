//! Least squares of a given rank on the known entries, by alternating over rows and columns: what removes the shrinkage
//! of the nuclear norm once the rank is found.

use anyhow::{Result, anyhow};
use faer::Mat;
use rayon::prelude::*;

use super::Observed;
use super::low_rank::LowRank;
use crate::points::parts;

/// Rows or columns in a task.
const BLOCK: usize = 32;
/// Share of the sum of squares at which the fit counts as exact.
const EXACT: f64 = 1e-20;

/// Improves `start` for at most `sweeps`, until the squared error falls by less than `tolerance` of it. `ridge` times
/// the squares of the factors is added, which makes rows with fewer entries than the rank well-defined.
pub(super) fn refine(
    observed: &Observed,
    start: &LowRank,
    ridge: f64,
    sweeps: usize,
    tolerance: f64,
) -> Result<LowRank> {
    if start.rank() == 0 {
        return Ok(start.clone());
    }
    let mut right = start.right.clone();
    let mut left = start.left.clone();
    let squares: f64 = observed.values().iter().map(|value| value * value).sum();
    let mut before = f64::INFINITY;
    for _ in 0..sweeps {
        left = solve(observed.rows(), &right, ridge, |row, visit| {
            observed.row(row).for_each(|index| visit(observed.column_of(index), observed.values()[index]));
        })?;
        right = solve(observed.columns(), &left, ridge, |column, visit| {
            observed.column(column).iter().for_each(|(row, index)| visit(*row as usize, observed.values()[*index]));
        })?;
        let found = LowRank { left, right, singular: Vec::new() };
        let error: f64 = found
            .at_observed(observed)
            .iter()
            .zip(observed.values())
            .map(|(found, value)| (found - value).powi(2))
            .sum();
        LowRank { left, right, .. } = found;
        if error >= before * (1.0 - tolerance) || error <= EXACT * squares {
            break;
        }
        before = error;
    }
    Ok(LowRank { left, right, singular: Vec::new() })
}

/// For each of `count`: argmin_p sum over its entries (j, x) of (x - p . factors_j)^2 + ridge |p|^2, as [rank, count].
fn solve(
    count: usize,
    factors: &Mat<f64>,
    ridge: f64,
    entries: impl Fn(usize, &mut dyn FnMut(usize, f64)) + Sync,
) -> Result<Mat<f64>> {
    let rank = factors.nrows();
    let part = |range: std::ops::Range<usize>| -> Result<Vec<f64>> {
        let mut solutions = Vec::with_capacity(range.len() * rank);
        let mut gram = vec![0.0; rank * rank];
        for at in range {
            gram.fill(0.0);
            let mut right = vec![0.0; rank];
            entries(at, &mut |other, value| {
                let factor = factors.col_as_slice(other);
                for (i, own) in factor.iter().enumerate() {
                    right[i] += value * own;
                    // The whole row is faster than its lower half.
                    gram[i * rank..][..rank].iter_mut().zip(factor).for_each(|(sum, entry)| *sum += own * entry);
                }
            });
            let largest = (0..rank).map(|i| gram[i * rank + i]).fold(0.0, f64::max);
            (0..rank).for_each(|i| gram[i * rank + i] += ridge + 1e-12 * largest + f64::MIN_POSITIVE);
            cholesky_solve(&mut gram, &mut right)
                .ok_or_else(|| anyhow!("the least squares of the completion have no solution; use a lower rank"))?;
            solutions.extend(right);
        }
        Ok(solutions)
    };
    let found: Vec<Result<Vec<f64>>> = parts(count, BLOCK).into_par_iter().map(part).collect();
    let mut solution = Mat::zeros(rank, count);
    for (block, part) in found.into_iter().enumerate() {
        for (at, values) in part?.chunks_exact(rank).enumerate() {
            solution.col_as_slice_mut(block * BLOCK + at).copy_from_slice(values);
        }
    }
    Ok(solution)
}

/// Replaces `right` by gram^-1 right; `None` when the matrix is not positive definite.
fn cholesky_solve(gram: &mut [f64], right: &mut [f64]) -> Option<()> {
    let size = right.len();
    for i in 0..size {
        for j in 0..=i {
            let (above, row) = gram.split_at_mut(i * size);
            let other = if j < i { &above[j * size..][..j] } else { &row[..j] };
            let value = row[j] - row[..j].iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
            if j < i {
                row[j] = value / above[j * size + j];
            } else if value > 0.0 && value.is_finite() {
                row[i] = value.sqrt();
            } else {
                return None;
            }
        }
        let row = &gram[i * size..][..=i];
        let sum: f64 = row[..i].iter().zip(right.iter()).map(|(a, b)| a * b).sum();
        right[i] = (right[i] - sum) / row[i];
    }
    for i in (0..size).rev() {
        let row = &gram[i * size..][..=i];
        right[i] /= row[i];
        let value = right[i];
        right[..i].iter_mut().zip(row).for_each(|(to, entry)| *to -= value * entry);
    }
    Some(())
}
