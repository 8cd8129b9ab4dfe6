//! Records with a text and a label: a BERT with a head.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_models::Checkpoint;
use dl_models::text::{TOKENIZER_KEY, TextConfig, TextFreeze, TextModel, Tokens};
use dl_train::classifier::LossConfig;
use dl_train::fit::{ModelFile, Progress};
use dl_train::text::{Learned, NamedText, TextClassifierTask};
use dl_train::transfer::Strategy;
use serde_json::{Map, Value, json};

use super::options::FreezeTo;
use super::{Args, StrategyName};
use crate::common::{Io, Outcome};
use crate::tools::finetune::texts::{self, Source};
use crate::tools::finetune::training::Shape;

/// Does the file hold a network that reads texts and no pictures?
pub(super) fn reads_texts(path: &Path) -> Result<bool> {
    let architecture = TextConfig::text_architecture(&Checkpoint::open(path)?)?;
    Ok(architecture.is_some_and(|architecture| architecture != "clip"))
}

/// Trains on texts; `init_from` is the network.
pub(super) fn run(args: &Args, init_from: &Path, io: &mut Io) -> Result<Outcome> {
    let of_pictures = args.crops || args.views.asked() || args.views.mixup > 0.0 || args.size.is_some();
    ensure!(!of_pictures, "--crops, --size, --augment and --mixup are for pictures; this network reads texts");
    ensure!(args.per_class.is_none(), "--per-class is for pictures; choose the texts before");
    let device = args.device.open()?;
    let freeze = freeze(args, init_from)?;
    let untrained = TextModel::open(init_from, &device)?;
    let source = Source {
        common: &args.common,
        inputs: &args.inputs,
        val: args.val.as_deref(),
        val_share: args.val_share,
    };
    let mut cut = 0;
    let read = source.read(io, |record| -> Result<(Tokens, String)> {
        let label = record.label()?.filter(|label| !label.is_empty());
        let label = label.context("the record has no \"label\" to learn")?;
        let (tokens, was_cut) = untrained.tokenizer.encode(&texts::text_of(record)?)?;
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
    let counts: Vec<usize> = counts.values().copied().collect();
    let named = |texts: &[(Tokens, String)]| -> Result<Vec<NamedText>> {
        let named = texts.iter().map(|(tokens, label)| {
            let class = labels.binary_search(label);
            let class = class.ok().with_context(|| format!("no text to learn from has the label \"{label}\""))?;
            Ok(NamedText { tokens: tokens.clone(), class: class as u32 })
        });
        named.collect()
    };
    let (learned, judged) = (named(&read.learned)?, named(&read.judged)?);
    let (many, classes, others) = (learned.len(), labels.len(), judged.len());
    io.messages.note(format_args!("{many} texts of {classes} classes to learn, {others} to judge by"));
    if cut > 0 {
        io.messages.note(format_args!("{cut} texts were cut at the longest that the network reads"));
    }
    drop(untrained);

    let options: Vec<(&str, Value)> = match args.dropout {
        Some(p) => {
            let names = ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"];
            names.map(|option| (option, json!(p))).into()
        }
        None => Vec::new(),
    };
    let (mut model, parameters) =
        TextModel::to_train(init_from, Some(&labels), &options, &freeze, args.common.seed, &device)?;
    model.config.source = Some(texts::source(&model, init_from));
    model.config.seed = Some(args.common.seed);
    model.config.data_digest = Some(read.digest.to_string());
    let shape =
        Shape { epoch: learned.len().div_ceil(args.batch), from_nothing: false, validates: !judged.is_empty() };
    let loss = LossConfig { smoothing: args.label_smoothing, weights: args.class_weights.of(&labels, &counts)? };
    let settings = json!({
        "seed": args.common.seed,
        "data": read.digest.to_string(),
        "val": read.judged_digest.to_string(),
        "val_share": args.val_share,
        "init_from": texts::start_digest(init_from)?,
        "labels": labels,
        "options": options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Map<_, _>>(),
        "freeze": format!("{freeze:?}"),
        "batch": args.batch,
        "head_lr": args.head_lr,
        "layer_lr": args.layer_lr,
        "label_smoothing": args.label_smoothing,
        "class_weights": loss.weights,
    });
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
        Ok(ModelFile {
            config: config.description()?,
            tensors: parameters.tensors(),
            texts: vec![(TOKENIZER_KEY, model.tokenizer.text().to_owned())],
            precision: args.precision.into(),
        })
    };
    let factor = |name: &str| {
        let name = name.strip_prefix("bert.").unwrap_or(name);
        let within = |layer: &str| name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'));
        let own = args.layer_lr.iter().rev().find(|(layer, _)| within(layer)).map(|(_, factor)| *factor);
        own.unwrap_or(if within("classifier") { args.head_lr } else { 1.0 })
    };
    let task = TextClassifierTask {
        model: &model,
        parameters: &parameters,
        learned: Learned::new(&learned, args.batch, args.common.seed),
        judged: &judged,
        loss,
        factor: &factor,
        weight_decay: args.training.weight_decay,
        seed: args.common.seed,
        file: &file,
    };
    let settings = settings.as_object().cloned().unwrap_or_default();
    let interrupted = args.training.run(&task, &args.model, &shape, settings, &io.messages)?;
    Ok(interrupted.unwrap_or(Outcome::of(read.tally.failed)))
}

fn freeze(args: &Args, init_from: &Path) -> Result<TextFreeze> {
    let up_to = |layer: Option<&str>, trainable| texts::freeze(init_from, layer, trainable);
    match (args.strategy.map(StrategyName::strategy), &args.freeze) {
        (Some(Some(Strategy::Head)), _) | (None, Some(FreezeTo::All)) => Ok(TextFreeze::Body),
        (Some(Some(Strategy::Top)), _) => up_to(None, Some(2)),
        (Some(Some(Strategy::All)), _) | (None, Some(FreezeTo::None)) => Ok(TextFreeze::Nothing),
        (Some(_), _) => bail!(
            "--strategy of texts is head, top or all; features are extracted by dl-embed and learned by dl-finetune linear"
        ),
        (None, Some(FreezeTo::Layer(layer))) => up_to(Some(&layer.name), None),
        (None, None) => up_to(None, args.trainable_layers),
    }
}
