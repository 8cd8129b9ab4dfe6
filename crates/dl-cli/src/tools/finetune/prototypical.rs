//! `dl-finetune prototypical`.

use anyhow::{Context, Result};
use dl_models::ModelConfig;
use dl_train::classifier::{AugmentConfig, Examples, Truth};
use dl_train::episodes::{EpisodeConfig, EpisodeImages, EpisodeMethod, Episodes};
use serde::Serialize;
use serde_json::json;

use super::pictures::{About, PictureArgs, Pictures};
use super::validation::ValidationArgs;
use crate::common::{Io, Outcome, numbers};

/// Train a network to learn new classes from a few images each: prototypical networks (Snell et al. 2017)
///
/// Each step is a small problem, an episode: of --ways classes, --shots images are given, and --queries others are to be
/// recognized by the nearest mean of the given ones' features. Training with more ways than the problems to come helps.
///
/// The features are those before the last layer. For new classes, pass a few images of each through dl-embed and
/// dl-finetune prototypes, or give them to dl-classify --support.
#[derive(clap::Args, Serialize, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
#[command(mut_arg("val", |arg| arg.help("File of validation records, of other classes")))]
#[command(mut_arg("val_fraction", |arg| arg.hide(true)))]
#[command(mut_arg("iterations", |arg| arg.help("Number of episodes [default: as for images in dl-finetune classifier]")))]
#[command(after_help = "\
Examples:
  dl-finetune prototypical --arch conv4 --size 28 --ways 60 --shots 1 \\
    --iterations 2000 --optimizer adam --lr 0.001 \\
    --output letters.safetensors letters.jsonl
  dl-embed --model letters.safetensors few.jsonl \\
    | dl-finetune prototypes --output new.safetensors
  dl-embed --model letters.safetensors page.jsonl \\
    | dl-classify --model new.safetensors")]
pub(super) struct Args {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) pictures: PictureArgs,

    #[command(flatten)]
    #[serde(flatten)]
    validation: ValidationArgs,

    /// Classes of an episode
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = numbers::batch)]
    ways: usize,

    /// Images of each class that are given
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = numbers::batch)]
    shots: usize,

    /// Images of each class that are to be recognized
    #[arg(long, value_name = "Q", default_value_t = 5, value_parser = numbers::batch)]
    queries: usize,

    /// Classes of a validation episode [default: those of --ways, as far as there are]
    #[arg(long, value_name = "N", value_parser = numbers::batch)]
    val_ways: Option<usize>,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.pictures.check(self.validation.file(), self.validation.is_given(), &[])?;
        let mut train = PictureArgs::examples(Truth::Labels);
        let tally = self.pictures.read(io, |record| train.push(record))?;
        let train = train.finish()?;
        let mut validation = None;
        if let Some(path) = self.validation.file() {
            let mut examples = PictureArgs::examples(Truth::Labels);
            self.pictures.read_file(io, ("--val", path), |record| examples.push(record))?;
            validation = Some(examples.finish().with_context(|| format!("--val {}", path.display()))?);
        }
        let pictures = Pictures::new(&self.pictures, &io.messages)?;
        io.messages.note(format_args!("{} images of {} classes", train.positives().len(), train.classes()));
        let start = self.pictures.start(&["unlabeled".to_owned()], &pictures.device, &io.messages)?;
        let layer = start.before_head()?;
        let broken = pictures.broken();
        let config = EpisodeConfig { ways: self.ways, shots: self.shots, queries: self.queries };
        let images = |examples, config: EpisodeConfig, augment| -> Result<EpisodeImages> {
            let size = config.ways * (config.shots + config.queries);
            let preprocessing = &start.model.config.preprocessing;
            let batches = pictures.batches(examples, preprocessing, (size, augment), &broken)?;
            let (classes, labels) = (Examples::classes_of_positives(examples), examples.labels());
            let episodes = Episodes::new(&classes, labels, config, self.pictures.common.seed)?;
            Ok(EpisodeImages { batches, episodes, config })
        };
        let of_training = images(&train, config, self.pictures.augment()?)?;
        let of_validation = match &validation {
            Some(examples) => {
                let ways = self.val_ways.unwrap_or(self.ways.min(examples.classes()));
                Some(images(examples, EpisodeConfig { ways, ..config }, AugmentConfig::default()).context("--val")?)
            }
            None => None,
        };
        let settings = pictures.settings(
            self,
            &start,
            json!({
                "data": train.digest().to_string(),
                "val": validation.as_ref().map(|examples| examples.digest().to_string()),
            }),
        )?;
        let epoch = of_training.batches.epoch().max(1);
        let about = About {
            epoch,
            validates: validation.is_some(),
            settings,
            figures: json!({
                "method": "prototypical",
                "ways": self.ways,
                "shots": self.shots,
                "queries": self.queries,
                "classes": train.classes(),
                "layer": layer.to_string(),
            }),
        };
        let finish = |config: &mut ModelConfig| {
            config.labels = None;
            config.layer = Some(layer.to_string());
        };
        let method = EpisodeMethod { train: of_training, validation: of_validation, layer: layer.clone() };
        let ended = pictures.train(&start, method, about, finish)?;
        Ok(ended.unwrap_or_else(|| pictures.outcome(tally.failed)))
    }
}
