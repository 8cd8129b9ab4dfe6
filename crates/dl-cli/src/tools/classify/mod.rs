//! `dl-classify`: predict the class of an image, of regions of an image, or of a text.

mod input;
mod scorer;
mod support;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use dl_models::TaskLabels;
use dl_record::{Prediction, Record};
use serde_json::{Map, Value, json};

use super::embed::ResizeRule;
use crate::common::{
    Common, DeviceArgs, ImageArgs, Inputs, Io, Job, Labels, Outcome, STRICT, Tool, WarpArgs, map_weighed_batches,
    numbers, read_signatures,
};
use input::Input;
use scorer::{Options, Probabilities, Scorer, Work};
use support::add_support;

/// Predict the class of an image, of regions of an image, or of a text
///
/// A network trained on images classifies each image as a whole. One that dl-finetune classifier trained on crops of
/// objects classifies each of the record's `objects` and `detections`, cropped as in training. One trained on proposals
/// classifies each of the `proposals`. A text model reads the record's `text`; a head, from dl-finetune linear,
/// neighbors, prototypes or attributes, reads its `features`.
///
/// Writes `predictions` to the record or to each region: labels with probabilities (the softmax of the class scores),
/// best first; of dl-finetune multitask, for each task, which a prediction then names in `task`. If the model has no
/// labels, the class numbers take their place. With CLIP and SigLIP, the classes are any words you give to --labels;
/// SigLIP gives each a probability of its own, so that they do not add up to 1.
#[derive(Parser, Debug)]
#[command(
    name = "dl-classify",
    version,
    after_help = "\
Examples:
  dl-classify --model squeezenet.safetensors --top-k 3 photo.jpg \\
    | jq -r '.predictions[0].label'
  dl-data from folder test \\
    | dl-classify --model cells.safetensors --top-k 0 | dl-eval classify
  dl-embed --model imagenet.safetensors --layer avgpool *.jpg \\
    | dl-classify --model pets-head.safetensors
  dl-classify --model attributes.safetensors --classes unseen.csv \\
    new.jsonl
  dl-classify --model clip-vit-base-patch32 \\
    --labels cat,dog,'garden shed' photo.jpg"
)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of a network or a head, or a Hugging Face model folder
    #[arg(long, value_name = "FILE|DIR")]
    model: PathBuf,

    /// Architecture of a file of bare weights; see dl-model list [default: from the file]
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Class names to use instead of the model's: a list, @FILE with one per line, or the built-in @imagenet, @coco or
    /// @voc. For CLIP and SigLIP: the words to choose from
    #[arg(long, value_name = "LABEL,...|@FILE")]
    labels: Option<Labels>,

    /// For CLIP and SigLIP: the sentence in which each label replaces {}; may be repeated, to average over the sentences
    /// [default: a photo of a {}]
    #[arg(long, value_name = "TEXT", requires = "labels")]
    template: Vec<String>,

    /// Classes to choose from and their attributes, for a head of dl-finetune attributes: CSV with the names of the
    /// attributes in the first line and a class in each other, or JSON {class: {attribute: value}} [default: those of
    /// the training]
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,

    /// Subtract this from the scores of classes that were seen in training, which otherwise win over unseen ones
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::finite, requires = "classes")]
    calibration: f64,

    /// Labeled records to add to the model's prototypes, also of new classes, for a head of dl-finetune prototypes; those
    /// that cannot be used are reported
    #[arg(long, value_name = "FILE")]
    support: Option<PathBuf>,

    /// What to classify [default: what the network was trained on: whole images, objects and detections, or proposals]
    #[arg(long, value_enum, value_name = "WHAT")]
    input: Option<Input>,

    /// Predictions per image, region or text; 0 for all classes
    #[arg(long, value_name = "K", default_value_t = 5)]
    top_k: usize,

    /// Images or regions per batch; does not affect the results
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = numbers::batch)]
    batch: usize,

    #[command(flatten)]
    warp: WarpArgs,

    /// How to resize a whole image to the network's input size [default: from the file]
    #[arg(long, value_enum)]
    resize: Option<ResizeRule>,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    common: Common,
}

impl Tool for Args {
    const NAME: &'static str = "dl-classify";
    const TAKES_FRAMES: bool = true;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let signatures = self.classes.as_deref().map(read_signatures).transpose()?;
        let options = Options {
            path: &self.model,
            arch: self.arch.as_deref(),
            labels: self.labels.as_ref().map(Labels::names),
            templates: &self.template,
            input: self.input,
            warp: &self.warp,
            signatures: signatures.as_ref(),
            calibration: self.calibration,
        };
        let mut scorer = Scorer::open(&options, self.device.open()?)?;
        let mut unused = 0;
        if let Some(path) = &self.support {
            unused = add_support(&mut scorer, path, &self.model, &io.messages).context("--support")?;
            ensure!(unused == 0 || !self.common.strict, STRICT);
        }
        let model = || format!("model {}", self.model.display());
        if let Some(note) = scorer.note() {
            io.messages.note(format_args!("{}: {note}", model()));
        }
        let labels = scorer.labels(&options).with_context(model)?;
        let resize = self.resize.map(ResizeRule::rule);
        let images = self.image.images(&io.messages);
        let batch = self.batch;
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_weighed_batches(
            io,
            job,
            batch,
            |work: &Work| match work {
                Work::Image(prepared) => prepared.weight(batch),
                Work::Text(_) | Work::Features(_) => 1,
            },
            |record| scorer.prepare(record, &images, resize),
            |records, works: Vec<Work>| {
                let all = records.iter_mut().zip(scorer.probabilities(works, batch));
                all.map(|(record, probabilities)| self.write(record, &scorer, &labels, probabilities?)).collect()
            },
        )?;
        Ok(if unused > 0 { Outcome::SomeFailed } else { outcome })
    }
}

impl Args {
    fn write(&self, record: &mut Record, scorer: &Scorer, labels: &[String], rows: Probabilities) -> Result<()> {
        let mut predictions: Vec<Vec<Prediction>> =
            rows.iter().map(|row| self.predictions(labels, scorer.tasks(), row)).collect();
        if let Some(regions) = scorer.regions() {
            return regions.write(record, predictions);
        }
        ensure!(predictions.len() == 1, "the model gave {} rows for one sample", predictions.len());
        record.set_predictions(&predictions.remove(0))
    }

    /// The best classes, of each task.
    fn predictions(&self, labels: &[String], tasks: Option<&[TaskLabels]>, row: &[f64]) -> Vec<Prediction> {
        let Some(tasks) = tasks else { return self.best(labels, row, &Map::new()) };
        let (mut all, mut first) = (Vec::new(), 0);
        for task in tasks {
            let own = &row[first..first + task.labels.len()];
            first += task.labels.len();
            all.extend(self.best(&task.labels, own, &Map::from_iter([("task".to_owned(), json!(task.name))])));
        }
        all
    }

    fn best(&self, labels: &[String], probabilities: &[f64], extra: &Map<String, Value>) -> Vec<Prediction> {
        let mut order: Vec<usize> = (0..labels.len().min(probabilities.len())).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        if self.top_k > 0 {
            order.truncate(self.top_k);
        }
        let prediction = |class: usize| Prediction {
            label: labels[class].clone(),
            score: probabilities[class],
            extra: extra.clone(),
        };
        order.into_iter().map(prediction).collect()
    }
}
