//! What every method requires of the records of a stream: features of one layer, one width and one network.

use anyhow::{Result, ensure};
use dl_record::{Digest, Record};

use crate::{WholeFeatures, check_same_network, whole_features};

/// The features of a sample, with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `id`; empty if the record has none.
    pub id: String,
    /// `label`.
    pub label: Option<String>,
    /// `domain`.
    pub domain: Option<String>,
    /// `weight`, at least 0; 1 if the record has none.
    pub weight: f64,
    /// The features.
    pub features: Vec<f32>,
}

/// Reads the rows of records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowIntake {
    /// Name of the layer; `None` until it is chosen, by the caller or by the first record.
    pub layer: Option<String>,
    /// Fingerprint of the network that computed the features, if known.
    pub network: Option<String>,
    /// Numbers per row; 0 before the first row.
    pub columns: usize,
    /// Digest of ids, labels, domains, weights and features.
    pub digest: Digest,
}

impl RowIntake {
    /// For the features of `layer`; without a name, of the only layer of the first record.
    pub fn new(layer: Option<String>) -> Self {
        Self { layer, ..Self::default() }
    }

    /// Reads a record. One that fails changes nothing.
    /// # Errors
    /// When the record has no such features or several rows of them, a number is not finite, the width or the network
    /// differs from earlier records, or `weight` is negative.
    pub fn take(&mut self, record: &Record) -> Result<Row> {
        let WholeFeatures { layer, network, row: features } = whole_features(record, self.layer.as_deref())?;
        ensure!(!features.is_empty(), "features \"{layer}\" have no columns");
        ensure!(
            self.columns == 0 || features.len() == self.columns,
            "features \"{layer}\" have {} columns, earlier records have {}",
            features.len(),
            self.columns
        );
        check_same_network(&layer, network.as_deref(), self.network.as_deref())?;
        let row = Row {
            id: record.id()?.unwrap_or_default(),
            label: record.label()?.filter(|label| !label.is_empty()),
            domain: record.domain()?.filter(|domain| !domain.is_empty()),
            weight: record.weight()?.unwrap_or(1.0),
            features,
        };
        self.network = self.network.take().or(network);
        self.layer = Some(layer);
        self.columns = row.features.len();
        for field in ["id", "label", "domain", "weight"] {
            self.digest.text(record.raw(field).unwrap_or_default());
        }
        self.digest.floats(&row.features);
        Ok(row)
    }
}
