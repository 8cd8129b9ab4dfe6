//! The description in a model file: the JSON under its metadata key `config`.

use std::path::{Component, Path};

use anyhow::{Context, Result, bail, ensure};
use dl_record::file::{MOST_LIST_BYTES, decode, lines, read_regular};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::kind::Kind;
use super::limits::{self, LARGEST_SIDE};
use super::preprocessing::Preprocessing;
use super::provenance::Provenance;
use crate::checkpoint::printable;
use crate::network::LayerName;

/// Everything about a model except its weights. Unknown keys are preserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelConfig {
    /// The kind of model; absent in older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Name of the architecture, see [`ARCHITECTURES`](crate::ARCHITECTURES).
    pub architecture: String,
    /// Options of the architecture that differ from the defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Number of `logits`.
    pub num_classes: usize,
    /// Names of the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Several tasks, each with its own part of the `logits`, in order; absent for one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<TaskLabels>>,
    /// How an image becomes the input.
    pub preprocessing: Preprocessing,
    /// The default layer for features; if absent, the architecture's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Where the weights come from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The classes of one of several tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLabels {
    /// Name of the task: its key in a record's `labels`.
    pub name: String,
    /// Names of its classes, in the order of its part of the logits.
    pub labels: Vec<String>,
}

/// Class names: in the config, or in a text file beside the model, one per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Labels {
    /// The names, in the order of the logits.
    Names(Vec<String>),
    /// The file's name, in the model's folder.
    File(String),
}

impl ModelConfig {
    /// Checks that every value is valid and within limits. Every config from a file is checked before a network is
    /// built from it.
    /// # Errors
    /// When a value is invalid or out of range.
    pub fn check(&self) -> Result<()> {
        limits::count("num_classes", self.num_classes, limits::MOST_CLASSES)?;
        match &self.labels {
            Some(Labels::Names(names)) => limits::labels(names)?,
            Some(Labels::File(name)) => check_beside(name)?,
            None => {}
        }
        if let Some(tasks) = &self.tasks {
            for task in tasks {
                limits::labels(&task.labels).with_context(|| format!("task \"{}\"", task.name))?;
            }
            let classes: usize = tasks.iter().map(|task| task.labels.len()).sum();
            ensure!(
                classes == self.num_classes,
                "its tasks have {classes} classes in all, but num_classes is {}",
                self.num_classes
            );
        }
        self.preprocessing.check()?;
        if let Some(layer) = &self.layer {
            layer.parse::<LayerName>()?;
        }
        let widths = ["width", "width_mult"].map(|name| self.options.get(name));
        for width in widths.into_iter().chain([self.extra.get("width_multiplier")]).flatten() {
            limits::width(width.as_f64().unwrap_or(f64::NAN)).context("options")?;
        }
        for option in ["dropout", "dropout_aux"] {
            if let Some(value) = self.options.get(option) {
                limits::share(option, value.as_f64().unwrap_or(f64::NAN)).context("options")?;
            }
        }
        match self.provenance.training.get("pad") {
            Some(pad) if pad.as_u64().is_none_or(|pad| pad >= LARGEST_SIDE as u64) => {
                bail!(
                    "training.pad is {}; expected a number of pixels below the input size",
                    printable(&pad.to_string())
                )
            }
            _ => Ok(()),
        }
    }

    /// The architecture's options as a `T`.
    /// # Errors
    /// When an option is unknown or has the wrong type.
    pub fn options<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.options.clone()))
            .with_context(|| format!("options of the architecture {}", self.architecture))
    }

    /// The class names, in the order of the logits; `None` if the config has none. `folder` is the model's. The first
    /// `label_offset` classes (a third-party key) are named `background`.
    /// # Errors
    /// When the label file cannot be read, or the number of names differs from the number of classes.
    pub fn label_names(&self, folder: &Path) -> Result<Option<Vec<String>>> {
        let names = match &self.labels {
            None => return Ok(None),
            Some(Labels::Names(names)) => names.clone(),
            Some(Labels::File(name)) => {
                let names = labels_beside(folder, name);
                names.with_context(|| format!("the config's label file \"{}\"", printable(name)))?
            }
        };
        let offset = self.extra.get("label_offset").and_then(Value::as_u64).unwrap_or(0);
        let background = (0..offset.min(self.num_classes as u64)).map(|_| "background".to_owned());
        let names: Vec<String> = background.chain(names).collect();
        if names.len() != self.num_classes {
            bail!("the config has {} labels for {} classes", names.len(), self.num_classes);
        }
        Ok(Some(names))
    }
}

/// Reads a label file, which must be in the model's folder.
/// # Errors
/// When it is elsewhere, cannot be read, or a name is too long.
pub(crate) fn labels_beside(folder: &Path, name: &str) -> Result<Vec<String>> {
    check_beside(name)?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = folder.join(name);
    if let (Ok(folder), Ok(path)) = (folder.canonicalize(), path.canonicalize()) {
        // A symbolic link in a downloaded folder could point anywhere.
        ensure!(path.parent() == Some(folder.as_path()), "is a link out of the model's folder");
    }
    let names = lines(&decode(read_regular(&path, MOST_LIST_BYTES)?)?);
    limits::labels(&names)?;
    Ok(names)
}

/// Checks that `name` is a plain file name.
fn check_beside(name: &str) -> Result<()> {
    let mut parts = Path::new(name).components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    if !is_name || name.contains(['/', '\\', '\0']) {
        bail!("labels: \"{}\" is not a file name in the model's folder", printable(name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChannelOrder, Resize};

    #[test]
    fn a_third_party_config_is_read_and_its_keys_are_preserved() {
        let text = r#"{"architecture":"squeezenet1_0","num_classes":2,"task":"classification","labels":["cat","dog"],
            "preprocessing":{"size":[227,227],"resize":"whole image, bilinear, aspect ratio not kept",
            "channel_order":"BGR","range":[0,255],"mean":[104.0,117.0,123.0],"std":[1.0,1.0,1.0],"note":"Caffe"}}"#;
        let config: ModelConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.preprocessing.resize, Resize::Stretch);
        assert_eq!(config.preprocessing.channel_order, ChannelOrder::Bgr);
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["task"], "classification");
        assert_eq!(written["preprocessing"]["note"], "Caffe");
        assert_eq!(written["preprocessing"]["channel_order"], "BGR");
        let again: ModelConfig = serde_json::from_value(written).unwrap();
        assert_eq!(again.preprocessing, config.preprocessing);
        assert_eq!(config.label_names(Path::new("")).unwrap().unwrap(), ["cat", "dog"]);
    }

    #[test]
    fn a_license_is_read_under_its_old_key_and_written_under_the_new_one() {
        let mut old = serde_json::to_value(ModelConfig::new("alexnet", 3)).unwrap();
        old["licence"] = "MIT".into();
        let config: ModelConfig = serde_json::from_value(old).unwrap();
        assert_eq!(config.provenance.license.as_deref(), Some("MIT"));
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!((written["license"].as_str(), written.get("licence")), (Some("MIT"), None));
    }

    #[test]
    fn a_class_before_the_labels_is_named_background() {
        let mut config = ModelConfig::new("mobilenet_v1", 3);
        config.labels = Some(Labels::Names(vec!["cat".into(), "dog".into()]));
        config.extra.insert("label_offset".into(), 1.into());
        assert_eq!(config.label_names(Path::new("")).unwrap().unwrap(), ["background", "cat", "dog"]);
    }

    #[test]
    fn labels_that_do_not_match_the_classes_are_an_error() {
        let mut config = ModelConfig::new("alexnet", 3);
        config.labels = Some(Labels::Names(vec!["cat".into()]));
        let error = config.label_names(Path::new("")).unwrap_err();
        assert_eq!(error.to_string(), "the config has 1 labels for 3 classes");
        config.labels = Some(Labels::File("no-such.txt".into()));
        assert!(config.label_names(Path::new("models")).unwrap_err().to_string().contains("no-such.txt"));
    }
}
