//! `dl-finetune classifier` on texts: a BERT with a head.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Var};
use dl_models::text::{Network, TOKENIZER_KEY, TextConfig, TextFreeze, TextModel, Tokens};
use dl_models::{Checkpoint, Fit, ModelFile, Parameters, checkpoint};
use dl_record::Digest;
use dl_train::classifier::LossConfig;
use dl_train::fit::{Progress, Task, TrainedModel, Validation};
use dl_train::sampler::per_class;
use dl_train::text::{LabeledText, LabeledTexts, TextClassifierTask, TrainingTexts};
use dl_train::transfer::{Folds, Strategy};
use dl_transfer::linear::Logistic;
use serde_json::{Map, Value, json};

use super::auto::{TRIAL_BATCHES, choose};
use super::options::{FreezeTo, InputName, TOP};
use super::{Args, SAMPLE, StrategyName};
use crate::common::{Io, Messages, Outcome, Tally};
use crate::tools::finetune::texts::{self, Source};
use crate::tools::finetune::training::{ExamplesOf, Situation, default_batch};

/// The layer before the head; there is no dropout in between.
const BEFORE_HEAD: &str = "pooler";

/// Whether the file holds a network that reads texts and not images.
pub(super) fn reads_texts(path: &Path) -> Result<bool> {
    match ModelFile::open(path, None)? {
        ModelFile::TextNetwork(_) => Ok(true),
        ModelFile::ImageNetwork(_) | ModelFile::Clip(_) => Ok(false),
        other => Err(other.unfit(path, "a network")),
    }
}

/// Trains on texts; `init_from` is the network.
pub(super) fn run(args: &Args, init_from: &Path, io: &mut Io) -> Result<Outcome> {
    let of_images = args.input.is_some_and(|input| input != InputName::Text)
        || args.views.are_requested()
        || args.views.mixup > 0.0
        || args.head_first.is_some()
        || args.size.is_some();
    ensure!(
        !of_images,
        "--input image|objects|proposals, --size, --augment, --mixup and --head-first are for images; this network reads texts"
    );
    let device = args.device.open()?;
    let requested = args.strategy.and_then(StrategyName::strategy);
    // An unknown layer is an error before anything is read.
    freeze(args, requested, init_from)?;
    let data = read(args, init_from, &device, io)?;
    let training = TextTraining { args, init_from, data: &data, device: &device, messages: &io.messages };
    let strategy = if args.strategy == Some(StrategyName::Auto) { Some(training.choose()?) } else { requested };
    let start = training.start(strategy)?;
    if strategy != Some(Strategy::Scratch) {
        let fit = training.fit(&start)?;
        if !fit.is_whole() {
            io.messages.note(fit.report());
        }
    }
    if let Some(note) = &start.model.note {
        io.messages.note(format_args!("model {}: {note}", init_from.display()));
    }
    let (all, trained) = (start.parameters.tensors().len(), start.parameters.vars().len());
    if trained < all {
        io.messages.note(format_args!("{} of {all} tensors are frozen", all - trained));
    }
    let interrupted = if strategy == Some(Strategy::FeatureExtraction) {
        training.extract(&start)?;
        None
    } else {
        training.descend(&start, strategy)?
    };
    Ok(interrupted.unwrap_or(Outcome::of(data.tally.failed)))
}

/// The training and validation texts.
struct Data {
    train: Vec<LabeledText>,
    validation: Vec<LabeledText>,
    labels: Vec<String>,
    /// Training texts per label.
    counts: Vec<usize>,
    tally: Tally,
    /// Of all that was read, and of the validation texts.
    digests: [Digest; 2],
}

fn read(args: &Args, init_from: &Path, device: &Device, io: &mut Io) -> Result<Data> {
    let tokenizer = TextModel::open(init_from, device)?.tokenizer;
    let source = Source {
        common: &args.common,
        inputs: &args.inputs,
        val: args.validation.file(),
        val_fraction: args.validation.fraction(),
    };
    let mut cut = 0;
    let read = source.read(io, |record| -> Result<(Tokens, String)> {
        let label = record.label()?.filter(|label| !label.is_empty());
        let label = label.context("the record has no \"label\" to train on")?;
        let (tokens, was_cut) = tokenizer.encode(&texts::text_of(record)?)?;
        ensure!(!tokens.ids.is_empty(), "the text has no tokens");
        cut += usize::from(was_cut);
        Ok((tokens, label))
    })?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    read.train.iter().for_each(|(_, label)| *counts.entry(label).or_default() += 1);
    let labels: Vec<String> = counts.keys().map(|label| (*label).to_owned()).collect();
    if let [only] = labels.as_slice() {
        bail!("all records have the same label, \"{only}\"; training needs at least two");
    }
    let labeled = |texts: &[(Tokens, String)]| -> Result<Vec<LabeledText>> {
        let labeled = texts.iter().map(|(tokens, label)| {
            let class = labels.binary_search(label);
            let class = class.ok().with_context(|| format!("no training text has the label \"{label}\""))?;
            Ok(LabeledText { tokens: tokens.clone(), class: class as u32 })
        });
        labeled.collect()
    };
    let (mut train, validation) = (labeled(&read.train)?, labeled(&read.validation)?);
    if let Some(count) = args.per_class {
        let classes: Vec<u32> = train.iter().map(|text| text.class).collect();
        let kept = per_class(&classes, &labels, count, args.common.seed);
        train = kept.into_iter().map(|index| train[index].clone()).collect();
    }
    let mut counts = vec![0; labels.len()];
    train.iter().for_each(|text| counts[text.class as usize] += 1);
    let (many, classes, others) = (train.len(), labels.len(), validation.len());
    io.messages.note(format_args!("{many} texts of {classes} classes, {others} validation texts"));
    if cut > 0 {
        io.messages.note(format_args!("{cut} texts were truncated to the longest that the network reads"));
    }
    Ok(Data { train, validation, labels, counts, tally: read.tally, digests: [read.digest, read.validation_digest] })
}

/// A network to train.
struct TextStart {
    model: TextModel,
    parameters: Parameters,
    freeze: TextFreeze,
}

impl TextStart {
    /// The tensor of the head's last layer with this end of a name.
    fn head(&self, end: &str) -> Result<Var> {
        let Network::Bert(bert) = &self.model.network else { bail!("the network has no trainable head") };
        let name = &format!("{}.{end}", bert.head());
        let mut vars = self.parameters.vars().into_iter();
        let found = vars.find(|(own, _)| own == name).map(|(_, var)| var);
        found.with_context(|| format!("the network has no trainable {name}"))
    }
}

struct TextTraining<'a> {
    args: &'a Args,
    init_from: &'a Path,
    data: &'a Data,
    device: &'a Device,
    messages: &'a Messages,
}

impl TextTraining<'_> {
    /// The network for the strategy, with the description of its origin.
    fn start(&self, strategy: Option<Strategy>) -> Result<TextStart> {
        let Self { args, init_from, data, device, .. } = self;
        let seed = args.common.seed;
        let options = self.options();
        let freeze = freeze(args, strategy, init_from)?;
        let (mut model, parameters) = if strategy == Some(Strategy::Scratch) {
            let untrained = TextModel::open(init_from, device)?;
            let mut config = untrained.config.clone();
            config.labels = Some(data.labels.clone());
            config.options.extend(options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            // Of the weights that are not taken.
            config.provenance.license = None;
            TextModel::fresh(config, untrained.tokenizer.text(), seed, device)?
        } else {
            TextModel::to_train(init_from, Some(&data.labels), &options, &freeze, seed, device)?
        };
        model.config.provenance.source =
            if strategy == Some(Strategy::Scratch) { None } else { Some(texts::source(&model, init_from)) };
        model.config.provenance.seed = Some(seed);
        model.config.provenance.data_digest = Some(data.digests[0].to_string());
        Ok(TextStart { model, parameters, freeze })
    }

    /// Which tensors came from the file. The head is reinitialized for new labels.
    fn fit(&self, start: &TextStart) -> Result<Fit> {
        let mut file = Checkpoint::open(self.init_from)?;
        let is_new = TextConfig::read(&mut file)?.labels.as_ref() != Some(&self.data.labels);
        let tensors = start.parameters.tensors();
        let shapes = tensors.into_iter().map(|(name, tensor)| (name, tensor.dims().to_vec())).collect();
        Ok(Fit::of_shapes(&shapes, &file, |name| is_new && !TextFreeze::Body.holds(name)))
    }

    /// The file's options that the command line overrides.
    fn options(&self) -> Vec<(&'static str, Value)> {
        let names = ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"];
        self.args.dropout.map(|p| names.map(|option| (option, json!(p))).into()).unwrap_or_default()
    }

    /// Most bytes of features to keep.
    fn cache(&self) -> usize {
        self.args.cache.saturating_mul(1_000_000)
    }

    /// The strategy that suits the texts best.
    fn choose(&self) -> Result<Strategy> {
        let (data, seed) = (self.data, self.args.common.seed);
        let classes: Vec<u32> = data.train.iter().map(|text| text.class).collect();
        let kept = per_class(&classes, &data.labels, SAMPLE, seed);
        let sample: Vec<LabeledText> = kept.into_iter().map(|index| data.train[index].clone()).collect();
        let start = self.start(Some(Strategy::FeatureExtraction))?;
        let texts = LabeledTexts::new(&start.model, &sample)?.through(BEFORE_HEAD, 0)?;
        let rows = texts.features(data.labels.len(), SAMPLE, |_| ())?;
        let least = data.counts.iter().copied().min().unwrap_or_default();
        let finding = rows.finding(least, data.labels.len())?;
        let folds = Folds::new(&sample.iter().map(|text| text.class).collect::<Vec<_>>(), seed);
        choose(&finding, folds.as_ref(), self.messages, |strategy, folds, run| {
            let [train, validation] = [false, true].map(|held_out| {
                let places = sample.iter().enumerate();
                let part = places.filter(|(index, _)| folds.holds_out(run, *index) == held_out);
                part.map(|(_, text)| text.clone()).collect::<Vec<_>>()
            });
            self.trial(strategy, &train, &validation)
        })
    }

    /// Trains by `strategy` for a few batches and validates; `None` when the loss exploded.
    fn trial(
        &self,
        strategy: Strategy,
        train: &[LabeledText],
        validation: &[LabeledText],
    ) -> Result<Option<Validation>> {
        let start = self.start(Some(strategy))?;
        if strategy == Strategy::FeatureExtraction {
            self.fit_head(&start, train, |_| ())?;
            return LabeledTexts::new(&start.model, validation)?.evaluate().map(Some);
        }
        let no_file = |_: &Situation, _: &Progress| bail!("a trial writes no model");
        self.with_task(&start, (train, validation), Some(strategy), &no_file, |task, situation| {
            let sound = self.args.training.trial(task, situation, TRIAL_BATCHES)?;
            if sound { task.validate() } else { Ok(None) }
        })
    }

    /// Fits the head of `start` by logistic regression on `train`.
    fn fit_head(&self, start: &TextStart, train: &[LabeledText], done: impl FnMut(usize)) -> Result<Logistic> {
        let Self { args, data, .. } = self;
        let texts = LabeledTexts::new(&start.model, train)?.through(BEFORE_HEAD, self.cache())?;
        let classes = data.labels.len();
        let rows = texts.features(classes, usize::MAX, done)?;
        let logistic = args.logistic(args.class_weights.of(&data.labels, &data.counts)?);
        let head = [start.head("weight")?, start.head("bias")?];
        rows.fit([&head[0], &head[1]], classes, &logistic)
    }

    /// Trains and writes a model by feature extraction.
    fn extract(&self, start: &TextStart) -> Result<()> {
        let Self { args, data, messages, .. } = self;
        messages.progress_to(data.train.len() as u64, "texts");
        let fitted = self.fit_head(start, &data.train, |count| messages.bar().inc(count as u64))?;
        let evaluate = |texts: &[LabeledText]| {
            LabeledTexts::new(&start.model, texts)?.through(BEFORE_HEAD, self.cache())?.evaluate()
        };
        let validation = if data.validation.is_empty() { None } else { Some(evaluate(&data.validation)?) };
        let train = evaluate(&data.train)?;
        let progress = Args::extracted(&fitted, &train, validation);
        let mut config = start.model.config.clone();
        let figures = json!({
            "iterations": fitted.iterations,
            "cost": args.cost,
            "layer": BEFORE_HEAD,
            "loss": train.loss,
            "accuracy": train.score,
            "validation": progress.validation,
        });
        config.provenance.training = figures.as_object().cloned().unwrap_or_default();
        self.add_choices(&mut config, start, Some(Strategy::FeatureExtraction));
        args.training.log_once(&progress)?;
        let texts = [(TOKENIZER_KEY, start.model.tokenizer.text())];
        let tensors = start.parameters.tensors();
        checkpoint::save_with(&args.output, &config.description()?, &texts, &tensors, args.dtype.into())?;
        args.report_extracted(&fitted, &progress, messages);
        Ok(())
    }

    fn batch(&self, train: &[LabeledText]) -> usize {
        self.args.batch.unwrap_or_else(|| default_batch(train.len(), 16))
    }

    fn loss(&self) -> Result<LossConfig> {
        let weights = self.args.class_weights.of(&self.data.labels, &self.data.counts)?;
        Ok(LossConfig { smoothing: self.args.label_smoothing, weights })
    }

    /// Trains and writes a model by gradient descent.
    fn descend(&self, start: &TextStart, strategy: Option<Strategy>) -> Result<Option<Outcome>> {
        let Self { args, data, messages, .. } = self;
        let TextStart { model, parameters, .. } = start;
        let file = |situation: &Situation, progress: &Progress| {
            let mut config = model.config.clone();
            config.provenance.training = args.training.figures(situation)?;
            config.provenance.training.extend([
                ("iterations".to_owned(), json!(progress.step)),
                ("batch".to_owned(), json!(self.batch(&data.train))),
                ("loss".to_owned(), json!(progress.mean("loss"))),
                ("accuracy".to_owned(), json!(progress.mean("accuracy"))),
                ("validation".to_owned(), serde_json::to_value(&progress.validation)?),
            ]);
            self.add_choices(&mut config, start, strategy);
            Ok(TrainedModel {
                config: config.description()?,
                tensors: parameters.tensors(),
                texts: vec![(TOKENIZER_KEY, model.tokenizer.text().to_owned())],
                precision: args.dtype.into(),
            })
        };
        let settings = self.settings(start, strategy)?;
        self.with_task(start, (&data.train, &data.validation), strategy, &file, |task, situation| {
            args.training.run(task, &args.output, situation, settings, messages)
        })
    }

    /// Calls `then` with the task of training `start` on the first texts, validated on the second.
    fn with_task<R>(
        &self,
        start: &TextStart,
        (train, validation): (&[LabeledText], &[LabeledText]),
        strategy: Option<Strategy>,
        file: &(dyn Fn(&Situation, &Progress) -> Result<TrainedModel> + Sync),
        then: impl FnOnce(&TextClassifierTask, &Situation) -> Result<R>,
    ) -> Result<R> {
        let Self { args, messages, .. } = self;
        let TextStart { model, parameters, freeze } = start;
        let batch = self.batch(train);
        let situation = Situation {
            epoch: train.len().div_ceil(batch),
            from_scratch: strategy == Some(Strategy::Scratch),
            head_only: *freeze == TextFreeze::Body,
            validates: !validation.is_empty(),
            examples: ExamplesOf::Texts,
        };
        let mut texts = [LabeledTexts::new(model, train)?, LabeledTexts::new(model, validation)?];
        if let Network::Bert(bert) = &model.network
            && let Some(layer) = bert.last_fixed_layer(freeze)
        {
            messages.detail(format_args!("training begins after {layer}: the layers up to it are computed once"));
            let [train, validation] = texts;
            texts = [train.through(&layer, self.cache())?, validation.through(&layer, self.cache())?];
        }
        let [train, validation] = texts;
        let file = |progress: &Progress| file(&situation, progress);
        let task = TextClassifierTask {
            parameters,
            train: TrainingTexts::new(train, batch, args.common.seed),
            validation,
            loss: self.loss()?,
            factor: &|name| factor(args, name),
            weight_decay: args.training.weight_decay,
            seed: args.common.seed,
            file: &file,
        };
        then(&task, &situation)
    }

    /// Adds the choices that differ from the defaults.
    fn add_choices(&self, config: &mut TextConfig, start: &TextStart, strategy: Option<Strategy>) {
        let mut add = |key: &str, value: Value, is_default: bool| {
            if !is_default {
                config.provenance.training.insert(key.to_owned(), value);
            }
        };
        add("strategy", json!(strategy), strategy.is_none());
        add("freeze", json!(format!("{:?}", start.freeze)), start.freeze == TextFreeze::Nothing);
        add("per_class", json!(self.args.per_class), self.args.per_class.is_none());
    }

    /// Everything that shapes the training and is not among the loop's options.
    fn settings(&self, start: &TextStart, strategy: Option<Strategy>) -> Result<Map<String, Value>> {
        let Self { args, data, .. } = self;
        let settings = json!({
            "seed": args.common.seed,
            "data": data.digests[0].to_string(),
            "val": data.digests[1].to_string(),
            "val_fraction": args.validation.fraction(),
            "per_class": args.per_class,
            "init_from": texts::start_digest(self.init_from)?,
            "labels": data.labels,
            "options": self.options().into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
            "strategy": strategy,
            "freeze": format!("{:?}", start.freeze),
            "batch": self.batch(&data.train),
            "head_lr": args.head_lr,
            "layer_lr": args.layer_lr,
            "label_smoothing": args.label_smoothing,
            "class_weights": self.loss()?.weights,
        });
        Ok(settings.as_object().cloned().unwrap_or_default())
    }
}

/// The factor on the learning rate of a weight, by name.
fn factor(args: &Args, name: &str) -> f64 {
    let name =
        ["bert.", "distilbert.", "roberta."].into_iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let within = |layer: &str| name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'));
    let own = args.layer_lr.iter().rev().find(|(layer, _)| within(layer)).map(|(_, factor)| *factor);
    own.unwrap_or(if !TextFreeze::Body.holds(name) { args.head_lr.unwrap_or(1.0) } else { 1.0 })
}

/// Which layers are frozen.
fn freeze(args: &Args, strategy: Option<Strategy>, init_from: &Path) -> Result<TextFreeze> {
    let up_to = |layer: Option<&str>, trainable| texts::freeze(init_from, layer, trainable);
    match (strategy, &args.freeze) {
        (Some(Strategy::FeatureExtraction | Strategy::Head), _) | (None, Some(FreezeTo::All)) => Ok(TextFreeze::Body),
        (Some(Strategy::Top), _) => up_to(None, Some(TOP)),
        (Some(Strategy::All | Strategy::Scratch), _) | (None, Some(FreezeTo::None)) => Ok(TextFreeze::Nothing),
        (None, Some(FreezeTo::Layer(layer))) => up_to(Some(&layer.name), None),
        (None, None) => up_to(None, args.trainable_layers),
    }
}
