//! Samples as the columns of a matrix: the layout in which the numbers of a sample are contiguous.

use std::ops::Range;

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};

/// Numbers beyond this have no square.
const LARGEST: f64 = 1e150;

/// The transpose [d, n] of `rows` [n, d].
/// # Errors
/// When there are no rows or columns, or a number is not finite or beyond 1e150; the message begins with `method`.
pub(crate) fn points(method: &str, rows: MatRef<f64>) -> Result<Mat<f64>> {
    ensure!(rows.nrows() > 0 && rows.ncols() > 0, "{method}: there are no rows; give at least one with features");
    let points = rows.transpose().to_owned();
    for row in 0..points.ncols() {
        ensure!(
            points.col_as_slice(row).iter().all(|value| value.abs() <= LARGEST),
            "{method}: row {row}, counted from 0, holds a number that is not finite, or too large; drop the row or repair it"
        );
    }
    Ok(points)
}

/// Subtracts the mean of the points from each, and returns it.
pub(crate) fn center(points: &mut Mat<f64>) -> Vec<f64> {
    let n = points.ncols() as f64;
    let mut mean = vec![0.0; points.nrows()];
    for at in 0..points.ncols() {
        mean.iter_mut().zip(points.col_as_slice(at)).for_each(|(mean, value)| *mean += value / n);
    }
    subtract(points, &mean);
    mean
}

/// Subtracts `mean` from every point.
pub(crate) fn subtract(points: &mut Mat<f64>, mean: &[f64]) {
    for at in 0..points.ncols() {
        points.col_as_slice_mut(at).iter_mut().zip(mean).for_each(|(value, mean)| *value -= mean);
    }
}

/// 0..n in parts of `size`, the last one shorter. Work is split by these, never by the number of threads.
pub(crate) fn parts(n: usize, size: usize) -> Vec<Range<usize>> {
    (0..n).step_by(size).map(|start| start..n.min(start + size)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `groups` of the goldens' make.py.
    pub(crate) fn groups(rows: usize, columns: usize, k: usize, spread: f64, first_row: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| {
            let row = first_row + row;
            let own = if row % k == column % k { spread } else { 0.0 };
            crate::formula(row as u64, column as u64) + own
        })
    }

    /// A matrix from its rows.
    pub(crate) fn matrix(rows: &[Vec<f64>]) -> Mat<f64> {
        Mat::from_fn(rows.len(), rows[0].len(), |row, column| rows[row][column])
    }
}
