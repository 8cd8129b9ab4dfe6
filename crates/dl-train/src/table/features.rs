//! Rows of a table as features of a classifier.

use anyhow::{Context, Result};

use super::{Detected, Kinds, RawTable, columns};

/// How the cells of a table become features: the same for all tables of these columns.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMap {
    columns: Vec<(String, Part)>,
    /// Features of a row.
    pub width: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// The number, or for an empty cell the mean.
    Number { mean: f64 },
    /// 1 for the category, 0 elsewhere. Of two categories, the second alone.
    OneHot { first: usize, names: Vec<Option<String>> },
}

impl FeatureMap {
    /// The features of a table's columns but the label's. Categories that are numbers are used as numbers.
    pub fn new(table: &RawTable, kinds: &Kinds, label: &str) -> Self {
        let mut map = Self { columns: Vec::new(), width: 0 };
        for ((name, cells), kind) in table.names.iter().zip(&table.cells).zip(&kinds.columns) {
            if name == label || matches!(kind, Detected::Constant(_)) {
                continue;
            }
            let numbers: Vec<f64> = cells.iter().flatten().filter_map(|cell| columns::number(cell)).collect();
            let others = cells.iter().flatten().filter(|cell| !columns::is_missing(cell)).count();
            let part = match kind {
                Detected::Categorical(names, _) if numbers.len() < others || numbers.is_empty() => {
                    let first = usize::from(names.len() == 2);
                    Part::OneHot { first, names: names.clone() }
                }
                _ => Part::Number { mean: numbers.iter().sum::<f64>() / numbers.len().max(1) as f64 },
            };
            map.width += match &part {
                Part::Number { .. } => 1,
                Part::OneHot { first, names } => names.len() - first,
            };
            map.columns.push((name.clone(), part));
        }
        map
    }

    /// The features of a table's rows [n, width]. A category that is not known is all 0.
    /// # Errors
    /// When the table lacks a column.
    pub fn rows(&self, table: &RawTable, what: &str) -> Result<Vec<f32>> {
        let mut rows = vec![0.0; table.rows * self.width];
        let mut at = 0;
        for (name, part) in &self.columns {
            let cells = table.column(name).with_context(|| format!("{what}: has no column {name}"))?;
            for (row, cell) in cells.iter().enumerate() {
                let start = row * self.width + at;
                match part {
                    Part::Number { mean } => {
                        rows[start] = cell.as_deref().and_then(columns::number).unwrap_or(*mean) as f32;
                    }
                    Part::OneHot { first, names } => {
                        let place = names.iter().position(|name| name.as_deref() == cell.as_deref());
                        if let Some(place) = place.and_then(|place| place.checked_sub(*first)) {
                            rows[start + place] = 1.0;
                        }
                    }
                }
            }
            at += match part {
                Part::Number { .. } => 1,
                Part::OneHot { first, names } => names.len() - first,
            };
        }
        Ok(rows)
    }

    /// For each feature, whether it is a number; the others are parts of a category.
    pub fn numbers(&self) -> Vec<bool> {
        let parts = self.columns.iter().flat_map(|(_, part)| match part {
            Part::Number { .. } => vec![true],
            Part::OneHot { first, names } => vec![false; names.len() - first],
        });
        parts.collect()
    }
}
