//! The sheet of `--grid`.

use super::conditions::Conditions;
use crate::common::SheetNames;

/// The labels or texts of samples from number `first` on, where all of a row or of a column have the same.
pub(super) fn names(conditions: &Conditions, first: usize, [rows, columns]: [usize; 2]) -> SheetNames {
    let name = |row: usize, column: usize| {
        let number = first + row * columns + column;
        conditions.label(number).or_else(|| conditions.text(number)).unwrap_or_default()
    };
    let rows_differ = (0..rows).any(|row| (0..columns).any(|column| name(row, column) != name(0, column)));
    let columns_differ = (0..rows).any(|row| (0..columns).any(|column| name(row, column) != name(row, 0)));
    match (rows_differ, columns_differ) {
        (true, false) => {
            SheetNames { rows: (0..rows).map(|row| name(row, 0).to_owned()).collect(), columns: Vec::new() }
        }
        (false, true) => {
            SheetNames { rows: Vec::new(), columns: (0..columns).map(|column| name(0, column).to_owned()).collect() }
        }
        _ => SheetNames::default(),
    }
}

/// The numbers of the samples whose styles are mixed, at the edges of the sheet.
pub(super) fn mixed_names(first: usize, [rows, columns]: [usize; 2]) -> SheetNames {
    let names = |start: usize, count: usize| {
        [String::new()].into_iter().chain((start..start + count).map(|number| format!("sample {number}"))).collect()
    };
    SheetNames { rows: names(first, rows), columns: names(first + rows, columns) }
}
