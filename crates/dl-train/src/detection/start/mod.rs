//! The detector that training starts from: new, with the trunk of a pretrained image network, or pretrained itself.

mod rcnn;
mod ssd;
mod yolo_v1;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::detection::{DetectorKind, DetectorOutline, Preset};
use dl_models::{Checkpoint, Fit, ModelConfig, ModelFile, Parameters};
use serde_json::{Map, Value, json};

use super::{Build, Samples, Trainee};

/// Which detector to start from.
#[derive(Clone, Debug, Default)]
pub struct DetectorStart {
    /// Name of the architecture, or the path of a darknet `.cfg`; required unless the file is a detector.
    pub architecture: Option<String>,
    /// The model file with pretrained weights: an image network, or a detector.
    pub init_from: Option<PathBuf>,
    /// Factor on the number of channels.
    pub width: Option<f64>,
    /// Side of the input in pixels.
    pub size: Option<usize>,
    /// For two-stage detectors that take any: the image network below.
    pub backbone: Option<String>,
    /// Options of a two-stage detector, by name: fields of [`Layout`](dl_models::detection::rcnn::Layout) and
    /// [`Recipe`](dl_models::detection::rcnn::Recipe).
    pub options: Map<String, Value>,
    /// The program whose constants the detector is trained with; `None`: those of the architecture or of the file.
    pub recipe: Option<Preset>,
    /// Cells per side of YOLO's grid.
    pub grid: Option<usize>,
    /// Whether the built-in YOLOs have no batch norms, as in the paper.
    pub without_norms: bool,
    /// Whether images keep their aspect ratio and are padded, instead of stretched.
    pub padded: Option<bool>,
    /// Keep the shapes of the architecture's default boxes, instead of those of the objects.
    pub own_shapes: bool,
    /// Which layers are frozen.
    pub freeze: Freeze,
    /// Seed of the drawn weights.
    pub seed: u64,
}

/// What records need, besides objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// A mask for each object.
    pub masks: bool,
    /// Regions that may show objects.
    pub proposals: bool,
}

impl DetectorStart {
    /// What the detector needs of records.
    /// # Errors
    /// When the file cannot be read.
    pub fn needs(&self) -> Result<Needs> {
        let of_file = || -> Result<Option<&'static str>> {
            let Some(path) = &self.init_from else { return Ok(None) };
            name_in(&ModelFile::open(path, None)?)
        };
        let name = match &self.architecture {
            Some(name) => Some(name.as_str()),
            None => of_file()?,
        };
        match name {
            Some(name) if rcnn::trains(name) => rcnn::needs(name, &self.options),
            _ => Ok(Needs::default()),
        }
    }
}

/// The name of the detector in a file; `None` if it is something else.
fn name_in(file: &ModelFile) -> Result<Option<&'static str>> {
    match file {
        ModelFile::Detector(file) => Ok(DetectorKind::of(file, None)?.map(|kind| kind.name)),
        _ => Ok(None),
    }
}

/// Which layers are frozen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Freeze {
    /// None.
    #[default]
    Nothing,
    /// All but the heads.
    Body,
    /// All layers up to this one.
    UpTo(String),
}

/// Whether a weight, by its name, is one of a kind.
pub type Selects = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A detector ready to be trained.
pub struct StartedDetector {
    /// The description of its file, with the new labels.
    pub config: ModelConfig,
    /// Its weights.
    pub parameters: Parameters,
    /// Computes the loss.
    pub trainee: Box<dyn Trainee>,
    /// Builds it from other weights.
    pub build: Box<Build<'static>>,
    /// Which weights came from the file; `None` when all are drawn.
    pub fit: Option<Fit>,
    /// Number of frozen weights.
    pub frozen: usize,
    /// Whether a weight belongs to a head.
    pub is_head: Selects,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// Builds the trainee of trainable weights.
type MakeTrainee = dyn Fn(&Parameters, &Device) -> Result<Box<dyn Trainee>>;

/// What a family of detectors decides before the network is built.
struct Plan {
    /// The description, with the new labels.
    config: ModelConfig,
    /// The weights to start from, by their names in the detector; `None` without a file.
    tensors: Option<BTreeMap<String, Tensor>>,
    /// The network without weights.
    outline: DetectorOutline,
    is_head: Selects,
    /// Whether pretrained networks need not have a weight.
    is_new: Selects,
    /// Weights that are not trained, whatever else is frozen.
    constant: BTreeSet<String>,
    /// Builds the trainee from its parameters.
    trainee: Box<MakeTrainee>,
    build: Box<Build<'static>>,
}

impl StartedDetector {
    /// Builds the detector for the classes and the objects of a training set.
    /// # Errors
    /// When the architecture is unknown or not given, or the file is of another kind or does not fit.
    pub fn new(start: &DetectorStart, samples: &Samples, device: &Device) -> Result<Self> {
        let file = start.init_from.as_deref().map(|path| ModelFile::open(path, None)).transpose()?;
        let of_file = file.as_ref().map(name_in).transpose()?.flatten();
        let name = start.architecture.as_deref().or(of_file).context(
            "which detector? give --arch, for example ssd_mobilenet_v1 (dl-model list lists them), or a detector in \
             --init-from",
        )?;
        if let Some(path) = &start.init_from
            && let Some(
                other @ (ModelFile::TextNetwork(_)
                | ModelFile::Clip(_)
                | ModelFile::LinearHead(_)
                | ModelFile::RcnnHeads(_)),
            ) = &file
        {
            return Err(other.unfit(path, "a detector, or a network for images"));
        }
        let notes = match &file {
            Some(ModelFile::Detector(file) | ModelFile::ImageNetwork(file)) => file.prefix_note(),
            _ => None,
        };
        if let (Some(of_file), Some(path), false) = (of_file, &start.init_from, name.ends_with(".cfg")) {
            ensure!(of_file == name, "model {}: is a {of_file}, not a {name} as in --arch", path.display());
        }
        ensure!(
            rcnn::trains(name) || (start.backbone.is_none() && start.options.is_empty()),
            "--backbone and --option are for two-stage detectors, not for {name}"
        );
        let plan = if rcnn::trains(name) {
            rcnn::plan(name, start, file, samples.labels(), device)?
        } else if ssd::trains(name) {
            ssd::plan(name, start, file, samples, device)?
        } else if yolo_v1::trains(name) {
            yolo_v1::plan(name, start, file, samples.labels(), device)?
        } else {
            let known: Vec<&str> = ssd::names().chain(yolo_v1::names()).chain(rcnn::names()).collect();
            anyhow::bail!("--arch {name}: cannot be trained; choose from {}, or a darknet .cfg", known.join(", "))
        };
        Self::of(start, plan, notes, device)
    }

    fn of(start: &DetectorStart, plan: Plan, note: Option<String>, device: &Device) -> Result<Self> {
        let Plan { mut config, tensors, outline, is_head, is_new, constant, trainee, build } = plan;
        config.provenance.seed = Some(start.seed);
        let in_context = || match &start.init_from {
            Some(path) => format!("model {}", path.display()),
            None => format!("architecture {}", config.architecture),
        };
        let has_file = tensors.is_some();
        let mut tensors = tensors.unwrap_or_default();
        let fit = has_file.then(|| Fit::of_tensors(&outline.weights, &tensors));
        if let Some(fit) = &fit {
            let loaded = fit.loaded_names();
            tensors.retain(|name, _| loaded.contains(name.as_str()));
            let needed = outline.weights.keys().filter(|name| !is_new(name)).count();
            ensure!(2 * fit.loaded.len() >= needed, "{}: does not fit: {}", in_context(), fit.report());
        }
        let mut frozen = frozen(&start.freeze, &outline, &is_head).context("--freeze")?;
        frozen.extend(constant);
        let still = frozen.len();
        let parameters = Parameters::starting_from(tensors, start.seed).frozen(move |name| frozen.contains(name));
        let trainee = trainee(&parameters, device).with_context(in_context)?;
        let notes = note.into_iter().collect();
        Ok(Self { config, parameters, trainee, build, fit, frozen: still, is_head, notes })
    }
}

/// The names of the frozen weights.
fn frozen(freeze: &Freeze, outline: &DetectorOutline, is_head: &Selects) -> Result<BTreeSet<String>> {
    Ok(match freeze {
        Freeze::Nothing => BTreeSet::new(),
        Freeze::Body => outline.weights.keys().filter(|name| !is_head(name)).cloned().collect(),
        Freeze::UpTo(layer) => outline.weights_up_to(layer)?.into_iter().filter(|name| !is_head(name)).collect(),
    })
}

fn initialized_from(file: &Checkpoint, source: Option<Value>) -> Value {
    let name = file.path().file_name().map(|name| name.to_string_lossy().into_owned());
    json!({"initialized_from": name, "its_source": source})
}
