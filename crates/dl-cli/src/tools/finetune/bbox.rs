//! `dl-finetune bbox`: R-CNN's box regressors.

use std::path::PathBuf;

use anyhow::Result;
use dl_models::heads::rcnn::RcnnHeads;
use dl_record::Record;
use dl_train::box_regression::{BoxRegressionConfig, BoxTrainer};
use dl_train::intake::Taken;

use super::{Trainer, heads, train_all};
use crate::common::{Common, Inputs, Io, Job, Outcome, counted, model_files, numbers};

/// Train one box regressor per class, from the features of a proposal to the box of its object
///
/// Fits a ridge regression to the proposals that overlap an object, with whitened targets. Objects marked difficult or
/// crowd are ignored. The stream may be larger than memory: the features of those proposals are spooled to a temporary
/// file.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-data from voc VOC2007 --split trainval | dl-propose selective-search \\
    | dl-embed --model alexnet.safetensors --layer pool5 --with-objects \\
      --features-dir features \\
    | dl-finetune bbox --output voc-rcnn.safetensors")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write; the part written by dl-finetune svm is kept, and must come from features of the same
    /// network
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Replace an existing bbox part of the model file
    #[arg(long)]
    force: bool,

    /// Layer to train on [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

    /// Train on proposals with more than this IoU with an object
    #[arg(long, value_name = "IOU", default_value_t = BoxRegressionConfig::default().min_iou, value_parser = numbers::overlap)]
    min_iou: f64,

    /// Regularization strength
    #[arg(long, value_name = "X", default_value_t = BoxRegressionConfig::default().lambda, value_parser = numbers::positive)]
    lambda: f64,

    /// Folder for the temporary file [default: the system's]
    #[arg(long, value_name = "DIR")]
    spool_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Trainer for BoxTrainer {
    fn take(&mut self, record: &Record) -> Result<Taken> {
        self.take(record)
    }

    fn add(&mut self, taken: &Taken) -> Result<()> {
        self.add(taken)
    }
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        model_files::check(&[("--output", &self.output)], &self.inputs, &[])?;
        let other = heads::check(&self.output, "bbox", self.force)?;
        let mut trainer = BoxTrainer::new(BoxRegressionConfig {
            min_iou: self.min_iou,
            lambda: self.lambda,
            layer: self.layer.clone(),
            spool_dir: self.spool_dir.clone(),
        });
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = train_all(io, job, &mut trainer, other.as_deref())?;
        let messages = &io.messages;
        messages.progress_to(trainer.classes() as u64, "classes");
        let bbox = trainer.finish(|label| {
            messages.bar().inc(1);
            messages.detail(format_args!("{label}: trained"));
        })?;
        let classes = bbox.labels.len();
        RcnnHeads::update(&self.output, |heads| heads.bbox = Some(bbox))?;
        messages.note(format_args!("{} written to {}", counted(classes, "box regressor"), self.output.display()));
        Ok(Outcome::of(tally.failed))
    }
}
