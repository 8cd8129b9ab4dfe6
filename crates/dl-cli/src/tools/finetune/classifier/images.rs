//! Regions, crops and whole images, and the networks that classify them.

use anyhow::{Context, Result};
use candle_core::Device;
use dl_models::ModelConfig;
use dl_train::classifier::{
    AugmentConfig, BatchConfig, Batches, ClassifierTask, Evaluation, ExampleConfig, Examples, Head, Kind, LossConfig,
    StartConfig, StartingPoint,
};
use dl_train::fit::{Early, Progress, TrainedModel, Validation};
use dl_train::transfer::{Finding, Folds, Strategy};
use dl_transfer::linear::Logistic;
use serde_json::{Map, Value, json};

use super::auto::SAMPLE;
use super::learner::{Learner, MakeFile};
use super::options::{Factors, InputName};
use super::{Args, options, path};
use crate::common::{Inputs, Io, Job, Messages, RegionWarp, Tally, each_record, given, numbers, object};
use crate::tools::finetune::no_record;
use crate::tools::finetune::training::{self, ExamplesOf, Situation, default_batch};

/// The training and validation examples.
pub(super) struct ImageData {
    train: Examples,
    validation: Option<Examples>,
    pub(super) tally: Tally,
}

impl ImageData {
    /// Reads all records.
    pub(super) fn read(args: &Args, io: &mut Io) -> Result<Self> {
        let config = ExampleConfig {
            positive_iou: args.positive_iou,
            background_iou: args.background_iou,
            kind: args.input.and_then(InputName::kind),
            ..ExampleConfig::default()
        };
        let mut train = Examples::new(config);
        let job = Job { common: &args.common, inputs: &args.inputs };
        let tally = each_record(io, job, |record, _| train.push(&record))?;
        if tally.good == 0 && tally.failed == 0 {
            return Err(no_record(&tally));
        }
        let mut train = train.finish()?;
        let mut validation = None;
        if let Some(fraction) = args.validation.fraction() {
            let (rest, held_out) = train.split(fraction, args.common.seed).context("--val-fraction")?;
            (train, validation) = (rest, Some(held_out));
        }
        if let Some(path) = args.validation.file() {
            let inputs = Inputs { inputs: vec![path.display().to_string()] };
            let mut examples = Examples::new(config);
            each_record(io, Job { common: &args.common, inputs: &inputs }, |record, _| examples.push(&record))?;
            validation = Some(examples.with_classes_of(&train).with_context(|| format!("--val {}", path.display()))?);
        }
        if let Some(count) = args.per_class {
            train.keep_per_class(count, args.common.seed);
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
        Ok(Self { train, validation, tally })
    }
}

/// Learns from images.
pub(super) struct ImageLearner<'a> {
    pub(super) args: &'a Args,
    pub(super) data: &'a ImageData,
    pub(super) device: &'a Device,
    /// Called once for each image that cannot be decoded.
    pub(super) broken: &'a (dyn Fn(&str) + Sync),
    pub(super) messages: &'a Messages,
}

impl ImageLearner<'_> {
    fn start_config(&self, strategy: Option<Strategy>) -> StartConfig {
        let args = self.args;
        let freeze = options::freeze(strategy, args.freeze.as_ref(), args.trainable_layers);
        args.network.start(freeze, strategy == Some(Strategy::Scratch), args.common.seed)
    }

    fn is_from_scratch(&self, strategy: Option<Strategy>) -> bool {
        self.args.network.file().is_none() || strategy == Some(Strategy::Scratch)
    }

    /// The batch size for these examples.
    fn batch(&self, train: &Examples, from_scratch: bool) -> usize {
        let count = train.positives().len() + train.background().len();
        self.args.batch.unwrap_or_else(|| default_batch(count, if from_scratch { 128 } else { 32 }))
    }

    fn batch_config(
        &self,
        config: &ModelConfig,
        batch: usize,
        augment: AugmentConfig,
        mixup: f64,
    ) -> Result<BatchConfig> {
        numbers::check_batch(batch, config.preprocessing.size)?;
        let warp = self.args.warp.resolve(config)?;
        Ok(BatchConfig {
            size: batch,
            positive_fraction: self.args.positive_fraction,
            warp: warp.rule,
            padding: warp.pad,
            augment,
            mixup,
            truncated: self.args.image.truncated(),
            cache_bytes: self.args.cache.saturating_mul(1_000_000),
            seed: self.args.common.seed,
        })
    }

    /// The examples one by one, without augmentation.
    fn plain<'a>(&'a self, start: &'a StartingPoint, examples: &'a Examples) -> Result<Batches<'a>> {
        let config = self.batch_config(&start.model.config, 1, AugmentConfig::default(), 0.0)?;
        Ok(Batches::new(examples, &start.model.config.preprocessing, config, self.broken))
    }

    fn class_weights(&self, train: &Examples) -> Result<Vec<f64>> {
        self.args.class_weights.of(train.labels(), &train.counts())
    }
}

impl Learner for ImageLearner<'_> {
    type Start = StartingPoint;
    type Part = Examples;
    type Task<'a>
        = ClassifierTask<'a>
    where
        Self: 'a;

    fn train(&self) -> &Examples {
        &self.data.train
    }

    fn validation(&self) -> Option<&Examples> {
        self.data.validation.as_ref()
    }

    fn count(&self, part: &Examples) -> (usize, &'static str) {
        (part.positives().len() + part.background().len(), "examples")
    }

    fn start(&self, strategy: Option<Strategy>) -> Result<StartingPoint> {
        StartingPoint::new(&self.start_config(strategy), self.data.train.labels(), self.device)
    }

    fn report(&self, start: &StartingPoint, _: Option<Strategy>, messages: &Messages) -> Result<()> {
        self.args.network.report(start, messages);
        Ok(())
    }

    fn fit_head(
        &self,
        start: &StartingPoint,
        part: &Examples,
        done: &mut dyn FnMut(usize),
    ) -> Result<(Logistic, String)> {
        let head = Head::new(&start.model, &start.parameters)?;
        let rows = head.features(&self.plain(start, part)?, usize::MAX, done)?;
        let logistic = path::logistic(self.args, self.class_weights(part)?);
        Ok((head.fit(&rows, &logistic)?, head.layer.to_string()))
    }

    fn evaluate(&self, start: &StartingPoint, part: &Examples) -> Result<Validation> {
        let batches = self.plain(start, part)?;
        Evaluation { model: &start.model, batches: &batches, device: self.device }.run()
    }

    fn task<'a>(
        &'a self,
        start: &'a StartingPoint,
        (train, validation): (&'a Examples, Option<&'a Examples>),
        strategy: Option<Strategy>,
        file: MakeFile<'a>,
    ) -> Result<(ClassifierTask<'a>, Situation)> {
        let (args, StartingPoint { model, parameters, frozen, .. }) = (self.args, start);
        let from_scratch = self.is_from_scratch(strategy);
        let batch = self.batch(train, from_scratch);
        let augment = args.views.config()?;
        let of_training = self.batch_config(&model.config, batch, augment, args.views.mixup)?;
        let of_validation = self.batch_config(&model.config, batch, AugmentConfig::default(), 0.0)?;
        let preprocessing = &model.config.preprocessing;
        let mut batches = Batches::new(train, preprocessing, of_training, self.broken);
        let mut validation =
            validation.map(|examples| Batches::new(examples, preprocessing, of_validation, self.broken));
        // The features of mixed images cannot be computed one by one.
        if *frozen > 0
            && args.views.mixup == 0.0
            && self.device.is_cpu()
            && let Some(layer) = model.last_fixed_layer(args.dropout)?
        {
            let kept = if augment.is_identity() { "computed once" } else { "computed by an inference plan" };
            self.messages.detail(format_args!("training begins after {layer}: the layers up to it are {kept}"));
            batches = batches.through(model, layer.clone());
            validation = validation.map(|batches| batches.through(model, layer));
        }
        let batch_norms = parameters.tensors().keys().any(|name| name.ends_with(".running_mean"));
        let situation = Situation {
            epoch: batches.epoch(),
            from_scratch,
            head_only: self.start_config(strategy).freeze == dl_train::classifier::Freeze::Body,
            validates: validation.is_some(),
            examples: match train.kind() {
                Some(Kind::Regions) => ExamplesOf::Regions { batch_norms },
                _ => ExamplesOf::Images { batch_norms },
            },
        };
        let head_alone = args.head_lr.unwrap_or(training::HEAD_ALONE);
        let head_first = args.head_first.map_or_else(|| args.training.head_first(&situation), Ok)?;
        let factors = Factors::new(model, args.head_lr.unwrap_or(1.0), &args.layer_lr)?;
        let task = ClassifierTask {
            model,
            parameters,
            batches,
            validation,
            loss: LossConfig { smoothing: args.label_smoothing, weights: self.class_weights(train)? },
            factor: Box::new(move |name| factors.of(name)),
            early: Box::new(move |name| {
                let factor = if model.architecture.is_head_weight(name) { head_alone } else { 0.0 };
                (head_first > 0).then_some(Early { steps: head_first as u64, factor })
            }),
            weight_decay: args.training.weight_decay,
            dropout: args.dropout,
            seed: args.common.seed,
            device: self.device,
            file: Box::new(move |progress: &Progress| file(&situation, progress)),
        };
        Ok((task, situation))
    }

    fn facts(&self, start: &StartingPoint, strategy: Option<Strategy>) -> Result<Map<String, Value>> {
        let config = &start.model.config;
        let Self { data, args, .. } = self;
        Ok(object(json!({
            "data": data.train.digest().to_string(),
            "val": data.validation.as_ref().map(|examples| examples.digest().to_string()),
            "labels": config.labels,
            "architecture": config.architecture,
            "options": config.options,
            "preprocessing": config.preprocessing,
            "init_from": args.network.digest()?,
            "batch": self.batch(&data.train, self.is_from_scratch(strategy)),
            "warp": words(args.warp.resolve(config)?),
            "class_weights": self.class_weights(&data.train)?,
        })))
    }

    fn figures(&self, start: &StartingPoint, strategy: Option<Strategy>) -> Result<Map<String, Value>> {
        let (args, data) = (self.args, self.data);
        let mut figures = words(args.warp.resolve(&start.model.config)?);
        let digest = data.validation.as_ref().map(|examples| examples.digest().to_string());
        figures.extend(given(json!({
            "crops": Some(true).filter(|_| data.train.kind() == Some(Kind::Crops)),
            "validation_digest": digest,
            "weighted": Some(true).filter(|_| data.train.are_weighted()),
        })));
        if strategy != Some(Strategy::FeatureExtraction) {
            let freeze = self.start_config(strategy).freeze;
            let augment = args.views.config()?;
            let is_default = AugmentConfig { flip: augment.flip, ..AugmentConfig::default() } == augment;
            figures.extend(given(json!({
                "batch": self.batch(&data.train, self.is_from_scratch(strategy)),
                "positive_fraction": args.positive_fraction,
                "flip": args.views.flips(),
                "freeze": Some(freeze.to_string()).filter(|_| freeze != Default::default()),
                "augment": Some(serde_json::to_value(augment)?).filter(|_| !is_default),
                "mixup": Some(args.views.mixup).filter(|mixup| *mixup > 0.0),
            })));
        }
        Ok(figures)
    }

    fn model(&self, start: &StartingPoint, training: Map<String, Value>) -> Result<TrainedModel> {
        let mut config = start.model.config.clone();
        config.provenance.data_digest = Some(self.data.train.digest().to_string());
        config.provenance.training = training;
        Ok(TrainedModel {
            config: serde_json::to_value(&config)?,
            tensors: start.parameters.tensors(),
            texts: Vec::new(),
            precision: self.args.dtype.into(),
        })
    }

    fn quiet(&self) -> Self {
        Self { broken: &|_| (), ..*self }
    }

    fn sample(&self) -> Examples {
        self.data.train.sample(SAMPLE, self.args.common.seed)
    }

    fn classes(&self, part: &Examples) -> Vec<u32> {
        part.classes_of_positives()
    }

    fn fold(&self, part: &Examples, folds: &Folds, run: usize, held_out: bool) -> Examples {
        part.part(folds, run, held_out)
    }

    fn finding(&self, sample: &Examples) -> Result<Finding> {
        let counts = self.data.train.counts();
        let least = counts.iter().copied().filter(|count| *count > 0).min().unwrap_or_default();
        let start = self.start(Some(Strategy::FeatureExtraction))?;
        let head = Head::new(&start.model, &start.parameters)?;
        head.features(&self.plain(&start, sample)?, SAMPLE, |_| ())?.finding(least, sample.labels().len())
    }
}

fn words(warp: RegionWarp) -> Map<String, Value> {
    object(json!({"warp": warp.rule, "pad": warp.pad}))
}
