//! Linear algebra that several methods share.

use anyhow::{Result, anyhow};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, Scale, Side};

/// Splits work for a fixed number of threads, so that sums do not depend on `--threads`.
pub(crate) fn parallelism() -> Par {
    Par::rayon(16)
}

/// [`parallelism`] for the decompositions, which have no argument for it.
pub(crate) fn fix_parallelism() {
    faer::set_global_parallelism(parallelism());
}

/// The product `a` `b`.
pub(crate) fn product(a: MatRef<f64>, b: MatRef<f64>) -> Mat<f64> {
    let mut result = Mat::zeros(a.nrows(), b.ncols());
    matmul(&mut result, Accum::Replace, a, b, 1.0, parallelism());
    result
}

/// Eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns in the same order. The entry of
/// each eigenvector that is largest in size, the first of several, is positive.
/// # Errors
/// When the decomposition fails, which happens only with numbers that are not finite.
pub fn symmetric_eigen(matrix: MatRef<f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    fix_parallelism();
    let n = matrix.nrows();
    // Otherwise residuals are 1e-6 of the largest eigenvalue when that is 1e12 or 1e-10.
    let scale = power_of_two(matrix.norm_max());
    let found = (matrix * Scale(scale.recip()))
        .self_adjoint_eigen(Side::Lower)
        .map_err(|error| anyhow!("the eigenvalues of a matrix of {n} rows were not found: {error:?}"))?;
    let values = found.S().column_vector().iter().rev().map(|value| value * scale).collect();
    let mut vectors = Mat::from_fn(n, n, |row, column| found.U()[(row, n - 1 - column)]);
    fix_signs(&mut vectors);
    Ok((values, vectors))
}

/// Flips columns so that the entry of each that is largest in size, the first of several, is positive.
pub(crate) fn fix_signs(columns: &mut Mat<f64>) {
    for column in 0..columns.ncols() {
        let larger = |best: f64, value: &f64| if value.abs() > best.abs() { *value } else { best };
        if columns.col(column).iter().fold(0.0, larger) < 0.0 {
            columns.col_mut(column).iter_mut().for_each(|value| *value = -*value);
        }
    }
}

/// `f` of a symmetric matrix: its eigenvectors with `f` of each eigenvalue.
/// # Errors
/// As [`symmetric_eigen`].
#[cfg(test)]
pub(crate) fn spectral(matrix: MatRef<f64>, f: impl Fn(f64) -> f64) -> Result<Mat<f64>> {
    let (values, vectors) = symmetric_eigen(matrix)?;
    let scaled =
        Mat::from_fn(vectors.nrows(), vectors.ncols(), |row, column| vectors[(row, column)] * f(values[column]));
    Ok(product(scaled.as_ref(), vectors.transpose()))
}

/// The largest power of two that is at most `size`, to scale by without rounding; 1 for 0. faer 0.24 loses digits where
/// the numbers of a matrix are far from 1.
pub fn power_of_two(size: f64) -> f64 {
    if size > 0.0 && size.is_finite() { size.log2().floor().clamp(-1000.0, 1000.0).exp2() } else { 1.0 }
}

/// One over the deviation of a column; `None` where it is constant, up to the rounding of the f32 that features were.
pub(crate) fn inverse_deviation(mean: f64, deviation: f64) -> Option<f64> {
    let varies = deviation > f64::from(f32::EPSILON) * mean.abs() && deviation.is_normal();
    varies.then(|| 1.0 / deviation)
}

/// The mean of each column; 0 without rows.
pub(crate) fn column_means(rows: MatRef<f64>) -> Vec<f64> {
    let count = rows.nrows().max(1) as f64;
    rows.col_iter().map(|column| column.iter().sum::<f64>() / count).collect()
}

/// Copies the lower triangle of a square matrix to the upper one.
pub(crate) fn mirror_lower(matrix: MatMut<f64>) {
    let half = matrix.nrows() / 2;
    if half == 0 {
        return;
    }
    let (first, upper, lower, last) = matrix.split_at_mut(half, half);
    copy_transposed(lower.as_ref(), upper);
    rayon::join(|| mirror_lower(first), || mirror_lower(last));
}

/// Copies the transpose of `from` to `to`, in tiles that fit the cache.
fn copy_transposed(from: MatRef<f64>, mut to: MatMut<f64>) {
    const TILE: usize = 64;
    let (rows, columns) = (to.nrows(), to.ncols());
    if rows.max(columns) <= TILE {
        to.copy_from(from.transpose());
    } else if rows >= columns {
        let (top, bottom) = to.split_at_row_mut(rows / 2);
        let (left, right) = from.split_at_col(rows / 2);
        rayon::join(|| copy_transposed(left, top), || copy_transposed(right, bottom));
    } else {
        let (left, right) = to.split_at_col_mut(columns / 2);
        let (top, bottom) = from.split_at_row(columns / 2);
        rayon::join(|| copy_transposed(top, left), || copy_transposed(bottom, right));
    }
}

/// An orthonormal basis [n, k] of the columns of a matrix with at least as many rows, and R [k, k]: their product is
/// the matrix. Columns that depend on others are replaced by any that do not.
pub(crate) fn orthonormal(columns: MatRef<f64>) -> (Mat<f64>, Mat<f64>) {
    fix_parallelism();
    let qr = columns.qr();
    (qr.compute_thin_Q(), qr.thin_R().to_owned())
}

/// The rows of a matrix one after another, for loops over single rows.
pub(crate) fn row_major(matrix: MatRef<f64>) -> Vec<f64> {
    let mut rows = vec![0.0; matrix.nrows() * matrix.ncols()];
    MatMut::from_row_major_slice_mut(&mut rows, matrix.nrows(), matrix.ncols()).copy_from(matrix);
    rows
}

/// # Errors
/// When a number of `matrix` is not finite; `what` names the matrix.
pub(crate) fn ensure_finite(matrix: MatRef<f64>, what: &str) -> Result<()> {
    for column in 0..matrix.ncols() {
        if let Some(row) = matrix.col(column).iter().position(|value| !value.is_finite()) {
            return Err(anyhow!(
                "{what}: the number in row {row}, column {column} is not finite; remove or fill that row"
            ));
        }
    }
    Ok(())
}

/// Replaces each row by its softmax: positive numbers that sum to 1.
pub(crate) fn softmax_rows(scores: &mut Mat<f64>) {
    for row in 0..scores.nrows() {
        let largest = scores.row(row).iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for column in 0..scores.ncols() {
            scores[(row, column)] = (scores[(row, column)] - largest).exp();
            total += scores[(row, column)];
        }
        for column in 0..scores.ncols() {
            scores[(row, column)] /= total;
        }
    }
}

/// The rows of a matrix, each scaled to length 1, one after another; rows of zeros stay so.
pub(crate) fn unit_rows(matrix: MatRef<f64>) -> Vec<f64> {
    let mut rows = row_major(matrix);
    for row in rows.chunks_exact_mut(matrix.ncols().max(1)) {
        // Squares of very large or small numbers leave the range of f64.
        let largest = row.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        if largest > 0.0 {
            row.iter_mut().for_each(|value| *value /= largest);
            let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
            row.iter_mut().for_each(|value| *value /= length);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_root_times_itself_is_the_matrix() {
        let factor = Mat::from_fn(7, 5, |row, column| crate::formula(row as u64, column as u64));
        let matrix = product(factor.transpose(), factor.as_ref());
        let (values, vectors) = symmetric_eigen(matrix.as_ref()).unwrap();
        assert!(values.is_sorted_by(|a, b| a >= b) && vectors.nrows() == 5);
        let root = spectral(matrix.as_ref(), f64::sqrt).unwrap();
        let squared = product(root.as_ref(), root.as_ref());
        for row in 0..5 {
            for column in 0..5 {
                assert!((squared[(row, column)] - matrix[(row, column)]).abs() < 1e-10 * values[0]);
            }
        }
    }

    #[test]
    fn eigenvectors_are_as_accurate_for_large_and_small_numbers() {
        // An arrow of fast decay, as it comes up within Lanczos.
        let n = 200;
        let arrow = Mat::from_fn(n, n, |row, column| match (row.min(column), row.max(column)) {
            (a, b) if a == b => 0.95_f64.powi(a as i32),
            (a, b) if b >= n - 16 => 1e-4 * crate::formula(a as u64, b as u64) * 0.9_f64.powi(a as i32),
            _ => 0.0,
        });
        for scale in [1.0, 1e13, 1e-11] {
            let matrix = &arrow * Scale(scale);
            let (values, vectors) = symmetric_eigen(matrix.as_ref()).unwrap();
            let image = product(matrix.as_ref(), vectors.as_ref());
            let residual =
                Mat::from_fn(n, n, |row, column| image[(row, column)] - values[column] * vectors[(row, column)]);
            assert!(residual.norm_max() < 1e-13 * values[0], "{scale}: {}", residual.norm_max() / values[0]);
        }
    }

    #[test]
    fn a_lower_triangle_is_mirrored() {
        for n in [0, 1, 2, 3, 130, 301] {
            let number = |row: usize, column: usize| crate::formula(row as u64, column as u64);
            let mut matrix =
                Mat::from_fn(n, n, |row, column| if row >= column { number(row, column) } else { f64::NAN });
            mirror_lower(matrix.as_mut());
            assert_eq!(matrix, Mat::from_fn(n, n, |row, column| number(row.max(column), row.min(column))));
        }
    }
}
