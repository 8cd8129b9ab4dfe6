//! How near made rows are to those that a generator was trained on: copies, and distances.

use std::collections::HashSet;

use rayon::prelude::*;

use super::columns::number;
use super::{FeatureMap, RawTable};
use dl_transfer::dot;

/// Rows that are compared with all others, at most.
const MOST: usize = 5000;

/// The share of the rows of `made` that are also in `real`, in every column of `names`; numbers are compared as
/// numbers.
pub fn copies(made: &RawTable, real: &RawTable, names: &[String]) -> f64 {
    let known: HashSet<Vec<u8>> = keys(real, names).collect();
    let copies = keys(made, names).filter(|key| known.contains(key)).count();
    copies as f64 / made.rows.max(1) as f64
}

/// Each row as bytes.
fn keys<'a>(table: &'a RawTable, names: &'a [String]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let columns: Vec<_> = names.iter().map(|name| table.column(name)).collect();
    (0..table.rows).map(move |row| {
        let mut key = Vec::new();
        for column in &columns {
            let cell = column.and_then(|column| column[row].as_deref()).unwrap_or("");
            match number(cell) {
                Some(number) => key.extend((number + 0.0).to_bits().to_le_bytes()),
                None => key.extend(cell.bytes()),
            }
            key.push(0xff);
        }
        key
    })
}

/// For each of the first 5,000 rows of `rows`, its distance to the nearest row of `to`, both features of `map`, where
/// each column of `to` has a deviation of 1; sorted.
pub fn nearest(rows: &[f32], to: &[f32], map: &FeatureMap) -> Vec<f64> {
    let width = map.width.max(1);
    let factors: Vec<f64> = (0..width)
        .map(|column| {
            let values = || to.iter().skip(column).step_by(width).map(|value| f64::from(*value));
            let n = (to.len() / width).max(1) as f64;
            let mean = values().sum::<f64>() / n;
            let deviation = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
            if deviation.is_normal() { 1.0 / deviation } else { 1.0 }
        })
        .collect();
    let scaled = |rows: &[f32]| -> Vec<f64> {
        rows.iter().enumerate().map(|(place, value)| f64::from(*value) * factors[place % width]).collect()
    };
    let (rows, to) = (scaled(&rows[..rows.len().min(MOST * width)]), scaled(to));
    let squares: Vec<f64> = to.chunks_exact(width).map(|row| dot(row, row)).collect();
    let distance = |row: &[f64]| {
        let others = to.chunks_exact(width).zip(&squares);
        let least = others.map(|(other, square)| square - 2.0 * dot(row, other)).fold(f64::INFINITY, f64::min);
        (least + dot(row, row)).max(0.0).sqrt()
    };
    let mut distances: Vec<f64> = rows.par_chunks_exact(width).map(distance).collect();
    distances.sort_by(f64::total_cmp);
    distances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnOptions, detect};

    #[test]
    fn copies_are_counted_and_the_nearest_row_is_found() {
        let names = ["x", "kind"].map(str::to_owned).to_vec();
        let mut real = RawTable::new(names.clone());
        (0..60).for_each(|row| real.push([Some(format!("{row}.5").as_str()), Some(["a", "b"][row % 2])]));
        let mut made = RawTable::new(names.clone());
        for row in [["3.50", "b"], ["3.5", "a"], ["7.25", "b"], ["4.5", "a"]] {
            made.push(row.map(Some));
        }
        assert_eq!(copies(&made, &real, &names), 0.5);
        let map = FeatureMap::new(&real, &detect(&real, &ColumnOptions::default()).unwrap(), "");
        let distances = nearest(&map.rows(&made, "made").unwrap(), &map.rows(&real, "real").unwrap(), &map);
        // The deviation of 0 to 59 is 17.32.
        let expected = [0.0, 0.0, 0.25 / 17.318, 1.0 / 17.318];
        for (found, expected) in distances.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{distances:?}");
        }
    }
}
