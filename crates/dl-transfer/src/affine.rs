//! Maps of the form y = ((x - shift) * factor) matrix + offset.

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// An affine map of rows; absent parts do nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affine {
    /// Subtracted from each row, [d].
    pub shift: Option<Vec<f64>>,
    /// Multiplies each column then, [d].
    pub factor: Option<Vec<f64>>,
    /// Multiplies the rows from the right then, [d, k].
    pub matrix: Option<Mat<f64>>,
    /// Added at the end, [k].
    pub offset: Option<Vec<f64>>,
}

impl Affine {
    /// The width of the rows that it makes of rows of `columns` numbers.
    /// # Errors
    /// When its parts do not fit them.
    pub fn width(&self, columns: usize) -> Result<usize> {
        for part in [&self.shift, &self.factor].into_iter().flatten() {
            ensure!(part.len() == columns, "{} numbers for rows of {columns}", part.len());
        }
        let mut width = columns;
        if let Some(matrix) = &self.matrix {
            let (rows, wide) = (matrix.nrows(), matrix.ncols());
            ensure!(rows == columns && wide > 0, "a matrix of {rows} x {wide} for rows of {columns}");
            width = wide;
        }
        if let Some(offset) = &self.offset {
            ensure!(offset.len() == width, "an offset of {} numbers for rows of {width}", offset.len());
        }
        Ok(width)
    }

    /// Rows [n, d], one after another in `rows`, mapped to [n, k] in the same form.
    pub fn apply(&self, mut rows: Vec<f64>, columns: usize) -> Vec<f64> {
        if let Some(shift) = &self.shift {
            each(&mut rows, shift, |value, shift| *value -= shift);
        }
        if let Some(factor) = &self.factor {
            each(&mut rows, factor, |value, factor| *value *= factor);
        }
        if let Some(matrix) = &self.matrix {
            let count = rows.len() / columns.max(1);
            let mut mapped = vec![0.0; count * matrix.ncols()];
            let to = MatMut::from_row_major_slice_mut(&mut mapped, count, matrix.ncols());
            let from = MatRef::from_row_major_slice(&rows, count, columns);
            // A batch of records takes less than threads take to meet.
            matmul(to, Accum::Replace, from, matrix, 1.0, Par::Seq);
            rows = mapped;
        }
        if let Some(offset) = &self.offset {
            each(&mut rows, offset, |value, offset| *value += offset);
        }
        rows
    }
}

/// Changes each number of each row by that of its column.
fn each(rows: &mut [f64], of_columns: &[f64], f: impl Fn(&mut f64, f64)) {
    for row in rows.chunks_exact_mut(of_columns.len().max(1)) {
        row.iter_mut().zip(of_columns).for_each(|(value, other)| f(value, *other));
    }
}
