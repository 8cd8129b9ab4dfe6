//! `dl-finetune lm`: a GPT that learns the texts of records.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use dl_models::Precision;
use dl_models::text::{TOKENIZER_KEY, TextModel, loss};
use dl_train::fit::{ModelFile, Progress};
use dl_train::text::LanguageModelTask;
use serde_json::{Map, Value, json};

use super::texts::{self, Source};
use super::training::{Shape, TrainingArgs};
use crate::common::{Common, DeviceArgs, Inputs, Io, Outcome, numbers};

/// Train a language model on texts
///
/// Records have a `text`; the GPT learns to predict each of its tokens from those before it, and its end. Texts longer than
/// the model reads are cut into parts. The loss is the mean negative log-likelihood of a token, as dl-eval lm has it.
///
/// The model file holds the best model where there is a validation, and the last one otherwise; it carries the tokenizer.
/// Beside it, STEM.last.safetensors holds the last one, and all that --resume needs. Ctrl-C saves and leaves with status 130.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-finetune lm --init-from names_gpt.safetensors --optimizer adamw --val-share 0.1 --epochs 5 --model planets.safetensors \\
    < planets.jsonl && dl-generate --model planets.safetensors --prompt '' --count 10 | jq -r .text")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write; it is a whole model, also before the end
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// GPT-2 to start from: a model file, or a folder as Hugging Face writes it
    #[arg(long, value_name = "FILE|DIR", help_heading = "Network")]
    init_from: PathBuf,

    /// Records to judge by, which are not learned from
    #[arg(long, value_name = "RECORDS.jsonl", conflicts_with = "val_share")]
    val: Option<PathBuf>,

    /// Put this share of the texts aside, drawn by the seed, to judge by
    #[arg(long, value_name = "SHARE", value_parser = numbers::share)]
    val_share: Option<f64>,

    /// Layers that do not learn: all up to this one (embeddings, h.3)
    #[arg(long, value_name = "LAYER", conflicts_with = "trainable_layers", help_heading = "Transfer")]
    freeze: Option<String>,

    /// Learn the last N blocks and what comes after them
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    trainable_layers: Option<usize>,

    /// Texts in a batch, at most 4096
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = numbers::batch, help_heading = "Training")]
    batch: usize,

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
        self.training.check(self.val.is_some() || self.val_share.is_some())?;
        let others = [Some(self.init_from.as_path()), self.val.as_deref()];
        self.training.check_files(&self.model, &self.inputs, &others)?;
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
        let source =
            Source { common: &self.common, inputs: &self.inputs, val: self.val.as_deref(), val_share: self.val_share };
        let read = source.read(io, |record| loss::language_model_parts(&model, &texts::text_of(record)?))?;
        let flat = |texts: Vec<Vec<Vec<u32>>>| texts.into_iter().flatten().collect::<Vec<_>>();
        let (count, judged_count) = (read.learned.len(), read.judged.len());
        let (learned, judged) = (flat(read.learned), flat(read.judged));
        ensure!(!learned.is_empty(), "the texts have no tokens to predict");
        io.messages.note(format_args!("{count} texts to learn, {judged_count} to judge by"));

        model.config.source = Some(texts::source(&model, &self.init_from));
        model.config.seed = Some(self.common.seed);
        // Each text began with the mark: dl-generate is to do the same.
        model.config.options.insert("add_bos_token".to_owned(), json!(true));
        model.config.data_digest = Some(read.digest.to_string());
        let shape =
            Shape { epoch: learned.len().div_ceil(self.batch), from_nothing: false, validates: !judged.is_empty() };
        let settings = json!({
            "seed": self.common.seed,
            "data": read.digest.to_string(),
            "val": read.judged_digest.to_string(),
            "val_share": self.val_share,
            "init_from": texts::start_digest(&self.init_from)?,
            "options": options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Map<_, _>>(),
            "freeze": format!("{freeze:?}"),
            "batch": self.batch,
        });
        let file = |progress: &Progress| {
            let mut config = model.config.clone();
            config.training = self.training.figures(&shape);
            config.training.extend([
                ("iterations".to_owned(), json!(progress.step)),
                ("batch".to_owned(), json!(self.batch)),
                ("loss".to_owned(), json!(progress.mean("loss"))),
                ("validation".to_owned(), serde_json::to_value(&progress.validation)?),
            ]);
            Ok(ModelFile {
                config: config.description()?,
                tensors: parameters.tensors(),
                texts: vec![(TOKENIZER_KEY, model.tokenizer.text().to_owned())],
                precision: Precision::F32,
            })
        };
        if !judged.is_empty() {
            let before = LanguageModelTask::likelihood(&model, &judged)?;
            io.messages.note(format_args!("validation loss {before:.4} before"));
        }
        let (batch, decay) = (self.batch, self.training.weight_decay);
        let task =
            LanguageModelTask::new(&model, &parameters, [&learned, &judged], batch, decay, self.common.seed, &file);
        let settings = settings.as_object().cloned().unwrap_or_default();
        let interrupted = self.training.run(&task, &self.model, &shape, settings, &io.messages)?;
        Ok(interrupted.unwrap_or(Outcome::of(read.tally.failed)))
    }
}
