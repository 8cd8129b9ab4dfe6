//! `dl-finetune distill`: a small network learns what a large one knows.

mod images;
mod language;

use std::path::PathBuf;

use anyhow::{Result, bail};
use dl_models::ModelFile;
use dl_train::distill::DistillConfig;
use serde::Serialize;

use crate::common::{Common, Io, Outcome, numbers};

/// Train a student that follows a teacher: knowledge distillation (Hinton et al. 2015)
///
/// The loss is alpha T^2 KL(teacher || student), of class probabilities at the temperature T, plus (1 - alpha) times the
/// cross-entropy of the true labels. With --alpha 1, records need no label. The student has the teacher's classes, even
/// those without an image here. Unlabeled images are as good as labeled ones, as long as the teacher knows them.
///
/// With --features, the student is also to predict the teacher's features from its own (FitNets, Romero et al. 2015).
/// A GPT as teacher and one in --init-from distill language models: records have a `text`, and both need the same
/// tokenizer.
#[derive(clap::Args, Serialize, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
#[command(mut_arg("init_from", |arg| {
    arg.value_name("FILE|DIR").help("Pretrained student, instead of --arch; for language models, a GPT-2 file or folder")
}))]
#[command(after_help = "\
Examples:
  dl-finetune distill --teacher large.safetensors --arch mobilenet_v2 \\
    --width-mult 0.5 --size 96 --temperature 4 --alpha 0.9 \\
    --output small.safetensors train.jsonl
  dl-finetune distill --teacher large.safetensors --alpha 1 \\
    --arch squeezenet1_1 --size 64 --output small.safetensors photos.jsonl
  dl-finetune distill --teacher gpt2 --init-from small-gpt \\
    --output student.safetensors texts.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) pictures: super::pictures::PictureArgs,

    #[command(flatten)]
    #[serde(flatten)]
    validation: super::validation::ValidationArgs,

    /// The model to follow
    #[arg(long, value_name = "FILE|DIR", help_heading = "Distillation")]
    #[serde(skip)]
    teacher: PathBuf,

    /// Temperature: what the class scores of both networks are divided by
    #[arg(long, value_name = "T", default_value_t = 4.0, value_parser = numbers::positive, help_heading = "Distillation")]
    temperature: f64,

    /// Share of the teacher in the loss; the rest is that of the labels
    #[arg(long, value_name = "X", default_value_t = 0.9, value_parser = numbers::share, help_heading = "Distillation")]
    alpha: f64,

    /// Layer of the teacher whose features the student is to predict, from its own before the head or from STUDENT_LAYER
    #[arg(long, value_name = "LAYER[=STUDENT_LAYER]", help_heading = "Distillation")]
    features: Option<String>,

    /// Factor on the loss of --features
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, requires = "features", help_heading = "Distillation")]
    features_weight: f64,

    /// After training, correct the bias of each class that had no example, so that on these records it is as frequent as
    /// the others: their labels are not read
    #[arg(long, value_name = "RECORDS.jsonl", help_heading = "Distillation")]
    #[serde(skip)]
    correct_bias: Option<PathBuf>,

    /// Examples per batch, at most 4096 [default: a quarter of the examples, at least 8 and at most 32 (128 from scratch)]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    batch: Option<usize>,
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        &self.pictures.common
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let val = self.validation.file();
        let others = [Some(self.teacher.as_path()), self.correct_bias.as_deref()];
        self.pictures.check(val, self.validation.is_given(), &others)?;
        match ModelFile::open(&self.teacher, None)? {
            ModelFile::ImageNetwork(_) => self.of_images(io),
            ModelFile::TextNetwork(_) => self.of_language(io),
            other => bail!(other.unfit(&self.teacher, "a classifier of images, or a GPT, to learn from")),
        }
    }

    fn config(&self) -> DistillConfig {
        DistillConfig { temperature: self.temperature, alpha: self.alpha }
    }
}
