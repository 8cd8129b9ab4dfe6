//! Standardized columns, and planes back on columns as they came.

use faer::{Mat, MatRef};

use crate::binary::Plane;
use crate::linalg::inverse_deviation;

/// What makes the mean of each column 0 and its variance 1; a constant column stays unchanged, but for its mean.
pub(crate) struct Scaling {
    mean: Vec<f64>,
    factor: Vec<f64>,
}

impl Scaling {
    /// The scaling of the rows `x` [n, d], of `weights` [n] or none for equal ones.
    pub(crate) fn of(x: MatRef<f64>, weights: &[f64]) -> Self {
        let weight = |row: usize| weights.get(row).copied().unwrap_or(1.0);
        let total = (0..x.nrows()).map(weight).sum::<f64>();
        let of_column = |column: usize| {
            let values = x.col(column);
            let mean = values.iter().enumerate().map(|(row, value)| weight(row) * value / total).sum::<f64>();
            let part = |(row, value): (usize, &f64)| weight(row) * (value - mean).powi(2) / total;
            let deviation = values.iter().enumerate().map(part).sum::<f64>().sqrt();
            (mean, inverse_deviation(mean, deviation).unwrap_or(1.0))
        };
        let (mean, factor) = (0..x.ncols()).map(of_column).unzip();
        Self { mean, factor }
    }

    /// Leaves `columns` columns as they are.
    pub(crate) fn none(columns: usize) -> Self {
        Self { mean: vec![0.0; columns], factor: vec![1.0; columns] }
    }

    /// The scaled rows.
    pub(crate) fn apply(&self, x: MatRef<f64>) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |row, column| (x[(row, column)] - self.mean[column]) * self.factor[column])
    }

    /// The plane on columns as they came, of one on scaled columns.
    pub(crate) fn undo(&self, plane: &Plane) -> Plane {
        let weight: Vec<f64> = plane.weight.iter().zip(&self.factor).map(|(weight, factor)| weight * factor).collect();
        let shift: f64 = weight.iter().zip(&self.mean).map(|(weight, mean)| weight * mean).sum();
        Plane { weight, bias: plane.bias - shift }
    }
}
