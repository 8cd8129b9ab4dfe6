//! `dl-finetune classifier`: a network that names what a region or picture shows.

mod options;
mod texts;
mod views;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use dl_models::{ModelConfig, checkpoint};
use dl_train::classifier::{
    AugmentConfig, BatchConfig, Batches, ClassifierTask, ExampleConfig, Examples, Head, Judge, LossConfig, Start,
    StartConfig,
};
use dl_train::fit::{ModelFile, Progress, Validation};
use dl_train::linear::{LbfgsConfig, Logistic, LogisticConfig};
use dl_train::transfer::Strategy;
use serde_json::{Map, Value, json};

use super::training::{Shape, TrainingArgs};
use crate::common::{
    Common, DeviceArgs, ImageArgs, Inputs, Io, Job, Messages, Outcome, RegionWarp, Tally, WarpArgs, each_record,
    numbers,
};
use crate::tools::model::digest;
use options::{ClassWeights, FreezeTo, Stored, StrategyName};

/// Train a network to name what a region shows, a whole picture, or a text
///
/// Records with objects and proposals: the classes are background and those of the objects; true boxes and proposals
/// with an IoU of at least 0.5 are positives, the other proposals background. With --crops: the true objects alone, told
/// from each other. Records with a label and no objects: whole pictures. Boxes are held in memory, pictures are decoded
/// when a batch needs them. With --init-from a BERT: records with a text and a label.
///
/// The model file holds the best network where there is a validation, and the last one otherwise. Beside it,
/// STEM.last.safetensors holds the last one, and all that --resume needs. Ctrl-C saves and leaves with status 130.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-data from voc VOC2007 --split trainval | dl-propose selective-search \\
    | dl-finetune classifier --init-from imagenet.safetensors --model voc.safetensors --iterations 20000
  dl-data from folder digits \\
    | dl-finetune classifier --arch squeezenet1_1 --width 0.5 --size 64 --lr 0.01 --model digits.safetensors
  dl-data from folder pets | dl-finetune classifier --init-from imagenet.safetensors --strategy auto \\
    --val-share 0.1 --epochs 20 --model pets.safetensors --log train.jsonl && dl-draw curves train.jsonl --output c.png")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write; it is a whole model, also before the end
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Records to judge by, which are not learned from
    #[arg(long, value_name = "RECORDS.jsonl", conflicts_with = "val_share")]
    val: Option<PathBuf>,

    /// Put this share of the pictures or texts aside, drawn by the seed, to judge by
    #[arg(long, value_name = "SHARE", value_parser = numbers::share)]
    val_share: Option<f64>,

    /// Learn from at most so many examples of each class, drawn by the seed
    #[arg(long, value_name = "N")]
    per_class: Option<usize>,

    /// Learn to tell the true objects of records apart; there is no background, and proposals are passed over
    #[arg(long)]
    crops: bool,

    /// Model file to start from (of a BERT a folder too); the layer of the class scores is a new one unless the labels are the same
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    init_from: Option<PathBuf>,

    /// Architecture of a network from nothing, or of a file of bare weights
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    arch: Option<String>,

    /// Factor on the architecture's numbers of channels, where it has such an option
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Network")]
    width: Option<f64>,

    /// Side of the network's input in pixels [default: the start's, or 224]
    #[arg(long, value_name = "PIXELS", value_parser = numbers::side, help_heading = "Network")]
    size: Option<usize>,

    #[command(flatten, next_help_heading = "Network")]
    warp: WarpArgs,

    /// How the weights are stored
    #[arg(long, value_enum, default_value_t = Stored::F32, help_heading = "Network")]
    precision: Stored,

    /// What learns, of a network that starts from --init-from
    #[arg(long, value_enum, conflicts_with_all = ["freeze", "trainable_layers"], help_heading = "Transfer")]
    strategy: Option<StrategyName>,

    /// Layers that do not learn: none, all (but that of the class scores), or all up to a layer
    #[arg(long, value_name = "none|all|LAYER", conflicts_with = "trainable_layers", help_heading = "Transfer")]
    freeze: Option<FreezeTo>,

    /// Learn the last N stages and what comes after them; a stage makes maps of one size (layer1 to layer4 of a ResNet), or is
    /// a block of a BERT
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    trainable_layers: Option<usize>,

    /// Factor on the rate of the layer of the class scores
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Transfer")]
    head_lr: f64,

    /// Factor on the rate of a layer and of what it is made of; may be given several times
    #[arg(long, value_name = "LAYER=X", value_parser = super::training::named_factor, help_heading = "Transfer")]
    layer_lr: Vec<(String, f64)>,

    /// feature-extraction: C, how much an error counts against large weights
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Transfer")]
    cost: f64,

    /// Examples in a batch, at most 4096
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = numbers::batch, help_heading = "Training")]
    batch: usize,

    /// Share of a batch that shows objects; the rest is background
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = numbers::share, help_heading = "Training")]
    positives: f64,

    /// A proposal with at least this IoU with an object shows the object
    #[arg(long, value_name = "IOU", default_value_t = ExampleConfig::default().positive_iou, value_parser = numbers::overlap, help_heading = "Training")]
    positive_iou: f64,

    /// A proposal with less than this IoU with every object shows background
    #[arg(long, value_name = "IOU", default_value_t = ExampleConfig::default().background_iou, value_parser = numbers::overlap, help_heading = "Training")]
    background_iou: f64,

    /// Share of each label that goes to all classes alike
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::share, help_heading = "Training")]
    label_smoothing: f64,

    /// How much examples of each class count: alike, every class alike, or as a file says ({"LABEL": X, ..})
    #[arg(long, value_name = "none|balanced|FILE.json", default_value = "none", help_heading = "Training")]
    class_weights: ClassWeights,

    /// Probability of dropout, where the architecture has it [default: the architecture's]
    #[arg(long, value_name = "P", value_parser = numbers::probability, help_heading = "Training")]
    dropout: Option<f64>,

    /// Megabytes of decoded pictures to keep, and of features of frozen layers that nothing random stands in
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    cache: usize,

    #[command(flatten)]
    training: TrainingArgs,

    #[command(flatten)]
    views: views::ViewArgs,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// What is learned from, and what is judged by.
struct Data {
    learned: Examples,
    judged: Option<Examples>,
    tally: Tally,
}

/// Examples of each class that `--strategy auto` looks at.
const SAMPLE: usize = 50;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(self.label_smoothing < 1.0, "--label-smoothing must be below 1");
        ensure!(self.per_class != Some(0), "--per-class must be above 0");
        self.training.check(self.val.is_some() || self.val_share.is_some())?;
        if let Some(strategy) = self.strategy {
            ensure!(
                self.init_from.is_some() || strategy == StrategyName::Scratch,
                "--strategy needs pretrained weights: give --init-from"
            );
        }
        let others = [self.init_from.as_deref(), self.val.as_deref()];
        self.training.check_files(&self.model, &self.inputs, &others)?;
        if let Some(path) = self.init_from.as_deref().filter(|_| self.arch.is_none())
            && texts::reads_texts(path)?
        {
            return texts::run(self, path, io);
        }
        let device = self.device.open()?;
        let data = self.read(io)?;
        let messages = &io.messages;
        let broken = AtomicUsize::new(0);
        let report = |error: &str| {
            broken.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let strategy = self.chosen(&data.learned, &device, messages, &report)?;
        let start = Start::new(&self.start(strategy), data.learned.labels(), &device)?;
        self.tell(&start, messages);
        let interrupted = if strategy == Some(Strategy::FeatureExtraction) {
            self.extract(&start, &data, &device, messages, &report)?;
            None
        } else {
            self.descend(&start, &data, strategy, &device, messages, &report)?
        };
        Ok(interrupted.unwrap_or_else(|| Outcome::of(data.tally.failed + broken.load(Ordering::Relaxed))))
    }

    fn read(&self, io: &mut Io) -> Result<Data> {
        let config =
            ExampleConfig { positive_iou: self.positive_iou, background_iou: self.background_iou, crops: self.crops };
        let mut learned = Examples::new(config);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| learned.push(&record))?;
        let mut learned = learned.finish()?;
        let mut judged = None;
        if let Some(share) = self.val_share {
            let (rest, aside) = learned.split(share, self.common.seed).context("--val-share")?;
            (learned, judged) = (rest, Some(aside));
        }
        if let Some(path) = &self.val {
            let inputs = Inputs { inputs: vec![path.display().to_string()] };
            let mut examples = Examples::new(config);
            each_record(io, Job { common: &self.common, inputs: &inputs }, |record, _| examples.push(&record))?;
            judged = Some(examples.classes_of(&learned).with_context(|| format!("--val {}", path.display()))?);
        }
        if let Some(count) = self.per_class {
            learned.keep_per_class(count, self.common.seed);
        }
        io.messages.note(format_args!(
            "{} pictures, {} examples of {} classes, {} of background",
            learned.pictures().len(),
            learned.positives().len(),
            learned.classes(),
            learned.background().len()
        ));
        if let Some(judged) = &judged {
            io.messages.note(format_args!(
                "judged by {} other examples",
                judged.positives().len() + judged.background().len()
            ));
        }
        Ok(Data { learned, judged, tally })
    }

    fn tell(&self, start: &Start, messages: &Messages) {
        if let (Some(note), Some(path)) = (&start.model.note, &self.init_from) {
            messages.note(format_args!("model {}: {note}", path.display()));
        }
        if let Some(fit) = start.fit.as_ref().filter(|fit| !fit.is_whole()) {
            messages.note(fit.report());
        }
        if start.frozen > 0 {
            let all = start.parameters.tensors().len();
            messages.note(format_args!("{} of {all} weights do not learn", start.frozen));
        }
    }

    fn batch_config(&self, config: &ModelConfig, augment: AugmentConfig, mixup: f64) -> Result<BatchConfig> {
        numbers::check_batch(self.batch, config.preprocessing.size)?;
        let warp = self.warp.resolve(config)?;
        Ok(BatchConfig {
            size: self.batch,
            positive_share: self.positives,
            warp: warp.rule,
            padding: warp.pad,
            augment,
            mixup,
            truncated: self.image.truncated(),
            cache_bytes: self.cache.saturating_mul(1_000_000),
            seed: self.common.seed,
        })
    }

    /// The strategy that was asked for, or that the data suggest.
    fn chosen(
        &self,
        examples: &Examples,
        device: &Device,
        messages: &Messages,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<Option<Strategy>> {
        let Some(name) = self.strategy else { return Ok(None) };
        let StrategyName::Auto = name else { return Ok(name.strategy()) };
        let start = Start::new(&self.start(Some(Strategy::FeatureExtraction)), examples.labels(), device)?;
        let config = self.batch_config(&start.model.config, AugmentConfig::default(), 0.0)?;
        let batches = Batches::new(examples, &start.model.config.preprocessing, &config, report);
        let head = Head::new(&start.model, &start.parameters)?;
        let rows = head.features(&batches, SAMPLE, |_| ())?;
        let counts = examples.counts();
        let least = counts.iter().copied().filter(|count| *count > 0).min().unwrap_or_default();
        let finding = rows.finding(least, examples.labels().len())?;
        messages.note(finding.reasons());
        Ok(Some(finding.strategy()))
    }

    fn start(&self, strategy: Option<Strategy>) -> StartConfig {
        StartConfig {
            init_from: self.init_from.clone(),
            architecture: self.arch.clone(),
            width: self.width,
            size: self.size,
            freeze: options::freeze(strategy, self.freeze.as_ref(), self.trainable_layers),
            from_scratch: strategy == Some(Strategy::Scratch),
            seed: self.common.seed,
        }
    }

    /// Feature extraction: the head is a logistic regression.
    fn extract(
        &self,
        start: &Start,
        data: &Data,
        device: &Device,
        messages: &Messages,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<()> {
        if self.views.asked() || self.views.mixup > 0.0 {
            messages.note("feature-extraction learns from each example as it is: no augmentation");
        }
        let Start { model, parameters, .. } = start;
        let config = self.batch_config(&model.config, AugmentConfig::default(), 0.0)?;
        let preprocessing = &model.config.preprocessing;
        let head = Head::new(model, parameters)?;
        let batches = Batches::new(&data.learned, preprocessing, &config, report);
        let count = data.learned.positives().len() + data.learned.background().len();
        messages.progress_to(count as u64, "examples");
        let rows = head.features(&batches, usize::MAX, |count| messages.bar().inc(count as u64))?;
        let logistic = self.logistic(self.class_weights.weights(&data.learned)?);
        let fitted = head.fit(&rows, &logistic)?;
        let judge = |examples: &Examples| -> Result<_> {
            let batches = Batches::new(examples, preprocessing, &config, report);
            Judge { model, batches: &batches, device }.judge()
        };
        let learned = judge(&data.learned)?;
        let judged = data.judged.as_ref().map(judge).transpose()?;
        let progress = Self::extracted(&fitted, &learned, judged);
        let mut config = Self::described(start, data);
        let warp = self.words(self.warp.resolve(&model.config)?);
        let figures = json!({
            "iterations": fitted.iterations,
            "cost": self.cost,
            "layer": head.layer.to_string(),
            "warp": warp["warp"],
            "pad": warp["pad"],
            "loss": learned.loss,
            "accuracy": learned.score,
        });
        config.training = figures.as_object().cloned().unwrap_or_default();
        self.add_choices(&mut config, data, Some(Strategy::FeatureExtraction), &progress)?;
        self.training.log_once(&progress)?;
        checkpoint::save(&self.model, &config, &parameters.tensors(), self.precision.into())?;
        self.tell_extracted(&fitted, &progress, messages);
        Ok(())
    }

    /// The regression that becomes a head.
    fn logistic(&self, class_weights: Vec<f64>) -> LogisticConfig {
        LogisticConfig { cost: self.cost, class_weights, standardise: true, solver: LbfgsConfig::default() }
    }

    /// What a regression has come to, as a training would say it.
    fn extracted(fitted: &Logistic, learned: &Validation, judged: Option<Validation>) -> Progress {
        let means = [("loss".to_owned(), learned.loss), ("accuracy".to_owned(), learned.score)].into();
        Progress { step: fitted.iterations, validation: judged, means, ..Progress::default() }
    }

    fn tell_extracted(&self, fitted: &Logistic, progress: &Progress, messages: &Messages) {
        if !fitted.converged {
            messages.note(format_args!("the solver stopped after {} iterations", fitted.iterations));
        }
        let path = self.model.display();
        let (loss, accuracy) = (progress.mean("loss"), progress.mean("accuracy"));
        let words = progress.validation.as_ref().map_or(String::new(), |judged| {
            format!("; validation loss {:.4}, accuracy {:.4}", judged.loss, judged.score)
        });
        messages
            .note(format_args!("loss {loss:.4}, accuracy {accuracy:.4} on what was learned{words}; written to {path}"));
    }

    /// Everything else: gradient descent.
    fn descend(
        &self,
        start: &Start,
        data: &Data,
        strategy: Option<Strategy>,
        device: &Device,
        messages: &Messages,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<Option<Outcome>> {
        let Start { model, parameters, frozen, .. } = start;
        let augment = self.views.config()?;
        let warp = self.warp.resolve(&model.config)?;
        let learning = self.batch_config(&model.config, augment, self.views.mixup)?;
        let judging = self.batch_config(&model.config, AugmentConfig::default(), 0.0)?;
        let preprocessing = &model.config.preprocessing;
        let mut batches = Batches::new(&data.learned, preprocessing, &learning, report);
        let mut judged = data.judged.as_ref().map(|examples| Batches::new(examples, preprocessing, &judging, report));
        // Blended pictures are no pictures whose features could be had one by one.
        if *frozen > 0
            && self.views.mixup == 0.0
            && device.is_cpu()
            && let Some(layer) = model.last_fixed_layer(self.dropout)?
        {
            let kept = if augment.is_nothing() { "computed once" } else { "computed by a plan" };
            messages.detail(format_args!("learning begins after {layer}: what is before it is {kept}"));
            batches = batches.through(model, layer.clone());
            judged = judged.map(|judged| judged.through(model, layer));
        }
        let factors = options::Factors::new(model, self.head_lr, &self.layer_lr)?;
        let loss = LossConfig { smoothing: self.label_smoothing, weights: self.class_weights.weights(&data.learned)? };
        let shape = Shape {
            epoch: batches.epoch(),
            from_nothing: self.init_from.is_none() || strategy == Some(Strategy::Scratch),
            validates: judged.is_some(),
        };
        let mut settings = self.settings(start, data, strategy)?;
        settings.insert("augment".into(), serde_json::to_value(augment)?);
        settings.insert("warp".into(), self.words(warp));
        settings.insert("class_weights".into(), json!(loss.weights));
        let described = Self::described(start, data);
        let file = |progress: &Progress| {
            let mut config = described.clone();
            config.training = self.figures(warp, &shape, progress);
            self.add_choices(&mut config, data, strategy, progress)?;
            let tensors = parameters.tensors();
            Ok(ModelFile {
                config: serde_json::to_value(&config)?,
                tensors,
                texts: Vec::new(),
                precision: self.precision.into(),
            })
        };
        let task = ClassifierTask {
            model,
            parameters,
            batches,
            judged,
            loss,
            factor: &|name| factors.of(name),
            weight_decay: self.training.weight_decay,
            dropout: self.dropout,
            seed: self.common.seed,
            device,
            file: &file,
        };
        self.training.run(&task, &self.model, &shape, settings, messages)
    }

    /// Everything that shapes the training and is not among the loop's options.
    fn settings(&self, start: &Start, data: &Data, strategy: Option<Strategy>) -> Result<Map<String, Value>> {
        let config = &start.model.config;
        let init = self.init_from.as_deref().map(|path| -> Result<String> { Ok(digest(path)?.1) });
        let settings = json!({
            "seed": self.common.seed,
            "data": data.learned.digest().to_string(),
            "val": data.judged.as_ref().map(|judged| judged.digest().to_string()),
            "val_share": self.val_share,
            "per_class": self.per_class,
            "positive_iou": [self.positive_iou, self.background_iou],
            "labels": config.labels,
            "architecture": config.architecture,
            "options": config.options,
            "preprocessing": config.preprocessing,
            "init_from": init.transpose()?,
            "strategy": strategy,
            "freeze": format!("{:?}", self.start(strategy).freeze),
            "batch": self.batch,
            "positives": self.positives,
            "head_lr": self.head_lr,
            "layer_lr": self.layer_lr,
            "label_smoothing": self.label_smoothing,
            "dropout": self.dropout,
            "mixup": self.views.mixup,
        });
        Ok(settings.as_object().cloned().unwrap_or_default())
    }

    /// What the model file says of itself, but for the figures.
    fn described(start: &Start, data: &Data) -> ModelConfig {
        let mut config = start.model.config.clone();
        config.data_digest = Some(data.learned.digest().to_string());
        config
    }

    fn words(&self, warp: RegionWarp) -> Value {
        json!({"warp": format!("{:?}", warp.rule).to_lowercase(), "pad": warp.pad})
    }

    /// What the model file says of its training.
    fn figures(&self, warp: RegionWarp, shape: &Shape, progress: &Progress) -> Map<String, Value> {
        let mut figures = Map::from_iter([
            ("iterations".to_owned(), json!(progress.step)),
            ("batch".to_owned(), json!(self.batch)),
            ("positives".to_owned(), json!(self.positives)),
        ]);
        figures.extend(self.training.figures(shape));
        figures.insert("flip".into(), json!(self.views.flips()));
        if let Value::Object(words) = self.words(warp) {
            figures.extend(words);
        }
        figures.insert("loss".into(), json!(progress.mean("loss")));
        figures.insert("accuracy".into(), json!(progress.mean("accuracy")));
        figures
    }

    /// The choices that are not the usual ones.
    fn add_choices(
        &self,
        config: &mut ModelConfig,
        data: &Data,
        strategy: Option<Strategy>,
        progress: &Progress,
    ) -> Result<()> {
        let mut add = |key: &str, value: Value, usual: bool| {
            if !usual {
                config.training.insert(key.to_owned(), value);
            }
        };
        add("strategy", json!(strategy), strategy.is_none());
        let freeze = self.start(strategy).freeze;
        add("freeze", json!(format!("{freeze:?}")), freeze == Default::default());
        let augment = self.views.config()?;
        let usual = AugmentConfig { flip: augment.flip, ..AugmentConfig::default() } == augment;
        add("augment", serde_json::to_value(augment)?, usual || strategy == Some(Strategy::FeatureExtraction));
        add("mixup", json!(self.views.mixup), self.views.mixup == 0.0);
        add("label_smoothing", json!(self.label_smoothing), self.label_smoothing == 0.0);
        add("class_weights", json!(self.class_weights.to_string()), self.class_weights == ClassWeights::None);
        add("dropout", json!(self.dropout), self.dropout.is_none());
        add("layer_lr", json!(self.layer_lr), self.layer_lr.is_empty());
        add("crops", json!(true), !self.crops);
        add("per_class", json!(self.per_class), self.per_class.is_none());
        add("validation", serde_json::to_value(&progress.validation)?, progress.validation.is_none());
        add("judged_by", json!(data.judged.as_ref().map(|judged| judged.digest().to_string())), data.judged.is_none());
        Ok(())
    }
}
