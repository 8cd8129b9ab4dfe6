//! Matrices of low rank, and the singular values of one plus a sparse matrix above a threshold.

use anyhow::{Result, anyhow};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, Par};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::Observed;
use crate::dot;
use crate::linalg::product;
use crate::points::parts;

/// Rows of sparse products in a task.
const BLOCK: usize = 64;
/// Directions beyond the rank, which speed up the subspace iteration.
const EXTRA: usize = 6;
/// Sides up to this are decomposed exactly, by the gram matrix.
const EXACT: usize = 128;

/// Z = left' right, [rows, columns].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LowRank {
    /// Left singular vectors times the singular values, [rank, rows].
    pub(super) left: Mat<f64>,
    /// Right singular vectors, [rank, columns].
    pub(super) right: Mat<f64>,
    /// Singular values, the largest first.
    pub(super) singular: Vec<f64>,
}

impl LowRank {
    /// The matrix of zeros.
    pub(super) fn zero(rows: usize, columns: usize) -> Self {
        Self { left: Mat::zeros(0, rows), right: Mat::zeros(0, columns), singular: Vec::new() }
    }

    pub(super) fn rank(&self) -> usize {
        self.left.nrows()
    }

    /// The entry at (row, column).
    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        dot(self.left.col_as_slice(row), self.right.col_as_slice(column))
    }

    /// The entries at the known ones' places.
    pub(super) fn at_observed(&self, observed: &Observed) -> Vec<f64> {
        let of_rows = |range: std::ops::Range<usize>| -> Vec<f64> {
            let mut values = Vec::with_capacity(observed.row(range.end - 1).end - observed.row(range.start).start);
            for row in range {
                values.extend(observed.row(row).map(|index| self.at(row, observed.column_of(index))));
            }
            values
        };
        parts(observed.rows(), BLOCK).into_par_iter().flat_map_iter(of_rows).collect()
    }

    /// self times `factor` plus `other` times `other_factor`, without singular values.
    pub(super) fn combined(&self, factor: f64, other: &Self, other_factor: f64) -> Self {
        let (a, b) = (self.rank(), other.rank());
        let stacked = |top: &Mat<f64>, f: f64, bottom: &Mat<f64>, g: f64| {
            Mat::from_fn(a + b, top.ncols(), |row, column| {
                if row < a { f * top[(row, column)] } else { g * bottom[(row - a, column)] }
            })
        };
        Self {
            left: stacked(&self.left, factor, &other.left, other_factor),
            right: stacked(&self.right, 1.0, &other.right, 1.0),
            singular: Vec::new(),
        }
    }

    /// The sum of the products of the entries of both.
    pub(super) fn inner(&self, other: &Self) -> f64 {
        let left = product(self.left.as_ref(), other.left.transpose());
        let right = product(self.right.as_ref(), other.right.transpose());
        (0..left.nrows()).map(|i| (0..left.ncols()).map(|j| left[(i, j)] * right[(i, j)]).sum::<f64>()).sum()
    }

    /// The first `rank` components.
    pub(super) fn truncated(&self, rank: usize) -> Self {
        let rank = rank.min(self.rank());
        Self {
            left: self.left.subrows(0, rank).to_owned(),
            right: self.right.subrows(0, rank).to_owned(),
            singular: self.singular[..rank].to_vec(),
        }
    }
}

/// A matrix of low rank plus a sparse one with values at the known entries' places.
struct Operator<'a> {
    observed: &'a Observed,
    base: &'a LowRank,
    sparse: &'a [f64],
}

impl Operator<'_> {
    /// `block` [b, columns] times the transpose: [b, rows].
    fn times(&self, block: &Mat<f64>) -> Mat<f64> {
        let mut result =
            product(product(block.as_ref(), self.base.right.transpose()).as_ref(), self.base.left.as_ref());
        let b = block.nrows();
        let add = |row: usize, to: &mut [f64]| {
            for index in self.observed.row(row) {
                let value = self.sparse[index];
                let from = block.col_as_slice(self.observed.column_of(index));
                to.iter_mut().zip(from).for_each(|(to, from)| *to += value * from);
            }
        };
        add_columns(&mut result, b, add);
        result
    }

    /// `block` [b, rows] times the matrix: [b, columns].
    fn times_transposed(&self, block: &Mat<f64>) -> Mat<f64> {
        let mut result =
            product(product(block.as_ref(), self.base.left.transpose()).as_ref(), self.base.right.as_ref());
        let b = block.nrows();
        let add = |column: usize, to: &mut [f64]| {
            for (row, index) in self.observed.column(column) {
                let value = self.sparse[*index];
                let from = block.col_as_slice(*row as usize);
                to.iter_mut().zip(from).for_each(|(to, from)| *to += value * from);
            }
        };
        add_columns(&mut result, b, add);
        result
    }

    /// The matrix, [columns, rows] if `transposed`.
    fn dense(&self, transposed: bool) -> Mat<f64> {
        let mut dense = product(self.base.left.transpose(), self.base.right.as_ref());
        for row in 0..self.observed.rows() {
            for index in self.observed.row(row) {
                dense[(row, self.observed.column_of(index))] += self.sparse[index];
            }
        }
        if transposed { dense.transpose().to_owned() } else { dense }
    }
}

/// Calls `add` with every column of `matrix`, which has `height` rows.
fn add_columns(matrix: &mut Mat<f64>, height: usize, add: impl Fn(usize, &mut [f64]) + Sync) {
    if height == 0 {
        return;
    }
    matrix.par_col_iter_mut().enumerate().for_each(|(at, column)| {
        if let Some(column) = column.try_as_col_major_mut() {
            add(at, column.as_slice_mut());
        }
    });
}

/// Shrinks singular values, with the directions of earlier calls as the start of the next.
pub(super) struct Shrinker<'a> {
    observed: &'a Observed,
    /// Most components.
    most: usize,
    /// Directions, [b, columns].
    block: Mat<f64>,
    seed: u64,
}

impl<'a> Shrinker<'a> {
    /// For matrices of the shape of `observed`, with at most `most` components; `seed` of the first directions.
    pub(super) fn new(observed: &'a Observed, most: usize, seed: u64) -> Self {
        let most = most.min(observed.rows()).min(observed.columns());
        Self { observed, most, block: Mat::zeros(0, observed.columns()), seed }
    }

    /// The matrix `base` plus the sparse one, with its singular values lowered by `threshold` and those below dropped.
    /// # Errors
    /// When a decomposition fails, which happens only with numbers that are not finite.
    pub(super) fn shrink(&mut self, base: &LowRank, sparse: &[f64], threshold: f64) -> Result<LowRank> {
        let operator = Operator { observed: self.observed, base, sparse };
        if self.observed.rows().min(self.observed.columns()) <= EXACT {
            return exact(&operator, threshold, self.most);
        }
        // The directions of an earlier call are close already.
        let mut rounds = if self.block.nrows() == 0 { 3 } else { 1 };
        self.widen(EXTRA + 2);
        loop {
            let mut basis = orthonormal_rows(&operator.times(&self.block));
            let mut image = operator.times_transposed(&basis);
            for _ in 1..rounds {
                basis = orthonormal_rows(&operator.times(&orthonormal_rows(&image)));
                image = operator.times_transposed(&basis);
            }
            // image = Q' A: its singular values are those of A within the subspace.
            let (squares, rotation) = small_eigen(&product(image.as_ref(), image.transpose()))?;
            let values: Vec<f64> = squares.iter().map(|square| square.max(0.0).sqrt()).collect();
            let rank = values.iter().filter(|value| **value > threshold).count().min(self.most);
            let b = values.len();
            if rank + EXTRA / 2 > b && b < self.most + EXTRA && b < self.observed.columns() {
                self.block = orthonormal_rows(&image);
                self.widen(b + (b / 2).max(EXTRA));
                rounds = 3;
                continue;
            }
            let kept = rotation.subcols(0, rank);
            let mut left = product(kept.transpose(), basis.as_ref());
            let mut right = product(kept.transpose(), image.as_ref());
            self.block = ordered(&rotation, &image, (rank + EXTRA).min(b));
            let singular: Vec<f64> = values[..rank].iter().map(|value| value - threshold).collect();
            scale_rows(&mut left, |component| singular[component]);
            scale_rows(&mut right, |component| 1.0 / values[component]);
            return Ok(LowRank { left, right, singular });
        }
    }

    /// The largest singular value of the sparse matrix.
    /// # Errors
    /// As [`Self::shrink`].
    pub(super) fn largest(&mut self, sparse: &[f64]) -> Result<f64> {
        Ok(self.leading(sparse)?.singular.first().copied().unwrap_or(0.0))
    }

    /// The first component of the sparse matrix, of its largest singular value.
    /// # Errors
    /// As [`Self::shrink`].
    pub(super) fn leading(&mut self, sparse: &[f64]) -> Result<LowRank> {
        let base = LowRank::zero(self.observed.rows(), self.observed.columns());
        let most = std::mem::replace(&mut self.most, 1);
        let mut found = self.shrink(&base, sparse, 0.0);
        for _ in 0..5 {
            found = self.shrink(&base, sparse, 0.0);
        }
        self.most = most;
        found
    }

    /// Adds random directions up to `height`.
    fn widen(&mut self, height: usize) {
        let (from, columns) = (self.block.nrows(), self.observed.columns());
        let height = height.min(self.most + EXTRA).min(columns).min(self.observed.rows());
        if height > from {
            let mut rng = dl_record::rng(self.seed, "completion, directions");
            let mut block = Mat::zeros(height, columns);
            for column in 0..columns {
                for row in 0..height {
                    block[(row, column)] =
                        if row < from { self.block[(row, column)] } else { StandardNormal.sample(&mut rng) };
                }
            }
            self.block = orthonormal_rows(&block);
        }
    }
}

/// The leading directions of the image, orthonormal, as the start of the next call.
fn ordered(rotation: &Mat<f64>, image: &Mat<f64>, count: usize) -> Mat<f64> {
    orthonormal_rows(&product(rotation.subcols(0, count).transpose(), image.as_ref()))
}

/// Rows that are orthonormal and span those of `block`, by Gram-Schmidt, twice; a row that depends on earlier ones
/// becomes 0. The blocks are so thin that tasks would cost more than they save.
fn orthonormal_rows(block: &Mat<f64>) -> Mat<f64> {
    let mut columns = block.transpose().to_owned();
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(columns.ncols());
    for at in 0..columns.ncols() {
        let column = columns.col_as_slice_mut(at);
        let norm = dot(column, column).sqrt();
        for _ in 0..2 {
            for earlier in &done {
                let factor = dot(earlier, column);
                column.iter_mut().zip(earlier).for_each(|(value, entry)| *value -= factor * entry);
            }
        }
        let left = dot(column, column).sqrt();
        let factor = if left > 1e-12 * norm { 1.0 / left } else { 0.0 };
        column.iter_mut().for_each(|value| *value *= factor);
        done.push(column.to_vec());
    }
    columns.transpose().to_owned()
}

/// [`crate::linalg::symmetric_eigen`] of a matrix so small that tasks would cost more than they save.
fn small_eigen(matrix: &Mat<f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = matrix.nrows();
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::<f64>::zeros(n, n);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let into = Some(vectors.as_mut());
    self_adjoint_evd(matrix.as_ref(), values.as_mut(), into, Par::Seq, stack, Default::default())
        .map_err(|error| anyhow!("the eigenvalues of a matrix of {n} rows were not found: {error:?}"))?;
    let order = |column: usize| n - 1 - column;
    let descending = (0..n).map(|at| values.column_vector()[order(at)]).collect();
    Ok((descending, Mat::from_fn(n, n, |row, column| vectors[(row, order(column))])))
}

fn scale_rows(matrix: &mut Mat<f64>, factor: impl Fn(usize) -> f64) {
    for column in 0..matrix.ncols() {
        matrix.col_as_slice_mut(column).iter_mut().enumerate().for_each(|(row, value)| *value *= factor(row));
    }
}

/// [`Shrinker::shrink`] by the gram matrix of the shorter side.
fn exact(operator: &Operator, threshold: f64, most: usize) -> Result<LowRank> {
    let wide = operator.observed.columns() > operator.observed.rows();
    // [long, short]
    let dense = operator.dense(wide);
    let (squares, vectors) = small_eigen(&product(dense.transpose(), dense.as_ref()))?;
    // Below this, the square is rounding.
    let floor = threshold.max(1e-7 * squares[0].max(0.0).sqrt());
    let values: Vec<f64> =
        squares.iter().map(|square| square.max(0.0).sqrt()).take_while(|value| *value > floor).take(most).collect();
    let short = vectors.subcols(0, values.len()).transpose().to_owned();
    let mut long = product(short.as_ref(), dense.transpose());
    scale_rows(&mut long, |component| 1.0 / values[component]);
    let singular: Vec<f64> = values.iter().map(|value| value - threshold).collect();
    let (mut left, right) = if wide { (short, long) } else { (long, short) };
    scale_rows(&mut left, |component| singular[component]);
    Ok(LowRank { left, right, singular })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrunk_matrices_are_those_of_a_dense_decomposition() {
        // Decomposed exactly, and by subspace iteration; wide and tall.
        for (rows, columns) in [(60, 20), (20, 60), (180, 140), (140, 180)] {
            let value = |row: usize, column: usize| crate::formula(row as u64, column as u64);
            let entries = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
            let entries = entries.filter(|(row, column)| value(row + 500, *column) < -1.0 || *row == *column);
            let entries = entries.chain((0..rows.max(columns)).map(|at| (at % rows, at % columns)));
            let mut entries: Vec<(usize, usize, f64)> =
                entries.map(|(row, column)| (row, column, value(row, column))).collect();
            entries.sort_by_key(|entry| (entry.0, entry.1));
            entries.dedup_by_key(|entry| (entry.0, entry.1));
            let observed = Observed::new(rows, columns, entries).unwrap();
            let factor = |height: usize, width: usize, shift: usize| {
                Mat::from_fn(height, width, |row, column| value(row + shift, column) * 2.0 / (1.0 + row as f64))
            };
            let base = LowRank { left: factor(3, rows, 50), right: factor(3, columns, 90), singular: Vec::new() };
            let mut dense = product(base.left.transpose(), base.right.as_ref());
            observed.entries().for_each(|(row, column, value)| dense[(row, column)] += value);
            let svd = dense.thin_svd().unwrap();
            let values: Vec<f64> = svd.S().column_vector().iter().copied().collect();
            let threshold = 0.5 * (values[6] + values[7]);
            let shrunk = Mat::from_fn(7, columns, |at, column| (values[at] - threshold) * svd.V()[(column, at)]);
            let expected = product(svd.U().subcols(0, 7), shrunk.as_ref());
            let mut shrinker = Shrinker::new(&observed, 50, 1);
            let mut found = shrinker.shrink(&base, observed.values(), threshold).unwrap();
            for _ in 0..60 {
                found = shrinker.shrink(&base, observed.values(), threshold).unwrap();
            }
            let difference = (product(found.left.transpose(), found.right.as_ref()) - expected).norm_max();
            assert!(found.rank() == 7 && difference < 1e-4, "{rows} x {columns}: {} {difference}", found.rank());
            let zero = LowRank::zero(rows, columns);
            let sparse = Operator { observed: &observed, base: &zero, sparse: observed.values() }.dense(false);
            let largest = sparse.thin_svd().unwrap().S()[0];
            let found = shrinker.largest(observed.values()).unwrap();
            assert!((found / largest - 1.0).abs() < 1e-2, "{found} {largest}");
        }
    }
}
