//! Maps of the form y = ((x - shift) * factor) matrix + offset.

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};

use crate::linalg::product;

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

    /// The rows [n, d] mapped, [n, k].
    pub fn apply(&self, rows: MatRef<f64>) -> Mat<f64> {
        let mut mapped = rows.to_owned();
        if let Some(shift) = &self.shift {
            each(&mut mapped, |value, column| value - shift[column]);
        }
        if let Some(factor) = &self.factor {
            each(&mut mapped, |value, column| value * factor[column]);
        }
        if let Some(matrix) = &self.matrix {
            mapped = product(mapped.as_ref(), matrix.as_ref());
        }
        if let Some(offset) = &self.offset {
            each(&mut mapped, |value, column| value + offset[column]);
        }
        mapped
    }
}

fn each(rows: &mut Mat<f64>, f: impl Fn(f64, usize) -> f64) {
    for (column, values) in rows.col_iter_mut().enumerate() {
        values.iter_mut().for_each(|value| *value = f(*value, column));
    }
}
