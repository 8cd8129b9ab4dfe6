//! `dl-finetune classifier`: a network that classifies regions, images or texts.

mod auto;
mod options;
mod texts;
mod views;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use dl_models::{ModelConfig, checkpoint};
use dl_train::classifier::{
    AugmentConfig, BatchConfig, Batches, ClassifierTask, Evaluation, ExampleConfig, Examples, Head, Kind, LossConfig,
    StartConfig, StartingPoint,
};
use dl_train::fit::{Early, Progress, TrainedModel, Validation};
use dl_train::transfer::Strategy;
use dl_transfer::linear::{LbfgsConfig, Logistic, LogisticConfig};
use serde_json::{Map, Value, json};

use super::dtype::DtypeName;
use super::no_record;
use super::training::{self, ExamplesOf, Situation, TrainingArgs, default_batch};
use super::validation::ValidationArgs;
use crate::common::{
    Common, DeviceArgs, ImageArgs, Inputs, Io, Job, Messages, Outcome, RegionWarp, Tally, WarpArgs, digest,
    each_record, numbers,
};
use options::{ClassWeights, FreezeTo, InputName, StrategyName};

/// Train a network to classify regions, images or texts
///
/// Records with objects and proposals train a classifier of regions, against background: ground-truth boxes and
/// proposals with an IoU of at least 0.5 are positives, other proposals are background. With --input objects, only
/// crops of the ground-truth objects are classified. Records with a label and no objects train a classifier of whole
/// images. Records with a text and a label train the BERT given by --init-from. Boxes are held in memory; images are
/// decoded when a batch needs them.
///
/// The model file holds the best network if there is validation data, and the last one otherwise. Beside it,
/// STEM.last.safetensors holds the last network and everything that --resume needs. Ctrl-C saves and exits with status
/// 130. When the loss explodes, training stops, and the model file keeps the best network or the last checkpoint.
#[derive(clap::Args, Debug)]
#[command(
    mut_arg("warp", |arg| {
        arg.help("How to warp a region to the network's input size [default: that of --init-from, or context]")
    }),
    mut_arg("pad", |arg| {
        arg.help(
            "Context around a region, in pixels of the network's input [default: that of --init-from, or 16; for inputs \
             of at most 32 pixels, an eighth of the side]",
        )
    }),
)]
#[command(after_help = "\
Examples:
  dl-data from voc VOC2007 --split trainval | dl-propose selective-search \\
    | dl-finetune classifier --init-from imagenet.safetensors \\
      --output voc.safetensors
  dl-data from folder digits \\
    | dl-finetune classifier --arch squeezenet1_1 --width-mult 0.5 \\
      --size 64 --output digits.safetensors
  dl-data from folder pets \\
    | dl-finetune classifier --init-from imagenet.safetensors \\
      --strategy auto --val-fraction 0.1 --log train.jsonl \\
      --output pets.safetensors
  dl-draw curves train.jsonl --output curves.png")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write; it is a complete model at any time during training
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    validation: ValidationArgs,

    /// Train on at most N examples of each class, chosen at random
    #[arg(long, value_name = "N")]
    per_class: Option<usize>,

    /// What to classify [default: proposals if the records have objects or proposals, otherwise image; text for a BERT]
    #[arg(long, value_enum, value_name = "WHAT")]
    input: Option<InputName>,

    /// Pretrained model to start from: a model file, or for a BERT also a Hugging Face model folder. The classification
    /// layer is reinitialized unless the labels are the same
    #[arg(long, value_name = "FILE|DIR", help_heading = "Network")]
    init_from: Option<PathBuf>,

    /// Architecture to train from scratch, or of a file of bare weights; see dl-model list
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    arch: Option<String>,

    /// Factor on the number of channels, if the architecture supports it
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Network")]
    width_mult: Option<f64>,

    /// Side of the network's input in pixels [default: that of --init-from, or 224]
    #[arg(long, value_name = "PIXELS", value_parser = numbers::side, help_heading = "Network")]
    size: Option<usize>,

    #[command(flatten, next_help_heading = "Network")]
    warp: WarpArgs,

    /// Number type of the stored weights
    #[arg(long, value_enum, default_value_t = DtypeName::F32, help_heading = "Network")]
    dtype: DtypeName,

    /// Which layers of a pretrained network to train, and how [default: all]
    #[arg(long, value_enum, conflicts_with_all = ["freeze", "trainable_layers"], help_heading = "Transfer")]
    strategy: Option<StrategyName>,

    /// Layers to freeze: none, all (except the classification layer), or LAYER and all layers before it
    #[arg(long, value_name = "none|all|LAYER", conflicts_with = "trainable_layers", help_heading = "Transfer")]
    freeze: Option<FreezeTo>,

    /// Train the last N stages and everything after them; a stage is a run of layers whose feature maps have the same
    /// size (layer1 to layer4 of a ResNet), or a block of a BERT
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    trainable_layers: Option<usize>,

    /// Factor on the learning rate of the classification layer [default: 10 while --head-first trains it alone,
    /// otherwise
    /// 1]
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Transfer")]
    head_lr: Option<f64>,

    /// Train the classification layer alone for the first N batches, then all layers (Kumar et al. 2022) [default: a
    /// tenth of the batches for regions with pretrained weights without batch norms, otherwise 0]
    #[arg(long, value_name = "N", help_heading = "Transfer")]
    head_first: Option<usize>,

    /// Factor on the learning rate of a layer and its parts; may be repeated
    #[arg(long, value_name = "LAYER=X", value_parser = super::training::named_factor, help_heading = "Transfer")]
    layer_lr: Vec<(String, f64)>,

    /// For --strategy feature-extraction: C, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Transfer")]
    cost: f64,

    /// Examples per batch, at most 4096 [default: a quarter of the examples, at least 8 and at most 32 (128 for images
    /// from scratch, 16 for texts)]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    batch: Option<usize>,

    /// Fraction of a batch that shows objects; the rest is background
    #[arg(long, value_name = "FRACTION", default_value_t = 0.25, value_parser = numbers::share, help_heading = "Training")]
    positive_fraction: f64,

    /// Proposals with at least this IoU with an object are examples of its class. With R-CNN's 0.5, the features become
    /// less sensitive to where an object ends
    #[arg(long, value_name = "IOU", default_value_t = 0.7, value_parser = numbers::overlap, help_heading = "Training")]
    positive_iou: f64,

    /// Proposals with less than this IoU with every object are background
    #[arg(long, value_name = "IOU", default_value_t = ExampleConfig::default().background_iou, value_parser = numbers::overlap, help_heading = "Training")]
    background_iou: f64,

    /// Label smoothing: fraction of each label to spread evenly over all classes
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::share, help_heading = "Training")]
    label_smoothing: f64,

    /// Weights of the classes in the loss: none, balanced (inversely proportional to their frequency), or a file with
    /// {"LABEL": X, ..}
    #[arg(long, value_name = "none|balanced|FILE.json", default_value = "none", help_heading = "Training")]
    class_weights: ClassWeights,

    /// Probability of dropout, if the architecture has dropout [default: the architecture's]
    #[arg(long, value_name = "P", value_parser = numbers::probability, help_heading = "Training")]
    dropout: Option<f64>,

    /// Megabytes of memory for decoded images, and the same amount again for the features of frozen layers without
    /// dropout
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

/// The training and validation examples.
struct Data {
    train: Examples,
    validation: Option<Examples>,
    tally: Tally,
}

/// How a network is trained: what of it, and on how many examples at a time.
#[derive(Clone, Copy)]
struct Recipe {
    /// None: as the options of single layers say.
    strategy: Option<Strategy>,
    batch: usize,
}

/// What a network trains with, besides its examples.
struct Session<'a> {
    device: &'a Device,
    messages: &'a Messages,
    /// Called once for each image that cannot be decoded.
    broken: &'a (dyn Fn(&str) + Sync),
}

/// Examples of each class that `--strategy auto` uses.
const SAMPLE: usize = 50;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(self.label_smoothing < 1.0, "--label-smoothing must be below 1");
        ensure!(self.per_class != Some(0), "--per-class must be above 0");
        self.training.check(self.validation.is_given())?;
        if let Some(strategy) = self.strategy {
            ensure!(
                self.init_from.is_some() || strategy == StrategyName::Scratch,
                "--strategy needs pretrained weights: give --init-from"
            );
        }
        let others = [self.init_from.as_deref(), self.validation.file()];
        self.training.check_files(&self.output, &self.inputs, &others)?;
        if let Some(path) = self.init_from.as_deref().filter(|_| self.arch.is_none())
            && texts::reads_texts(path)?
        {
            return texts::run(self, path, io);
        }
        ensure!(
            self.input != Some(InputName::Text),
            "--input text needs a network that reads texts: a BERT in --init-from"
        );
        let device = self.device.open()?;
        let data = self.read(io)?;
        let messages = &io.messages;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let session = Session { device: &device, messages, broken: &broken };
        let strategy = self.chosen(&data.train, &session)?;
        let start = StartingPoint::new(&self.start(strategy), data.train.labels(), &device)?;
        self.report_start(&start, messages);
        let outcome = if strategy == Some(Strategy::FeatureExtraction) {
            self.extract(&start, &data, &session)?;
            None
        } else {
            self.descend(&start, &data, strategy, &session)?
        };
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }

    fn read(&self, io: &mut Io) -> Result<Data> {
        let config = ExampleConfig {
            positive_iou: self.positive_iou,
            background_iou: self.background_iou,
            kind: self.input.and_then(InputName::kind),
        };
        let mut train = Examples::new(config);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| train.push(&record))?;
        if tally.good == 0 && tally.failed == 0 {
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
            let mut examples = Examples::new(config);
            each_record(io, Job { common: &self.common, inputs: &inputs }, |record, _| examples.push(&record))?;
            validation = Some(examples.with_classes_of(&train).with_context(|| format!("--val {}", path.display()))?);
        }
        if let Some(count) = self.per_class {
            train.keep_per_class(count, self.common.seed);
        }
        io.messages.note(format_args!(
            "{} images, {} examples of {} classes, {} of background",
            train.images().len(),
            train.positives().len(),
            train.classes(),
            train.background().len()
        ));
        if let Some(validation) = &validation {
            let count = validation.positives().len() + validation.background().len();
            io.messages.note(format_args!("{count} validation examples"));
        }
        Ok(Data { train, validation, tally })
    }

    fn report_start(&self, start: &StartingPoint, messages: &Messages) {
        if let (Some(note), Some(path)) = (&start.model.note, &self.init_from) {
            messages.note(format_args!("model {}: {note}", path.display()));
        }
        if let Some(fit) = start.fit.as_ref().filter(|fit| !fit.is_whole()) {
            messages.note(fit.report());
        }
        if start.frozen > 0 {
            let all = start.parameters.tensors().len();
            messages.note(format_args!("{} of {all} tensors are frozen", start.frozen));
        }
    }

    /// The batch size for these examples.
    fn batch(&self, train: &Examples, from_scratch: bool) -> usize {
        let count = train.positives().len() + train.background().len();
        let most = if from_scratch { 128 } else { 32 };
        self.batch.unwrap_or_else(|| default_batch(count, most))
    }

    fn batch_config(
        &self,
        config: &ModelConfig,
        batch: usize,
        augment: AugmentConfig,
        mixup: f64,
    ) -> Result<BatchConfig> {
        numbers::check_batch(batch, config.preprocessing.size)?;
        let warp = self.warp.resolve(config)?;
        Ok(BatchConfig {
            size: batch,
            positive_fraction: self.positive_fraction,
            warp: warp.rule,
            padding: warp.pad,
            augment,
            mixup,
            truncated: self.image.truncated(),
            cache_bytes: self.cache.saturating_mul(1_000_000),
            seed: self.common.seed,
        })
    }

    fn start(&self, strategy: Option<Strategy>) -> StartConfig {
        StartConfig {
            init_from: self.init_from.clone(),
            architecture: self.arch.clone(),
            width: self.width_mult,
            size: self.size,
            freeze: options::freeze(strategy, self.freeze.as_ref(), self.trainable_layers),
            from_scratch: strategy == Some(Strategy::Scratch),
            seed: self.common.seed,
        }
    }

    fn is_from_scratch(&self, strategy: Option<Strategy>) -> bool {
        self.init_from.is_none() || strategy == Some(Strategy::Scratch)
    }

    /// Feature extraction: fits the head of `start` by logistic regression.
    fn fit_head(
        &self,
        start: &StartingPoint,
        train: &Examples,
        session: &Session,
        done: impl FnMut(usize),
    ) -> Result<(Logistic, String)> {
        let StartingPoint { model, parameters, .. } = start;
        let config = self.batch_config(&model.config, 1, AugmentConfig::default(), 0.0)?;
        let head = Head::new(model, parameters)?;
        let batches = Batches::new(train, &model.config.preprocessing, &config, session.broken);
        let rows = head.features(&batches, usize::MAX, done)?;
        let logistic = self.logistic(self.class_weights.weights(train)?);
        Ok((head.fit(&rows, &logistic)?, head.layer.to_string()))
    }

    fn evaluate(&self, start: &StartingPoint, examples: &Examples, session: &Session) -> Result<Validation> {
        let StartingPoint { model, .. } = start;
        let config = self.batch_config(&model.config, 1, AugmentConfig::default(), 0.0)?;
        let batches = Batches::new(examples, &model.config.preprocessing, &config, session.broken);
        Evaluation { model, batches: &batches, device: session.device }.run()
    }

    /// Trains and writes a model by feature extraction.
    fn extract(&self, start: &StartingPoint, data: &Data, session: &Session) -> Result<()> {
        let messages = session.messages;
        if self.views.are_requested() || self.views.mixup > 0.0 {
            messages.note("feature-extraction uses no augmentation");
        }
        let count = data.train.positives().len() + data.train.background().len();
        messages.progress_to(count as u64, "examples");
        let (fitted, layer) = self.fit_head(start, &data.train, session, |count| messages.bar().inc(count as u64))?;
        let train = self.evaluate(start, &data.train, session)?;
        let validation =
            data.validation.as_ref().map(|examples| self.evaluate(start, examples, session)).transpose()?;
        let progress = Self::extracted(&fitted, &train, validation);
        let mut config = Self::described(start, data);
        let warp = self.words(self.warp.resolve(&config)?);
        let figures = json!({
            "iterations": fitted.iterations,
            "cost": self.cost,
            "layer": layer,
            "warp": warp["warp"],
            "pad": warp["pad"],
            "loss": train.loss,
            "accuracy": train.score,
        });
        config.provenance.training = figures.as_object().cloned().unwrap_or_default();
        self.add_choices(&mut config, data, Some(Strategy::FeatureExtraction), &progress)?;
        self.training.log_once(&progress)?;
        checkpoint::save(&self.output, &config, &start.parameters.tensors(), self.dtype.into())?;
        self.report_extracted(&fitted, &progress, messages);
        Ok(())
    }

    /// The regression that becomes a head.
    fn logistic(&self, class_weights: Vec<f64>) -> LogisticConfig {
        LogisticConfig { cost: self.cost, class_weights, standardize: true, solver: LbfgsConfig::default() }
    }

    /// The result of a regression in the form of a training run's progress.
    fn extracted(fitted: &Logistic, train: &Validation, validation: Option<Validation>) -> Progress {
        let means = [("loss".to_owned(), train.loss.unwrap_or_default()), ("accuracy".to_owned(), train.score)].into();
        Progress { step: fitted.iterations, validation, means, ..Progress::default() }
    }

    fn report_extracted(&self, fitted: &Logistic, progress: &Progress, messages: &Messages) {
        if !fitted.converged {
            messages.note(format_args!("the solver stopped after {} iterations without converging", fitted.iterations));
        }
        let path = self.output.display();
        let (loss, accuracy) = (progress.mean("loss"), progress.mean("accuracy"));
        let words = progress.validation.as_ref().map_or(String::new(), |validation| {
            let loss = validation.loss.unwrap_or_default();
            format!("; validation loss {loss:.4}, accuracy {:.4}", validation.score)
        });
        messages.note(format_args!("training loss {loss:.4}, accuracy {accuracy:.4}{words}; written to {path}"));
    }

    /// Trains and writes a model by gradient descent.
    fn descend(
        &self,
        start: &StartingPoint,
        data: &Data,
        strategy: Option<Strategy>,
        session: &Session,
    ) -> Result<Option<Outcome>> {
        let examples = (&data.train, data.validation.as_ref());
        let warp = self.warp.resolve(&start.model.config)?;
        let batch = self.batch(&data.train, self.is_from_scratch(strategy));
        let mut settings = self.settings(start, data, strategy, batch)?;
        settings.insert("augment".into(), serde_json::to_value(self.views.config()?)?);
        settings.insert("warp".into(), self.words(warp));
        settings.insert("class_weights".into(), json!(self.class_weights.weights(&data.train)?));
        let described = Self::described(start, data);
        let file = |situation: &Situation, progress: &Progress| {
            let mut config = described.clone();
            config.provenance.training = self.figures(warp, situation, batch, progress)?;
            self.add_choices(&mut config, data, strategy, progress)?;
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: start.parameters.tensors(),
                texts: Vec::new(),
                precision: self.dtype.into(),
            })
        };
        self.with_task(start, examples, Recipe { strategy, batch }, session, &file, |task, situation| {
            self.training.run(task, &self.output, situation, settings, session.messages)
        })
    }

    /// Calls `then` with the task of training `start` on the first of `examples`, validated on the second.
    fn with_task<R>(
        &self,
        start: &StartingPoint,
        (train, validation): (&Examples, Option<&Examples>),
        Recipe { strategy, batch }: Recipe,
        session: &Session,
        file: &(dyn Fn(&Situation, &Progress) -> Result<TrainedModel> + Sync),
        then: impl FnOnce(&ClassifierTask, &Situation) -> Result<R>,
    ) -> Result<R> {
        let StartingPoint { model, parameters, frozen, .. } = start;
        let Session { device, messages, broken } = *session;
        let augment = self.views.config()?;
        let of_training = self.batch_config(&model.config, batch, augment, self.views.mixup)?;
        let of_validation = self.batch_config(&model.config, batch, AugmentConfig::default(), 0.0)?;
        let preprocessing = &model.config.preprocessing;
        let mut batches = Batches::new(train, preprocessing, &of_training, broken);
        let mut validation = validation.map(|examples| Batches::new(examples, preprocessing, &of_validation, broken));
        // The features of mixed images cannot be computed one by one.
        if *frozen > 0
            && self.views.mixup == 0.0
            && device.is_cpu()
            && let Some(layer) = model.last_fixed_layer(self.dropout)?
        {
            let kept = if augment.is_identity() { "computed once" } else { "computed by an inference plan" };
            messages.detail(format_args!("training begins after {layer}: the layers up to it are {kept}"));
            batches = batches.through(model, layer.clone());
            validation = validation.map(|batches| batches.through(model, layer));
        }
        let batch_norms = parameters.tensors().keys().any(|name| name.ends_with(".running_mean"));
        let situation = Situation {
            epoch: batches.epoch(),
            from_scratch: self.is_from_scratch(strategy),
            head_only: start_is_head_only(&self.start(strategy)),
            validates: validation.is_some(),
            examples: match train.kind() {
                Some(Kind::Regions) => ExamplesOf::Regions { batch_norms },
                _ => ExamplesOf::Images { batch_norms },
            },
        };
        let head = self.head_lr.unwrap_or(1.0);
        let head_alone = self.head_lr.unwrap_or(training::HEAD_ALONE);
        let head_first = self.head_first.map_or_else(|| self.training.head_first(&situation), Ok)?;
        let factors = options::Factors::new(model, head, &self.layer_lr)?;
        let file = |progress: &Progress| file(&situation, progress);
        let task = ClassifierTask {
            model,
            parameters,
            batches,
            validation,
            loss: LossConfig { smoothing: self.label_smoothing, weights: self.class_weights.weights(train)? },
            factor: &|name| factors.of(name),
            early: &|name| {
                let factor = if model.architecture.is_head_weight(name) { head_alone } else { 0.0 };
                (head_first > 0).then_some(Early { steps: head_first as u64, factor })
            },
            weight_decay: self.training.weight_decay,
            dropout: self.dropout,
            seed: self.common.seed,
            device,
            file: &file,
        };
        then(&task, &situation)
    }

    /// Everything that shapes the training and is not among the loop's options.
    fn settings(
        &self,
        start: &StartingPoint,
        data: &Data,
        strategy: Option<Strategy>,
        batch: usize,
    ) -> Result<Map<String, Value>> {
        let config = &start.model.config;
        // A folder stands for the files of its weights.
        let init = self.init_from.as_deref().map(|path| match path.is_dir() {
            true => Ok(super::texts::start_digest(path)?.join(" ")),
            false => Ok::<_, anyhow::Error>(digest(path)?.1),
        });
        let settings = json!({
            "seed": self.common.seed,
            "data": data.train.digest().to_string(),
            "val": data.validation.as_ref().map(|examples| examples.digest().to_string()),
            "val_fraction": self.validation.fraction(),
            "per_class": self.per_class,
            "positive_iou": [self.positive_iou, self.background_iou],
            "labels": config.labels,
            "architecture": config.architecture,
            "options": config.options,
            "preprocessing": config.preprocessing,
            "init_from": init.transpose()?,
            "strategy": strategy,
            "freeze": format!("{:?}", self.start(strategy).freeze),
            "batch": batch,
            "positive_fraction": self.positive_fraction,
            "head_lr": self.head_lr,
            "head_first": self.head_first,
            "layer_lr": self.layer_lr,
            "label_smoothing": self.label_smoothing,
            "dropout": self.dropout,
            "mixup": self.views.mixup,
        });
        Ok(settings.as_object().cloned().unwrap_or_default())
    }

    /// The config of the model file without the figures of the training.
    fn described(start: &StartingPoint, data: &Data) -> ModelConfig {
        let mut config = start.model.config.clone();
        config.provenance.data_digest = Some(data.train.digest().to_string());
        config
    }

    fn words(&self, warp: RegionWarp) -> Value {
        json!({"warp": format!("{:?}", warp.rule).to_lowercase(), "pad": warp.pad})
    }

    /// What the model file holds about its training.
    fn figures(
        &self,
        warp: RegionWarp,
        situation: &Situation,
        batch: usize,
        progress: &Progress,
    ) -> Result<Map<String, Value>> {
        let mut figures = Map::from_iter([
            ("iterations".to_owned(), json!(progress.step)),
            ("batch".to_owned(), json!(batch)),
            ("positive_fraction".to_owned(), json!(self.positive_fraction)),
        ]);
        figures.extend(self.training.figures(situation)?);
        figures.insert("flip".into(), json!(self.views.flips()));
        if let Value::Object(words) = self.words(warp) {
            figures.extend(words);
        }
        figures.insert("loss".into(), json!(progress.mean("loss")));
        figures.insert("accuracy".into(), json!(progress.mean("accuracy")));
        Ok(figures)
    }

    /// Adds the choices that differ from the defaults.
    fn add_choices(
        &self,
        config: &mut ModelConfig,
        data: &Data,
        strategy: Option<Strategy>,
        progress: &Progress,
    ) -> Result<()> {
        let mut add = |key: &str, value: Value, is_default: bool| {
            if !is_default {
                config.provenance.training.insert(key.to_owned(), value);
            }
        };
        add("strategy", json!(strategy), strategy.is_none());
        let freeze = self.start(strategy).freeze;
        add("freeze", json!(format!("{freeze:?}")), freeze == Default::default());
        let augment = self.views.config()?;
        let is_default = AugmentConfig { flip: augment.flip, ..AugmentConfig::default() } == augment;
        add("augment", serde_json::to_value(augment)?, is_default || strategy == Some(Strategy::FeatureExtraction));
        add("mixup", json!(self.views.mixup), self.views.mixup == 0.0);
        add("label_smoothing", json!(self.label_smoothing), self.label_smoothing == 0.0);
        add("class_weights", json!(self.class_weights.to_string()), self.class_weights == ClassWeights::None);
        add("dropout", json!(self.dropout), self.dropout.is_none());
        add("layer_lr", json!(self.layer_lr), self.layer_lr.is_empty());
        add("crops", json!(true), data.train.kind() != Some(Kind::Crops));
        add("per_class", json!(self.per_class), self.per_class.is_none());
        add("validation", serde_json::to_value(&progress.validation)?, progress.validation.is_none());
        let digest = data.validation.as_ref().map(|examples| examples.digest().to_string());
        add("validation_digest", json!(digest), data.validation.is_none());
        Ok(())
    }
}

/// Whether everything but the classification layer is frozen.
fn start_is_head_only(start: &StartConfig) -> bool {
    start.freeze == dl_train::classifier::Freeze::Body
}
