//! `dl-detect`: objects in images, or from the features of proposals.

mod heads;
mod images;
mod merge;
mod regions;
mod views;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, Parser};
use dl_models::detection::Detector;
use dl_models::heads::rcnn::RcnnHeads;
use dl_models::{ModelFile, detection};

use crate::common::{Common, DeviceArgs, ImageArgs, Inputs, Io, Outcome, Tool, numbers};

/// Detect objects in images, or from the features of proposals
///
/// With a detector (SSD, YOLO, Faster R-CNN and others), finds objects in the images. With SVMs and box regressors
/// (R-CNN), scores every proposal from its features with the SVM of every class, or with the softmax of a fine-tuned
/// network, and corrects its box with the box regressor of the class, if the model has one. Writes `detections`, best
/// first. Those of a detector are already free of duplicates; after SVMs, dl-nms removes them.
///
/// Images on stdin, one after another, are the frames of a video, as ffmpeg -f image2pipe writes them.
#[derive(Parser, Debug)]
#[command(
    name = "dl-detect",
    version,
    group(ArgGroup::new("scores").args(["model", "softmax"]).required(true).multiple(true)),
    after_help = "\
Examples:
  dl-detect --model ssd300_vgg16.pth photo.jpg
  dl-detect --model yolov3-tiny.weights --tile 640 aerial.jpg
  ffmpeg -v error -i video.mp4 -f image2pipe -c:v mjpeg - \\
    | dl-detect --model yolov3-tiny.weights > found.jsonl
  dl-propose selective-search photo.jpg \\
    | dl-embed --model alexnet.safetensors --layer pool5,fc7 \\
    | dl-detect --model voc-rcnn.safetensors --drop-features \\
    | dl-nms --iou 0.3
  dl-propose selective-search photo.jpg \\
    | dl-embed --model voc.safetensors --layer logits \\
    | dl-detect --softmax voc.safetensors --drop-features \\
    | dl-nms --iou 0.3"
)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file: a detector, or SVMs and box regressors, as written by dl-finetune svm and bbox
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// Architecture of a detector whose file does not state it
    #[arg(long, value_name = "NAME", requires = "model")]
    arch: Option<String>,

    /// Drop detections with a lower score [default: that of the detector's recipe; -1, the margin of the SVMs; 0.05 with
    /// --softmax]
    #[arg(long, value_name = "SCORE", value_parser = numbers::finite, allow_negative_numbers = true)]
    score: Option<f64>,

    /// Keep at most N detections per image, the best of all classes [default: that of the detector's recipe; all]
    #[arg(long, value_name = "N")]
    max: Option<usize>,

    #[command(flatten)]
    image: images::DetectorArgs,

    #[command(flatten)]
    features: FeatureArgs,

    #[command(flatten)]
    truncated: ImageArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    common: Common,
}

/// Options of R-CNN's heads.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "SVMs and box regressors")]
struct FeatureArgs {
    /// Instead of SVMs, score with the softmax of the features of layer `logits`. FILE is the network, as written by
    /// dl-finetune classifier, and provides the class names; box regressors still come from --model
    #[arg(long, value_name = "FILE")]
    softmax: Option<PathBuf>,

    /// Keep the boxes of the proposals, even if the model has box regressors
    #[arg(long)]
    no_regression: bool,

    /// Also score the ground-truth boxes that dl-embed --with-objects added to the proposals
    #[arg(long)]
    with_objects: bool,

    /// Remove the `features`, which are large, from the records
    #[arg(long)]
    drop_features: bool,
}

impl FeatureArgs {
    /// The name of an option that is given, if any.
    fn given(&self) -> Option<&'static str> {
        [
            (self.softmax.is_some(), "--softmax"),
            (self.no_regression, "--no-regression"),
            (self.with_objects, "--with-objects"),
            (self.drop_features, "--drop-features"),
        ]
        .into_iter()
        .find_map(|(is_given, name)| is_given.then_some(name))
    }
}

/// What `--model` holds.
enum Model {
    Heads(Box<RcnnHeads>),
    Detector(Box<dyn Detector>),
}

impl Tool for Args {
    const NAME: &'static str = "dl-detect";
    const TAKES_FRAMES: bool = true;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match self.open()? {
            Model::Heads(found) => {
                if let Some(option) = self.image.given() {
                    bail!(
                        "{option} is for detectors of whole images; this model takes features of proposals, not images"
                    );
                }
                heads::run(self, *found, io)
            }
            Model::Detector(detector) => {
                if let Some(option) = self.features.given() {
                    bail!("{option} is for SVMs and box regressors; this model is a detector of whole images");
                }
                images::run(self, &*detector, io)
            }
        }
    }
}

impl Args {
    fn open(&self) -> Result<Model> {
        let Some(path) = self.model.as_deref() else { return Ok(Model::Heads(Box::default())) };
        match ModelFile::open(path, self.arch.as_deref())? {
            ModelFile::RcnnHeads(heads) => Ok(Model::Heads(heads)),
            ModelFile::Detector(file) => {
                let detector = detection::open(file, self.arch.as_deref(), &self.device.open()?)?;
                let mut detector = detector.with_context(|| format!("model {}: not a detector", path.display()))?;
                if let Some(recipe) = self.image.recipe {
                    let of_file = || format!("--recipe with model {}", path.display());
                    detector.report_as(recipe.into()).with_context(of_file)?;
                }
                Ok(Model::Detector(detector))
            }
            other => Err(other.unfit(path, "a detector, or SVMs and box regressors")),
        }
    }
}
