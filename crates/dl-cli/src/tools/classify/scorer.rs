//! Ways to a probability for each class: a network for images, one for texts, CLIP and SigLIP with words, and heads on
//! features.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use dl_models::text::zero_shot::ZeroShot;
use dl_models::text::{TextBatch, TextModel, TextNetwork, Tokens};
use dl_models::{
    Kind, LOGITS, LayerName, LinearHead, Model, ModelFile, Preprocessing, Resize, TaskLabels, check_network, plain,
    probabilities,
};
use dl_record::Record;
use dl_transfer::attributes::Signatures;
use dl_transfer::feature_head::FeatureHead;
use dl_transfer::{Mat, WholeFeatures, whole_features};

use super::input::{Input, Regions};
use crate::common::{FeatureExtractor, Images, Prepared, RegionWarp, WarpArgs};

/// A model that gives each class a probability.
pub(super) enum Scorer {
    /// A network for images, with the layer of its class scores.
    Images(Box<ImageScorer>),
    /// A network for texts.
    Texts(Box<TextModel>),
    /// CLIP or SigLIP, with the classes as words.
    Words(Box<ZeroShot>, Device),
    /// A head of dl-finetune linear on features.
    Features(LinearHead),
    /// A head of dl-finetune neighbors, prototypes or attributes.
    Table(Box<FeatureHead>),
}

/// A network for images and what it looks at.
pub(super) struct ImageScorer {
    model: Model,
    layers: [LayerName; 1],
    device: Device,
    /// `None`: the whole image.
    regions: Option<(Regions, RegionWarp)>,
}

/// A record's part of the work.
pub(super) enum Work {
    Image(Prepared),
    Text(Tokens),
    Features(Vec<f32>),
}

/// The probability of each class for each row: one row, or one for each region.
pub(super) type Probabilities = Vec<Vec<f64>>;

/// What the command line says of the model and its classes.
pub(super) struct Options<'a> {
    pub(super) path: &'a Path,
    pub(super) arch: Option<&'a str>,
    /// `--labels`.
    pub(super) labels: Option<&'a [String]>,
    /// For CLIP and SigLIP.
    pub(super) templates: &'a [String],
    pub(super) input: Option<Input>,
    pub(super) warp: &'a WarpArgs,
    /// `--classes` and `--calibration`.
    pub(super) signatures: Option<&'a Signatures>,
    pub(super) calibration: f64,
}

impl Scorer {
    /// Opens what the model file holds.
    pub(super) fn open(options: &Options, device: Device) -> Result<Self> {
        let Options { path, arch, labels, templates, input, warp, signatures, calibration } = *options;
        let name = || format!("model {}", path.display());
        let file = ModelFile::open(path, arch)?;
        ensure!(
            signatures.is_none() || file.kind() == Kind::FeatureHead,
            "--classes: {} does not classify by attributes; dl-finetune attributes trains one that does",
            name()
        );
        if file.kind() != Kind::Clip {
            ensure!(templates.is_empty(), "--template is for CLIP and SigLIP; {} has classes of its own", name());
        }
        if let Some(input) = input {
            let reads = match file.kind() {
                Kind::LinearHead | Kind::FeatureHead => "reads features",
                Kind::TextNetwork => "reads texts",
                Kind::Clip if input != Input::Image => {
                    "is a network for images and texts, which classifies whole images"
                }
                _ => "",
            };
            ensure!(reads.is_empty(), "--input {}: {} {reads}", format!("{input:?}").to_lowercase(), name());
        }
        match file {
            ModelFile::LinearHead(head) => Ok(Self::Features(head)),
            ModelFile::FeatureHead(file) => {
                let mut head = file.head;
                if let Some(signatures) = signatures {
                    head.set_classes(signatures, calibration).context("--classes")?;
                }
                Ok(Self::Table(Box::new(head)))
            }
            ModelFile::ImageNetwork(file) => {
                let model = Model::from_checkpoint(file, arch, &device)?;
                ensure!(
                    model.config.num_classes > 1,
                    "{}: was trained without labels, so it has no classes; train a head with dl-finetune classifier, or use \
                     it in dl-embed",
                    name()
                );
                ensure!(
                    model.backbone.layers().iter().any(|layer| layer == LOGITS),
                    "{}: a {} without a classifier; train one on its features: dl-embed, then dl-finetune linear",
                    name(),
                    model.config.architecture
                );
                let regions = match Input::regions(input, &model.config) {
                    Some(regions) => Some((regions, warp.resolve(&model.config)?)),
                    None => None,
                };
                Ok(Self::Images(Box::new(ImageScorer { model, layers: [LOGITS.parse()?], device, regions })))
            }
            ModelFile::Clip(_) => {
                let Some(labels) = labels else {
                    bail!("{}: has no classes of its own, only words; name them with --labels", name())
                };
                let usual = ["a photo of a {}".to_owned()];
                let templates = if templates.is_empty() { usual.as_slice() } else { templates };
                Ok(Self::Words(Box::new(ZeroShot::open(path, labels, templates, &device)?), device))
            }
            ModelFile::TextNetwork(file) => {
                let model = TextModel::from_checkpoint(file, &device)?;
                let network: &dyn TextNetwork = model.network.texts();
                network.layer(LOGITS).with_context(|| {
                    let architecture = &model.config.architecture;
                    format!("{}: a {architecture} without a classifier; train one with dl-finetune classifier", name())
                })?;
                ensure!(model.config.labels.is_some(), "{}: its config has no labels", name());
                Ok(Self::Texts(Box::new(model)))
            }
            ModelFile::RcnnHeads(_)
            | ModelFile::Detector(_)
            | ModelFile::Generator(_)
            | ModelFile::FeatureMap(_)
            | ModelFile::Gguf(_) => Err(file.unfit(path, "a classifier")),
        }
    }

    /// The head on features, to which support can be added.
    pub(super) fn head(&mut self) -> Option<&mut FeatureHead> {
        match self {
            Self::Table(head) => Some(head),
            _ => None,
        }
    }

    /// What the user should know about the file.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Images(scorer) => scorer.model.note.as_deref(),
            Self::Texts(model) => model.note.as_deref(),
            _ => None,
        }
    }

    /// The regions that are classified; `None`: the whole sample.
    pub(super) fn regions(&self) -> Option<Regions> {
        match self {
            Self::Images(scorer) => scorer.regions.map(|(regions, _)| regions),
            _ => None,
        }
    }

    /// The name of each class: those of `--labels`, else the model's, else its number.
    pub(super) fn labels(&self, options: &Options) -> Result<Vec<String>> {
        let classes = match self {
            Self::Images(scorer) => scorer.model.config.num_classes,
            Self::Texts(model) => model.config.labels.as_ref().map_or(0, Vec::len),
            Self::Words(zero_shot, _) => zero_shot.labels.len(),
            Self::Features(head) => head.labels.len(),
            Self::Table(head) => head.labels.len(),
        };
        if let Some(labels) = options.labels {
            ensure!(labels.len() == classes, "has {classes} classes, --labels has {} names", labels.len());
            return Ok(labels.to_vec());
        }
        match self {
            Self::Images(scorer) => {
                let names = scorer.model.config.label_names(options.path.parent().unwrap_or(Path::new("")))?;
                Ok(names.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect()))
            }
            Self::Texts(model) => Ok(model.config.labels.clone().unwrap_or_default()),
            Self::Words(zero_shot, _) => Ok(zero_shot.labels.clone()),
            Self::Features(head) => Ok(head.labels.clone()),
            Self::Table(head) => Ok(head.labels.clone()),
        }
    }

    /// The tasks of a network for several; each has its own part of the classes.
    pub(super) fn tasks(&self) -> Option<&[TaskLabels]> {
        match self {
            Self::Images(scorer) => scorer.model.config.tasks.as_deref(),
            _ => None,
        }
    }

    /// The part of the record that the model classifies.
    pub(super) fn prepare(&self, record: &mut Record, images: &Images, resize: Option<Resize>) -> Result<Work> {
        let preprocessing: &Preprocessing = match self {
            Self::Images(scorer) => {
                let preprocessing = &scorer.model.config.preprocessing;
                if let Some((regions, warp)) = scorer.regions {
                    let boxes = regions.boxes(record)?;
                    return Ok(Work::Image(Prepared::regions(images.open(record)?, &boxes, preprocessing, warp)));
                }
                preprocessing
            }
            Self::Words(zero_shot, _) => &zero_shot.preprocessing,
            Self::Texts(model) => {
                let text: String = record.require("text", "the network classifies it")?;
                let (tokens, _) = model.tokenizer.encode(&text)?;
                ensure!(!tokens.ids.is_empty(), "the text has no tokens");
                return Ok(Work::Text(tokens));
            }
            Self::Features(head) => return features(record, &head.layer, head.network.as_deref()),
            Self::Table(head) => return features(record, &head.layer, head.network.as_deref()),
        };
        let image = images.open(record)?;
        Ok(Work::Image(Prepared::whole(&image, preprocessing, resize.unwrap_or(preprocessing.resize))))
    }

    /// The probabilities of each record of a batch.
    pub(super) fn probabilities(&self, works: Vec<Work>, batch: usize) -> Vec<Result<Probabilities>> {
        let (mut images, mut texts, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for work in works {
            match work {
                Work::Image(prepared) => images.push(prepared),
                Work::Text(tokens) => texts.push(tokens),
                Work::Features(row) => rows.push(row),
            }
        }
        match self {
            Self::Images(scorer) => {
                let ImageScorer { model, layers, device, .. } = &**scorer;
                let logits = FeatureExtractor::new(model, layers, device.clone(), batch).of(&images);
                let of_record = |logits: Result<Vec<dl_record::Matrix>>| {
                    let logits = logits?.remove(0);
                    (0..logits.rows).map(|row| of_tasks(logits.row(row), model.config.tasks.as_deref())).collect()
                };
                logits.into_iter().map(of_record).collect()
            }
            Self::Words(zero_shot, device) => {
                images.iter().map(|image| Ok(vec![of_words(zero_shot, image, device)?])).collect()
            }
            Self::Features(head) => rows.iter().map(|row| Ok(vec![head.probabilities(row)?])).collect(),
            Self::Table(head) => {
                together(&rows, |rows| of_rows(head, rows)).into_iter().map(|found| Ok(vec![found?])).collect()
            }
            Self::Texts(model) => {
                let found = together(&texts, |texts| of_texts(model, texts));
                found.into_iter().map(|found| Ok(vec![found?])).collect()
            }
        }
    }
}

/// The probabilities of each task, one after the other.
fn of_tasks(logits: &[f32], tasks: Option<&[TaskLabels]>) -> Result<Vec<f64>> {
    let Some(tasks) = tasks else { return probabilities(logits) };
    let (mut all, mut rest) = (Vec::with_capacity(logits.len()), logits);
    for task in tasks {
        let (own, others) = rest.split_at(task.labels.len().min(rest.len()));
        all.extend(probabilities(own)?);
        rest = others;
    }
    Ok(all)
}

/// All at once; when that fails, each alone, to find the one that fails.
fn together<T>(all: &[T], run: impl Fn(&[T]) -> Result<Vec<Vec<f64>>>) -> Vec<Result<Vec<f64>>> {
    match run(all) {
        Ok(found) => found.into_iter().map(Ok).collect(),
        Err(_) => all.chunks(1).map(|one| Ok(run(one)?.remove(0))).collect(),
    }
}

/// The features of a record that a head classifies.
fn features(record: &Record, layer: &str, network: Option<&str>) -> Result<Work> {
    let WholeFeatures { layer, network: own, row } = whole_features(record, Some(layer))?;
    check_network(&layer, own.as_deref(), network)?;
    Ok(Work::Features(row))
}

fn of_rows(head: &FeatureHead, rows: &[Vec<f32>]) -> Result<Vec<Vec<f64>>> {
    let columns = rows.first().map_or(0, Vec::len);
    ensure!(rows.iter().all(|row| row.len() == columns), "features of different widths");
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let x = Mat::from_fn(rows.len(), columns, |row, column| f64::from(rows[row][column]));
    let found = head.probabilities(x.as_ref())?;
    Ok((0..rows.len()).map(|row| found.row(row).iter().copied().collect()).collect())
}

fn of_texts(model: &TextModel, texts: &[Tokens]) -> Result<Vec<Vec<f64>>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let network: &dyn TextNetwork = model.network.texts();
    let logits = network.features(&TextBatch::new(texts), &[LOGITS], None)?.remove(0);
    logits.to_vec2::<f32>().map_err(plain)?.iter().map(|logits| probabilities(logits)).collect()
}

fn of_words(zero_shot: &ZeroShot, image: &Prepared, device: &Device) -> Result<Vec<f64>> {
    let Prepared::Whole { input, size: [height, width] } = image else { bail!("words classify whole images") };
    let input = Tensor::from_slice(input, (1, 3, *height, *width), device).map_err(plain)?;
    let probabilities = zero_shot.probabilities(&input).with_context(|| "the image cannot be scored")?.remove(0);
    Ok(probabilities.into_iter().map(f64::from).collect())
}
