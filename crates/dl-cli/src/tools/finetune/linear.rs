//! `dl-finetune linear`: a head on features, without a network.

use std::collections::BTreeMap;

use anyhow::Result;
use dl_models::LinearHead;
use dl_train::classifier::balanced;
use dl_train::hits::predicted;
use dl_transfer::linear::{LbfgsConfig, LogisticConfig, logistic_weighted};
use serde_json::json;

use super::table::HeadArgs;
use crate::common::{Io, Outcome, numbers};

/// Train a linear classifier on the features of whole images or texts: multinomial logistic regression
///
/// Each record needs a `label` and `features` of one row. The objective is scikit-learn's: C times the sum of the
/// cross-entropies plus half the squared norm of the weights (with two classes, of the single weight vector), on
/// standardized features. A `weight` of a record multiplies its cross-entropy. L-BFGS minimizes the objective; the
/// result is deterministic.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-data from folder pets \\
    | dl-embed --model imagenet.safetensors --layer avgpool \\
    | dl-finetune linear --output pets-head.safetensors")]
pub(super) struct Args {
    /// C, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive)]
    cost: f64,

    /// Weight classes inversely to their number of examples
    #[arg(long)]
    balanced: bool,

    /// Do not standardize the features
    #[arg(long)]
    raw: bool,

    /// Stop when every component of the gradient is below this
    #[arg(long, value_name = "X", default_value_t = LbfgsConfig::default().tolerance, value_parser = numbers::positive)]
    tolerance: f64,

    /// Maximum number of solver iterations
    #[arg(long, value_name = "N", default_value_t = LbfgsConfig::default().iterations)]
    iterations: usize,

    #[command(flatten)]
    pub(super) head: HeadArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (table, tally) = self.head.read(io)?;
        let (labels, classes) = table.known_classes();
        let mut counts = vec![0; labels.len()];
        classes.iter().for_each(|class| counts[*class] += 1);
        let targets: Vec<u32> = classes.iter().map(|class| Ok(u32::try_from(*class)?)).collect::<Result<_>>()?;
        // Equal weights are left out, so that the result is that of records without.
        let weighted = table.weights.iter().any(|weight| *weight != 1.0);
        let weights = if weighted { table.weights.clone() } else { Vec::new() };
        let config = LogisticConfig {
            cost: self.cost,
            class_weights: if self.balanced { balanced(&counts) } else { Vec::new() },
            standardize: !self.raw,
            solver: LbfgsConfig { tolerance: self.tolerance, iterations: self.iterations, ..LbfgsConfig::default() },
        };
        let found = logistic_weighted(&table.x, table.columns(), &targets, labels.len(), &weights, &config)?;
        let single = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect();
        let mut head = LinearHead {
            layer: table.intake.layer.clone().unwrap_or_default(),
            network: table.intake.network.clone(),
            labels,
            weight: single(&found.weight),
            bias: single(&found.bias),
            training: json!(null),
        };
        let mut right = 0;
        for (row, class) in classes.iter().enumerate() {
            right += usize::from(predicted(&head.probabilities(table.row(row))?) == Some(*class));
        }
        let accuracy = right as f64 / table.len() as f64;
        head.training = json!({
            "records": table.len(),
            "counts": head.labels.iter().zip(&counts).collect::<BTreeMap<_, _>>(),
            "cost": self.cost,
            "balanced": self.balanced,
            "standardized": !self.raw,
            "iterations": found.iterations,
            "objective": found.objective,
            "accuracy": accuracy,
            "weighted": weighted,
            "data_digest": table.intake.digest.to_string(),
        });
        head.save(&self.head.output)?;
        let messages = &io.messages;
        if !found.converged {
            messages.note(format_args!(
                "the solver stopped after {} iterations, before it reached --tolerance",
                found.iterations
            ));
        }
        let (classes, path) = (head.labels.len(), self.head.output.display());
        messages.note(format_args!("{classes} classes, training accuracy {accuracy:.4}; written to {path}"));
        Ok(Outcome::of(tally.failed))
    }
}
