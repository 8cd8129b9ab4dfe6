//! The description in a generator's file.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Canvas, ConditionSize, FeatureCondition};
use crate::Checkpoint;
use crate::checkpoint::printable;
use crate::file::{Kind, Provenance, limits};

/// The architectures of generators that make images of random vectors.
pub const GENERATORS: [&str; 5] = ["vanilla", "dcgan", "upsample", "lapgan", "stylegan"];

/// Most numbers of a random vector; that of a LAPGAN has a number for each pixel.
const MOST_LATENT: usize = 1 << 18;

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
    /// The features of a generator that is conditional on features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<FeatureCondition>,
    /// Numbers of the embedding of a label or of features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_columns: Option<usize>,
    /// Where the weights come from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Whether a file says that it holds this architecture.
pub(super) fn is_of(file: &Checkpoint, architecture: &str) -> bool {
    let stated: Option<Map<String, Value>> = file.config().unwrap_or(None);
    stated.is_some_and(|config| config.get("architecture").and_then(Value::as_str) == Some(architecture))
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
            condition: None,
            label_columns: None,
            provenance: Provenance::default(),
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
        if let Some(condition) = &self.condition {
            limits::count("the columns of the condition", condition.columns, MOST_LATENT)?;
            ensure!(self.labels.is_none(), "a generator has either labels or a condition, not both");
        }
        ensure!(
            self.condition_size().is_some() == self.label_columns.is_some(),
            "a conditional generator has both labels or a condition, and label_columns"
        );
        self.label_columns.map_or(Ok(()), |columns| limits::count("label_columns", columns, MOST_LATENT))
    }

    /// The kind and the size of what a conditional generator is told.
    pub fn condition_size(&self) -> Option<ConditionSize> {
        let labels = self.labels.as_ref().map(|labels| ConditionSize::Labels(labels.len()));
        labels.or(self.condition.as_ref().map(|condition| ConditionSize::Features(condition.columns)))
    }

    /// Numbers of the network's input: the random vector and the embedding of the condition.
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
