//! The description in the file of a generator of tables.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::TableSchema;
use crate::Checkpoint;
use crate::checkpoint::printable;
use crate::file::{Kind, limits};

/// The architecture of Xu et al. 2019.
pub const CTGAN: &str = "ctgan";
/// Most numbers of a random vector or of a hidden layer.
const WIDEST: usize = 1 << 14;

/// Everything about a generator of tables except its weights. Unknown keys are preserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableConfig {
    /// [`Kind::Generator`].
    pub kind: Kind,
    /// [`CTGAN`].
    pub architecture: String,
    /// Numbers of a random vector, standard normal.
    pub latent: usize,
    /// Columns of the hidden layers.
    pub hidden: Vec<usize>,
    /// Temperature of the softmax of modes and categories in training (Jang et al. 2017).
    pub temperature: f64,
    /// The columns.
    pub table: TableSchema,
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

impl TableConfig {
    /// The paper's network for a table.
    pub fn new(table: TableSchema) -> Self {
        Self {
            kind: Kind::Generator,
            architecture: CTGAN.to_owned(),
            latent: 128,
            hidden: vec![256, 256],
            temperature: 0.2,
            table,
            source: None,
            license: None,
            seed: None,
            data_digest: None,
            training: Map::new(),
            extra: Map::new(),
        }
    }

    /// Whether a file says that it holds a generator of tables.
    pub fn is_in(file: &Checkpoint) -> bool {
        let stated: Option<Map<String, Value>> = file.config().unwrap_or(None);
        stated.is_some_and(|config| config.get("architecture").and_then(Value::as_str) == Some(CTGAN))
    }

    /// Reads the description in a file.
    /// # Errors
    /// When it is missing or invalid.
    pub fn read(file: &Checkpoint) -> Result<Self> {
        let config: Self = file.config()?.context("has no config")?;
        config.check()?;
        Ok(config)
    }

    /// Checks that every value is valid and within limits.
    /// # Errors
    /// When one is not.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.architecture == CTGAN,
            "generator architecture {} makes no tables; expected {CTGAN}",
            printable(&self.architecture)
        );
        limits::count("latent", self.latent, WIDEST)?;
        limits::count("the number of hidden layers", self.hidden.len(), 64)?;
        self.hidden.iter().try_for_each(|columns| limits::count("a hidden layer's size", *columns, WIDEST))?;
        ensure!(
            self.temperature.is_finite() && self.temperature > 0.0,
            "temperature is {}; expected a number above 0",
            self.temperature
        );
        self.table.check()
    }
}
