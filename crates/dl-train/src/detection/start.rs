//! The detector that training starts from: new, with the trunk of a pretrained image network, or pretrained itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::detection::ssd::{self, CodeOrder, Recipe, Scores, Ssd, Trunk};
use dl_models::detection::{Detector, DetectorKind, Outline};
use dl_models::{Checkpoint, Fit, Labels, Misfit, ModelConfig, ModelFile, Parameters};
use serde_json::{Value, json};

use super::ssd::Matching;
use super::{Build, SsdTrainee, Trainee};

/// Which detector to start from.
#[derive(Clone, Debug, Default)]
pub struct DetectorStart {
    /// Name of the architecture; required unless the file is a detector.
    pub architecture: Option<String>,
    /// The model file with pretrained weights: an image network, or a detector.
    pub init_from: Option<PathBuf>,
    /// Factor on the number of channels.
    pub width: Option<f64>,
    /// Side of the input in pixels.
    pub size: Option<usize>,
    /// Which layers are frozen.
    pub freeze: Freeze,
    /// Seed of the drawn weights.
    pub seed: u64,
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
    pub is_head: fn(&str) -> bool,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// Weights to start from, by their names in the detector.
struct Given {
    config: ModelConfig,
    tensors: BTreeMap<String, Tensor>,
    has_file: bool,
    notes: Vec<String>,
}

impl StartedDetector {
    /// Builds the detector for `labels`.
    /// # Errors
    /// When the architecture is unknown or not given, or the file is of another kind or does not fit.
    pub fn new(start: &DetectorStart, labels: &[String], device: &Device) -> Result<Self> {
        let file = start.init_from.as_deref().map(|path| ModelFile::open(path, None)).transpose()?;
        let of_file = match &file {
            Some(ModelFile::Detector(file)) => DetectorKind::of(file, None)?.map(|kind| kind.name),
            _ => None,
        };
        let name = start.architecture.as_deref().or(of_file).context(
            "which detector? give --arch, for example ssd_mobilenet_v1 (dl-model list lists them), or a detector in \
             --init-from",
        )?;
        if let (Some(of_file), Some(path)) = (of_file, &start.init_from) {
            ensure!(of_file == name, "model {}: is a {of_file}, not a {name} as in --arch", path.display());
        }
        ensure!(
            Ssd::architectures().any(|known| known == name),
            "--arch {name}: cannot be trained; choose from {}",
            Ssd::architectures().collect::<Vec<_>>().join(", ")
        );
        let path = start.init_from.as_deref().unwrap_or(Path::new(""));
        let given = match file {
            None => Given::fresh(name, labels)?,
            Some(ModelFile::Detector(file)) => {
                let of_file = || format!("model {}", file.path().display());
                Given::detector(name, &file, labels, device).with_context(of_file)?
            }
            Some(ModelFile::ImageNetwork(file)) => Given::trunk(name, file, labels, device)?,
            Some(other) => return Err(other.unfit(path, "a detector, or a network for images")),
        };
        Self::of(start, labels, given, device)
    }

    fn of(start: &DetectorStart, labels: &[String], given: Given, device: &Device) -> Result<Self> {
        let Given { mut config, mut tensors, has_file, notes } = given;
        let names = ["background".to_owned()].into_iter().chain(labels.iter().cloned());
        config.num_classes = labels.len() + 1;
        config.labels = Some(Labels::Names(names.collect()));
        config.seed = Some(start.seed);
        if let Some(width) = start.width {
            config.options.insert("width".into(), json!(width));
        }
        if let Some(size) = start.size {
            config.preprocessing.size = [size; 2];
        }
        let in_context = || match &start.init_from {
            Some(path) => format!("model {}", path.display()),
            None => format!("architecture {}", config.architecture),
        };
        let outline = Ssd::outline(&config).with_context(in_context)?;
        let fit = has_file.then(|| fit(&outline, &mut tensors));
        if let Some(fit) = &fit {
            let needed = outline.weights.keys().filter(|name| !is_new(name)).count();
            ensure!(2 * fit.loaded.len() >= needed, "{}: does not fit: {}", in_context(), fit.report());
        }
        let frozen = frozen(&start.freeze, &outline).context("--freeze")?;
        let still = frozen.len();
        let parameters = Parameters::starting_from(tensors, start.seed).frozen(move |name| frozen.contains(name));
        let ssd = Ssd::new(config.clone(), parameters.builder(device)).with_context(in_context)?;
        let built = config.clone();
        let build = move |vb: VarBuilder| -> Result<Box<dyn Detector>> { Ok(Box::new(Ssd::new(built.clone(), vb)?)) };
        Ok(Self {
            config,
            parameters,
            trainee: Box::new(SsdTrainee { ssd, matching: Matching::Caffe }),
            build: Box::new(build),
            fit,
            frozen: still,
            is_head,
            notes,
        })
    }
}

fn is_head(weight: &str) -> bool {
    ssd::is_class_head(weight) || ssd::is_box_head(weight)
}

/// Whether no image network has such a weight: heads and extra layers.
fn is_new(weight: &str) -> bool {
    is_head(weight) || weight.contains("extra")
}

impl Given {
    fn fresh(name: &str, labels: &[String]) -> Result<Self> {
        let mut config = Ssd::default_config(name, labels.len() + 1)?;
        trained_by_softmax(&mut config)?;
        Ok(Self { config, tensors: BTreeMap::new(), has_file: false, notes: Vec::new() })
    }

    /// All of a detector but the class scores of other labels.
    fn detector(name: &str, file: &Checkpoint, labels: &[String], device: &Device) -> Result<Self> {
        let old = Ssd::config_of(name, file)?;
        let mut tensors = file.all(device)?;
        let mut config = old.clone();
        let has_sigmoid = trained_by_softmax(&mut config)?;
        if let Some(trunk) = Trunk::of(name).filter(|trunk| trunk.network == "mobilenet_v1") {
            // Our own options instead of another program's words.
            trunk.adapt(&old, &mut config)?;
        }
        config.extra.clear();
        config.training.clear();
        config.source = Some(initialized_from(file, old.source.clone()));
        let folder = file.path().parent().unwrap_or(Path::new(""));
        let same = old.label_names(folder)?.is_some_and(|names| names.get(1..) == Some(labels));
        if !same || has_sigmoid {
            tensors.retain(|name, _| !ssd::is_class_head(name));
        }
        Ok(Self { config, tensors, has_file: true, notes: file.prefix_note().into_iter().collect() })
    }

    /// The trunk from an image network.
    fn trunk(name: &str, mut file: Checkpoint, labels: &[String], device: &Device) -> Result<Self> {
        let of_file = format!("model {}", file.path().display());
        let Some(trunk) = Trunk::of(name) else {
            bail!("{of_file}: is a network for images, and the trunk of {name} is not one; give a detector, or none");
        };
        let stated: Option<Value> = file.config()?;
        let old = ModelConfig::read(&mut file, stated.is_none().then_some(trunk.network))?;
        ensure!(
            old.architecture == trunk.network,
            "{of_file}: is a {}, and the trunk of {name} is a {}",
            old.architecture,
            trunk.network
        );
        let mut given = Self::fresh(name, labels)?;
        trunk.adapt(&old, &mut given.config)?;
        given.config.source = Some(initialized_from(&file, old.source.clone()));
        given.tensors = trunk.tensors(&file, device).context(of_file)?;
        given.has_file = true;
        given.notes.extend(file.prefix_note());
        Ok(given)
    }
}

fn initialized_from(file: &Checkpoint, source: Option<Value>) -> Value {
    let name = file.path().file_name().map(|name| name.to_string_lossy().into_owned());
    json!({"initialized_from": name, "its_source": source})
}

/// Chooses the recipe with a softmax and the same order of codes, since that is what the loss trains. Returns whether the
/// config had another one.
fn trained_by_softmax(config: &mut ModelConfig) -> Result<bool> {
    let Recipe { scores, order, .. } = Ssd::recipe_of(config)?;
    if scores == Scores::Softmax {
        return Ok(false);
    }
    let name = if order == CodeOrder::Yxhw { "softmax-yxhw" } else { "torchvision" };
    config.options.insert("recipe".into(), name.into());
    Ok(true)
}

/// Which weights of the network are given; leaves only these.
fn fit(outline: &Outline, tensors: &mut BTreeMap<String, Tensor>) -> Fit {
    let mut fit = Fit::default();
    for (name, shape) in &outline.weights {
        match tensors.get(name).map(Tensor::dims) {
            Some(found) if found == shape.as_slice() => fit.loaded.push(name.clone()),
            Some(found) => {
                let reason = format!("is {found:?}, the network expects {shape:?}");
                fit.misfits.push(Misfit { name: name.clone(), reason });
            }
            None => fit.new.push(name.clone()),
        }
    }
    fit.unused = tensors.keys().filter(|name| !outline.weights.contains_key(*name)).cloned().collect();
    let loaded: BTreeSet<&str> = fit.loaded_names();
    tensors.retain(|name, _| loaded.contains(name.as_str()));
    fit
}

/// The names of the frozen weights.
fn frozen(freeze: &Freeze, outline: &Outline) -> Result<BTreeSet<String>> {
    let body = || outline.weights.keys().filter(|name| !is_head(name)).cloned().collect();
    Ok(match freeze {
        Freeze::Nothing => BTreeSet::new(),
        Freeze::Body => body(),
        Freeze::UpTo(layer) => outline.weights_up_to(layer)?.into_iter().filter(|name| !is_head(name)).collect(),
    })
}
