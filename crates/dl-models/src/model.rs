//! A network from its file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use crate::{ARCHITECTURES, Architecture, Backbone, Checkpoint, ModelConfig};

/// A network with what its file says about it.
pub struct Model {
    /// What it is.
    pub config: ModelConfig,
    /// The network.
    pub backbone: Box<dyn Backbone>,
    /// Its row in the table of networks.
    pub architecture: &'static Architecture,
}

impl Model {
    /// Reads the network in a model file for inference; its weights cannot be trained. Tensors that it does not use
    /// (another network's, a detector's) are left alone.
    ///
    /// `arch` names the architecture of a file of bare weights, or overrules the config's.
    /// # Errors
    /// When the file is no model, names no architecture and `arch` is `None`, or a tensor is missing or of another
    /// shape.
    pub fn open(path: &Path, arch: Option<&str>, device: &Device) -> Result<Self> {
        Self::from_checkpoint(Checkpoint::open(path)?, arch, device)
    }

    /// [`open`](Self::open) for a file that is open.
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_checkpoint(checkpoint: Checkpoint, arch: Option<&str>, device: &Device) -> Result<Self> {
        let in_context = |path: &Path| format!("model {}", path.display());
        let path = checkpoint.path().to_owned();
        let config = read_config(&checkpoint, arch)?;
        let architecture = Architecture::find(&config.architecture).with_context(|| in_context(&path))?;
        let stated = if arch.is_some() { "--arch" } else { "the config's architecture" };
        let backend = Stored { checkpoint, wanted_by: format!("{stated} {}", config.architecture) };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        let backbone = (architecture.build)(&config, vb).with_context(|| in_context(&path))?;
        if let Some(layer) = &config.layer {
            backbone.check(&layer.parse()?).with_context(|| in_context(&path))?;
        }
        Ok(Self { config, backbone, architecture })
    }

    /// A network from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the architecture is unknown, or a weight is missing or of another shape.
    pub fn build(config: ModelConfig, vb: VarBuilder) -> Result<Self> {
        let architecture = Architecture::find(&config.architecture)?;
        let backbone = (architecture.build)(&config, vb)?;
        Ok(Self { config, backbone, architecture })
    }

    /// The layer to take features from when none is named.
    pub fn default_layer(&self) -> &str {
        self.config.layer.as_deref().unwrap_or(self.architecture.layer)
    }
}

/// The file's config; for bare weights one that `arch` and the head's shape give.
fn read_config(checkpoint: &Checkpoint, arch: Option<&str>) -> Result<ModelConfig> {
    let mut config: ModelConfig = match (checkpoint.config()?, arch) {
        (Some(config), _) => config,
        (None, Some(arch)) => {
            let architecture = Architecture::find(arch)?;
            let head = format!("{}.weight", architecture.head);
            let classes = checkpoint.shape(&head).and_then(|shape| shape.first()).copied();
            ModelConfig::new(arch, classes.unwrap_or(1000))
        }
        (None, None) => {
            let meant = guess(checkpoint).map_or(String::new(), |name| format!("; is --arch {name} meant?"));
            return Err(anyhow!("has no config that says what it is; name its architecture with --arch{meant}"))
                .with_context(|| format!("model {}", checkpoint.path().display()));
        }
    };
    if let Some(arch) = arch {
        config.architecture = arch.to_owned();
    }
    Ok(config)
}

/// Weights in a file.
struct Stored {
    checkpoint: Checkpoint,
    /// `--arch vgg16` or `the config's architecture vgg16`.
    wanted_by: String,
}

impl SimpleBackend for Stored {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, device: &Device) -> candle_core::Result<Tensor> {
        let meant = || guess(&self.checkpoint).map_or(String::new(), |name| format!("; is --arch {name} meant?"));
        match self.checkpoint.shape(name) {
            None => bail!("tensor \"{name}\" is missing, {} wants it{}", self.wanted_by, meant()),
            Some(found) if found != shape.dims() => {
                bail!("tensor \"{name}\" is {found:?}, {} wants {:?}{}", self.wanted_by, shape.dims(), meant())
            }
            Some(_) => self.get_unchecked(name, DType::F32, device),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.checkpoint.tensor(name, device).map_err(|error| candle_core::Error::Msg(format!("{error:#}")))
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.checkpoint.contains(name)
    }
}

/// The architecture whose tensors, but for the head, are all in the file with the right shapes.
fn guess(checkpoint: &Checkpoint) -> Option<&'static str> {
    let fits = |architecture: &&Architecture| {
        shapes(architecture).is_ok_and(|shapes| {
            let body = shapes.iter().filter(|(name, _)| !name.starts_with(architecture.head));
            body.into_iter().all(|(name, shape)| checkpoint.shape(name) == Some(shape))
        })
    };
    ARCHITECTURES.iter().find(fits).map(|architecture| architecture.name)
}

/// The names and shapes of an architecture's tensors, found by building it from nothing.
fn shapes(architecture: &Architecture) -> Result<BTreeMap<String, Vec<usize>>> {
    let asked: Arc<Mutex<BTreeMap<String, Vec<usize>>>> = Arc::default();
    let vb = VarBuilder::from_backend(Box::new(Asked(asked.clone())), DType::F32, Device::Cpu);
    (architecture.build)(&ModelConfig::new(architecture.name, 1), vb)?;
    let shapes = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(shapes)
}

/// A source of weights that only writes down what is asked for.
struct Asked(Arc<Mutex<BTreeMap<String, Vec<usize>>>>);

impl SimpleBackend for Asked {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), shape.dims().to_vec());
        // One number seen as many: no memory is taken.
        Tensor::zeros(1, dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        bail!("tensor \"{name}\" was asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
