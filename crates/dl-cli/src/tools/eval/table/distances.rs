//! How far the columns of two tables are apart.

use dl_metrics::columns::{correlation, kolmogorov_smirnov, total_variation, wasserstein};
use dl_train::table::{Detected, FeatureMap, Kinds, RawTable, number};

/// The distances of a column.
pub(super) struct ColumnDistance {
    pub(super) name: String,
    /// Of numbers: the Kolmogorov-Smirnov distance, and Wasserstein's by the deviation of the real column.
    pub(super) ks: Option<f64>,
    pub(super) wasserstein: Option<f64>,
    /// Of categories, and of numbers their empty cells.
    pub(super) total_variation: Option<f64>,
}

/// The distances of all columns of the real table, but for those that are the same in every row of both.
pub(super) fn columns(real: &RawTable, kinds: &Kinds, made: &RawTable) -> Vec<ColumnDistance> {
    let columns = real.names.iter().zip(&real.cells).zip(&kinds.columns);
    columns
        .filter(|((name, cells), kind)| {
            let same = |made: &Option<Box<str>>| Some(made) == cells.first();
            !matches!(kind, Detected::Constant(_)) || !made.column(name).unwrap_or_default().iter().all(same)
        })
        .map(|((name, cells), kind)| {
            let made = made.column(name).unwrap_or_default();
            let texts = |cells: &[Option<Box<str>>]| -> Vec<Option<String>> {
                cells.iter().map(|cell| cell.as_deref().map(str::to_owned)).collect()
            };
            if matches!(kind, Detected::Categorical(..) | Detected::Constant(_)) {
                let total_variation = total_variation(texts(cells), texts(made));
                return ColumnDistance { name: name.clone(), ks: None, wasserstein: None, total_variation };
            }
            let numbers = |cells: &[Option<Box<str>>]| -> Vec<f64> {
                cells.iter().flatten().filter_map(|cell| number(cell)).collect()
            };
            let empty = |cells: &[Option<Box<str>>]| -> Vec<bool> {
                cells.iter().map(|cell| cell.as_deref().and_then(number).is_none()).collect()
            };
            let (a, b) = (numbers(cells), numbers(made));
            let has_empty = a.len() < cells.len() || b.len() < made.len();
            ColumnDistance {
                name: name.clone(),
                ks: kolmogorov_smirnov(&a, &b),
                wasserstein: wasserstein(&a, &b).map(|distance| distance / deviation(&a)),
                total_variation: if has_empty { total_variation(empty(cells), empty(made)) } else { None },
            }
        })
        .collect()
}

fn deviation(numbers: &[f64]) -> f64 {
    let n = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let deviation = (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / n).sqrt();
    if deviation.is_normal() { deviation } else { 1.0 }
}

/// The mean difference of the correlations of all pairs of features [n, width] of two tables; `None` without a pair.
pub(super) fn correlations(map: &FeatureMap, real: &[f32], made: &[f32]) -> Option<f64> {
    let column = |rows: &[f32], column: usize| -> Vec<f64> {
        rows.iter().skip(column).step_by(map.width).map(|value| f64::from(*value)).collect()
    };
    let columns = |rows: &[f32]| -> Vec<Vec<f64>> { (0..map.width).map(|place| column(rows, place)).collect() };
    let (real, made) = (columns(real), columns(made));
    let mut differences = Vec::new();
    for a in 0..map.width {
        for b in a + 1..map.width {
            let of = |columns: &[Vec<f64>]| correlation(&columns[a], &columns[b]).unwrap_or(0.0);
            differences.push((of(&real) - of(&made)).abs());
        }
    }
    mean(&differences)
}

/// `None` of nothing.
pub(super) fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}
