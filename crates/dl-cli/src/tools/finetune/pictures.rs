//! What trainings on whole images share, whatever they learn from them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use dl_models::{LOGITS, LayerName, ModelConfig, Precision, Preprocessing};
use dl_record::Record;
use dl_train::classifier::{
    AugmentConfig, BatchConfig, Batches, ExampleConfig, Examples, Freeze, Kind, StartingPoint, Truth,
};
use dl_train::fit::{Progress, TrainedModel};
use dl_train::method::{Method, NetworkTask, Trainee};
use dl_vision::picture::warp::Warp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::dtype::DtypeName;
use super::network::NetworkArgs;
use super::no_record;
use super::training::{ExamplesOf, Situation, TrainingArgs, settings_of};
use super::views::ViewArgs;
use crate::common::{
    Common, DeviceArgs, ImageArgs, Inputs, Io, Job, Messages, Outcome, Tally, each_record, figures_of_means, numbers,
    object,
};

/// Options of trainings on whole images.
#[derive(clap::Args, Serialize, Debug)]
pub(super) struct PictureArgs {
    #[command(flatten)]
    #[serde(skip)]
    pub(super) inputs: Inputs,

    /// Model file to write; it is a complete model at any time during training
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(super) output: PathBuf,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) network: NetworkArgs,

    /// Number type of the stored weights
    #[arg(long, value_enum, default_value_t = DtypeName::F32, help_heading = "Network")]
    #[serde(skip)]
    dtype: DtypeName,

    /// Probability of dropout, if the architecture has dropout [default: the architecture's]
    #[arg(long, value_name = "P", value_parser = numbers::probability, help_heading = "Training")]
    dropout: Option<f64>,

    /// Megabytes of memory for decoded images
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    #[serde(skip)]
    cache: usize,

    #[command(flatten)]
    #[serde(skip)]
    pub(super) training: TrainingArgs,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) views: ViewArgs,

    #[command(flatten)]
    #[serde(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    #[serde(skip)]
    pub(super) device: DeviceArgs,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) common: Common,
}

/// What a training works with besides its examples.
pub(super) struct Pictures<'a> {
    pub(super) args: &'a PictureArgs,
    pub(super) device: Device,
    pub(super) messages: &'a Messages,
    /// Images that could not be decoded.
    failed: AtomicUsize,
}

/// What is said about a training in its model file, and what a resumed run must share.
pub(super) struct About {
    /// Steps per epoch.
    pub(super) epoch: usize,
    pub(super) validates: bool,
    /// All options, and facts such as digests.
    pub(super) settings: Map<String, Value>,
    /// For the model file.
    pub(super) figures: Value,
}

impl PictureArgs {
    /// Fails before anything is read when options or files do not fit.
    pub(super) fn check(&self, val: Option<&Path>, validates: bool, others: &[Option<&Path>]) -> Result<()> {
        self.training.check(validates)?;
        ensure!(self.views.mixup == 0.0, "--mixup mixes labels; only dl-finetune classifier has it");
        let others: Vec<Option<&Path>> = [self.network.file(), val].into_iter().chain(others.iter().copied()).collect();
        self.training.check_files(&self.output, &self.inputs, &others)
    }

    /// `--dropout`.
    pub(super) fn dropout(&self) -> Option<f64> {
        self.dropout
    }

    /// `--dtype`.
    pub(super) fn precision(&self) -> Precision {
        self.dtype.into()
    }

    /// The augmentation of training images.
    pub(super) fn augment(&self) -> Result<AugmentConfig> {
        self.views.config()
    }

    /// Whether all weights are drawn.
    pub(super) fn is_from_scratch(&self) -> bool {
        self.network.file().is_none()
    }

    /// Whole images, with a class for each as `truth` says.
    pub(super) fn examples(truth: Truth) -> Examples {
        Examples::new(ExampleConfig { kind: Some(Kind::Images), truth, ..ExampleConfig::default() })
    }

    /// Passes all records to `take`.
    pub(super) fn read(&self, io: &mut Io, mut take: impl FnMut(&Record) -> Result<()>) -> Result<Tally> {
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| take(&record))?;
        if tally.good == 0 {
            return Err(no_record(&tally));
        }
        Ok(tally)
    }

    /// The same for the records of a file that `option` names.
    pub(super) fn read_file(
        &self,
        io: &mut Io,
        (option, path): (&str, &Path),
        mut take: impl FnMut(&Record) -> Result<()>,
    ) -> Result<Tally> {
        let inputs = Inputs { inputs: vec![path.display().to_string()] };
        let tally = each_record(io, Job { common: &self.common, inputs: &inputs }, |record, _| take(&record))?;
        ensure!(tally.good > 0, "{option} {}: no record to use", path.display());
        Ok(tally)
    }

    /// Labeled validation images of the classes `labels`.
    pub(super) fn validation(&self, io: &mut Io, path: &Path, labels: &[String]) -> Result<Examples> {
        let mut examples = Self::examples(Truth::Labels);
        self.read_file(io, ("--val", path), |record| examples.push(record))?;
        examples.with_classes(labels.to_vec()).with_context(|| format!("--val {}", path.display()))
    }

    /// The network to train, with a head for `labels`.
    pub(super) fn start(&self, labels: &[String], device: &Device, messages: &Messages) -> Result<StartingPoint> {
        let config = self.network.start(Freeze::Nothing, false, self.common.seed);
        let start = StartingPoint::new(&config, labels, device)?;
        self.network.report(&start, messages);
        Ok(start)
    }
}

impl<'a> Pictures<'a> {
    pub(super) fn new(args: &'a PictureArgs, messages: &'a Messages) -> Result<Self> {
        Ok(Self { args, device: args.device.open()?, messages, failed: AtomicUsize::new(0) })
    }

    /// Reports an image that cannot be decoded.
    pub(super) fn broken(&self) -> impl Fn(&str) + Sync {
        |error| {
            self.failed.fetch_add(1, Ordering::Relaxed);
            self.messages.error(error);
        }
    }

    /// Batches of `size` images for a network with this preprocessing.
    pub(super) fn batches<'b>(
        &self,
        examples: &'b Examples,
        preprocessing: &'b Preprocessing,
        (size, augment): (usize, AugmentConfig),
        broken: &'b (dyn Fn(&str) + Sync),
    ) -> Result<Batches<'b>> {
        numbers::check_batch(size, preprocessing.size)?;
        let config = BatchConfig {
            size,
            positive_fraction: 1.0,
            warp: Warp::default(),
            padding: 0,
            augment,
            mixup: 0.0,
            truncated: self.args.image.truncated(),
            cache_bytes: self.args.cache.saturating_mul(1_000_000),
            seed: self.args.common.seed,
        };
        Ok(Batches::new(examples, preprocessing, config, broken))
    }

    /// What a training is like, from which its defaults follow.
    pub(super) fn situation(&self, start: &StartingPoint, epoch: usize, validates: bool) -> Situation {
        let batch_norms = start.parameters.tensors().keys().any(|name| name.ends_with(".running_mean"));
        let examples = ExamplesOf::Images { batch_norms };
        Situation { epoch, from_scratch: self.args.is_from_scratch(), head_only: false, validates, examples }
    }

    /// Everything that shapes a training: the options, the start, and `facts`.
    pub(super) fn settings(
        &self,
        options: &impl Serialize,
        start: &StartingPoint,
        facts: Value,
    ) -> Result<Map<String, Value>> {
        let config = &start.model.config;
        let mut settings = settings_of(options)?;
        settings.extend(object(json!({
            "labels": config.labels,
            "architecture": config.architecture,
            "options": config.options,
            "preprocessing": config.preprocessing,
            "init_from": self.args.network.digest()?,
        })));
        settings.extend(object(facts));
        Ok(settings)
    }

    /// Trains `start` by `method` and writes the model; `finish` completes its config.
    pub(super) fn train<M: Method>(
        &self,
        start: &StartingPoint,
        method: M,
        about: About,
        finish: impl Fn(&mut ModelConfig) + Sync,
    ) -> Result<Option<Outcome>> {
        let args = self.args;
        let situation = self.situation(start, about.epoch, about.validates);
        let file = |progress: &Progress| {
            let mut config = start.model.config.clone();
            let training = &mut config.provenance.training;
            training.extend(args.training.figures(&situation)?);
            training.extend(object(about.figures.clone()));
            training.insert("iterations".to_owned(), json!(progress.step));
            training.extend(figures_of_means(&progress.means));
            if let Some(validation) = &progress.validation {
                training.insert("validation".to_owned(), serde_json::to_value(validation)?);
            }
            finish(&mut config);
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: start.parameters.tensors(),
                texts: Vec::new(),
                precision: args.dtype.into(),
            })
        };
        let task = NetworkTask {
            network: Trainee {
                model: &start.model,
                dropout: args.dropout,
                seed: args.common.seed,
                device: &self.device,
            },
            parameters: &start.parameters,
            method,
            factor: Box::new(|_| 1.0),
            factor_beside: if args.is_from_scratch() { 1.0 } else { BESIDE },
            weight_decay: args.training.weight_decay,
            file: Box::new(file),
        };
        args.training.run(&task, &args.output, &situation, about.settings, self.messages)
    }

    /// The outcome of a run that was not interrupted.
    pub(super) fn outcome(&self, failed: usize) -> Outcome {
        Outcome::of(failed + self.failed.load(Ordering::Relaxed))
    }
}

/// Factor on the learning rate of what is new beside a pretrained network (Ganin et al. 2016 and Long et al. 2018).
const BESIDE: f64 = 10.0;

/// The layer of the class scores.
pub(super) fn scores() -> LayerName {
    LayerName { name: LOGITS.to_owned(), pooled: None }
}
