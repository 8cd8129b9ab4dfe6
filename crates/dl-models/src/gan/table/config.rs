//! The description in the file of a generator of tables.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::TableSchema;
use crate::Checkpoint;
use crate::checkpoint::printable;
use crate::file::{Kind, Provenance, limits};
use crate::gan::config::is_of;

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
    /// Where the weights come from.
    #[serde(flatten)]
    pub provenance: Provenance,
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
            provenance: Provenance::default(),
            extra: Map::new(),
        }
    }

    /// Whether a file says that it holds a generator of tables.
    pub fn is_in(file: &Checkpoint) -> bool {
        is_of(file, CTGAN)
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
