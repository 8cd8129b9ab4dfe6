//! Features of examples, to fit a linear head to and to measure transferability with.

use anyhow::{Result, ensure};
use candle_core::{Tensor, Var};
use dl_models::plain;
use faer::Mat;

use dl_transfer::score::{h_score, log_me};

use super::Finding;
use crate::classifier::Targets;
use dl_transfer::linear::{Logistic, LogisticConfig, logistic_weighted};

/// Shrinkage of the covariance in the H-score.
const SHRINKAGE: f64 = 0.1;

/// Features of examples, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureRows {
    /// [n, columns], row by row.
    pub features: Vec<f32>,
    /// Numbers per row.
    pub columns: usize,
    /// The classes, and how much each row counts.
    pub targets: Targets,
}

impl FeatureRows {
    /// Appends `features` [n, columns] f32 of examples of the classes `targets`.
    /// # Errors
    /// When the shapes do not fit.
    pub fn push(&mut self, features: &Tensor, targets: &Targets) -> Result<()> {
        let (rows, columns) = features.dims2().map_err(plain)?;
        let Targets { classes, weights } = targets;
        let fits = rows == classes.len() && (self.targets.classes.is_empty() || columns == self.columns);
        ensure!(fits, "{rows} rows of {columns} numbers for {} examples", classes.len());
        self.columns = columns;
        self.features.extend(features.flatten_all()?.to_vec1::<f32>()?);
        self.targets.classes.extend(classes);
        self.targets.weights.extend(weights);
        Ok(())
    }

    /// Fits a head to the rows and stores it in `weight` [classes, columns] and `bias` [classes], which keep their
    /// shape.
    /// # Errors
    /// When there is nothing to fit, or the head has another size.
    pub fn fit(&self, [weight, bias]: [&Var; 2], classes: usize, config: &LogisticConfig) -> Result<Logistic> {
        let Targets { classes: targets, weights } = &self.targets;
        let weights: Vec<f64> = weights.iter().map(|weight| f64::from(*weight)).collect();
        let found = logistic_weighted(&self.features, self.columns, targets, classes, &weights, config)?;
        let set = |var: &Var, numbers: &[f64]| -> Result<()> {
            let numbers: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
            let tensor = Tensor::from_vec(numbers, var.shape(), var.device()).map_err(plain)?;
            var.set(&tensor).map_err(plain)
        };
        set(weight, &found.weight)?;
        set(bias, &found.bias)?;
        Ok(found)
    }

    /// How well the features suit the labels. `per_class` is the number of examples of the smallest class, of which the
    /// rows may be a sample.
    /// # Errors
    /// When a decomposition fails.
    pub fn finding(&self, per_class: usize, classes: usize) -> Result<Finding> {
        let features = Mat::from_fn(self.targets.classes.len(), self.columns, |row, column| {
            f64::from(self.features[row * self.columns + column])
        });
        let targets: Vec<usize> = self.targets.classes.iter().map(|target| *target as usize).collect();
        let mut counts = vec![0; classes];
        targets.iter().for_each(|target| counts[*target] += 1);
        Ok(Finding {
            per_class,
            log_me: log_me(&features, &targets, classes)?,
            baseline: Finding::baseline_of(&counts),
            // Shrinkage raises the largest value by 1 / (1 - shrinkage).
            h_score: (1.0 - SHRINKAGE) * h_score(&features, &targets, classes, SHRINKAGE)?
                / (classes as f64 - 1.0).max(1.0),
        })
    }
}
