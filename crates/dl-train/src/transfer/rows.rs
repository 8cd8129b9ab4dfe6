//! Features of examples: what a linear head is fitted to, and what transferability is measured by.

use anyhow::{Result, ensure};
use candle_core::{Tensor, Var};
use dl_models::plain;
use faer::Mat;

use super::{Finding, h_score, log_me};
use crate::linear::{Logistic, LogisticConfig, logistic};

/// Of the covariance in the H-score.
const SHRINKAGE: f64 = 0.1;

/// Features of examples, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// [n, columns], row by row.
    pub features: Vec<f32>,
    /// Numbers of a row.
    pub columns: usize,
    /// The classes.
    pub targets: Vec<u32>,
}

impl Rows {
    /// Appends `features` [n, columns] f32 of examples of these classes.
    /// # Errors
    /// When they are no rows of so many numbers.
    pub fn push(&mut self, features: &Tensor, targets: &[u32]) -> Result<()> {
        let (rows, columns) = features.dims2().map_err(plain)?;
        let fits = rows == targets.len() && (self.targets.is_empty() || columns == self.columns);
        ensure!(fits, "{rows} rows of {columns} numbers for {} examples", targets.len());
        self.columns = columns;
        self.features.extend(features.flatten_all()?.to_vec1::<f32>()?);
        self.targets.extend(targets);
        Ok(())
    }

    /// Fits a head to them, and puts it into `weight` [classes, columns] and `bias` [classes], in whatever shape they
    /// have there.
    /// # Errors
    /// When there is nothing to fit, or the head is of another size.
    pub fn fit(&self, [weight, bias]: [&Var; 2], classes: usize, config: &LogisticConfig) -> Result<Logistic> {
        let found = logistic(&self.features, self.columns, &self.targets, classes, config)?;
        let set = |var: &Var, numbers: &[f64]| -> Result<()> {
            let numbers: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
            let tensor = Tensor::from_vec(numbers, var.shape(), var.device()).map_err(plain)?;
            var.set(&tensor).map_err(plain)
        };
        set(weight, &found.weight)?;
        set(bias, &found.bias)?;
        Ok(found)
    }

    /// How well they suit the labels. `per_class`: examples of the class that has fewest, of which these may be a sample.
    /// # Errors
    /// When a decomposition fails.
    pub fn finding(&self, per_class: usize, classes: usize) -> Result<Finding> {
        let features = Mat::from_fn(self.targets.len(), self.columns, |row, column| {
            f64::from(self.features[row * self.columns + column])
        });
        let targets: Vec<usize> = self.targets.iter().map(|target| *target as usize).collect();
        let mut counts = vec![0; classes];
        targets.iter().for_each(|target| counts[*target] += 1);
        Ok(Finding {
            per_class,
            log_me: log_me(&features, &targets, classes)?,
            nothing: Finding::of_nothing(&counts),
            // What is shrunk so is at most 1 / (1 - shrinkage) of the largest value.
            h_score: (1.0 - SHRINKAGE) * h_score(&features, &targets, classes, SHRINKAGE)?
                / (classes as f64 - 1.0).max(1.0),
        })
    }
}
