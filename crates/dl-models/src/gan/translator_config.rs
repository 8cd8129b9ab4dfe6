//! The description of a network that turns images into images, in a model file: the JSON under its metadata key `config`.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Task;
use crate::{Kind, Provenance};

/// Everything about a translator except its weights. Unknown keys are preserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TranslatorConfig {
    /// [`Kind::Generator`]; absent in files of other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Name of the architecture.
    pub architecture: String,
    /// What the network was trained for; by default what its architecture is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Options of the architecture that differ from the defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Where the weights come from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl TranslatorConfig {
    /// A config with these options of an architecture.
    /// # Errors
    /// When the options are not a JSON object.
    pub fn new(architecture: &str, options: &impl Serialize) -> Result<Self> {
        let options = match serde_json::to_value(options)? {
            Value::Object(options) => options,
            other => anyhow::bail!("the options of {architecture} are {other}, not an object"),
        };
        Ok(Self {
            kind: Some(Kind::Generator),
            architecture: architecture.to_owned(),
            task: None,
            options,
            provenance: Provenance::default(),
            extra: Map::new(),
        })
    }

    /// The architecture's options as a `T`.
    /// # Errors
    /// When an option is unknown or has the wrong type.
    pub fn options<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.options.clone()))
            .with_context(|| format!("options of the architecture {}", self.architecture))
    }
}
