//! `dl-finetune linear`: a head on features, without a network.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::ValueEnum;
use dl_models::LinearHead;
use dl_train::classifier::balanced;
use dl_train::hits::predicted;
use dl_transfer::FeatureTable;
use dl_transfer::feature_head::{FeatureHead, HeadMethod};
use dl_transfer::linear::{LbfgsConfig, LogisticConfig, OneVsOne, SvmClassesConfig, logistic_weighted, one_vs_rest};
use serde::Serialize;
use serde_json::json;

use super::table::HeadArgs;
use crate::common::{Io, Outcome, Tally, numbers, object};

/// Train a linear classifier on the features of whole images or texts: logistic regression, or an SVM
///
/// Each record needs a `label` and `features` of one row. The objectives are scikit-learn's: C times the sum of the losses
/// plus half the squared norm of the weights (of logistic regression with two classes, of the single weight vector), on
/// standardized features. A `weight` of a record multiplies its loss. The result is deterministic.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-data from folder pets \\
    | dl-embed --model imagenet.safetensors --layer avgpool \\
    | dl-finetune linear --output pets-head.safetensors
  dl-finetune linear --loss hinge --cost 0.01 --output svm.safetensors \\
    features.jsonl")]
pub(super) struct Args {
    /// Loss of a row
    #[arg(long, value_enum, default_value_t = Loss::Logistic)]
    loss: Loss,

    /// C, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive)]
    cost: f64,

    /// Weight classes inversely to their number of examples
    #[arg(long)]
    balanced: bool,

    /// Do not standardize the features
    #[arg(long)]
    raw: bool,

    /// Stop when every component of the gradient is below this; with a hinge loss, when no pair of rows violates the
    /// conditions of the optimum by more [default: 0.0001; with a hinge loss 0.001]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    tolerance: Option<f64>,

    /// Maximum number of solver iterations, of the logistic loss
    #[arg(long, value_name = "N", default_value_t = LbfgsConfig::default().iterations)]
    iterations: usize,

    #[command(flatten)]
    pub(super) head: HeadArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Loss {
    /// Multinomial logistic regression, solved by L-BFGS
    Logistic,
    /// An SVM between each two classes, whose votes decide: libsvm, scikit-learn's SVC with a linear kernel
    Hinge,
    /// An SVM of each class against the rest: liblinear, scikit-learn's LinearSVC
    SquaredHinge,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (table, tally) = self.head.read(io)?;
        match self.loss {
            Loss::Logistic => self.logistic(io, &table, &tally),
            Loss::Hinge => self.pairs(io, table, tally),
            Loss::SquaredHinge => self.one_vs_rest(io, &table, &tally),
        }
    }

    fn logistic(&self, io: &Io, table: &FeatureTable, tally: &Tally) -> Result<Outcome> {
        let (labels, classes) = table.known_classes();
        let targets: Vec<u32> = classes.iter().map(|class| Ok(u32::try_from(*class)?)).collect::<Result<_>>()?;
        let default = LbfgsConfig::default();
        let config = LogisticConfig {
            cost: self.cost,
            class_weights: self.class_weights(&counts(&labels, &classes)),
            standardize: !self.raw,
            solver: LbfgsConfig {
                tolerance: self.tolerance.unwrap_or(default.tolerance),
                iterations: self.iterations,
                ..default
            },
        };
        let found = logistic_weighted(&table.x, table.columns(), &targets, labels.len(), &weights(table), &config)?;
        if !found.converged {
            let iterations = found.iterations;
            io.messages
                .note(format_args!("the solver stopped after {iterations} iterations, before it reached --tolerance"));
        }
        let how = json!({ "iterations": found.iterations, "objective": found.objective });
        self.write(io, table, tally, (&found.weight, &found.bias), how)
    }

    fn one_vs_rest(&self, io: &Io, table: &FeatureTable, tally: &Tally) -> Result<Outcome> {
        let (labels, classes) = table.known_classes();
        let config = self.svm(&counts(&labels, &classes), LbfgsConfig::default().tolerance);
        let found = one_vs_rest(table.matrix().as_ref(), &classes, labels.len(), &weights(table), &config)?;
        self.write(io, table, tally, (&found.0, &found.1), json!({}))
    }

    fn pairs(&self, io: &Io, table: FeatureTable, tally: Tally) -> Result<Outcome> {
        let (labels, classes) = table.known_classes();
        let counts = counts(&labels, &classes);
        let config = self.svm(&counts, SvmClassesConfig::default().tolerance);
        let x = table.matrix();
        let (found, converged) = OneVsOne::fit(x.as_ref(), &classes, labels.len(), &weights(&table), &config)?;
        if !converged {
            io.messages.note("an SVM did not reach --tolerance; standardize the features, or lower --cost");
        }
        let head = FeatureHead {
            layer: table.intake.layer.clone().unwrap_or_default(),
            network: table.intake.network.clone(),
            labels: labels.clone(),
            method: HeadMethod::OneVsOne(found),
            calibration: None,
        };
        let shares = head.probabilities(x.as_ref())?;
        let right = (0..table.len()).filter(|row| {
            let own: Vec<f64> = shares.row(*row).iter().copied().collect();
            predicted(&own) == Some(classes[*row])
        });
        let accuracy = right.count() as f64 / table.len() as f64;
        let mut training = self.settings(&labels, &counts, &table);
        training["accuracy"] = accuracy.into();
        io.messages.note(format_args!("training accuracy {accuracy:.4}"));
        self.head.write(io, table, tally, labels, head.method, training)
    }

    /// Writes a head of one linear function a class, with `how` it was found.
    fn write(
        &self,
        io: &Io,
        table: &FeatureTable,
        tally: &Tally,
        (weight, bias): (&[f64], &[f64]),
        how: serde_json::Value,
    ) -> Result<Outcome> {
        let (labels, classes) = table.known_classes();
        let counts = counts(&labels, &classes);
        let single = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect();
        let mut head = LinearHead {
            layer: table.intake.layer.clone().unwrap_or_default(),
            network: table.intake.network.clone(),
            labels,
            weight: single(weight),
            bias: single(bias),
            training: json!(null),
        };
        let mut right = 0;
        for (row, class) in classes.iter().enumerate() {
            right += usize::from(predicted(&head.probabilities(table.row(row))?) == Some(*class));
        }
        let accuracy = right as f64 / table.len() as f64;
        let mut training = object(self.settings(&head.labels, &counts, table));
        training.extend(object(how));
        training.insert("records".into(), table.len().into());
        training.insert("accuracy".into(), accuracy.into());
        training.insert("data_digest".into(), table.intake.digest.to_string().into());
        head.training = training.into();
        head.save(&self.head.output)?;
        let (classes, path) = (head.labels.len(), self.head.output.display());
        io.messages.note(format_args!("{classes} classes, training accuracy {accuracy:.4}; written to {path}"));
        Ok(Outcome::of(tally.failed))
    }

    fn class_weights(&self, counts: &[usize]) -> Vec<f64> {
        if self.balanced { balanced(counts) } else { Vec::new() }
    }

    fn svm(&self, counts: &[usize], tolerance: f64) -> SvmClassesConfig {
        SvmClassesConfig {
            cost: self.cost,
            class_weights: self.class_weights(counts),
            standardize: !self.raw,
            tolerance: self.tolerance.unwrap_or(tolerance),
        }
    }

    /// What the file says of the training.
    fn settings(&self, labels: &[String], counts: &[usize], table: &FeatureTable) -> serde_json::Value {
        json!({
            "counts": labels.iter().zip(counts).collect::<BTreeMap<_, _>>(),
            "loss": self.loss,
            "cost": self.cost,
            "balanced": self.balanced,
            "standardized": !self.raw,
            "weighted": !weights(table).is_empty(),
        })
    }
}

/// The weights of the rows, or none when they are equal, so that the result is that of records without.
fn weights(table: &FeatureTable) -> Vec<f64> {
    if table.weights.iter().any(|weight| *weight != 1.0) { table.weights.clone() } else { Vec::new() }
}

/// Rows of each class.
fn counts(labels: &[String], classes: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; labels.len()];
    classes.iter().for_each(|class| counts[*class] += 1);
    counts
}
