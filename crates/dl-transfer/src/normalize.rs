//! Scaling of rows and columns.

use crate::affine::Affine;
use crate::linalg::inverse_deviation;

/// How each row is scaled. A row of zeros stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowNorm {
    /// To a sum of absolute values of 1.
    L1,
    /// To a Euclidean length of 1.
    L2,
}

impl RowNorm {
    /// The number by which a row is divided.
    fn of(self, numbers: impl Iterator<Item = f64>) -> f64 {
        match self {
            Self::L1 => numbers.map(f64::abs).sum(),
            Self::L2 => numbers.map(|value| value * value).sum::<f64>().sqrt(),
        }
    }

    /// Scales a row.
    pub fn apply(self, row: &mut [f32]) {
        let norm = self.of(row.iter().map(|value| f64::from(*value)));
        if norm > 0.0 {
            row.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
        }
    }

    /// Scales a row of f64.
    pub(crate) fn apply_wide(self, row: &mut [f64]) {
        let norm = self.of(row.iter().copied());
        if norm > 0.0 {
            row.iter_mut().for_each(|value| *value /= norm);
        }
    }
}

/// The number, mean and squared deviations of each column of streamed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnMoments {
    /// Number of rows.
    pub rows: usize,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl ColumnMoments {
    /// The moments of no rows.
    pub fn new(columns: usize) -> Self {
        Self { rows: 0, mean: vec![0.0; columns], squares: vec![0.0; columns] }
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[f32]) {
        self.rows += 1;
        let share = 1.0 / self.rows as f64;
        for ((value, mean), squares) in row.iter().zip(&mut self.mean).zip(&mut self.squares) {
            let difference = f64::from(*value) - *mean;
            *mean += difference * share;
            *squares += difference * (f64::from(*value) - *mean);
        }
    }

    /// The map to mean 0 and variance 1 of each column, by the population's deviation; a column that is constant, up to
    /// the rounding of `f32`, becomes 0.
    pub fn z_scores(&self) -> Affine {
        let factor =
            self.squares.iter().zip(&self.mean).map(|(squares, mean)| {
                inverse_deviation(*mean, (squares / self.rows.max(1) as f64).sqrt()).unwrap_or(0.0)
            });
        Affine { shift: Some(self.mean.clone()), factor: Some(factor.collect()), ..Affine::default() }
    }

    /// How many columns are constant.
    pub fn constant_columns(&self) -> usize {
        self.z_scores().factor.into_iter().flatten().filter(|factor| *factor == 0.0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_scaled_and_constant_ones_do_not_become_nan() {
        let mut row = [3.0, -4.0];
        RowNorm::L2.apply(&mut row);
        assert_eq!(row, [0.6, -0.8]);
        RowNorm::L1.apply(&mut row);
        assert!((row[0].abs() + row[1].abs() - 1.0).abs() < 1e-6);
        let mut zeros = [0.0; 3];
        RowNorm::L1.apply(&mut zeros);
        assert_eq!(zeros, [0.0; 3]);
        let mut moments = ColumnMoments::new(2);
        [[1.0, 7.1], [3.0, 7.1], [5.0, 7.1]].iter().for_each(|row| moments.push(row));
        let mapped = moments.z_scores().apply(vec![5.0, 8.0], 2);
        // numpy: (5 - 3) / std([1, 3, 5])
        assert!((mapped[0] - 1.224_744_871_391_589).abs() < 1e-12 && mapped[1] == 0.0);
        assert_eq!(moments.constant_columns(), 1);
    }
}
