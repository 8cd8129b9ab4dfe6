//! `dl-classify`: what does a picture show?

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use dl_models::{LayerName, Model};
use dl_record::{Prediction, Record};
use serde_json::Map;

use super::embed::ResizeRule;
use super::embed::batch::{Prepared, Rows};
use crate::common::{Common, DeviceArgs, Inputs, Io, Job, Outcome, Tool, map_batches, open_picture};

/// Name what a picture shows
///
/// Each picture goes through a network whole. Writes `predictions`: labels with probabilities (the softmax of the
/// network's logits), best first. A model without labels gives the numbers of its classes.
#[derive(Parser, Debug)]
#[command(
    name = "dl-classify",
    version,
    after_help = "\
Examples:
  dl-classify --model squeezenet.safetensors --top-k 3 photo.jpg | jq -r '.predictions[0].label'
  dl-data from folder test | dl-classify --model cells.safetensors --top-k 0 | dl-eval classify"
)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of the network
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Architecture of a file of bare weights, see dl-model list [default: what the file says]
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// File of the classes' names, one a line, in place of the model's
    #[arg(long, value_name = "FILE")]
    label_file: Option<PathBuf>,

    /// Predictions a record; 0: all classes
    #[arg(long, value_name = "K", default_value_t = 5)]
    top_k: usize,

    /// Pictures that go through the network at once; the result does not depend on it
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,

    /// How a picture becomes the network's input [default: what the file says]
    #[arg(long, value_enum)]
    resize: Option<ResizeRule>,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    common: Common,
}

/// The layer of the class scores.
const LOGITS: &str = "logits";

impl Tool for Args {
    const NAME: &'static str = "dl-classify";

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let device = self.device.open()?;
        let model = Model::open(&self.model, self.arch.as_deref(), &device)?;
        let labels = self.labels(&model).with_context(|| format!("model {}", self.model.display()))?;
        let layers: [LayerName; 1] = [LOGITS.parse()?];
        let preprocessing = &model.config.preprocessing;
        let resize = self.resize.map_or(preprocessing.resize, ResizeRule::rule);
        let batch = self.batch as usize;
        let mut rows = Rows::new(&model, &layers, device, batch);
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_batches(
            io,
            job,
            batch,
            |record| Ok(Prepared::whole(&open_picture(record)?, preprocessing, resize)),
            |records, prepared: Vec<Prepared>| {
                let all = records.iter_mut().zip(rows.of(&prepared));
                all.map(|(record, logits)| self.write(record, &labels, &logits?[0].data)).collect()
            },
        )
    }
}

impl Args {
    /// The name of each class.
    fn labels(&self, model: &Model) -> Result<Vec<String>> {
        let classes = model.config.num_classes;
        if let Some(path) = &self.label_file {
            let text = std::fs::read_to_string(path).with_context(|| format!("--label-file {}", path.display()))?;
            let names: Vec<String> = text.lines().map(str::to_owned).collect();
            if names.len() != classes {
                bail!("--label-file {} has {} names for {classes} classes", path.display(), names.len());
            }
            return Ok(names);
        }
        let folder = self.model.parent().unwrap_or(Path::new(""));
        let names = model.config.label_names(folder)?;
        Ok(names.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect()))
    }

    fn write(&self, record: &mut Record, labels: &[String], logits: &[f32]) -> Result<()> {
        let probabilities = softmax(logits)?;
        let mut order: Vec<usize> = (0..labels.len().min(logits.len())).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        if self.top_k > 0 {
            order.truncate(self.top_k);
        }
        let prediction =
            |class: usize| Prediction { label: labels[class].clone(), score: probabilities[class], extra: Map::new() };
        record.set_predictions(&order.into_iter().map(prediction).collect())
    }
}

fn softmax(logits: &[f32]) -> Result<Vec<f64>> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !largest.is_finite() || logits.iter().any(|logit| logit.is_nan()) {
        bail!("the network's logits are not finite; are its weights whole?");
    }
    let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    Ok(powers.into_iter().map(|power| power / sum).collect())
}
