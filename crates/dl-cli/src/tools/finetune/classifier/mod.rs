//! `dl-finetune classifier`: a network that classifies regions, images or texts.

mod auto;
mod images;
mod learner;
mod options;
mod path;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use dl_train::classifier::ExampleConfig;
use serde::Serialize;

use super::dtype::DtypeName;
use super::network::NetworkArgs;
use super::training::TrainingArgs;
use super::validation::ValidationArgs;
use super::views::ViewArgs;
use crate::common::{Common, DeviceArgs, ImageArgs, Inputs, Io, Outcome, WarpArgs, numbers};
use images::{ImageData, ImageLearner};
use options::{ClassWeights, FreezeTo, InputName, StrategyName};
use texts::{TextData, TextLearner};

/// Train a network to classify regions, images or texts
///
/// Records with objects and proposals train a classifier of regions, against background: ground-truth boxes and
/// proposals with an IoU of at least 0.5 are positives, other proposals are background. With --input objects, only
/// crops of the ground-truth objects are classified. Records with a label and no objects train a classifier of whole
/// images. Records with a text and a label train the BERT given by --init-from. Boxes are held in memory; images are
/// decoded when a batch needs them.
///
/// The model file holds the best network if there is validation data, and the last one otherwise. Beside it,
/// STEM.last.safetensors holds the last network and everything that --resume needs. Ctrl-C saves and exits with status
/// 130. When the loss explodes, training stops, and the model file keeps the best network or the last checkpoint.
#[derive(clap::Args, Serialize, Debug)]
#[command(
    mut_arg("init_from", |arg| {
        arg.value_name("FILE|DIR").help(
            "Pretrained model to start from: a model file, or for a BERT also a Hugging Face model folder. The \
             classification layer is reinitialized unless the labels are the same",
        )
    }),
    mut_arg("warp", |arg| {
        arg.help("How to warp a region to the network's input size [default: that of --init-from, or context]")
    }),
    mut_arg("pad", |arg| {
        arg.help(
            "Context around a region, in pixels of the network's input [default: that of --init-from, or 16; for inputs \
             of at most 32 pixels, an eighth of the side]",
        )
    }),
)]
#[command(after_help = "\
Examples:
  dl-data from voc VOC2007 --split trainval | dl-propose selective-search \\
    | dl-finetune classifier --init-from imagenet.safetensors \\
      --output voc.safetensors
  dl-data from folder digits \\
    | dl-finetune classifier --arch squeezenet1_1 --width-mult 0.5 \\
      --size 64 --output digits.safetensors
  dl-data from folder pets \\
    | dl-finetune classifier --init-from imagenet.safetensors \\
      --strategy auto --val-fraction 0.1 --log train.jsonl \\
      --output pets.safetensors
  dl-draw curves train.jsonl --output curves.png")]
pub(super) struct Args {
    #[command(flatten)]
    #[serde(skip)]
    inputs: Inputs,

    /// Model file to write; it is a complete model at any time during training
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    output: PathBuf,

    #[command(flatten)]
    #[serde(flatten)]
    validation: ValidationArgs,

    /// Train on at most N examples of each class, chosen at random
    #[arg(long, value_name = "N")]
    per_class: Option<usize>,

    /// What to classify [default: proposals if the records have objects or proposals, otherwise image; text for a BERT]
    #[arg(long, value_enum, value_name = "WHAT")]
    input: Option<InputName>,

    #[command(flatten)]
    #[serde(flatten)]
    network: NetworkArgs,

    #[command(flatten, next_help_heading = "Network")]
    #[serde(skip)]
    warp: WarpArgs,

    /// Number type of the stored weights
    #[arg(long, value_enum, default_value_t = DtypeName::F32, help_heading = "Network")]
    #[serde(skip)]
    dtype: DtypeName,

    /// Which layers of a pretrained network to train, and how [default: all]
    #[arg(long, value_enum, conflicts_with_all = ["freeze", "trainable_layers"], help_heading = "Transfer")]
    #[serde(skip)]
    strategy: Option<StrategyName>,

    /// Layers to freeze: none, all (except the classification layer), or LAYER and all layers before it
    #[arg(long, value_name = "none|all|LAYER", conflicts_with = "trainable_layers", help_heading = "Transfer")]
    freeze: Option<FreezeTo>,

    /// Train the last N stages and everything after them; a stage is a run of layers whose feature maps have the same
    /// size (layer1 to layer4 of a ResNet), or a block of a BERT
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    trainable_layers: Option<usize>,

    /// Factor on the learning rate of the classification layer [default: 10 while --head-first trains it alone,
    /// otherwise
    /// 1]
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Transfer")]
    head_lr: Option<f64>,

    /// Train the classification layer alone for the first N batches, then all layers (Kumar et al. 2022) [default: a
    /// tenth of the batches for regions with pretrained weights without batch norms, otherwise 0]
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    head_first: Option<usize>,

    /// Factor on the learning rate of a layer and its parts; may be repeated
    #[arg(long, value_name = "LAYER=X", value_parser = super::training::named_factor, help_heading = "Transfer")]
    layer_lr: Vec<(String, f64)>,

    /// For --strategy feature-extraction: C, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Transfer")]
    cost: f64,

    /// Examples per batch, at most 4096 [default: a quarter of the examples, at least 8 and at most 32 (128 for images
    /// from scratch, 16 for texts)]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    #[serde(skip)]
    batch: Option<usize>,

    /// Fraction of a batch that shows objects; the rest is background
    #[arg(long, value_name = "FRACTION", default_value_t = 0.25, value_parser = numbers::share, help_heading = "Training")]
    positive_fraction: f64,

    /// Proposals with at least this IoU with an object are examples of its class. With R-CNN's 0.5, the features become
    /// less sensitive to where an object ends
    #[arg(long, value_name = "IOU", default_value_t = 0.7, value_parser = numbers::overlap, help_heading = "Training")]
    positive_iou: f64,

    /// Proposals with less than this IoU with every object are background
    #[arg(long, value_name = "IOU", default_value_t = ExampleConfig::default().background_iou, value_parser = numbers::overlap, help_heading = "Training")]
    background_iou: f64,

    /// Label smoothing: fraction of each label to spread evenly over all classes
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::share, help_heading = "Training")]
    label_smoothing: f64,

    /// Weights of the classes in the loss: none, balanced (inversely proportional to their frequency), or a file with
    /// {"LABEL": X, ..}
    #[arg(long, value_name = "none|balanced|FILE.json", default_value = "none", help_heading = "Training")]
    #[serde(skip)]
    class_weights: ClassWeights,

    /// Probability of dropout, if the architecture has dropout [default: the architecture's]
    #[arg(long, value_name = "P", value_parser = numbers::probability, help_heading = "Training")]
    dropout: Option<f64>,

    /// Megabytes of memory for decoded images, and the same amount again for the features of frozen layers without
    /// dropout
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    #[serde(skip)]
    cache: usize,

    #[command(flatten)]
    #[serde(skip)]
    training: TrainingArgs,

    #[command(flatten)]
    #[serde(flatten)]
    views: ViewArgs,

    #[command(flatten)]
    #[serde(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    #[serde(skip)]
    device: DeviceArgs,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(self.label_smoothing < 1.0, "--label-smoothing must be below 1");
        ensure!(self.per_class != Some(0), "--per-class must be above 0");
        self.training.check(self.validation.is_given())?;
        if let Some(strategy) = self.strategy {
            ensure!(
                self.network.file().is_some() || strategy == StrategyName::Scratch,
                "--strategy needs pretrained weights: give --init-from"
            );
        }
        let others = [self.network.file(), self.validation.file()];
        self.training.check_files(&self.output, &self.inputs, &others)?;
        match self.network.file().filter(|_| self.network.arch.is_none()) {
            Some(path) if texts::reads_texts(path)? => self.learn_texts(path, io),
            _ => self.learn_images(io),
        }
    }

    fn learn_images(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(
            self.input != Some(InputName::Text),
            "--input text needs a network that reads texts: a BERT in --init-from"
        );
        let device = self.device.open()?;
        let data = ImageData::read(self, io)?;
        let messages = &io.messages;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let learner = ImageLearner { args: self, data: &data, device: &device, broken: &broken, messages };
        let ended = path::run(self, &learner, messages)?;
        Ok(ended.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }

    fn learn_texts(&self, init_from: &Path, io: &mut Io) -> Result<Outcome> {
        texts::check(self, init_from)?;
        let device = self.device.open()?;
        let data = TextData::read(self, init_from, &device, io)?;
        let messages = &io.messages;
        let learner = TextLearner { args: self, init_from, data: &data, device: &device, messages };
        Ok(path::run(self, &learner, messages)?.unwrap_or(Outcome::of(data.tally.failed)))
    }
}
