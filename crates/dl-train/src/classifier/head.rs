//! Feature extraction: the network stays as it is, and a logistic regression on what comes before its head becomes the
//! head.

use anyhow::{Context, Result, ensure};
use candle_core::{Tensor, Var};
use dl_models::{LayerName, Model, Outline, Parameters, plain};
use faer::Mat;

use super::Batches;
use crate::linear::{Logistic, LogisticConfig, logistic};
use crate::transfer::{Finding, h_score, log_me};

/// Examples whose features are computed together.
const TOGETHER: usize = 64;

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

/// The head of a network that stays as it is.
pub struct Head<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its weights, of which those of the head learn.
    pub parameters: &'a Parameters,
    /// The last output before the head; maps are averaged.
    pub layer: LayerName,
}

impl<'a> Head<'a> {
    /// # Errors
    /// When the network has nothing before its head that stays as it is.
    pub fn new(model: &'a Model, parameters: &'a Parameters) -> Result<Self> {
        let layer = model.learning_begins(Some(0.0))?;
        let mut layer = layer.with_context(|| format!("{} has nothing before its head", model.config.architecture))?;
        if model.shape_of(&layer)?.len() == 3 {
            layer.pooled = Some([1, 1]);
        }
        Ok(Self { model, parameters, layer })
    }

    /// The features of the first `most` examples of each class, or of all. `batches` must make plain pictures.
    /// # Errors
    /// When the network fails, or no picture can be decoded.
    pub fn features(&self, batches: &Batches, most: usize, mut done: impl FnMut(usize)) -> Result<Rows> {
        let examples = batches.examples();
        let mut rows = Rows::default();
        let mut taken = vec![0_usize; examples.labels().len()];
        for (sort, list) in [examples.positives(), examples.background()].into_iter().enumerate() {
            let mut indices = Vec::new();
            for (index, example) in list.iter().enumerate() {
                let taken = &mut taken[example.class as usize];
                if *taken < most {
                    *taken += 1;
                    indices.push(index);
                }
            }
            for indices in indices.chunks(TOGETHER) {
                let (inputs, targets) = batches.plain(sort, indices)?;
                done(indices.len());
                if targets.is_empty() {
                    continue;
                }
                let outputs = self.model.features(&inputs, std::slice::from_ref(&self.layer))?;
                let output = outputs.first().context("one layer has one output")?;
                let output = output.flatten_from(1).map_err(plain)?;
                rows.columns = output.dims2().map_err(plain)?.1;
                rows.features.extend(output.flatten_all()?.to_vec1::<f32>()?);
                rows.targets.extend(targets);
            }
        }
        ensure!(!rows.targets.is_empty(), "no picture can be decoded");
        Ok(rows)
    }

    /// Fits the head to `rows` and puts it into the network.
    /// # Errors
    /// When the head is not linear in the features.
    pub fn fit(&self, rows: &Rows, config: &LogisticConfig) -> Result<Logistic> {
        let classes = self.model.config.num_classes;
        let outline = Outline::of(&self.model.config)?;
        let var = |end: &str| -> Result<Var> {
            let vars = self.parameters.vars().into_iter();
            let mut own = vars.filter(|(name, _)| outline.in_head(name) && name.ends_with(end));
            own.next().map(|(_, var)| var).with_context(|| format!("the head has no {end}"))
        };
        let (weight, bias) = (var(".weight")?, var(".bias")?);
        ensure!(
            weight.elem_count() == classes * rows.columns,
            "{}: its head takes {:?}, not the {} numbers of {}; choose --strategy head",
            self.model.config.architecture,
            weight.dims(),
            rows.columns,
            self.layer
        );
        let found = logistic(&rows.features, rows.columns, &rows.targets, classes, config)?;
        let set = |var: &Var, numbers: &[f64]| -> Result<()> {
            let numbers: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
            let tensor = Tensor::from_vec(numbers, var.shape(), var.device()).map_err(plain)?;
            var.set(&tensor).map_err(plain)
        };
        set(&weight, &found.weight)?;
        set(&bias, &found.bias)?;
        Ok(found)
    }

    /// How well features suit the labels.
    /// # Errors
    /// When a decomposition fails.
    pub fn finding(rows: &Rows, per_class: usize, classes: usize) -> Result<Finding> {
        let count = rows.targets.len();
        let features =
            Mat::from_fn(count, rows.columns, |row, column| f64::from(rows.features[row * rows.columns + column]));
        let targets: Vec<usize> = rows.targets.iter().map(|target| *target as usize).collect();
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
