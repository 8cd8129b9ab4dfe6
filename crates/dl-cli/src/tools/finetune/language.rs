//! The training of a language model, with or without a teacher.

use std::path::Path;

use anyhow::{Result, ensure};
use candle_core::Device;
use dl_models::Precision;
use dl_models::text::{TOKENIZER_KEY, TextFreeze, TextModel, loss};
use dl_train::distill::DistillConfig;
use dl_train::fit::{Progress, TrainedModel};
use dl_train::text::LanguageModelTask;
use serde_json::{Map, Value, json};

use super::texts::{self, Source};
use super::training::{ExamplesOf, Situation, TrainingArgs, default_batch};
use super::validation::ValidationArgs;
use crate::common::{Common, Inputs, Io, Outcome, object};

/// A GPT and what it is trained on.
pub(super) struct LanguageTraining<'a> {
    pub(super) init_from: &'a Path,
    pub(super) output: &'a Path,
    pub(super) inputs: &'a Inputs,
    pub(super) validation: &'a ValidationArgs,
    pub(super) freeze: TextFreeze,
    pub(super) batch: Option<usize>,
    pub(super) dropout: Option<f64>,
    pub(super) training: &'a TrainingArgs,
    pub(super) common: &'a Common,
    pub(super) device: Device,
    /// Whom it follows, and how much.
    pub(super) teacher: Option<(TextModel, DistillConfig)>,
    /// All options that shape the training.
    pub(super) settings: Map<String, Value>,
    /// For the model file.
    pub(super) figures: Map<String, Value>,
}

impl LanguageTraining<'_> {
    /// Trains and writes the model.
    pub(super) fn run(self, io: &mut Io) -> Result<Outcome> {
        let (device, freeze) = (&self.device, &self.freeze);
        let options: Vec<(&str, Value)> = match self.dropout {
            Some(p) => ["resid_pdrop", "embd_pdrop", "attn_pdrop"].map(|option| (option, json!(p))).into(),
            None => Vec::new(),
        };
        let (mut model, parameters) =
            TextModel::to_train(self.init_from, None, &options, freeze, self.common.seed, device)?;
        model.gpt2()?;
        if let Some(note) = &model.note {
            io.messages.note(format_args!("model {}: {note}", self.init_from.display()));
        }
        let source = Source {
            common: self.common,
            inputs: self.inputs,
            val: self.validation.file(),
            val_fraction: self.validation.fraction(),
        };
        let read = source.read(io, |record| loss::language_model_parts(&model, &texts::text_of(record)?))?;
        let flat = |texts: Vec<Vec<Vec<u32>>>| texts.into_iter().flatten().collect::<Vec<_>>();
        let (count, others) = (read.train.len(), read.validation.len());
        let (train, validation) = (flat(read.train), flat(read.validation));
        ensure!(!train.is_empty(), "the texts have no tokens to predict");
        io.messages.note(format_args!("{count} texts, {others} validation texts"));

        model.config.provenance.source = Some(texts::source(&model, self.init_from));
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
        let mut settings = self.settings.clone();
        settings.extend(object(json!({
            "data": read.digest.to_string(),
            "val": read.validation_digest.to_string(),
            "init_from": texts::start_digest(self.init_from)?,
            "batch": batch,
        })));
        let file = |progress: &Progress| {
            let mut config = model.config.clone();
            config.provenance.training = self.training.figures(&situation)?;
            config.provenance.training.extend(self.figures.clone());
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
        let parts = [train.as_slice(), validation.as_slice()];
        let mut task =
            LanguageModelTask::new(&model, &parameters, parts, batch, decay, self.common.seed, Box::new(file));
        if let Some((teacher, config)) = &self.teacher {
            let [own, theirs] = [&model, teacher].map(|model| model.gpt2().map(|gpt2| gpt2.options.vocab_size));
            ensure!(
                own? == theirs? && model.tokenizer.text() == teacher.tokenizer.text(),
                "--teacher and --init-from have different tokenizers; a student reads the tokens of its teacher"
            );
            task = task.following(teacher, *config);
        }
        let interrupted = self.training.run(&task, self.output, &situation, settings, &io.messages)?;
        Ok(interrupted.unwrap_or(Outcome::of(read.tally.failed)))
    }
}
