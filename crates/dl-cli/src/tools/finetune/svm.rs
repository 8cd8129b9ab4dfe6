//! `dl-finetune svm`: R-CNN's detectors.

use std::path::PathBuf;

use anyhow::Result;
use dl_models::heads::rcnn::RcnnHeads;
use dl_record::Record;
use dl_train::intake::Taken;
use dl_train::svm::{MiningConfig, SvmTrainer};
use dl_transfer::linear::svm::SvmConfig;

use super::{Trainer, heads, train_all};
use crate::common::{Common, Inputs, Io, Job, Outcome, counted, model_files, numbers};

/// Train one linear SVM per class on the features of regions, with hard-negative mining
///
/// Positives are the features of the ground-truth boxes, which dl-embed --with-objects puts before the proposals;
/// negatives are proposals that hardly overlap an object of the class. Objects marked difficult or crowd are neither.
/// The stream may be larger than memory: features inside the records are spooled to a temporary file; features in side
/// files are reread from those files.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-data from voc VOC2007 --split trainval | dl-propose selective-search \\
    | dl-embed --model alexnet.safetensors --layer fc7 --with-objects \\
      --features-dir features \\
    | dl-finetune svm --output voc-rcnn.safetensors")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write; the part written by dl-finetune bbox is kept, and must come from features of the same
    /// network
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Replace an existing svm part of the model file
    #[arg(long)]
    force: bool,

    /// Layer to train on [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

    /// C, the weight of the loss of a negative: the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = SvmConfig::default().cost, value_parser = numbers::positive)]
    cost: f64,

    /// Factor on C for positives
    #[arg(long, value_name = "X", default_value_t = SvmConfig::default().positive_weight, value_parser = numbers::positive)]
    positive_weight: f64,

    /// Value of the constant feature whose weight is the bias
    #[arg(long, value_name = "X", default_value_t = SvmConfig::default().bias, value_parser = numbers::not_negative)]
    bias: f64,

    /// Stop the solver when the projected gradients differ by less than this
    #[arg(long, value_name = "X", default_value_t = SvmConfig::default().tolerance, value_parser = numbers::positive)]
    tolerance: f64,

    /// Proposals with less than this IoU with every object of the class are negatives
    #[arg(long, value_name = "IOU", default_value_t = MiningConfig::default().negative_iou, value_parser = numbers::overlap)]
    negative_iou: f64,

    /// Add negatives that score above this to the training set of a class
    #[arg(long, value_name = "SCORE", default_value_t = MiningConfig::default().hard_score, value_parser = numbers::finite, allow_negative_numbers = true)]
    hard_score: f64,

    /// Drop negatives that score below this after training
    #[arg(long, value_name = "SCORE", default_value_t = MiningConfig::default().easy_score, value_parser = numbers::finite, allow_negative_numbers = true)]
    easy_score: f64,

    /// Retrain a class after N new negatives
    #[arg(long, value_name = "N", default_value_t = MiningConfig::default().retrain_after)]
    retrain_after: usize,

    /// Passes over the records to mine for negatives
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::count)]
    passes: usize,

    /// Folder for the temporary file [default: the system's]
    #[arg(long, value_name = "DIR")]
    spool_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Trainer for SvmTrainer {
    fn take(&mut self, record: &Record) -> Result<Taken> {
        self.take(record)
    }

    fn add(&mut self, taken: &Taken) -> Result<()> {
        self.add(taken)
    }
}

impl Args {
    fn config(&self) -> MiningConfig {
        MiningConfig {
            svm: SvmConfig {
                cost: self.cost,
                positive_weight: self.positive_weight,
                bias: self.bias,
                tolerance: self.tolerance,
                ..SvmConfig::default()
            },
            negative_iou: self.negative_iou,
            hard_score: self.hard_score,
            easy_score: self.easy_score,
            retrain_after: self.retrain_after,
            passes: self.passes,
            seed: self.common.seed,
            layer: self.layer.clone(),
            spool_dir: self.spool_dir.clone(),
        }
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        model_files::check(&[("--output", &self.output)], &self.inputs, &[])?;
        let other = heads::check(&self.output, "svm", self.force)?;
        let mut trainer = SvmTrainer::new(self.config())?;
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = train_all(io, job, &mut trainer, other.as_deref())?;
        let messages = &io.messages;
        let missing = trainer.objects_without_features();
        if missing > 0 {
            messages.note(format_args!("{missing} objects have no features; dl-embed --with-objects adds them"));
        }
        messages.progress_to(trainer.steps() as u64, "records mined");
        let (svm, reports) = trainer.finish(|| messages.bar().inc(1))?;
        for report in &reports {
            messages.detail(format_args!(
                "{}: {} positives, {} negatives kept, trained {} times, objective {:.6}",
                report.label, report.positives, report.negatives, report.trainings, report.objective
            ));
            if !report.converged {
                messages.note(format_args!(
                    "{}: the solver stopped before it reached --tolerance {}",
                    report.label, self.tolerance
                ));
            }
        }
        RcnnHeads::update(&self.output, |heads| heads.svm = Some(svm))?;
        messages.note(format_args!("{} written to {}", counted(reports.len(), "SVM"), self.output.display()));
        Ok(Outcome::of(tally.failed))
    }
}
