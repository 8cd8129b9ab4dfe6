//! What made rows are worth: classifiers trained on them and tested on real rows (Esteban et al. 2017, TSTR).

use anyhow::{Result, ensure};
use dl_metrics::binary::{average_precision, roc_auc};

use super::{BoostingConfig, FeatureMap, RawTable, boost, smote};
use dl_transfer::linear::{LbfgsConfig, LogisticConfig, logistic};

/// C of the regression, next to no penalty, and the slope of the mean loss at which it ends.
const COST: f64 = 1e3;
const TOLERANCE: f64 = 1e-6;
/// Small trees, which suit small tables as well as large ones.
const TREES: BoostingConfig = BoostingConfig { rounds: 100, rate: 0.1, leaves: 8, least: 20 };

/// A classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classifier {
    /// Logistic regression on standardized features, without a penalty.
    Logistic,
    /// Gradient boosting of trees.
    Boosting,
}

/// How well a classifier ranks the rows of the test set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    /// Area under the ROC curve; `None` if the test set has one class.
    pub auc: Option<f64>,
    /// Average precision.
    pub average_precision: Option<f64>,
}

/// Rows with their class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabeledRows {
    /// [n, width].
    pub features: Vec<f32>,
    /// Whether a row is of the class that is looked for.
    pub positives: Vec<bool>,
}

impl LabeledRows {
    /// The rows of a table that have a label. `what` names the table in errors.
    /// # Errors
    /// When the table lacks a column.
    pub fn new(map: &FeatureMap, table: &RawTable, [label, positive]: [&str; 2], what: &str) -> Result<Self> {
        let labels = table.column(label);
        ensure!(labels.is_some(), "{what}: has no column {label}; it has {}", table.names.join(", "));
        let labels = labels.unwrap_or_default();
        let all = map.rows(table, what)?;
        let mut rows = Self::default();
        for (cell, row) in labels.iter().zip(all.chunks_exact(map.width.max(1))) {
            if let Some(cell) = cell {
                rows.positives.push(&**cell == positive);
                rows.features.extend_from_slice(row);
            }
        }
        Ok(rows)
    }

    /// Number of rows of the class.
    pub fn count(&self) -> usize {
        self.positives.iter().filter(|positive| **positive).count()
    }

    /// These rows and others.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.features.extend_from_slice(&other.features);
        both.positives.extend_from_slice(&other.positives);
        both
    }

    /// These rows, and so many new ones of the rarer class that there are as many of both.
    #[must_use]
    pub fn with_smote(&self, map: &FeatureMap, seed: u64) -> Self {
        let (positives, all) = (self.count(), self.positives.len());
        let rarer = 2 * positives <= all;
        let missing = all.abs_diff(2 * positives);
        let rows = self.features.chunks_exact(map.width.max(1)).zip(&self.positives);
        let own: Vec<f32> =
            rows.filter(|(_, positive)| **positive == rarer).flat_map(|(row, _)| row).copied().collect();
        let features = smote(&own, map.width, &map.numbers(), missing, seed);
        let count = features.len() / map.width.max(1);
        self.with(&Self { features, positives: vec![rarer; count] })
    }

    /// Trains a classifier on these rows and tests it on others.
    /// # Errors
    /// When there is only one class to train on.
    pub fn test(&self, classifier: Classifier, width: usize, test: &Self) -> Result<Ranking> {
        ensure!(width > 0, "there is no column to classify by");
        let scores: Vec<f64> = match classifier {
            Classifier::Logistic => {
                let targets: Vec<u32> = self.positives.iter().map(|positive| u32::from(*positive)).collect();
                // The objective grows with the cost and the rows, and so must the tolerance.
                let tolerance = TOLERANCE * COST * targets.len() as f64;
                let solver = LbfgsConfig { iterations: 200, tolerance, ..LbfgsConfig::default() };
                let config = LogisticConfig { cost: COST, solver, ..LogisticConfig::default() };
                let found = logistic(&self.features, width, &targets, 2, &config)?;
                let (no, yes) = found.weight.split_at(width);
                let score = |row: &[f32]| {
                    let sum = |weight: &[f64]| weight.iter().zip(row).map(|(w, x)| w * f64::from(*x)).sum::<f64>();
                    sum(yes) - sum(no) + found.bias[1] - found.bias[0]
                };
                test.features.chunks_exact(width).map(score).collect()
            }
            Classifier::Boosting => boost(&self.features, width, &self.positives, &TREES)?.scores(&test.features),
        };
        Ok(Ranking {
            auc: roc_auc(&scores, &test.positives),
            average_precision: average_precision(&scores, &test.positives),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnOptions, detect};

    #[test]
    fn a_class_that_the_columns_tell_is_ranked_first() {
        let mut table = RawTable::new(["x", "kind", "class"].map(str::to_owned).to_vec());
        for row in 0..300 {
            let x = format!("{}.5", row % 50);
            let (kind, class) = (["a", "b", "c"][row % 3], if row % 50 > 40 { "yes" } else { "no" });
            table.push([Some(x.as_str()), Some(kind), Some(class)]);
        }
        let options = ColumnOptions { label: Some("class".into()), ..Default::default() };
        let map = FeatureMap::new(&table, &detect(&table, &options).unwrap(), "class");
        assert_eq!((map.width, map.numbers()), (4, vec![true, false, false, false]));
        let rows = LabeledRows::new(&map, &table, ["class", "yes"], "table").unwrap();
        assert_eq!(rows.count(), 54);
        for classifier in [Classifier::Logistic, Classifier::Boosting] {
            let found = rows.test(classifier, map.width, &rows).unwrap();
            assert!(found.auc.unwrap() > 0.999 && found.average_precision.unwrap() > 0.99, "{found:?}");
        }
        let more = rows.with_smote(&map, 1);
        assert_eq!((more.count(), more.positives.len()), (246, 492));
        let missing = LabeledRows::new(&map, &table, ["label", "yes"], "made.csv").unwrap_err().to_string();
        assert!(missing.contains("made.csv: has no column label; it has x, kind, class"), "{missing}");
    }
}
