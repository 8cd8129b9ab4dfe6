//! The known entries of a matrix, by rows and by columns.

use anyhow::{Result, ensure};
use faer::MatRef;

/// Numbers beyond this have no square.
const LARGEST: f64 = 1e150;

/// Row, column and value.
pub type Entry = (usize, usize, f64);

/// The known entries of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    rows: usize,
    columns: usize,
    /// Entries of row i are those from `starts[i]` to `starts[i + 1]`.
    starts: Vec<usize>,
    column_of: Vec<u32>,
    values: Vec<f64>,
    /// Entries of column j are `by_column` from `column_starts[j]` to `column_starts[j + 1]`: row and index of the
    /// entry.
    column_starts: Vec<usize>,
    by_column: Vec<(u32, usize)>,
}

impl Observed {
    /// The entries of `matrix` [rows, columns] that are not NaN.
    /// # Errors
    /// When one is infinite, or a row or a column has none.
    pub fn from_nan(matrix: MatRef<f64>) -> Result<Self> {
        let mut entries = Vec::new();
        for row in 0..matrix.nrows() {
            for column in 0..matrix.ncols() {
                if !matrix[(row, column)].is_nan() {
                    entries.push((row, column, matrix[(row, column)]));
                }
            }
        }
        Self::new(matrix.nrows(), matrix.ncols(), entries)
    }

    /// From `entries` (row, column, value) in any order, of a matrix [rows, columns].
    /// # Errors
    /// When one is outside of the matrix, given twice or not finite, or a row or a column has none.
    pub fn new(rows: usize, columns: usize, mut entries: Vec<Entry>) -> Result<Self> {
        ensure!(rows > 0 && columns > 0, "the matrix to complete is empty; give at least one row with values");
        entries.sort_by_key(|(row, column, _)| (*row, *column));
        for (row, column, value) in &entries {
            ensure!(*row < rows && *column < columns, "entry ({row}, {column}) is not in a {rows} x {columns} matrix");
            ensure!(
                value.abs() <= LARGEST,
                "row {row}, column {column}, counted from 0: {value:?} is not a finite number, or too large"
            );
        }
        for pair in entries.windows(2) {
            let (row, column, _) = pair[0];
            ensure!((row, column) != (pair[1].0, pair[1].1), "row {row}, column {column} is given twice");
        }
        let found = Self::of_sorted(rows, columns, entries);
        for row in 0..rows {
            ensure!(
                !found.row(row).is_empty(),
                "row {row}, counted from 0, has no known entry, so nothing can be inferred; drop it or give it a value"
            );
        }
        for column in 0..columns {
            ensure!(
                !found.column(column).is_empty(),
                "column {column}, counted from 0, has no known entry, so nothing can be inferred; drop it or give it a \
                 value"
            );
        }
        Ok(found)
    }

    fn of_sorted(rows: usize, columns: usize, entries: Vec<Entry>) -> Self {
        let mut starts = vec![0; rows + 1];
        let mut column_starts = vec![0; columns + 1];
        for (row, column, _) in &entries {
            starts[row + 1] += 1;
            column_starts[column + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        for column in 0..columns {
            column_starts[column + 1] += column_starts[column];
        }
        let mut next = column_starts.clone();
        let mut by_column = vec![(0, 0); entries.len()];
        for (index, (row, column, _)) in entries.iter().enumerate() {
            by_column[next[*column]] = (*row as u32, index);
            next[*column] += 1;
        }
        let column_of = entries.iter().map(|entry| entry.1 as u32).collect();
        let values = entries.iter().map(|entry| entry.2).collect();
        Self { rows, columns, starts, column_of, values, column_starts, by_column }
    }

    /// Rows of the matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of known entries.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no entry is known.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The known entries (row, column, value), row by row.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.rows).flat_map(move |row| {
            self.row(row).map(move |index| (row, self.column_of[index] as usize, self.values[index]))
        })
    }

    /// The same entries with values `change(row, column, value)`.
    pub(super) fn map(&self, change: impl Fn(usize, usize, f64) -> f64) -> Self {
        let values = self.entries().map(|(row, column, value)| change(row, column, value)).collect();
        Self { values, ..self.clone() }
    }

    /// The values, row by row.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Indices of the entries of a row.
    pub(super) fn row(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    /// The column of an entry.
    pub(super) fn column_of(&self, index: usize) -> usize {
        self.column_of[index] as usize
    }

    /// Row and index of the entries of a column.
    pub(super) fn column(&self, column: usize) -> &[(u32, usize)] {
        &self.by_column[self.column_starts[column]..self.column_starts[column + 1]]
    }

    /// The entries without those at the indices `left_out`, which keep something in every row and column, and the
    /// entries left out.
    pub(super) fn without(&self, left_out: &[usize]) -> (Self, Vec<Entry>) {
        let mut out = vec![false; self.len()];
        left_out.iter().for_each(|index| out[*index] = true);
        let (mut kept, mut left) = (Vec::new(), Vec::new());
        for (entry, out) in self.entries().zip(out) {
            if out { left.push(entry) } else { kept.push(entry) }
        }
        (Self::of_sorted(self.rows, self.columns, kept), left)
    }

    /// Up to `count` of the indices `candidates`, in this order, such that every row and every column keeps an entry.
    pub(super) fn removable(&self, candidates: impl Iterator<Item = usize>, count: usize) -> Vec<usize> {
        let mut in_row: Vec<usize> = (0..self.rows).map(|row| self.row(row).len()).collect();
        let mut in_column: Vec<usize> = (0..self.columns).map(|column| self.column(column).len()).collect();
        let mut chosen = Vec::new();
        for index in candidates {
            if chosen.len() == count {
                break;
            }
            let row = self.starts.partition_point(|start| *start <= index) - 1;
            let column = self.column_of(index);
            if in_row[row] > 1 && in_column[column] > 1 {
                in_row[row] -= 1;
                in_column[column] -= 1;
                chosen.push(index);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    #[test]
    fn rows_and_columns_without_a_known_entry_are_named() {
        let unknown = |row: usize, column: usize| {
            let value = |i, j| if i == row || j == column { f64::NAN } else { 1.0 };
            Observed::from_nan(Mat::from_fn(4, 3, value).as_ref()).map_err(|error| error.to_string())
        };
        assert!(unknown(2, 9).unwrap_err().starts_with("row 2, counted from 0, has no known entry"));
        assert!(unknown(9, 1).unwrap_err().starts_with("column 1, counted from 0, has no known entry"));
        assert_eq!(unknown(9, 9).unwrap().len(), 12);
        let error = |entries: Vec<Entry>| Observed::new(1, 2, entries).unwrap_err().to_string();
        assert!(error(vec![(0, 0, 1.0), (0, 1, f64::INFINITY)]).contains("row 0, column 1"));
        assert!(error(vec![(0, 1, 1.0), (0, 0, 1.0), (0, 1, 2.0)]).contains("row 0, column 1 is given twice"));
        assert!(error(vec![(1, 0, 1.0)]).contains("not in a 1 x 2 matrix"));
    }

    #[test]
    fn what_is_removed_leaves_something_in_every_row_and_column() {
        let entries = [(0, 0), (0, 1), (1, 1), (2, 0), (2, 2)].map(|(row, column)| (row, column, 1.0)).to_vec();
        let observed = Observed::new(3, 3, entries).unwrap();
        let removable = observed.removable(0..5, 5);
        assert_eq!(removable, [0]);
        let (kept, left) = observed.without(&removable);
        assert_eq!((kept.len(), left), (4, vec![(0, 0, 1.0)]));
        assert_eq!(kept.column(0), [(2, 2)]);
    }
}
