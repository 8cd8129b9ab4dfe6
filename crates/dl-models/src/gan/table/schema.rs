//! The columns of a table, and what is known of their values.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::checkpoint::printable;

/// Most columns of a table.
const MOST_COLUMNS: usize = 4096;
/// Most modes or categories of a column.
const MOST_PARTS: usize = 1 << 12;
/// Most digits after the decimal point.
const MOST_DECIMALS: u32 = 17;

/// The columns of a table, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The columns.
    pub columns: Vec<Column>,
    /// The name of the categorical column that is the class of a row, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(flatten)]
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Numbers.
    Numeric {
        /// The modes of their distribution.
        modes: Vec<Mode>,
        /// Digits after the decimal point; 0: whole numbers.
        decimals: u32,
        /// The smallest number.
        least: f64,
        /// The largest number.
        most: f64,
        /// Whether some cells are empty: the last of the modes, which has no place in it.
        missing: bool,
    },
    /// One of several texts.
    Categorical {
        /// The texts.
        categories: Vec<Category>,
    },
    /// The same in every row.
    Constant {
        /// The text; `None`: the cells are empty.
        value: Option<String>,
    },
}

/// A mode of a column's distribution: a normal distribution, or a single value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mode {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation; 0 for a single value.
    pub deviation: f64,
    /// Its share of the rows, of those that are not empty.
    pub weight: f64,
}

/// A value of a categorical column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// The text; `None`: an empty cell.
    pub name: Option<String>,
    /// Rows that have it.
    pub count: u64,
}

impl TableSchema {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Checks that every value is valid and within limits.
    /// # Errors
    /// When one is not.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.columns.is_empty(), "the table has no columns");
        ensure!(
            self.columns.len() <= MOST_COLUMNS,
            "the table has {} columns; up to {MOST_COLUMNS} are supported",
            self.columns.len()
        );
        let names: BTreeSet<&String> = self.columns.iter().map(|column| &column.name).collect();
        ensure!(names.len() == self.columns.len(), "two columns of the table have the same name");
        for column in &self.columns {
            if let Err(error) = column.check() {
                bail!("column {}: {error}", printable(&column.name));
            }
        }
        ensure!(
            self.columns.iter().any(|column| !matches!(column.kind, ColumnKind::Constant { .. })),
            "every column of the table is constant"
        );
        if let Some(label) = &self.label {
            let column = self.column(label).map(|column| &column.kind);
            ensure!(
                matches!(column, Some(ColumnKind::Categorical { .. })),
                "the label {} is not a categorical column",
                printable(label)
            );
        }
        Ok(())
    }
}

impl Column {
    fn check(&self) -> Result<()> {
        let count = |what: &str, count: usize| {
            ensure!((1..=MOST_PARTS).contains(&count), "{count} {what}; 1 to {MOST_PARTS} are supported");
            Ok(())
        };
        match &self.kind {
            ColumnKind::Numeric { modes, decimals, least, most, .. } => {
                count("modes", modes.len())?;
                ensure!(*decimals <= MOST_DECIMALS, "{decimals} decimals; up to {MOST_DECIMALS} are supported");
                ensure!(least.is_finite() && most.is_finite() && least <= most, "its range is {least} to {most}");
                for Mode { mean, deviation, weight } in modes {
                    ensure!(
                        mean.is_finite() && deviation.is_finite() && *deviation >= 0.0 && (0.0..=1.0).contains(weight),
                        "a mode has the mean {mean}, the deviation {deviation} and the weight {weight}"
                    );
                }
                Ok(())
            }
            ColumnKind::Categorical { categories } => {
                count("categories", categories.len())?;
                let total = categories.iter().try_fold(0_u64, |sum, category| sum.checked_add(category.count));
                ensure!(total.is_some_and(|total| total > 0), "the counts of its categories are not valid");
                Ok(())
            }
            ColumnKind::Constant { .. } => Ok(()),
        }
    }
}
