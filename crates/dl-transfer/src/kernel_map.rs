//! How rows are mapped by a method that was fitted with kernels: a lift to features that do not depend on the fit, then
//! a linear map. All parts are public, so that a map can be written to a file and rebuilt.

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use crate::Kernel;
use crate::kernel::KernelRows;
use crate::linalg::parallelism;

/// Rows lifted at once: few enough that they need little memory beside the map.
pub(crate) const BLOCK: usize = 2048;

/// Features of rows of d columns that a map is linear in.
#[derive(Clone, Debug, PartialEq)]
pub enum Lift {
    /// The d columns themselves.
    Identity,
    /// The kernel with each landmark.
    Landmarks {
        /// The kernel.
        kernel: Kernel,
        /// [landmarks, d]: all rows of the fit, or some of them.
        rows: Mat<f64>,
    },
    /// sqrt(2 / D) cos(x F + p): random Fourier features, whose inner products approximate the RBF kernel (Rahimi and
    /// Recht 2007, Random features for large-scale kernel machines, algorithm 1).
    Fourier {
        /// F [d, D], drawn from a normal distribution of variance 2 gamma.
        frequencies: Mat<f64>,
        /// p [D], drawn from [0, 2 pi).
        phases: Vec<f64>,
    },
}

impl Lift {
    /// The number of features, for rows of `columns` columns.
    pub fn width(&self, columns: usize) -> usize {
        match self {
            Self::Identity => columns,
            Self::Landmarks { rows, .. } => rows.nrows(),
            Self::Fourier { phases, .. } => phases.len(),
        }
    }

    /// The lift, prepared for many blocks of rows.
    pub(crate) fn prepare(&self) -> Prepared<'_> {
        match self {
            Self::Identity => Prepared::Identity,
            Self::Landmarks { kernel, rows } => Prepared::Landmarks(KernelRows::new(*kernel, rows.clone())),
            Self::Fourier { frequencies, phases } => Prepared::Fourier(frequencies, phases),
        }
    }
}

/// A lift that is ready for many blocks of rows.
pub(crate) enum Prepared<'a> {
    Identity,
    Landmarks(KernelRows),
    Fourier(&'a Mat<f64>, &'a [f64]),
}

impl Prepared<'_> {
    /// The features [n, width] of rows [n, d].
    pub(crate) fn apply(&self, rows: MatRef<f64>) -> Mat<f64> {
        match self {
            Self::Identity => rows.to_owned(),
            Self::Landmarks(landmarks) => landmarks.matrix(rows),
            Self::Fourier(frequencies, phases) => {
                let mut lifted = Mat::zeros(rows.nrows(), phases.len());
                matmul(&mut lifted, Accum::Replace, rows, *frequencies, 1.0, parallelism());
                let factor = (2.0 / phases.len() as f64).sqrt();
                lifted.par_col_iter_mut().zip(*phases).for_each(|(values, phase)| {
                    values.iter_mut().for_each(|value| *value = factor * (*value + phase).cos());
                });
                lifted
            }
        }
    }
}

/// A map of rows [n, d] to components [n, k], fitted by [`tca`](crate::components::tca()),
/// [`sstca`](crate::components::sstca()) or [`jda`](crate::components::jda()).
#[derive(Clone, Debug, PartialEq)]
pub struct KernelMap {
    /// The features of a row.
    pub lift: Lift,
    /// [features, k].
    pub weights: Mat<f64>,
}

impl KernelMap {
    /// Maps rows [n, d] to [n, k], a block at a time.
    /// # Errors
    /// When the rows do not have the columns of the fit, or the parts of the map do not fit together.
    pub fn apply(&self, rows: MatRef<f64>) -> Result<Mat<f64>> {
        self.apply_lift(&self.lift.prepare(), rows)
    }

    /// [`apply`](Self::apply) with the lift prepared.
    pub(crate) fn apply_lift(&self, lift: &Prepared, rows: MatRef<f64>) -> Result<Mat<f64>> {
        let width = self.check(rows.ncols())?;
        let mut mapped = Mat::zeros(rows.nrows(), width);
        for start in (0..rows.nrows()).step_by(BLOCK) {
            let count = BLOCK.min(rows.nrows() - start);
            let lifted = lift.apply(rows.subrows(start, count));
            let to = mapped.subrows_mut(start, count);
            matmul(to, Accum::Replace, &lifted, &self.weights, 1.0, parallelism());
        }
        Ok(mapped)
    }

    /// The width of the rows that it makes of rows of `columns` numbers.
    /// # Errors
    /// When the rows do not have the columns of the fit, or the parts of the map do not fit together.
    pub fn check(&self, columns: usize) -> Result<usize> {
        let features = self.weights.nrows();
        let expected = match &self.lift {
            Lift::Identity => features,
            Lift::Landmarks { rows, .. } => rows.ncols(),
            Lift::Fourier { frequencies, .. } => frequencies.nrows(),
        };
        ensure!(columns == expected, "rows of {columns} columns; the map was fitted to {expected}");
        let width = self.lift.width(columns);
        let frequencies = match &self.lift {
            Lift::Fourier { frequencies, .. } => frequencies.ncols(),
            _ => width,
        };
        ensure!(
            width == features && width == frequencies,
            "the map is damaged: {features} weights and {frequencies} frequencies for {width} features"
        );
        if let Lift::Landmarks { kernel, .. } = &self.lift {
            kernel.check()?;
        }
        Ok(self.weights.ncols())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, columns: usize, first: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |i, j| crate::formula((first + i) as u64, j as u64))
    }

    #[test]
    fn rows_are_mapped_alike_alone_and_in_blocks() {
        let rows = matrix(BLOCK + 5, 3, 0);
        let kernel = Kernel::Rbf { gamma: 0.1 };
        let landmarks = Lift::Landmarks { kernel, rows: matrix(4, 3, 9000) };
        let fourier = Lift::Fourier { frequencies: matrix(3, 4, 50), phases: vec![0.0, 1.0, 2.0, 3.0] };
        for (lift, width) in [(Lift::Identity, 3), (landmarks, 4), (fourier, 4)] {
            let map = KernelMap { lift, weights: matrix(width, 2, 70) };
            let all = map.apply(rows.as_ref()).unwrap();
            let last = map.apply(rows.subrows(BLOCK + 4, 1)).unwrap();
            assert!((0..2).all(|column| (all[(BLOCK + 4, column)] - last[(0, column)]).abs() < 1e-12));
            assert_eq!(map.apply(rows.subrows(0, 0)).unwrap().nrows(), 0);
            let error = map.apply(matrix(2, 5, 0).as_ref()).unwrap_err().to_string();
            assert!(error.contains("rows of 5 columns; the map was fitted to 3"), "{error}");
            let damaged = KernelMap { weights: matrix(width + 1, 2, 0), ..map };
            assert!(damaged.apply(rows.as_ref()).is_err());
        }
    }

    #[test]
    fn many_fourier_features_approximate_the_kernel() {
        let (gamma, rows) = (0.05, matrix(12, 3, 0));
        let lift = crate::components::fourier(gamma, 3, 20_000, 1);
        let lifted = lift.prepare().apply(rows.as_ref());
        let found = &lifted * lifted.transpose();
        let expected = Kernel::Rbf { gamma }.matrix(rows.as_ref(), rows.as_ref());
        assert!((found - expected).norm_max() < 0.03);
    }
}
