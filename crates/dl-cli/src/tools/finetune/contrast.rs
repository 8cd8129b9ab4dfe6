//! `dl-finetune contrast`.

use anyhow::{Result, ensure};
use dl_models::{ModelConfig, Parameters};
use dl_train::classifier::Truth;
use dl_train::contrast::{ContrastMethod, Pretext, ProjectionHead};
use serde::Serialize;
use serde_json::json;

use super::pictures::{About, PictureArgs, Pictures, scores};
use super::training::default_batch;
use super::views::View;
use crate::common::{Io, Outcome, numbers};

/// Pre-train a network on images without labels
///
/// simclr (Chen et al. 2020): two augmented views of each image are to have similar features, unlike those of all other
/// images of the batch; large batches and crops with changed colors work best. rotation (Gidaris et al. 2018): the
/// network recognizes by how many quarter turns an image was rotated; the network's input must be square.
///
/// The result is a start for dl-finetune classifier --init-from, and a network for dl-embed. Labels are not read.
#[derive(clap::Args, Serialize, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
#[command(mut_arg("augment", |arg| arg.help(
    "Kinds of augmentation, with new random values in each epoch [default: crop,flip,color for simclr, flip for rotation]"
)))]
#[command(after_help = "\
Examples:
  dl-finetune contrast simclr --arch resnet18 --size 64 --batch 128 \\
    --augment crop,flip,color --epochs 100 --output start.safetensors \\
    photos.jsonl
  dl-finetune classifier --init-from start.safetensors \\
    --output pets.safetensors pets.jsonl")]
pub(super) struct Args {
    /// What the network is to find out
    #[arg(value_enum)]
    task: PretextName,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) pictures: PictureArgs,

    /// For simclr: what the similarities are divided by
    #[arg(long, value_name = "T", default_value_t = 0.5, value_parser = numbers::positive)]
    temperature: f64,

    /// For simclr: width of the projections that are compared
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = numbers::count)]
    projection: usize,

    /// Images per batch, at most 4096 [default: a quarter of the images, at least 8 and at most 128]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    batch: Option<usize>,
}

#[derive(clap::ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum PretextName {
    /// Which of the other views is of the same image
    Simclr,
    /// By how many quarter turns the image was rotated
    Rotation,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.pictures.check(None, false, &[])?;
        ensure!(self.projection > 0, "--projection must be above 0");
        let mut examples = PictureArgs::examples(Truth::Own);
        let tally = self.pictures.read(io, |record| examples.push(record))?;
        let count = examples.positives().len();
        ensure!(count > 1, "a single image; telling images apart needs at least two");
        let pictures = Pictures::new(&self.pictures, &io.messages)?;
        io.messages.note(format_args!("{count} images"));
        let turns = ["0", "90", "180", "270"].map(str::to_owned);
        let labels: Vec<String> = match self.task {
            PretextName::Rotation => turns.to_vec(),
            PretextName::Simclr => vec!["unlabeled".to_owned()],
        };
        let start = self.pictures.start(&labels, &pictures.device, &io.messages)?;
        let broken = pictures.broken();
        let batch = self.batch.unwrap_or_else(|| default_batch(count, 128)).min(count);
        let preprocessing = &start.model.config.preprocessing;
        let augment = match self.task {
            PretextName::Simclr => self.pictures.views.config_by_default(&[View::Crop, View::Flip, View::Color])?,
            PretextName::Rotation => self.pictures.augment()?,
        };
        let batches = pictures.batches(&examples, preprocessing, (batch, augment), &broken)?;
        let epoch = batches.epoch();
        let pretext = match self.task {
            PretextName::Rotation => {
                let [height, width] = preprocessing.size;
                ensure!(height == width, "the network's input is {height} x {width}; quarter turns need a square one");
                Pretext::Rotation(scores())
            }
            PretextName::Simclr => {
                let layer = start.before_head()?;
                let features = start.model.shape_of(&layer)?.iter().product();
                let parameters = Parameters::fresh(self.pictures.common.seed);
                let head =
                    ProjectionHead::new(features, features, self.projection, &parameters.builder(&pictures.device))?;
                Pretext::SimClr { layer, head, parameters, temperature: self.temperature }
            }
        };
        let settings =
            pictures.settings(self, &start, json!({"data": examples.digest().to_string(), "batch": batch}))?;
        let method = ContrastMethod::new(batches, pretext, batch, self.pictures.common.seed);
        let figures = json!({ "method": self.task, "batch": batch });
        let about = About { epoch, validates: false, settings, figures };
        let unlabeled = self.task == PretextName::Simclr;
        let finish = |config: &mut ModelConfig| {
            if unlabeled {
                config.labels = None;
            }
        };
        let ended = pictures.train(&start, method, about, finish)?;
        Ok(ended.unwrap_or_else(|| pictures.outcome(tally.failed)))
    }
}
