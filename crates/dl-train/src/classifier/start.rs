//! The network that a training starts from: fresh, or another one with a new head.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use dl_models::{Architecture, Checkpoint, Fit, Labels, LayerName, Model, ModelConfig, Outline, Parameters};
use serde_json::json;

/// Where to start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartConfig {
    /// The model file whose weights are the start; all are drawn when there is none.
    pub init_from: Option<PathBuf>,
    /// Name of the architecture; needed when there is no file, or it holds bare weights.
    pub architecture: Option<String>,
    /// The architecture's option `width`: a factor on its numbers of channels.
    pub width: Option<f64>,
    /// Side of the network's input in pixels.
    pub size: Option<usize>,
    /// What does not learn.
    pub freeze: Freeze,
    /// Draw all weights; the file only says what the network is.
    pub from_scratch: bool,
    /// Seed of the weights that are drawn.
    pub seed: u64,
}

/// What does not learn.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Freeze {
    /// Everything learns.
    #[default]
    Nothing,
    /// The layer of the class scores learns alone.
    Body,
    /// All layers up to this one.
    UpTo(LayerName),
    /// All but the last stages, so many, and what comes after them: torchvision's `trainable_layers`.
    ButLastStages(usize),
}

impl Freeze {
    /// The names of the weights that do not learn.
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
pub struct Start {
    /// The network and its config, with the new labels.
    pub model: Model,
    /// Its weights.
    pub parameters: Parameters,
    /// What the file gave, and what it did not; `None` when all weights are drawn.
    pub fit: Option<Fit>,
    /// How many weights do not learn.
    pub frozen: usize,
}

impl Start {
    /// Builds the network for `labels`. The head is a new one, unless the file's labels are the same.
    /// # Errors
    /// When the architecture is unknown or not named, or the file does not fit it at all.
    pub fn new(start: &StartConfig, labels: &[String], device: &Device) -> Result<Self> {
        let StartConfig { init_from, architecture, width, size, seed, .. } = start;
        let mut file = init_from.as_deref().map(Checkpoint::open).transpose()?;
        let mut config = match (&mut file, architecture) {
            (Some(file), arch) => ModelConfig::read(file, arch.as_deref())?,
            (None, Some(arch)) => ModelConfig::new(arch, labels.len()),
            (None, None) => bail!("a network from nothing needs --arch; or start from one with --init-from MODEL"),
        };
        let note = file.as_ref().and_then(Checkpoint::prefix_note);
        let file = file.filter(|_| !start.from_scratch);
        if start.from_scratch {
            // No weight of the file is taken.
            (config.source, config.license) = (None, None);
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
            config.source = Some(json!({"initialised_from": name, "its_source": config.source.take()}));
        }
        config.num_classes = labels.len();
        config.labels = Some(Labels::Names(labels.to_vec()));
        // Was of the labels before.
        config.extra.remove("label_offset");
        config.seed = Some(*seed);
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

/// What the file gives. A few tensors that are missing or of another shape may be drawn; when most are, the file is
/// another network's.
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
    fn auxiliary_classifiers_are_new_where_the_labels_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("googlenet.safetensors");
        let mut config = ModelConfig::new("googlenet", 2);
        config.options.insert("aux_logits".into(), true.into());
        let parameters = Parameters::fresh(0);
        Model::build(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
        save(&path, &config, &parameters.tensors(), Precision::F16).unwrap();

        let from = StartConfig { init_from: Some(path), ..StartConfig::default() };
        let labels = ["a", "b", "c"].map(String::from);
        let start = Start::new(&from, &labels, &Device::Cpu).unwrap();
        let new = ["aux1.fc2.bias", "aux1.fc2.weight", "aux2.fc2.bias", "aux2.fc2.weight", "fc.bias", "fc.weight"];
        assert_eq!(start.fit.unwrap().new, new);
        assert_eq!(start.parameters.tensors()["aux1.fc2.weight"].dims(), [3, 1024]);
    }
}
