//! What every training on region features requires of the stream: one layer, one width, finite numbers. Also computes
//! the mean norm and the digest of all rows.

use anyhow::{Context, Result, bail, ensure};
use dl_record::{Digest, Matrix, Record, Tensor};
use dl_transfer::check_same_network;

use crate::regions::Regions;

/// The mean norm to which features are scaled, so that R-CNN's C and lambda suit every layer (`rcnn_scale_features.m`).
pub const TARGET_NORM: f64 = 20.0;

/// Checks the records of a training.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    layer: Option<String>,
    network: Option<String>,
    columns: Option<usize>,
    rows: u64,
    norms: f64,
    digest: Digest,
}

/// One record that was read.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its regions.
    pub regions: Regions,
    /// The location of its features.
    pub tensor: Tensor,
    /// Its features, one row per region.
    pub features: Matrix,
}

impl Intake {
    /// Reads the features of `layer`; without a name, of the only layer of the first record.
    pub fn new(layer: Option<String>) -> Self {
        Self { layer, ..Self::default() }
    }

    /// Reads the regions and features of a record. A record that fails changes nothing.
    /// # Errors
    /// When a field is missing or broken, features and proposals differ in number, or the width differs from
    /// earlier records.
    pub fn take(&mut self, record: &Record) -> Result<Taken> {
        let regions = Regions::of(record)?;
        let hint = "pipe the records through dl-embed";
        let mut tensors = record.features()?.with_context(|| format!("the record has no \"features\"; {hint}"))?;
        let names = tensors.keys().cloned().collect::<Vec<_>>().join(", ");
        let layer = match &self.layer {
            Some(layer) => layer.clone(),
            None if tensors.len() == 1 => names.clone(),
            None => bail!("the record has features of several layers ({names}); choose one with --layer"),
        };
        let Some(tensor) = tensors.remove(&layer) else {
            bail!("the record has no features \"{layer}\", only {names}; choose one with --layer");
        };
        let features = tensor.matrix().with_context(|| format!("features \"{layer}\""))?;
        let (rows, proposals) = (features.rows, regions.boxes.len());
        ensure!(rows == proposals, "features \"{layer}\" have {rows} rows, but there are {proposals} proposals");
        if let Some(columns) = self.columns.filter(|columns| rows > 0 && *columns != features.columns) {
            bail!("features \"{layer}\" have {} columns, earlier records have {columns}", features.columns);
        }
        if let Some(value) = features.data.iter().find(|value| !value.is_finite()) {
            bail!("features \"{layer}\" contain {value}, which is not a finite number");
        }
        check_same_network(&layer, tensor.network.as_deref(), self.network.as_deref())?;
        self.network = self.network.take().or_else(|| tensor.network.clone());
        if rows > 0 {
            self.columns = Some(features.columns);
        }
        self.layer = Some(layer);
        self.rows += rows as u64;
        self.norms += (0..rows).map(|row| norm(features.row(row))).sum::<f64>();
        self.digest.text(record.raw("id").unwrap_or_default());
        self.digest.text(record.raw("objects").unwrap_or_default());
        self.digest.text(record.raw("proposals").unwrap_or_default());
        self.digest.floats(&features.data);
        Ok(Taken { regions, tensor, features })
    }

    /// Name of the layer; empty before the first record.
    pub fn layer(&self) -> &str {
        self.layer.as_deref().unwrap_or_default()
    }

    /// Fingerprint of the network that computed the features, if known.
    pub fn network(&self) -> Option<String> {
        self.network.clone()
    }

    /// Numbers of one row; 0 before the first row.
    pub fn columns(&self) -> usize {
        self.columns.unwrap_or_default()
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Digest of all records.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The factor that gives the rows the mean norm [`TARGET_NORM`].
    ///
    /// The authors estimate the mean from 200 rows of each of 200 images; here it is the mean of all rows.
    pub fn scale(&self) -> f32 {
        let mean = self.norms / self.rows.max(1) as f64;
        if mean > 0.0 { (TARGET_NORM / mean) as f32 } else { 1.0 }
    }
}

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}
