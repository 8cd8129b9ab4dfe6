//! The network that training starts from: new, or pretrained with a new head.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use dl_models::{Architecture, Checkpoint, Fit, Labels, LayerName, Model, ModelConfig, Outline, Parameters};
use serde_json::json;

use super::Head;

/// Which network to start from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartConfig {
    /// The model file with the pretrained weights; without one, all weights are drawn.
    pub init_from: Option<PathBuf>,
    /// Name of the architecture; required without a file, or when the file holds only weights.
    pub architecture: Option<String>,
    /// The architecture's option `width`: a factor on the number of channels.
    pub width: Option<f64>,
    /// Side of the network's input in pixels.
    pub size: Option<usize>,
    /// Which layers are frozen.
    pub freeze: Freeze,
    /// Draw all weights; the file only describes the network.
    pub from_scratch: bool,
    /// Seed of the drawn weights.
    pub seed: u64,
}

/// Which layers are frozen.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Freeze {
    /// None.
    #[default]
    Nothing,
    /// All but the classification layer.
    Body,
    /// All layers up to this one.
    UpTo(LayerName),
    /// All but the last N stages and everything after them: torchvision's `trainable_layers`.
    ButLastStages(usize),
}

impl fmt::Display for Freeze {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("none"),
            Self::Body => formatter.write_str("all"),
            Self::UpTo(layer) => write!(formatter, "{layer}"),
            Self::ButLastStages(count) => write!(formatter, "all but the last {count} stages"),
        }
    }
}

impl Freeze {
    /// The names of the frozen weights.
    fn weights(&self, outline: &Outline) -> Result<Vec<String>> {
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::Body => Ok(outline.body()),
            Self::UpTo(layer) => outline.weights_up_to(layer),
            Self::ButLastStages(count) => outline.all_but_last_stages(*count),
        }
    }
}

/// A network ready to be trained.
pub struct StartingPoint {
    /// The network and its config, with the new labels.
    pub model: Model,
    /// Its weights.
    pub parameters: Parameters,
    /// Which weights came from the file; `None` when all are drawn.
    pub fit: Option<Fit>,
    /// Number of frozen weights.
    pub frozen: usize,
}

impl StartingPoint {
    /// Builds the network for `labels`. The head is reinitialized unless the file's labels are the same.
    /// # Errors
    /// When the architecture is unknown or not given, or the file does not fit it.
    pub fn new(start: &StartConfig, labels: &[String], device: &Device) -> Result<Self> {
        let StartConfig { init_from, architecture, width, size, seed, .. } = start;
        let mut file = init_from.as_deref().map(Checkpoint::open).transpose()?;
        let mut config = match (&mut file, architecture) {
            (Some(file), arch) => ModelConfig::read(file, arch.as_deref())?,
            (None, Some(arch)) => ModelConfig::new(arch, labels.len()),
            (None, None) => {
                bail!("a network from scratch needs --arch; or start from a pretrained one with --init-from MODEL")
            }
        };
        let note = file.as_ref().and_then(Checkpoint::prefix_note);
        let file = file.filter(|_| !start.from_scratch);
        if start.from_scratch {
            // No weight of the file is taken.
            (config.provenance.source, config.provenance.license) = (None, None);
        }
        let mut given = match &file {
            Some(file) => file.all(device)?,
            None => Default::default(),
        };
        let architecture = Architecture::find(&config.architecture)?;
        let new_head = config.labels != Some(Labels::Names(labels.to_vec()));
        if new_head {
            config.options.extend(architecture.new_head.iter().map(|option| (option.to_string(), json!(true))));
        }
        if let Some(width) = width {
            config.options.insert("width".into(), json!(width));
        }
        if let Some(size) = size {
            config.preprocessing.size = [*size; 2];
            config.preprocessing.shorter = None;
        }
        if let (Some(path), Some(_)) = (init_from, &file) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            config.provenance.source =
                Some(json!({"initialized_from": name, "its_source": config.provenance.source.take()}));
        }
        config.num_classes = labels.len();
        config.labels = Some(Labels::Names(labels.to_vec()));
        // These belong to the previous labels.
        config.extra.remove("label_offset");
        config.tasks = None;
        config.provenance.seed = Some(*seed);
        let in_context = || match init_from {
            Some(path) => format!("model {}", path.display()),
            None => format!("architecture {}", config.architecture),
        };
        let outline = Outline::of(&config).with_context(in_context)?;
        let fit =
            file.map(|file| fit(&config, &file, |name| new_head && architecture.is_head_weight(name))).transpose()?;
        if let Some(fit) = &fit {
            let loaded = fit.loaded_names();
            given.retain(|name, _| loaded.contains(name.as_str()));
        }
        let frozen: BTreeSet<String> = start.freeze.weights(&outline).with_context(in_context)?.into_iter().collect();
        let still = frozen.len();
        let parameters = Parameters::starting_from(given, *seed).frozen(move |name| frozen.contains(name));
        let mut model = Model::build(config.clone(), parameters.builder(device)).with_context(in_context)?;
        model.note = note;
        Ok(Self { model, parameters, fit, frozen: still })
    }
}

impl StartingPoint {
    /// The last output before the head; maps are averaged.
    /// # Errors
    /// When the network has none.
    pub fn before_head(&self) -> Result<LayerName> {
        let body = Outline::of(&self.model.config)?.body();
        // The same weights with all but the head frozen: the layer is where training would begin.
        let given = self.parameters.tensors();
        let parameters = Parameters::starting_from(given, 0).frozen(move |name| body.iter().any(|own| own == name));
        let device = self.parameters.tensors().values().next().map_or(Device::Cpu, |tensor| tensor.device().clone());
        let model = Model::build(self.model.config.clone(), parameters.builder(&device))?;
        Head::new(&model, &parameters).map(|head| head.layer)
    }
}

/// Which weights come from the file. A few tensors may be missing or have another shape, and are drawn; when most do, the
/// file holds another network.
fn fit(config: &ModelConfig, file: &Checkpoint, leave_out: impl Fn(&str) -> bool) -> Result<Fit> {
    let fit = Fit::of(config, file, &leave_out)?;
    let missing = fit.new.iter().filter(|name| !leave_out(name)).count() + fit.misfits.len();
    if fit.loaded.len() <= missing {
        bail!(
            "model {}: does not fit {}; is --arch right? {}",
            file.path().display(),
            config.architecture,
            fit.report()
        );
    }
    Ok(fit)
}

#[cfg(test)]
mod tests {
    use dl_models::Precision;
    use dl_models::checkpoint::save;

    use super::*;

    #[test]
    fn auxiliary_classifiers_are_reinitialized_for_new_labels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("googlenet.safetensors");
        let mut config = ModelConfig::new("googlenet", 2);
        config.options.insert("aux_logits".into(), true.into());
        let parameters = Parameters::fresh(0);
        Model::build(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
        save(&path, &config, &parameters.tensors(), Precision::F16).unwrap();

        let from = StartConfig { init_from: Some(path), ..StartConfig::default() };
        let labels = ["a", "b", "c"].map(String::from);
        let start = StartingPoint::new(&from, &labels, &Device::Cpu).unwrap();
        let new = ["aux1.fc2.bias", "aux1.fc2.weight", "aux2.fc2.bias", "aux2.fc2.weight", "fc.bias", "fc.weight"];
        assert_eq!(start.fit.unwrap().new, new);
        assert_eq!(start.parameters.tensors()["aux1.fc2.weight"].dims(), [3, 1024]);
    }
}
