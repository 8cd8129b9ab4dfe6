//! `dl-finetune linear`: a head on features, without a network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use dl_models::LinearHead;
use dl_record::Digest;
use dl_record::Record;
use dl_train::classifier::balanced;
use dl_train::hits::predicted;
use dl_transfer::linear::{LbfgsConfig, LogisticConfig, logistic};
use dl_transfer::{WholeFeatures, check_same_network, whole_features};
use serde_json::json;

use super::no_record;
use crate::common::{Common, Inputs, Io, Job, Outcome, each_record, model_files, numbers};

/// Train a linear classifier on the features of whole images or texts: multinomial logistic regression
///
/// Each record needs a `label` and `features` of one row. The objective is scikit-learn's: C times the sum of the
/// cross-entropies plus half the squared norm of the weights (with two classes, of the single weight vector), on
/// standardized features. L-BFGS minimizes it; the result is deterministic.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-data from folder pets \\
    | dl-embed --model imagenet.safetensors --layer avgpool \\
    | dl-finetune linear --output pets-head.safetensors")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Overwrite an existing model file
    #[arg(long)]
    force: bool,

    /// Layer to train on [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

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
    pub(super) common: Common,
}

/// The features and labels of the records.
#[derive(Default)]
struct LabeledFeatures {
    layer: Option<String>,
    network: Option<String>,
    columns: usize,
    features: Vec<f32>,
    labels: Vec<String>,
    unlabeled: usize,
    digest: Digest,
}

impl LabeledFeatures {
    fn push(&mut self, record: &Record) -> Result<()> {
        let Some(label) = record.label()?.filter(|label| !label.is_empty()) else {
            self.unlabeled += 1;
            bail!("the record has no \"label\" to train on");
        };
        let WholeFeatures { layer, network, row: features } = whole_features(record, self.layer.as_deref())?;
        ensure!(
            self.labels.is_empty() || features.len() == self.columns,
            "features \"{layer}\" have {} columns, earlier records have {}",
            features.len(),
            self.columns
        );
        check_same_network(&layer, network.as_deref(), self.network.as_deref())?;
        self.network = self.network.take().or(network);
        self.layer = Some(layer);
        self.columns = features.len();
        for field in ["id", "label"] {
            self.digest.text(record.raw(field).unwrap_or_default());
        }
        self.digest.floats(&features);
        self.features.extend(features);
        self.labels.push(label);
        Ok(())
    }
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        model_files::check(&[("--output", &self.output)], &self.inputs, &[])?;
        model_files::check_new(&self.output, self.force, "--force overwrites it")?;
        let mut rows = LabeledFeatures { layer: self.layer.clone(), ..LabeledFeatures::default() };
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| rows.push(&record))?;
        if rows.unlabeled > 0 {
            bail!("{} records have no \"label\"; add one, or leave them out", rows.unlabeled);
        }
        if rows.labels.is_empty() {
            return Err(no_record(&tally));
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        rows.labels.iter().for_each(|label| *counts.entry(label).or_default() += 1);
        let labels: Vec<String> = counts.keys().map(|label| (*label).to_owned()).collect();
        if let [only] = labels.as_slice() {
            bail!("all records have the same label, \"{only}\"; training needs at least two");
        }
        let counts: Vec<usize> = counts.values().copied().collect();
        let targets: Vec<u32> = (rows.labels.iter())
            .map(|label| Ok(u32::try_from(labels.binary_search(label).unwrap_or_default())?))
            .collect::<Result<_>>()?;
        let config = LogisticConfig {
            cost: self.cost,
            class_weights: if self.balanced { balanced(&counts) } else { Vec::new() },
            standardize: !self.raw,
            solver: LbfgsConfig { tolerance: self.tolerance, iterations: self.iterations, ..LbfgsConfig::default() },
        };
        let found = logistic(&rows.features, rows.columns, &targets, labels.len(), &config)?;
        let single = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect();
        let mut head = LinearHead {
            layer: rows.layer.unwrap_or_default(),
            network: rows.network,
            labels,
            weight: single(&found.weight),
            bias: single(&found.bias),
            training: json!(null),
        };
        let mut right = 0;
        for (row, target) in rows.features.chunks_exact(rows.columns.max(1)).zip(&targets) {
            right += usize::from(predicted(&head.probabilities(row)?) == Some(*target as usize));
        }
        let accuracy = right as f64 / rows.labels.len() as f64;
        head.training = json!({
            "records": rows.labels.len(),
            "counts": head.labels.iter().zip(&counts).collect::<BTreeMap<_, _>>(),
            "cost": self.cost,
            "balanced": self.balanced,
            "standardized": !self.raw,
            "iterations": found.iterations,
            "objective": found.objective,
            "accuracy": accuracy,
            "data_digest": rows.digest.to_string(),
        });
        head.save(&self.output)?;
        let messages = &io.messages;
        if !found.converged {
            messages.note(format_args!(
                "the solver stopped after {} iterations, before it reached --tolerance",
                found.iterations
            ));
        }
        let (classes, path) = (head.labels.len(), self.output.display());
        messages.note(format_args!("{classes} classes, training accuracy {accuracy:.4}; written to {path}"));
        Ok(Outcome::of(tally.failed))
    }
}
