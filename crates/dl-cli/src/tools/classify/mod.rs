//! `dl-classify`: what does a picture show, or a text say?

mod scorer;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use dl_record::file::read_list;
use dl_record::{Prediction, Record};
use serde_json::Map;

use super::embed::ResizeRule;
use crate::common::{Common, DeviceArgs, ImageArgs, Inputs, Io, Job, Outcome, Tool, map_batches, numbers};
use scorer::{Scorer, Work};

/// Name what a picture shows, or what a text is about
///
/// Each picture goes through a network whole; a model that reads texts takes each record's `text`, a linear head (of
/// dl-finetune linear) its `features`. Writes `predictions`: labels with probabilities (the softmax of the class
/// scores), best first. A model without labels gives the numbers of its classes. With CLIP, the classes are whatever
/// words --labels has.
#[derive(Parser, Debug)]
#[command(
    name = "dl-classify",
    version,
    after_help = "\
Examples:
  dl-classify --model squeezenet.safetensors --top-k 3 photo.jpg | jq -r '.predictions[0].label'
  dl-data from folder test | dl-classify --model cells.safetensors --top-k 0 | dl-eval classify
  dl-embed --model imagenet.safetensors --layer avgpool *.jpg | dl-classify --model pets-head.safetensors
  dl-classify --model clip-vit-base-patch32 --labels cat,dog,'garden shed' photo.jpg"
)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of a network or a linear head, or a folder as Hugging Face writes it
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Architecture of a file of bare weights, see dl-model list [default: what the file says]
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// File of the classes' names, one a line, in place of the model's
    #[arg(long, value_name = "FILE")]
    label_file: Option<PathBuf>,

    /// Classes to choose from, in words: for CLIP
    #[arg(long, value_name = "LABEL,...", value_delimiter = ',', conflicts_with_all = ["label_file", "arch"])]
    labels: Vec<String>,

    /// The sentence that each of --labels is put into, in place of {}; of several the mean counts [default: a photo of a {}]
    #[arg(long, value_name = "TEXT")]
    template: Vec<String>,

    /// Predictions a record; 0: all classes
    #[arg(long, value_name = "K", default_value_t = 5)]
    top_k: usize,

    /// Pictures that go through the network at once; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = numbers::batch)]
    batch: usize,

    /// How a picture becomes the network's input [default: what the file says]
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

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(self.template.is_empty() || !self.labels.is_empty(), "--template needs --labels");
        let usual = ["a photo of a {}".to_owned()];
        let templates = if self.template.is_empty() { usual.as_slice() } else { self.template.as_slice() };
        let device = self.device.open()?;
        let scorer = match self.labels.as_slice() {
            [] => Scorer::open(&self.model, self.arch.as_deref(), device)?,
            labels => Scorer::zero_shot(&self.model, labels, templates, device)?,
        };
        if let Some(note) = scorer.note() {
            io.messages.note(format_args!("model {}: {note}", self.model.display()));
        }
        let labels = self.label_names(&scorer).with_context(|| format!("model {}", self.model.display()))?;
        let resize = self.resize.map(ResizeRule::rule);
        let images = self.image.images(&io.messages);
        let batch = self.batch;
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_batches(
            io,
            job,
            batch,
            |record| scorer.prepare(record, &images, resize),
            |records, works: Vec<Work>| {
                let all = records.iter_mut().zip(scorer.probabilities(works, batch));
                all.map(|(record, probabilities)| self.write(record, &labels, &probabilities?)).collect()
            },
        )
    }
}

impl Args {
    /// The name of each class.
    fn label_names(&self, scorer: &Scorer) -> Result<Vec<String>> {
        let Some(path) = &self.label_file else { return scorer.labels(&self.model) };
        let names = read_list(path).context("--label-file")?;
        let classes = match scorer {
            Scorer::Pictures(model, ..) => model.config.num_classes,
            _ => scorer.labels(&self.model)?.len(),
        };
        ensure!(
            names.len() == classes,
            "--label-file {} has {} names for {classes} classes",
            path.display(),
            names.len()
        );
        Ok(names)
    }

    fn write(&self, record: &mut Record, labels: &[String], probabilities: &[f64]) -> Result<()> {
        let mut order: Vec<usize> = (0..labels.len().min(probabilities.len())).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        if self.top_k > 0 {
            order.truncate(self.top_k);
        }
        let prediction =
            |class: usize| Prediction { label: labels[class].clone(), score: probabilities[class], extra: Map::new() };
        record.set_predictions(&order.into_iter().map(prediction).collect())
    }
}
