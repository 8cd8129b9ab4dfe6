//! Distillation of language models.

use anyhow::{Context, Result, ensure};
use dl_models::text::{TextFreeze, TextModel};
use serde_json::json;

use super::Args;
use crate::common::{Io, Outcome, object};
use crate::tools::finetune::language::LanguageTraining;
use crate::tools::finetune::texts::start_digest;
use crate::tools::finetune::training::settings_of;

impl Args {
    pub(super) fn of_language(&self, io: &mut Io) -> Result<Outcome> {
        let args = &self.pictures;
        let init_from = args.network.file();
        let init_from = init_from.context("--teacher is a language model; name the student with --init-from")?;
        ensure!(
            self.features.is_none() && self.correct_bias.is_none() && !args.views.are_requested(),
            "--features, --correct-bias and --augment are for images; --teacher is a language model"
        );
        let device = args.device.open()?;
        let teacher = TextModel::open(&self.teacher, &device)?;
        teacher.gpt2().with_context(|| format!("--teacher {}", self.teacher.display()))?;
        let mut settings = settings_of(self)?;
        settings.insert("teacher".to_owned(), json!(start_digest(&self.teacher)?));
        let figures = object(json!({
            "method": "distill",
            "teacher": self.teacher.file_name().map(|name| name.to_string_lossy()),
            "temperature": self.temperature,
            "alpha": self.alpha,
        }));
        let training = LanguageTraining {
            init_from,
            output: &args.output,
            inputs: &args.inputs,
            validation: &self.validation,
            freeze: TextFreeze::Nothing,
            batch: self.batch,
            dropout: args.dropout(),
            training: &args.training,
            common: &args.common,
            device,
            teacher: Some((teacher, self.config())),
            settings,
            figures,
        };
        training.run(io)
    }
}
