//! Texts, and the BERTs that classify them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Var};
use dl_models::text::{Network, TOKENIZER_KEY, TextConfig, TextFreeze, TextModel, Tokens};
use dl_models::{Checkpoint, Fit, ModelFile, Parameters};
use dl_record::Digest;
use dl_train::classifier::{LossConfig, weight_of};
use dl_train::fit::{Progress, TrainedModel, Validation};
use dl_train::sampler::per_class;
use dl_train::text::{LabeledText, LabeledTexts, TextClassifierTask, TrainingTexts};
use dl_train::transfer::{Finding, Folds, Strategy};
use dl_transfer::linear::Logistic;
use serde_json::{Map, Value, json};

use super::auto::SAMPLE;
use super::learner::{Learner, MakeFile};
use super::options::{FreezeTo, InputName, StrategyName, TOP};
use super::{Args, path};
use crate::common::{Io, Messages, Tally, given, object};
use crate::tools::finetune::network::report_frozen;
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

/// Fails when an option is for images alone, or names a layer that does not exist, before anything is read.
pub(super) fn check(args: &Args, init_from: &Path) -> Result<()> {
    let of_images = args.input.is_some_and(|input| input != InputName::Text)
        || args.views.are_requested()
        || args.views.mixup > 0.0
        || args.head_first.is_some()
        || args.network.size.is_some();
    ensure!(
        !of_images,
        "--input image|objects|proposals, --size, --augment, --mixup and --head-first are for images; this network reads texts"
    );
    freeze(args, args.strategy.and_then(StrategyName::strategy), init_from).map(drop)
}

/// The training and validation texts.
pub(super) struct TextData {
    train: Vec<LabeledText>,
    validation: Option<Vec<LabeledText>>,
    labels: Vec<String>,
    /// Training texts per label.
    counts: Vec<usize>,
    pub(super) tally: Tally,
    /// Of all that was read, and of the validation texts.
    digests: [Digest; 2],
}

impl TextData {
    /// Reads all records.
    pub(super) fn read(args: &Args, init_from: &Path, device: &Device, io: &mut Io) -> Result<Self> {
        let tokenizer = TextModel::open(init_from, device)?.tokenizer;
        let source = Source {
            common: &args.common,
            inputs: &args.inputs,
            val: args.validation.file(),
            val_fraction: args.validation.fraction(),
        };
        let mut cut = 0;
        let read = source.read(io, |record| -> Result<(Tokens, String, f32)> {
            let label = record.label()?.filter(|label| !label.is_empty());
            let label = label.context("the record has no \"label\" to train on")?;
            let (tokens, was_cut) = tokenizer.encode(&texts::text_of(record)?)?;
            ensure!(!tokens.ids.is_empty(), "the text has no tokens");
            cut += usize::from(was_cut);
            Ok((tokens, label, weight_of(record)?))
        })?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        read.train.iter().for_each(|(_, label, _)| *counts.entry(label).or_default() += 1);
        let labels: Vec<String> = counts.keys().map(|label| (*label).to_owned()).collect();
        if let [only] = labels.as_slice() {
            bail!("all records have the same label, \"{only}\"; training needs at least two");
        }
        let labeled = |texts: &[(Tokens, String, f32)]| -> Result<Vec<LabeledText>> {
            let labeled = texts.iter().map(|(tokens, label, weight)| {
                let class = labels.binary_search(label);
                let class = class.ok().with_context(|| format!("no training text has the label \"{label}\""))?;
                Ok(LabeledText { tokens: tokens.clone(), class: class as u32, weight: *weight })
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
        let digests = [read.digest, read.validation_digest];
        let validation = Some(validation).filter(|texts| !texts.is_empty());
        Ok(Self { train, validation, labels, counts, tally: read.tally, digests })
    }
}

/// A network to train.
pub(super) struct TextStart {
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

/// Learns from texts.
pub(super) struct TextLearner<'a> {
    pub(super) args: &'a Args,
    pub(super) init_from: &'a Path,
    pub(super) data: &'a TextData,
    pub(super) device: &'a Device,
    pub(super) messages: &'a Messages,
}

impl TextLearner<'_> {
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

    fn batch(&self, train: &[LabeledText]) -> usize {
        self.args.batch.unwrap_or_else(|| default_batch(train.len(), 16))
    }

    fn class_weights(&self) -> Result<Vec<f64>> {
        self.args.class_weights.of(&self.data.labels, &self.data.counts)
    }
}

impl Learner for TextLearner<'_> {
    type Start = TextStart;
    type Part = Vec<LabeledText>;
    type Task<'a>
        = TextClassifierTask<'a>
    where
        Self: 'a;

    fn train(&self) -> &Vec<LabeledText> {
        &self.data.train
    }

    fn validation(&self) -> Option<&Vec<LabeledText>> {
        self.data.validation.as_ref()
    }

    fn count(&self, part: &Vec<LabeledText>) -> (usize, &'static str) {
        (part.len(), "texts")
    }

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

    fn report(&self, start: &TextStart, strategy: Option<Strategy>, messages: &Messages) -> Result<()> {
        if strategy != Some(Strategy::Scratch) {
            let fit = self.fit(start)?;
            if !fit.is_whole() {
                messages.note(fit.report());
            }
        }
        if let Some(note) = &start.model.note {
            messages.note(format_args!("model {}: {note}", self.init_from.display()));
        }
        let (all, trained) = (start.parameters.tensors().len(), start.parameters.vars().len());
        report_frozen(all - trained, all, messages);
        Ok(())
    }

    fn fit_head(
        &self,
        start: &TextStart,
        part: &Vec<LabeledText>,
        done: &mut dyn FnMut(usize),
    ) -> Result<(Logistic, String)> {
        let texts = LabeledTexts::new(&start.model, part)?.through(BEFORE_HEAD, self.cache())?;
        let classes = self.data.labels.len();
        let rows = texts.features(classes, usize::MAX, done)?;
        let head = [start.head("weight")?, start.head("bias")?];
        let logistic = path::logistic(self.args, self.class_weights()?);
        Ok((rows.fit([&head[0], &head[1]], classes, &logistic)?, BEFORE_HEAD.to_owned()))
    }

    fn evaluate(&self, start: &TextStart, part: &Vec<LabeledText>) -> Result<Validation> {
        LabeledTexts::new(&start.model, part)?.evaluate()
    }

    fn task<'a>(
        &'a self,
        start: &'a TextStart,
        (train, validation): (&'a Vec<LabeledText>, Option<&'a Vec<LabeledText>>),
        strategy: Option<Strategy>,
        file: MakeFile<'a>,
    ) -> Result<(TextClassifierTask<'a>, Situation)> {
        let Self { args, messages, .. } = *self;
        let TextStart { model, parameters, freeze } = start;
        let batch = self.batch(train);
        let situation = Situation {
            epoch: train.len().div_ceil(batch),
            from_scratch: strategy == Some(Strategy::Scratch),
            head_only: *freeze == TextFreeze::Body,
            validates: validation.is_some(),
            examples: ExamplesOf::Texts,
        };
        let validation = validation.map_or(&[][..], Vec::as_slice);
        let mut texts = [LabeledTexts::new(model, train)?, LabeledTexts::new(model, validation)?];
        if let Network::Bert(bert) = &model.network
            && let Some(layer) = bert.last_fixed_layer(freeze)
        {
            messages.detail(format_args!("training begins after {layer}: the layers up to it are computed once"));
            let [train, validation] = texts;
            texts = [train.through(&layer, self.cache())?, validation.through(&layer, self.cache())?];
        }
        let [train, validation] = texts;
        let task = TextClassifierTask {
            parameters,
            train: TrainingTexts::new(train, batch, args.common.seed),
            validation,
            loss: LossConfig { smoothing: args.label_smoothing, weights: self.class_weights()? },
            factor: Box::new(|name| factor(args, name)),
            weight_decay: args.training.weight_decay,
            seed: args.common.seed,
            file: Box::new(move |progress: &Progress| file(&situation, progress)),
        };
        Ok((task, situation))
    }

    fn facts(&self, _: &TextStart, _: Option<Strategy>) -> Result<Map<String, Value>> {
        let Self { data, .. } = self;
        Ok(object(json!({
            "data": data.digests[0].to_string(),
            "val": data.digests[1].to_string(),
            "init_from": texts::start_digest(self.init_from)?,
            "labels": data.labels,
            "batch": self.batch(&data.train),
            "class_weights": self.class_weights()?,
        })))
    }

    fn figures(&self, start: &TextStart, strategy: Option<Strategy>) -> Result<Map<String, Value>> {
        let weighted = self.data.train.iter().any(|text| text.weight != 1.0);
        Ok(given(json!({
            "batch": Some(self.batch(&self.data.train)).filter(|_| strategy != Some(Strategy::FeatureExtraction)),
            "freeze": Some(start.freeze.to_string()).filter(|_| start.freeze != TextFreeze::Nothing),
            "weighted": Some(true).filter(|_| weighted),
        })))
    }

    fn model(&self, start: &TextStart, training: Map<String, Value>) -> Result<TrainedModel> {
        let mut config = start.model.config.clone();
        config.provenance.training = training;
        Ok(TrainedModel {
            config: config.description()?,
            tensors: start.parameters.tensors(),
            texts: vec![(TOKENIZER_KEY, start.model.tokenizer.text().to_owned())],
            precision: self.args.dtype.into(),
        })
    }

    fn quiet(&self) -> Self {
        Self { ..*self }
    }

    fn sample(&self) -> Vec<LabeledText> {
        let (data, seed) = (self.data, self.args.common.seed);
        let kept = per_class(&self.classes(&data.train), &data.labels, SAMPLE, seed);
        kept.into_iter().map(|index| data.train[index].clone()).collect()
    }

    fn classes(&self, part: &Vec<LabeledText>) -> Vec<u32> {
        part.iter().map(|text| text.class).collect()
    }

    fn fold(&self, part: &Vec<LabeledText>, folds: &Folds, run: usize, held_out: bool) -> Vec<LabeledText> {
        let places = part.iter().enumerate();
        let kept = places.filter(|(index, _)| folds.holds_out(run, *index) == held_out);
        kept.map(|(_, text)| text.clone()).collect()
    }

    fn finding(&self, sample: &Vec<LabeledText>) -> Result<Finding> {
        let start = self.start(Some(Strategy::FeatureExtraction))?;
        let classes = self.data.labels.len();
        let texts = LabeledTexts::new(&start.model, sample)?.through(BEFORE_HEAD, 0)?;
        let least = self.data.counts.iter().copied().min().unwrap_or_default();
        texts.features(classes, SAMPLE, |_| ())?.finding(least, classes)
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
