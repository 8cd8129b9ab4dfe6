//! `dl-finetune detector`: a network that finds objects in images.

mod options;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use candle_core::Device;
use dl_models::detection::Detector;
use dl_train::data::{Images, Recipe};
use dl_train::detection::{
    BatchConfig, DetectionBatches, DetectionEvaluation, DetectorStart, DetectorTask, Freeze, Placing, SampleConfig,
    Samples, StartedDetector,
};
use dl_train::fit::{Progress, Task, TrainedModel};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::dtype::DtypeName;
use super::no_record;
use super::training::{ExamplesOf, Situation, TrainingArgs, settings_of};
use super::validation::ValidationArgs;
use crate::common::{
    Common, DeviceArgs, ImageArgs, Inputs, Io, Job, Messages, Outcome, RecipeName, Tally, digest, each_record, numbers,
    object,
};
use options::{AugmentName, DefaultBoxesName, FreezeTo, ResizeName, named_value};

/// Train a network to find objects in images
///
/// Records have `objects`; an image without objects has an empty list and shows background. The classes are the labels
/// of the objects, sorted by name, or those of --init-from if they are the same. Groups of objects (`crowd`), boxes
/// without an area and boxes outside of their image are dropped and counted. Images are decoded when a batch needs them.
///
/// Networks are the SSDs and the two-stage detectors of dl-model list, and YOLOv1. Fast R-CNN needs records with
/// `proposals`, and networks with masks need a `mask` for each object. A pretrained network for images, such as a
/// MobileNet, becomes the trunk of a new detector; of a pretrained detector, everything is kept but the class scores of
/// other labels.
///
/// The model file holds the best detector by AP if there is validation data, and the last one otherwise. Beside it,
/// STEM.last.safetensors holds the last weights and everything that --resume needs. Ctrl-C saves and exits with status
/// 130. The log has each part of the loss, and AP, AP50 (COCO's) and mAP (VOC's, at an IoU of 0.5) of each validation.
#[derive(clap::Args, Serialize, Debug)]
#[command(after_help = "\
Examples:
  dl-data from voc cells --split train > train.jsonl
  dl-data from voc cells --split val > val.jsonl
  dl-finetune detector --arch ssd_mobilenet_v1 \\
    --init-from imagenet.safetensors --val val.jsonl --ema 0.998 \\
    --log log.jsonl --output cells.safetensors train.jsonl
  dl-draw curves log.jsonl --output curves.png
  dl-detect --model cells.safetensors photo.jpg
  dl-finetune detector --init-from cells.safetensors --freeze blocks.3 \\
    --output more.safetensors < more.jsonl")]
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

    /// Architecture [default: that of the detector in --init-from]; see dl-model list. A .cfg of darknet with a
    /// [detection] is one, too
    #[arg(long, value_name = "NAME|FILE.cfg", help_heading = "Network")]
    arch: Option<String>,

    /// For fast_rcnn, faster_rcnn, mask_rcnn and cascade_rcnn: the network for images below [default: that in
    /// --init-from, or mobilenet_v1]
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    backbone: Option<String>,

    /// Train with the constants of this program, such as pixels, anchors, samples and thresholds [default: those of the
    /// architecture, or of the detector in --init-from]
    #[arg(long, value_enum, value_name = "PROGRAM", help_heading = "Network")]
    recipe: Option<RecipeName>,

    /// Option of a two-stage detector, such as fpn=none, fpn_channels=64, box_hidden=256 or box_nms_thresh=0.3; can be
    /// repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = named_value, help_heading = "Network")]
    option: Vec<(String, Value)>,

    /// Pretrained model to start from: a network for images, which becomes the trunk, or a detector
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    #[serde(skip)]
    init_from: Option<PathBuf>,

    /// Factor on the number of channels, if the architecture supports it
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Network")]
    width_mult: Option<f64>,

    /// Side of the network's input in pixels [default: that of the architecture, or of the detector in --init-from]
    #[arg(long, value_name = "PIXELS", value_parser = numbers::side, help_heading = "Network")]
    size: Option<usize>,

    /// How images of another shape than the input are resized [default: stretch, or that of --init-from]
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Network")]
    resize: Option<ResizeName>,

    /// For a new SSD: the shapes of its default boxes; objects needs the records' `width` and `height`
    #[arg(long, value_enum, value_name = "OF", default_value_t = DefaultBoxesName::Architecture, help_heading = "Network")]
    default_boxes: DefaultBoxesName,

    /// For yolov1 and fast_yolo: cells per side of the grid [default: --size / 64]
    #[arg(long, value_name = "N", value_parser = numbers::cells, help_heading = "Network")]
    grid: Option<usize>,

    /// For yolov1 and fast_yolo: convolutions without batch norms, as in the paper
    #[arg(long, help_heading = "Network")]
    no_batch_norm: bool,

    /// Number type of the stored weights
    #[arg(long, value_enum, default_value_t = DtypeName::F32, help_heading = "Network")]
    #[serde(skip)]
    dtype: DtypeName,

    /// Layers to freeze: none, all (except the heads), or LAYER and all layers before it
    #[arg(long, value_name = "none|all|LAYER", default_value = "none", help_heading = "Transfer")]
    freeze: FreezeTo,

    /// Factor on the learning rate of the heads
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Transfer")]
    head_lr: f64,

    /// Images per batch
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = numbers::batch, help_heading = "Training")]
    batch: usize,

    /// Do not train on difficult objects
    #[arg(long, help_heading = "Training")]
    no_difficult: bool,

    /// Megabytes of memory for decoded images
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    #[serde(skip)]
    cache: usize,

    #[command(flatten)]
    #[serde(skip)]
    training: TrainingArgs,

    /// Augmentation of images, with new random values in each epoch
    #[arg(long, value_enum, value_name = "RECIPE", default_value_t = AugmentName::Jitter, help_heading = "Augmentation")]
    augment: AugmentName,

    /// Do not flip: for objects in which left and right differ, such as arrows
    #[arg(long, help_heading = "Augmentation")]
    no_flip: bool,

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

/// The training and validation samples.
struct Data {
    train: Samples,
    validation: Option<Samples>,
    tally: Tally,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.training.check(self.validation.is_given())?;
        let others = [self.init_from.as_deref(), self.validation.file()];
        self.training.check_files(&self.output, &self.inputs, &others)?;
        let device = self.device.open()?;
        let data = self.read(io)?;
        let messages = &io.messages;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let started = StartedDetector::new(&self.start(), &data.train, &device)?;
        self.report_start(&started, messages);
        let outcome = self.train(&started, &data, &device, messages, &broken)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }

    fn start(&self) -> DetectorStart {
        DetectorStart {
            architecture: self.arch.clone(),
            init_from: self.init_from.clone(),
            width: self.width_mult,
            size: self.size,
            backbone: self.backbone.clone(),
            options: self.option.iter().cloned().collect(),
            recipe: self.recipe.map(Into::into),
            grid: self.grid,
            without_norms: self.no_batch_norm,
            padded: self.resize.map(|resize| resize == ResizeName::Pad),
            own_shapes: self.default_boxes == DefaultBoxesName::Architecture,
            freeze: self.freeze.0.clone(),
            seed: self.common.seed,
        }
    }

    fn read(&self, io: &mut Io) -> Result<Data> {
        let needs = self.start().needs()?;
        let config = SampleConfig { difficult: !self.no_difficult, masks: needs.masks, proposals: needs.proposals };
        let mut train = Samples::new(config);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| train.push(&record))?;
        if tally.good == 0 {
            return Err(no_record(&tally));
        }
        let mut train = train.finish()?;
        let mut validation = None;
        if let Some(fraction) = self.validation.fraction() {
            let (rest, held_out) = train.split(fraction, self.common.seed).context("--val-fraction")?;
            (train, validation) = (rest, Some(held_out));
        }
        if let Some(path) = self.validation.file() {
            let inputs = Inputs { inputs: vec![path.display().to_string()] };
            let mut samples = Samples::new(config);
            each_record(io, Job { common: &self.common, inputs: &inputs }, |record, _| samples.push(&record))?;
            let samples = samples.with_labels(train.labels());
            validation = Some(samples.with_context(|| format!("--val {}", path.display()))?);
        }
        let (images, objects, classes) = (train.samples().len(), train.objects(), train.labels().len());
        let negatives = match train.negatives() {
            0 => String::new(),
            count => format!(", {count} images without objects"),
        };
        io.messages.note(format_args!("{images} images, {objects} objects of {classes} classes{negatives}"));
        if let Some(words) = train.dropped().words() {
            io.messages.note(format_args!("not trained on: {words}"));
        }
        if let Some(validation) = &validation {
            let (images, objects) = (validation.samples().len(), validation.objects());
            io.messages.note(format_args!("{images} validation images, {objects} objects"));
        }
        Ok(Data { train, validation, tally })
    }

    fn report_start(&self, started: &StartedDetector, messages: &Messages) {
        if let Some(path) = &self.init_from {
            started.notes.iter().for_each(|note| messages.note(format_args!("model {}: {note}", path.display())));
        }
        if let Some(fit) = started.fit.as_ref().filter(|fit| !fit.is_whole()) {
            messages.note(fit.report());
        }
        if started.frozen > 0 {
            let all = started.parameters.tensors().len();
            messages.note(format_args!("{} of {all} tensors are frozen", started.frozen));
        }
    }

    fn augment(&self) -> Result<Recipe> {
        self.augment.recipe(self.no_flip).context("--augment")
    }

    fn train(
        &self,
        started: &StartedDetector,
        data: &Data,
        device: &Device,
        messages: &Messages,
        broken: &(dyn Fn(&str) + Sync),
    ) -> Result<Option<Outcome>> {
        let StartedDetector { config, parameters, trainee, build, .. } = started;
        numbers::check_batch(self.batch, config.preprocessing.size)?;
        // For the place of images in the input; its weights are not used.
        let detector: Box<dyn Detector> = build(parameters.fixed(device))?;
        let place = |[width, height]: [u32; 2]| detector.placed(width, height);
        let placing = Placing { preprocessing: detector.preprocessing(), place: &place };
        let batch = BatchConfig {
            size: self.batch,
            augment: self.augment()?,
            truncated: self.image.truncated(),
            cache_bytes: self.cache.saturating_mul(1_000_000),
            masks: trainee.needs_masks(),
            seed: self.common.seed,
        };
        let sources = |samples: &Samples| -> Vec<String> {
            samples.samples().iter().map(|sample| sample.image.clone()).collect()
        };
        let train_images = sources(&data.train);
        let val_images = data.validation.as_ref().map(sources).unwrap_or_default();
        let batches = DetectionBatches::new(&data.train, &train_images, placing, batch, broken);
        let situation = Situation {
            epoch: batches.epoch(),
            from_scratch: self.init_from.is_none(),
            head_only: self.freeze.0 == Freeze::Body,
            validates: data.validation.is_some(),
            examples: ExamplesOf::Detections,
        };
        let validation = data.validation.as_ref().map(|samples| DetectionEvaluation {
            samples,
            images: Images::new(&val_images, batch.truncated, batch.cache_bytes, broken),
            masks: trainee.needs_masks(),
        });
        let figures = self.figures(&situation)?;
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.provenance.data_digest = Some(data.train.digest().to_string());
            config.provenance.training = figures.clone();
            config.provenance.training.insert("iterations".into(), json!(progress.step));
            config.provenance.training.insert("loss".into(), json!(progress.mean("loss")));
            if let Some(validation) = &progress.validation {
                config.provenance.training.insert("validation".into(), serde_json::to_value(validation)?);
            }
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: parameters.tensors(),
                texts: Vec::new(),
                precision: self.dtype.into(),
            })
        };
        let factor = |name: &str| if (started.is_head)(name) { self.head_lr } else { 1.0 };
        let task = DetectorTask {
            trainee: &**trainee,
            parameters,
            build,
            batches,
            validation,
            factor: &factor,
            weight_decay: self.training.weight_decay,
            seed: self.common.seed,
            device,
            file: &file,
        };
        let count: usize = task.parameters(0).iter().map(|weight| weight.var.elem_count()).sum();
        messages.detail(format_args!("{count} trained weights"));
        self.training.run(&task, &self.output, &situation, self.settings(started, data)?, messages)
    }

    /// What the model file holds about its training, besides the progress.
    fn figures(&self, situation: &Situation) -> Result<Map<String, Value>> {
        let mut figures = self.training.figures(situation)?;
        figures.insert("batch".into(), json!(self.batch));
        figures.insert("augment".into(), json!(self.augment.name()));
        figures.insert("flip".into(), json!(self.augment()?.flip > 0.0));
        if self.freeze.0 != Freeze::Nothing {
            figures.insert("freeze".into(), json!(self.freeze));
        }
        Ok(figures)
    }

    /// Everything that shapes the training and is not among the loop's options.
    fn settings(&self, started: &StartedDetector, data: &Data) -> Result<Map<String, Value>> {
        let config = &started.config;
        let init = self.init_from.as_deref().map(|path| -> Result<String> { Ok(digest(path)?.1) });
        let mut settings = settings_of(self)?;
        settings.extend(object(json!({
            "data": data.train.digest().to_string(),
            "val": data.validation.as_ref().map(|samples| samples.digest().to_string()),
            "labels": config.labels,
            "architecture": config.architecture,
            "options": config.options,
            "preprocessing": config.preprocessing,
            "init_from": init.transpose()?,
            "flip": self.augment()?.flip,
        })));
        Ok(settings)
    }
}
