//! `dl-finetune`: trains classifiers, detectors, language models, linear heads, and the SVMs and box regressors of R-CNN.

mod adversarial;
mod attributes;
mod bbox;
mod boost;
mod classifier;
mod contrast;
mod detector;
mod disentangle;
mod distill;
mod dtype;
mod heads;
mod language;
mod linear;
mod lm;
mod metric;
mod multitask;
mod neighbors;
mod network;
mod pictures;
mod prototypes;
mod prototypical;
mod svm;
mod table;
mod texts;
mod training;
mod validation;
mod views;

use anyhow::{Error, Result, anyhow, ensure};
use clap::{Parser, Subcommand};
use dl_record::Record;
use dl_train::intake::Taken;

use super::gan_train::help;
use crate::common::{Common, Io, Job, Outcome, Tally, Tool, each_record};

/// Train models on records
#[derive(Parser, Debug)]
#[command(
    name = "dl-finetune",
    version,
    after_help = "Examples:
  dl-finetune classifier --init-from imagenet.safetensors \\
    --output network.safetensors < proposals.jsonl
  dl-finetune detector --arch ssd_mobilenet_v1 \\
    --init-from imagenet.safetensors --output detector.safetensors \\
    < train.jsonl
  dl-embed --model imagenet.safetensors --layer avgpool pets.jsonl \\
    | dl-finetune linear --output pets-head.safetensors
  dl-finetune lm --init-from gpt2.safetensors --output poems.safetensors \\
    < poems.jsonl
  dl-finetune svm --output heads.safetensors < embedded.jsonl
  dl-finetune bbox --output heads.safetensors < embedded.jsonl",
    mut_subcommand("disentangle", help::arranged)
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    // Boxed because it has many options.
    Classifier(Box<classifier::Args>),
    Detector(Box<detector::Args>),
    Linear(linear::Args),
    Neighbors(neighbors::Args),
    Prototypes(prototypes::Args),
    Attributes(attributes::Args),
    Boost(boost::Args),
    Adversarial(Box<adversarial::Args>),
    Disentangle(Box<disentangle::Args>),
    Distill(Box<distill::Args>),
    Multitask(Box<multitask::Args>),
    Contrast(Box<contrast::Args>),
    Prototypical(Box<prototypical::Args>),
    Lm(Box<lm::Args>),
    Svm(svm::Args),
    Bbox(bbox::Args),
}

impl Tool for Args {
    const NAME: &'static str = "dl-finetune";

    fn common(&self) -> &Common {
        match &self.command {
            Command::Classifier(args) => &args.common,
            Command::Detector(args) => &args.common,
            Command::Linear(args) => &args.head.common,
            Command::Neighbors(args) => &args.head.common,
            Command::Prototypes(args) => &args.head.common,
            Command::Attributes(args) => &args.head.common,
            Command::Boost(args) => &args.head.common,
            Command::Adversarial(args) => args.common(),
            Command::Disentangle(args) => &args.training.common,
            Command::Distill(args) => args.common(),
            Command::Multitask(args) => &args.pictures.common,
            Command::Contrast(args) => &args.pictures.common,
            Command::Prototypical(args) => &args.pictures.common,
            Command::Lm(args) => &args.common,
            Command::Svm(args) => &args.common,
            Command::Bbox(args) => &args.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.command {
            Command::Classifier(args) => args.run(io),
            Command::Detector(args) => args.run(io),
            Command::Linear(args) => args.run(io),
            Command::Neighbors(args) => args.run(io),
            Command::Prototypes(args) => args.run(io),
            Command::Attributes(args) => args.run(io),
            Command::Boost(args) => args.run(io),
            Command::Adversarial(args) => args.run(io),
            Command::Disentangle(args) => args.run(io),
            Command::Distill(args) => args.run(io),
            Command::Multitask(args) => args.run(io),
            Command::Contrast(args) => args.run(io),
            Command::Prototypical(args) => args.run(io),
            Command::Lm(args) => args.run(io),
            Command::Svm(args) => args.run(io),
            Command::Bbox(args) => args.run(io),
        }
    }
}

/// The error of a stream without a record to train on.
fn no_record(tally: &Tally) -> Error {
    match (tally.failed, tally.carried) {
        (0, 0) => anyhow!("no record to train on: the input has no records"),
        (failed, carried) => anyhow!("no record to train on ({failed} failed here, {carried} in earlier programs)"),
    }
}

/// A trainer on the features of regions.
trait Trainer {
    /// Reads a record; a failure is the record's alone.
    fn take(&mut self, record: &Record) -> Result<Taken>;
    /// Stores it; a failure, such as a full disk, ends the run.
    fn add(&mut self, taken: &Taken) -> Result<()>;
}

/// Fails when features come from another network than those of the other part of the model file.
fn check_other_part(own: Option<&str>, other: Option<&str>) -> Result<()> {
    if let (Some(own), Some(other)) = (own, other) {
        ensure!(
            own == other,
            "the features were computed by \"{own}\", but the other part of the --output file was trained on those of \
             \"{other}\", and detection needs both from one network; use that network, or name another --output"
        );
    }
    Ok(())
}

/// Passes all good records to a trainer. `other` is the network of the part of the model file that is kept.
fn train_all(io: &mut Io, job: Job, trainer: &mut impl Trainer, other: Option<&str>) -> Result<Tally> {
    let mut fatal = None;
    let tally = each_record(io, job, |record, _| {
        if fatal.is_none() {
            let taken = trainer.take(&record)?;
            let own = taken.tensor.network.as_deref();
            fatal = check_other_part(own, other).and_then(|()| trainer.add(&taken)).err();
        }
        Ok(())
    })?;
    if let Some(error) = fatal {
        return Err(error);
    }
    if tally.good == 0 {
        return Err(no_record(&tally));
    }
    if tally.carried > 0 {
        io.messages.note(format_args!("{} records that failed in an earlier program were skipped", tally.carried));
    }
    Ok(tally)
}
