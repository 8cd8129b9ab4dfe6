//! Records with a text and a label: a BERT with a head.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Var};
use dl_models::text::{Network, TOKENIZER_KEY, TextConfig, TextFreeze, TextModel, Tokens};
use dl_models::{Checkpoint, Fit, Parameters, checkpoint};
use dl_train::Digest;
use dl_train::classifier::LossConfig;
use dl_train::fit::{ModelFile, Progress};
use dl_train::sampler::per_class;
use dl_train::text::{Learned, NamedText, NamedTexts, TextClassifierTask};
use dl_train::transfer::Strategy;
use serde_json::{Map, Value, json};

use super::options::{FreezeTo, TOP};
use super::{Args, SAMPLE, StrategyName};
use crate::common::{Io, Messages, Outcome, Tally};
use crate::tools::finetune::texts::{self, Source};
use crate::tools::finetune::training::Shape;

/// What comes into the head, where no dropout stands between.
const BEFORE_HEAD: &str = "pooler";

/// Does the file hold a network that reads texts and no pictures?
pub(super) fn reads_texts(path: &Path) -> Result<bool> {
    let architecture = TextConfig::text_architecture(&Checkpoint::open(path)?)?;
    Ok(architecture.is_some_and(|architecture| architecture != "clip"))
}

/// Trains on texts; `init_from` is the network.
pub(super) fn run(args: &Args, init_from: &Path, io: &mut Io) -> Result<Outcome> {
    let of_pictures = args.crops || args.views.asked() || args.views.mixup > 0.0 || args.size.is_some();
    ensure!(!of_pictures, "--crops, --size, --augment and --mixup are for pictures; this network reads texts");
    let device = args.device.open()?;
    let asked = args.strategy.and_then(StrategyName::strategy);
    // A layer that is none is an error before anything is read.
    freeze(args, asked, init_from)?;
    let data = read(args, init_from, &device, io)?;
    let training = Training { args, init_from, data: &data, device: &device, messages: &io.messages };
    let strategy = if args.strategy == Some(StrategyName::Auto) { Some(training.choose()?) } else { asked };
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
    let (all, learning) = (start.parameters.tensors().len(), start.parameters.vars().len());
    if learning < all {
        io.messages.note(format_args!("{} of {all} weights do not learn", all - learning));
    }
    let interrupted = if strategy == Some(Strategy::FeatureExtraction) {
        training.extract(&start)?;
        None
    } else {
        training.descend(&start, strategy)?
    };
    Ok(interrupted.unwrap_or(Outcome::of(data.tally.failed)))
}

/// What is learned from, and what is judged by.
struct Data {
    learned: Vec<NamedText>,
    judged: Vec<NamedText>,
    labels: Vec<String>,
    /// Texts of each label to learn from.
    counts: Vec<usize>,
    tally: Tally,
    /// Of all that was read, and of what is judged by.
    digests: [Digest; 2],
}

fn read(args: &Args, init_from: &Path, device: &Device, io: &mut Io) -> Result<Data> {
    let tokenizer = TextModel::open(init_from, device)?.tokenizer;
    let source =
        Source { common: &args.common, inputs: &args.inputs, val: args.val.as_deref(), val_share: args.val_share };
    let mut cut = 0;
    let read = source.read(io, |record| -> Result<(Tokens, String)> {
        let label = record.label()?.filter(|label| !label.is_empty());
        let label = label.context("the record has no \"label\" to learn")?;
        let (tokens, was_cut) = tokenizer.encode(&texts::text_of(record)?)?;
        ensure!(!tokens.ids.is_empty(), "the text has no tokens");
        cut += usize::from(was_cut);
        Ok((tokens, label))
    })?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    read.learned.iter().for_each(|(_, label)| *counts.entry(label).or_default() += 1);
    let labels: Vec<String> = counts.keys().map(|label| (*label).to_owned()).collect();
    if let [only] = labels.as_slice() {
        bail!("all records have the same label, \"{only}\"; there is nothing to tell apart");
    }
    let named = |texts: &[(Tokens, String)]| -> Result<Vec<NamedText>> {
        let named = texts.iter().map(|(tokens, label)| {
            let class = labels.binary_search(label);
            let class = class.ok().with_context(|| format!("no text to learn from has the label \"{label}\""))?;
            Ok(NamedText { tokens: tokens.clone(), class: class as u32 })
        });
        named.collect()
    };
    let (mut learned, judged) = (named(&read.learned)?, named(&read.judged)?);
    if let Some(count) = args.per_class {
        let classes: Vec<u32> = learned.iter().map(|text| text.class).collect();
        let kept = per_class(&classes, &labels, count, args.common.seed);
        learned = kept.into_iter().map(|index| learned[index].clone()).collect();
    }
    let mut counts = vec![0; labels.len()];
    learned.iter().for_each(|text| counts[text.class as usize] += 1);
    let (many, classes, others) = (learned.len(), labels.len(), judged.len());
    io.messages.note(format_args!("{many} texts of {classes} classes to learn, {others} to judge by"));
    if cut > 0 {
        io.messages.note(format_args!("{cut} texts were cut at the longest that the network reads"));
    }
    Ok(Data { learned, judged, labels, counts, tally: read.tally, digests: [read.digest, read.judged_digest] })
}

/// A network that is to learn.
struct Start {
    model: TextModel,
    parameters: Parameters,
    freeze: TextFreeze,
}

impl Start {
    /// The only weight of the head with this name.
    fn head(&self, name: &str) -> Result<Var> {
        let mut vars = self.parameters.vars().into_iter();
        let found = vars.find(|(own, _)| own == name).map(|(_, var)| var);
        found.with_context(|| format!("the network has no {name} that learns"))
    }
}

struct Training<'a> {
    args: &'a Args,
    init_from: &'a Path,
    data: &'a Data,
    device: &'a Device,
    messages: &'a Messages,
}

impl Training<'_> {
    /// The network as the strategy wants it, with what the model file says of its origin.
    fn start(&self, strategy: Option<Strategy>) -> Result<Start> {
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
            config.license = None;
            TextModel::fresh(config, untrained.tokenizer.text(), seed, device)?
        } else {
            TextModel::to_train(init_from, Some(&data.labels), &options, &freeze, seed, device)?
        };
        model.config.source =
            if strategy == Some(Strategy::Scratch) { None } else { Some(texts::source(&model, init_from)) };
        model.config.seed = Some(seed);
        model.config.data_digest = Some(data.digests[0].to_string());
        Ok(Start { model, parameters, freeze })
    }

    /// What the file gave to a network that starts from it, and what it did not. The head is new where the labels are.
    fn fit(&self, start: &Start) -> Result<Fit> {
        let mut file = Checkpoint::open(self.init_from)?;
        let is_new = TextConfig::read(&mut file)?.labels.as_ref() != Some(&self.data.labels);
        let tensors = start.parameters.tensors();
        let shapes = tensors.into_iter().map(|(name, tensor)| (name, tensor.dims().to_vec())).collect();
        Ok(Fit::of_shapes(&shapes, &file, |name| is_new && name.starts_with("classifier.")))
    }

    /// What the command line says in place of the file's options.
    fn options(&self) -> Vec<(&'static str, Value)> {
        let names = ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"];
        self.args.dropout.map(|p| names.map(|option| (option, json!(p))).into()).unwrap_or_default()
    }

    /// Most bytes of features that are kept.
    fn cache(&self) -> usize {
        self.args.cache.saturating_mul(1_000_000)
    }

    /// The strategy that the data suggest.
    fn choose(&self) -> Result<Strategy> {
        let data = self.data;
        let start = self.start(Some(Strategy::FeatureExtraction))?;
        let texts = NamedTexts::new(&start.model, &data.learned)?.through(BEFORE_HEAD, 0)?;
        let rows = texts.features(data.labels.len(), SAMPLE, |_| ())?;
        let least = data.counts.iter().copied().min().unwrap_or_default();
        let finding = rows.finding(least, data.labels.len())?;
        self.messages.note(finding.reasons());
        Ok(finding.strategy())
    }

    /// Feature extraction: the head is a logistic regression.
    fn extract(&self, start: &Start) -> Result<()> {
        let Self { args, data, messages, .. } = self;
        let texts = |texts| NamedTexts::new(&start.model, texts)?.through(BEFORE_HEAD, self.cache());
        let (learned, judged) = (texts(&data.learned)?, texts(&data.judged)?);
        messages.progress_to(learned.len() as u64, "texts");
        let classes = data.labels.len();
        let rows = learned.features(classes, usize::MAX, |count| messages.bar().inc(count as u64))?;
        let logistic = args.logistic(args.class_weights.of(&data.labels, &data.counts)?);
        let head = [start.head("classifier.weight")?, start.head("classifier.bias")?];
        let fitted = rows.fit([&head[0], &head[1]], classes, &logistic)?;
        let judged = if judged.is_empty() { None } else { Some(judged.judge()?) };
        let learned = learned.judge()?;
        let progress = Args::extracted(&fitted, &learned, judged);
        let mut config = start.model.config.clone();
        let figures = json!({
            "iterations": fitted.iterations,
            "cost": args.cost,
            "layer": BEFORE_HEAD,
            "loss": learned.loss,
            "accuracy": learned.score,
            "validation": progress.validation,
        });
        config.training = figures.as_object().cloned().unwrap_or_default();
        self.add_choices(&mut config, start, Some(Strategy::FeatureExtraction));
        args.training.log_once(&progress)?;
        let texts = [(TOKENIZER_KEY, start.model.tokenizer.text())];
        let tensors = start.parameters.tensors();
        checkpoint::save_with(&args.model, &config.description()?, &texts, &tensors, args.precision.into())?;
        args.tell_extracted(&fitted, &progress, messages);
        Ok(())
    }

    /// Everything else: gradient descent.
    fn descend(&self, start: &Start, strategy: Option<Strategy>) -> Result<Option<Outcome>> {
        let Self { args, data, messages, .. } = self;
        let Start { model, parameters, freeze } = start;
        let shape = Shape {
            epoch: data.learned.len().div_ceil(args.batch),
            from_nothing: strategy == Some(Strategy::Scratch),
            validates: !data.judged.is_empty(),
        };
        let class_weights = args.class_weights.of(&data.labels, &data.counts)?;
        let loss = LossConfig { smoothing: args.label_smoothing, weights: class_weights };
        let mut texts = [NamedTexts::new(model, &data.learned)?, NamedTexts::new(model, &data.judged)?];
        if let Network::Bert(bert) = &model.network
            && let Some(layer) = bert.last_fixed_layer(freeze)
        {
            messages.detail(format_args!("learning begins after {layer}: what is before it is computed once"));
            let [learned, judged] = texts;
            texts = [learned.through(&layer, self.cache())?, judged.through(&layer, self.cache())?];
        }
        let [learned, judged] = texts;
        let file = |progress: &Progress| {
            let mut config = model.config.clone();
            config.training = args.training.figures(&shape);
            config.training.extend([
                ("iterations".to_owned(), json!(progress.step)),
                ("batch".to_owned(), json!(args.batch)),
                ("loss".to_owned(), json!(progress.mean("loss"))),
                ("accuracy".to_owned(), json!(progress.mean("accuracy"))),
                ("validation".to_owned(), serde_json::to_value(&progress.validation)?),
            ]);
            self.add_choices(&mut config, start, strategy);
            Ok(ModelFile {
                config: config.description()?,
                tensors: parameters.tensors(),
                texts: vec![(TOKENIZER_KEY, model.tokenizer.text().to_owned())],
                precision: args.precision.into(),
            })
        };
        let settings = self.settings(start, strategy, &loss)?;
        let task = TextClassifierTask {
            parameters,
            learned: Learned::new(learned, args.batch, args.common.seed),
            judged,
            loss,
            factor: &|name| factor(args, name),
            weight_decay: args.training.weight_decay,
            seed: args.common.seed,
            file: &file,
        };
        args.training.run(&task, &args.model, &shape, settings, messages)
    }

    /// The choices that are not the usual ones.
    fn add_choices(&self, config: &mut TextConfig, start: &Start, strategy: Option<Strategy>) {
        let mut add = |key: &str, value: Value, usual: bool| {
            if !usual {
                config.training.insert(key.to_owned(), value);
            }
        };
        add("strategy", json!(strategy), strategy.is_none());
        add("freeze", json!(format!("{:?}", start.freeze)), start.freeze == TextFreeze::Nothing);
        add("per_class", json!(self.args.per_class), self.args.per_class.is_none());
    }

    /// Everything that shapes the training and is not among the loop's options.
    fn settings(&self, start: &Start, strategy: Option<Strategy>, loss: &LossConfig) -> Result<Map<String, Value>> {
        let Self { args, data, .. } = self;
        let settings = json!({
            "seed": args.common.seed,
            "data": data.digests[0].to_string(),
            "val": data.digests[1].to_string(),
            "val_share": args.val_share,
            "per_class": args.per_class,
            "init_from": texts::start_digest(self.init_from)?,
            "labels": data.labels,
            "options": self.options().into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
            "strategy": strategy,
            "freeze": format!("{:?}", start.freeze),
            "batch": args.batch,
            "head_lr": args.head_lr,
            "layer_lr": args.layer_lr,
            "label_smoothing": args.label_smoothing,
            "class_weights": loss.weights,
        });
        Ok(settings.as_object().cloned().unwrap_or_default())
    }
}

/// Factor on the learning rate of a weight, by its name.
fn factor(args: &Args, name: &str) -> f64 {
    let name = name.strip_prefix("bert.").unwrap_or(name);
    let within = |layer: &str| name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'));
    let own = args.layer_lr.iter().rev().find(|(layer, _)| within(layer)).map(|(_, factor)| *factor);
    own.unwrap_or(if within("classifier") { args.head_lr } else { 1.0 })
}

/// What does not learn.
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
