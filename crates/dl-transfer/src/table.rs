//! The features of the records of a stream, one row each, with what is known of them.

use anyhow::{Result, ensure};
use dl_record::{Digest, Record};
use faer::Mat;

use crate::{WholeFeatures, check_same_network, whole_features};

/// Features of samples, one row each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureTable {
    /// Name of the layer; `None` until it is chosen, by the caller or by the first record.
    pub layer: Option<String>,
    /// Fingerprint of the network that computed the features, if known.
    pub network: Option<String>,
    /// Numbers per row; 0 before the first row.
    pub columns: usize,
    /// `id` of each record; empty where it has none.
    pub ids: Vec<String>,
    /// `label` of each record.
    pub labels: Vec<Option<String>>,
    /// `domain` of each record.
    pub domains: Vec<Option<String>>,
    /// `weight` of each record, at least 0; 1 where it has none.
    pub weights: Vec<f64>,
    /// [rows, columns], row by row.
    pub x: Vec<f32>,
    /// Digest of ids, labels, domains, weights and features.
    pub digest: Digest,
}

impl FeatureTable {
    /// An empty table for the features of `layer`; without a name, of the only layer of the first record.
    pub fn new(layer: Option<String>) -> Self {
        Self { layer, ..Self::default() }
    }

    /// Appends the row of a record. A record that fails changes nothing.
    /// # Errors
    /// When the record has no such features or several rows of them, a number is not finite, the width or the network differs
    /// from earlier records, or `weight` is negative.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let WholeFeatures { layer, network, row } = whole_features(record, self.layer.as_deref())?;
        ensure!(!row.is_empty(), "features \"{layer}\" have no columns");
        ensure!(
            self.is_empty() || row.len() == self.columns,
            "features \"{layer}\" have {} columns, earlier records have {}",
            row.len(),
            self.columns
        );
        check_same_network(&layer, network.as_deref(), self.network.as_deref())?;
        let label = record.label()?.filter(|label| !label.is_empty());
        let domain = record.domain()?.filter(|domain| !domain.is_empty());
        let weight = record.weight()?.unwrap_or(1.0);
        let id = record.id()?.unwrap_or_default();
        self.network = self.network.take().or(network);
        self.layer = Some(layer);
        self.columns = row.len();
        for field in ["id", "label", "domain", "weight"] {
            self.digest.text(record.raw(field).unwrap_or_default());
        }
        self.digest.floats(&row);
        self.ids.push(id);
        self.labels.push(label);
        self.domains.push(domain);
        self.weights.push(weight);
        self.x.extend(row);
        Ok(())
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The features of a row.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.x[index * self.columns..][..self.columns]
    }

    /// The rows `indices` as a matrix.
    pub fn rows(&self, indices: &[usize]) -> Mat<f64> {
        Mat::from_fn(indices.len(), self.columns, |row, column| f64::from(self.row(indices[row])[column]))
    }
}
