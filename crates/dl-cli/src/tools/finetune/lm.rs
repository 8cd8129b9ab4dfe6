//! `dl-finetune lm`: trains a GPT on texts.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use dl_models::Precision;
use dl_models::text::{TOKENIZER_KEY, TextModel, loss};
use dl_train::fit::{Progress, TrainedModel};
use dl_train::text::LanguageModelTask;
use serde_json::{Map, Value, json};

use super::texts::{self, Source};
use super::training::{ExamplesOf, Situation, TrainingArgs, default_batch};
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
#[derive(clap::Args, Debug)]
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
    inputs: Inputs,

    /// Model file to write; it is a complete model at any time during training
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// GPT-2 to start from: a model file, or a Hugging Face model folder
    #[arg(long, value_name = "PATH", help_heading = "Network")]
    init_from: PathBuf,

    #[command(flatten)]
    validation: ValidationArgs,

    /// Freeze LAYER (embeddings, h.3) and all layers before it
    #[arg(long, value_name = "LAYER", conflicts_with = "trainable_layers", help_heading = "Transfer")]
    freeze: Option<String>,

    /// Train the last N blocks and everything after them
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    trainable_layers: Option<usize>,

    /// Texts per batch, at most 4096 [default: a quarter of the texts, at least 8 and at most 32]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    batch: Option<usize>,

    /// Probability of dropout [default: the model's]
    #[arg(long, value_name = "P", value_parser = numbers::probability, help_heading = "Training")]
    dropout: Option<f64>,

    #[command(flatten)]
    training: TrainingArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.training.check(self.validation.is_given())?;
        let others = [Some(self.init_from.as_path()), self.validation.file()];
        self.training.check_files(&self.output, &self.inputs, &others)?;
        let device = self.device.open()?;
        let freeze = texts::freeze(&self.init_from, self.freeze.as_deref(), self.trainable_layers)?;
        let options: Vec<(&str, Value)> = match self.dropout {
            Some(p) => ["resid_pdrop", "embd_pdrop", "attn_pdrop"].map(|option| (option, json!(p))).into(),
            None => Vec::new(),
        };
        let (mut model, parameters) =
            TextModel::to_train(&self.init_from, None, &options, &freeze, self.common.seed, &device)?;
        model.gpt2()?;
        if let Some(note) = &model.note {
            io.messages.note(format_args!("model {}: {note}", self.init_from.display()));
        }
        let source = Source {
            common: &self.common,
            inputs: &self.inputs,
            val: self.validation.file(),
            val_fraction: self.validation.fraction(),
        };
        let read = source.read(io, |record| loss::language_model_parts(&model, &texts::text_of(record)?))?;
        let flat = |texts: Vec<Vec<Vec<u32>>>| texts.into_iter().flatten().collect::<Vec<_>>();
        let (count, others) = (read.train.len(), read.validation.len());
        let (train, validation) = (flat(read.train), flat(read.validation));
        ensure!(!train.is_empty(), "the texts have no tokens to predict");
        io.messages.note(format_args!("{count} texts, {others} validation texts"));

        model.config.provenance.source = Some(texts::source(&model, &self.init_from));
        model.config.provenance.seed = Some(self.common.seed);
        // Training texts begin with the BOS token, so dl-generate must add it too.
        model.config.options.insert("add_bos_token".to_owned(), json!(true));
        model.config.provenance.data_digest = Some(read.digest.to_string());
        let batch = self.batch.unwrap_or_else(|| default_batch(train.len(), 32));
        let situation = Situation {
            epoch: train.len().div_ceil(batch),
            from_scratch: false,
            head_only: false,
            validates: !validation.is_empty(),
            examples: ExamplesOf::Texts,
        };
        let settings = json!({
            "seed": self.common.seed,
            "data": read.digest.to_string(),
            "val": read.validation_digest.to_string(),
            "val_fraction": self.validation.fraction(),
            "init_from": texts::start_digest(&self.init_from)?,
            "options": options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Map<_, _>>(),
            "freeze": format!("{freeze:?}"),
            "batch": batch,
        });
        let file = |progress: &Progress| {
            let mut config = model.config.clone();
            config.provenance.training = self.training.figures(&situation)?;
            config.provenance.training.extend([
                ("iterations".to_owned(), json!(progress.step)),
                ("batch".to_owned(), json!(batch)),
                ("loss".to_owned(), json!(progress.mean("loss"))),
                ("validation".to_owned(), serde_json::to_value(&progress.validation)?),
            ]);
            Ok(TrainedModel {
                config: config.description()?,
                tensors: parameters.tensors(),
                texts: vec![(TOKENIZER_KEY, model.tokenizer.text().to_owned())],
                precision: Precision::F32,
            })
        };
        if !validation.is_empty() {
            let before = LanguageModelTask::likelihood(&model, &validation)?;
            io.messages.note(format_args!("validation loss {before:.4} before training"));
        }
        let decay = self.training.weight_decay;
        let task =
            LanguageModelTask::new(&model, &parameters, [&train, &validation], batch, decay, self.common.seed, &file);
        let settings = settings.as_object().cloned().unwrap_or_default();
        let interrupted = self.training.run(&task, &self.output, &situation, settings, &io.messages)?;
        Ok(interrupted.unwrap_or(Outcome::of(read.tally.failed)))
    }
}
