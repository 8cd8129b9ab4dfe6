//! `dl-finetune classifier`: a network that names what a region or picture shows.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use clap::ValueEnum;
use dl_models::Precision;
use dl_train::classifier::{BatchConfig, Batches, ClassifierTask, ExampleConfig, Examples, Start, StartConfig};
use dl_train::fit::{Event, Files, Log, ModelFile, OptimiserConfig, Plan, Progress, Rule, Why, fit};
use dl_train::schedule::{Decay, Schedule};
use serde_json::{Map, json};

use super::interrupt;

use crate::common::{Common, DeviceArgs, Inputs, Io, Job, Outcome, RegionWarp, WarpArgs, each_record};

/// Train a network to name what a region shows, or a whole picture
///
/// Records with objects and proposals: the classes are background and those of the objects; true boxes and proposals
/// with an IoU of at least 0.5 are positives, the other proposals background. Records with a label and no objects: whole
/// pictures. Boxes are held in memory, pictures are decoded when a batch needs them.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-data from voc VOC2007 --split trainval | dl-propose selective-search \\
    | dl-finetune classifier --init-from imagenet.safetensors --model voc.safetensors --iterations 20000
  dl-data from folder digits \\
    | dl-finetune classifier --arch squeezenet1_1 --width 0.5 --size 64 --lr 0.01 --model digits.safetensors")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write; it is a whole model, also before the end
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Model file to start from; the layer of the class scores is a new one unless the labels are the same
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    init_from: Option<PathBuf>,

    /// Architecture of a network from nothing, or of a file of bare weights
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    arch: Option<String>,

    /// Factor on the architecture's numbers of channels, where it has such an option
    #[arg(long, value_name = "X", value_parser = super::positive, help_heading = "Network")]
    width: Option<f64>,

    /// Side of the network's input in pixels [default: the start's, or 224]
    #[arg(long, value_name = "PIXELS", help_heading = "Network")]
    size: Option<usize>,

    #[command(flatten, next_help_heading = "Network")]
    warp: WarpArgs,

    /// How the weights are stored
    #[arg(long, value_enum, default_value_t = Stored::F32, help_heading = "Network")]
    precision: Stored,

    /// Number of batches
    #[arg(long, value_name = "N", default_value_t = 10_000, help_heading = "Training")]
    iterations: usize,

    /// Examples in a batch
    #[arg(long, value_name = "N", default_value_t = 128, help_heading = "Training")]
    batch: usize,

    /// Share of a batch that shows objects; the rest is background
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, help_heading = "Training")]
    positives: f64,

    /// A proposal with at least this IoU with an object shows the object
    #[arg(long, value_name = "IOU", default_value_t = ExampleConfig::default().positive_iou, help_heading = "Training")]
    positive_iou: f64,

    /// A proposal with less than this IoU with every object shows background
    #[arg(long, value_name = "IOU", default_value_t = ExampleConfig::default().background_iou, help_heading = "Training")]
    background_iou: f64,

    /// Learning rate
    #[arg(long, value_name = "X", default_value_t = 1e-3, value_parser = super::positive, help_heading = "Training")]
    lr: f64,

    /// Iterations at which the rate is divided by ten [default: after 2/3 and 8/9 of them]
    #[arg(long, value_name = "N,N", value_delimiter = ',', help_heading = "Training")]
    lr_steps: Option<Vec<usize>>,

    /// Let the rate fall to 0 along a cosine, in place of the steps
    #[arg(long, conflicts_with = "lr_steps", help_heading = "Training")]
    cosine: bool,

    /// Iterations over which the rate rises to --lr
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    warmup: usize,

    /// Factor on the rate of the layer of the class scores
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = super::positive, help_heading = "Training")]
    head_lr: f64,

    /// Share of the last step that is taken again
    #[arg(long, value_name = "X", default_value_t = 0.9, value_parser = super::not_negative, help_heading = "Training")]
    momentum: f64,

    /// Weight of the squared norm of the weights in the loss
    #[arg(long, value_name = "X", default_value_t = 5e-4, value_parser = super::not_negative, help_heading = "Training")]
    weight_decay: f64,

    /// Shorten gradients whose norm is larger than this [default: 1 for a network from nothing, no limit otherwise]
    #[arg(long, value_name = "NORM", value_parser = super::positive, help_heading = "Training")]
    clip: Option<f64>,

    /// Do not mirror examples: left and right mean something here
    #[arg(long, help_heading = "Training")]
    no_flip: bool,

    /// Write the model file every so many iterations, so that a run that is killed is not lost
    #[arg(long, value_name = "N", default_value_t = 500, help_heading = "Training")]
    checkpoint_every: usize,

    /// Go on from MODEL.last.safetensors, if it is there, to the same weights as if there had been no break
    #[arg(long, help_heading = "Training")]
    resume: bool,

    /// Write loss, accuracy and rate of every iteration to this file, one JSON object a line
    #[arg(long, value_name = "FILE", help_heading = "Training")]
    log: Option<PathBuf>,

    /// Megabytes of decoded pictures to keep
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    cache: usize,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// How the weights are stored.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Stored {
    /// Single precision
    F32,
    /// Half precision: half the file
    F16,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(self.iterations > 0 && self.batch > 0, "--iterations and --batch must be above 0");
        ensure!((0.0..=1.0).contains(&self.positives), "--positives is a share, from 0 to 1");
        let device = self.device.open()?;
        let mut log = self.log.as_deref().map(|path| Log::open(path, self.resume)).transpose()?;

        let config = ExampleConfig { positive_iou: self.positive_iou, background_iou: self.background_iou };
        let mut examples = Examples::new(config);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| examples.push(&record))?;
        let examples = examples.finish()?;
        let messages = &io.messages;
        messages.note(format_args!(
            "{} pictures, {} examples of {} classes, {} of background",
            examples.pictures().len(),
            examples.positives().len(),
            examples.classes(),
            examples.background().len()
        ));

        let start = StartConfig {
            init_from: self.init_from.clone(),
            architecture: self.arch.clone(),
            width: self.width,
            size: self.size,
            seed: self.common.seed,
        };
        let Start { model, parameters, drawn } = Start::new(&start, examples.labels(), &device)?;
        if !drawn.is_empty() {
            messages.note(format_args!("drawn anew: {}", drawn.join(", ")));
        }
        let mut config = model.config.clone();
        let warp = self.warp.resolve(&config)?;
        config.data_digest = Some(examples.digest().to_string());

        let batch = BatchConfig {
            size: self.batch,
            positive_share: self.positives,
            warp: warp.rule,
            padding: warp.pad,
            flip: !self.no_flip,
            cache_bytes: self.cache.saturating_mul(1_000_000),
            seed: self.common.seed,
        };
        let broken = AtomicUsize::new(0);
        let report = |error: &str| {
            broken.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let preprocessing = config.preprocessing.clone();
        let batches = Batches::new(&examples, &preprocessing, &batch, &report);
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.training = self.figures(warp, progress);
            let tensors = parameters.tensors();
            Ok(ModelFile { config: serde_json::to_value(&config)?, tensors, precision: self.precision.into() })
        };
        let head = model.architecture.head;
        let epoch = batches.epoch();
        let task = ClassifierTask {
            model: &model,
            parameters: &parameters,
            batches,
            factor: &|name| if name.starts_with(head) { self.head_lr } else { 1.0 },
            weight_decay: self.weight_decay,
            seed: self.common.seed,
            device: &device,
            file: &file,
        };
        let rule = Rule::Sgd { momentum: self.momentum };
        let plan = Plan {
            schedule: self.schedule(),
            optimisers: vec![OptimiserConfig { rule, largest_gradient: self.clip() }],
            epoch,
            validate_every: 0,
            save_every: self.checkpoint_every,
            patience: None,
            files: Files::of(&self.model),
            settings: Map::new(),
            resume: self.resume,
        };
        messages.progress_to(self.iterations as u64, "batches");
        let mut means = Progress::default();
        let ended = fit(&task, &plan, interrupt::flag()?, |event| {
            match &event {
                Event::Resumed(progress) => {
                    means = (*progress).clone();
                    messages.bar().set_position(progress.step as u64);
                    messages.note(format_args!("going on after {} batches", progress.step));
                }
                Event::Step { figures, .. } => {
                    messages.bar().inc(1);
                    let words = figures.iter().map(|(name, value)| format!("{name} {value:.3}"));
                    messages.bar().set_message(words.collect::<Vec<_>>().join(", "));
                }
                _ => (),
            }
            log.as_mut().map_or(Ok(()), |log| log.write(&event))
        })?;
        let (loss, accuracy) = (ended.progress.mean("loss"), ended.progress.mean("accuracy"));
        let model = self.model.display();
        messages.note(format_args!("loss {loss:.4}, accuracy {accuracy:.4} over the last batches; written to {model}"));
        if ended.why == Why::Interrupted {
            messages.note(format_args!("interrupted after {} batches; --resume goes on", ended.progress.step));
            return Ok(Outcome::Interrupted);
        }
        Ok(Outcome::of(tally.failed + broken.into_inner()))
    }

    /// Without normalisation layers, a network whose weights are drawn dies of its first large gradient now and then.
    fn clip(&self) -> Option<f64> {
        self.clip.or(if self.init_from.is_none() { Some(1.0) } else { None })
    }

    fn schedule(&self) -> Schedule {
        let decay = if self.cosine {
            Decay::Cosine
        } else {
            let usual = vec![self.iterations * 2 / 3, self.iterations * 8 / 9];
            Decay::Steps { at: self.lr_steps.clone().unwrap_or(usual), factor: 0.1 }
        };
        Schedule { rate: self.lr, warmup: self.warmup, decay, iterations: self.iterations }
    }

    /// What the model file says of its training.
    fn figures(&self, warp: RegionWarp, progress: &Progress) -> Map<String, serde_json::Value> {
        let figures = json!({
            "iterations": progress.step,
            "batch": self.batch,
            "positives": self.positives,
            "lr": self.lr,
            "decay": if self.cosine { json!("cosine") } else { json!(self.lr_steps) },
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "clip": self.clip(),
            "flip": !self.no_flip,
            "warp": format!("{:?}", warp.rule).to_lowercase(),
            "pad": warp.pad,
            "loss": progress.mean("loss"),
            "accuracy": progress.mean("accuracy"),
        });
        figures.as_object().cloned().unwrap_or_default()
    }
}

impl From<Stored> for Precision {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::F32 => Self::F32,
            Stored::F16 => Self::F16,
        }
    }
}
