//! `dl-finetune lm`: trains a GPT on texts.

use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;
use serde_json::Map;

use super::language::LanguageTraining;
use super::texts;
use super::training::{TrainingArgs, settings_of};
use super::validation::ValidationArgs;
use crate::common::{Common, DeviceArgs, Inputs, Io, Outcome, numbers};

/// Train a language model on texts
///
/// Each record needs a `text`; the GPT is trained to predict each token, and the end of the text, from the tokens
/// before it. Texts longer than the model's context are split. The loss is the mean negative log-likelihood per token,
/// as in dl-eval lm.
///
/// The model file holds the best model if there is validation data, and the last one otherwise; it includes the
/// tokenizer. Beside it, STEM.last.safetensors holds the last model and everything that --resume needs. Ctrl-C saves
/// and exits with status 130. When the loss explodes, training stops, and the model file keeps the best model or the
/// last checkpoint.
#[derive(clap::Args, Serialize, Debug)]
#[command(
    mut_arg("iterations", |arg| arg.help("Number of batches [default: 3 epochs; at least 100 batches, at most 10000]")),
    mut_arg("optimizer", |arg| arg.help("Optimizer [default: adamw]")),
    mut_arg("lr", |arg| arg.help("Learning rate [default: 0.00005, or 0.0003 with sgd]")),
)]
#[command(after_help = "\
Examples:
  dl-finetune lm --init-from names_gpt.safetensors --val-fraction 0.1 \\
    --epochs 5 --output planets.safetensors < planets.jsonl
  dl-generate --model planets.safetensors --prompt '' --count 10 \\
    | jq -r .text")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct Args {
    #[command(flatten)]
    #[serde(skip)]
    inputs: Inputs,

    /// Model file to write; it is a complete model at any time during training
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    output: PathBuf,

    /// GPT-2 to start from: a model file, or a Hugging Face model folder
    #[arg(long, value_name = "PATH", help_heading = "Network")]
    #[serde(skip)]
    init_from: PathBuf,

    #[command(flatten)]
    #[serde(flatten)]
    validation: ValidationArgs,

    /// Freeze LAYER (embeddings, h.3) and all layers before it
    #[arg(long, value_name = "LAYER", conflicts_with = "trainable_layers", help_heading = "Transfer")]
    freeze: Option<String>,

    /// Train the last N blocks and everything after them
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    trainable_layers: Option<usize>,

    /// Texts per batch, at most 4096 [default: a quarter of the texts, at least 8 and at most 32]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    #[serde(skip)]
    batch: Option<usize>,

    /// Probability of dropout [default: the model's]
    #[arg(long, value_name = "P", value_parser = numbers::probability, help_heading = "Training")]
    dropout: Option<f64>,

    #[command(flatten)]
    #[serde(skip)]
    training: TrainingArgs,

    #[command(flatten)]
    #[serde(skip)]
    device: DeviceArgs,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.training.check(self.validation.is_given())?;
        let others = [Some(self.init_from.as_path()), self.validation.file()];
        self.training.check_files(&self.output, &self.inputs, &others)?;
        let training = LanguageTraining {
            init_from: &self.init_from,
            output: &self.output,
            inputs: &self.inputs,
            validation: &self.validation,
            freeze: texts::freeze(&self.init_from, self.freeze.as_deref(), self.trainable_layers)?,
            batch: self.batch,
            dropout: self.dropout,
            training: &self.training,
            common: &self.common,
            device: self.device.open()?,
            teacher: None,
            settings: settings_of(self)?,
            figures: Map::new(),
        };
        training.run(io)
    }
}
