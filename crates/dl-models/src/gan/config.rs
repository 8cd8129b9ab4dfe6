//! The description in a generator's file.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Canvas;
use crate::checkpoint::printable;
use crate::file::{Kind, limits};

/// The architectures of generators that make images of random vectors.
pub const GENERATORS: [&str; 3] = ["vanilla", "dcgan", "upsample"];

/// Most numbers of a random vector.
const MOST_LATENT: usize = 1 << 14;

/// Everything about a generator except its weights. Unknown keys are preserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GeneratorConfig {
    /// [`Kind::Generator`].
    pub kind: Kind,
    /// One of [`GENERATORS`].
    pub architecture: String,
    /// Options of the architecture that differ from the defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Numbers of a random vector, standard normal.
    pub latent: usize,
    /// The images; their pixels are -1 to 1.
    pub image: Canvas,
    /// The labels of a conditional generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Numbers of a label's embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_columns: Option<usize>,
    /// Origin of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    /// License of the weights.
    #[serde(default, alias = "licence", skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Training seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Digest of the training data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_digest: Option<String>,
    /// Training statistics.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub training: Map<String, Value>,
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl GeneratorConfig {
    /// A config without labels and with the architecture's defaults.
    pub fn new(architecture: &str, latent: usize, image: Canvas) -> Self {
        Self {
            kind: Kind::Generator,
            architecture: architecture.to_owned(),
            options: Map::new(),
            latent,
            image,
            labels: None,
            label_columns: None,
            source: None,
            license: None,
            seed: None,
            data_digest: None,
            training: Map::new(),
            extra: Map::new(),
        }
    }

    /// Checks that every value is valid and within limits.
    /// # Errors
    /// When one is not.
    pub fn check(&self) -> Result<()> {
        ensure!(
            GENERATORS.contains(&self.architecture.as_str()),
            "generator architecture {} does not exist; choose from {}",
            printable(&self.architecture),
            GENERATORS.join(", ")
        );
        limits::count("latent", self.latent, MOST_LATENT)?;
        self.image.check()?;
        if let Some(labels) = &self.labels {
            limits::count("the number of labels", labels.len(), limits::MOST_CLASSES)?;
            limits::labels(labels)?;
        }
        ensure!(
            self.labels.is_some() == self.label_columns.is_some(),
            "a conditional generator has both labels and label_columns"
        );
        self.label_columns.map_or(Ok(()), |columns| limits::count("label_columns", columns, MOST_LATENT))
    }

    /// Numbers of the network's input: the random vector and the label's embedding.
    pub fn inputs(&self) -> usize {
        self.latent + self.label_columns.unwrap_or(0)
    }

    /// The architecture's options as a `T`.
    /// # Errors
    /// When an option is unknown or has the wrong type.
    pub(super) fn options<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.options.clone()))
            .with_context(|| format!("options of the architecture {}", self.architecture))
    }
}
