//! The features of a whole image or text: a single row.

use anyhow::{Context, Result, bail, ensure};
use dl_record::Record;

/// The features of a whole image or text.
pub struct WholeFeatures {
    /// Name of the layer.
    pub layer: String,
    /// Fingerprint of the network that computed them, if the record has it.
    pub network: Option<String>,
    /// The numbers.
    pub row: Vec<f32>,
}

/// A record's features of `layer`, or of the only layer that it has.
/// # Errors
/// When the record has no such features, has several rows of them (for regions), or one is not a finite number.
pub fn whole_features(record: &Record, layer: Option<&str>) -> Result<WholeFeatures> {
    let mut tensors =
        record.features()?.context("the record has no \"features\"; pipe the records through dl-embed")?;
    let names = tensors.keys().cloned().collect::<Vec<_>>().join(", ");
    let layer = match layer {
        Some(layer) => layer.to_owned(),
        None if tensors.len() == 1 => names.clone(),
        None => bail!("the record has features of several layers ({names}); choose one with --layer"),
    };
    let tensor = tensors.remove(&layer);
    let tensor = tensor.with_context(|| format!("the record has no features \"{layer}\", only {names}"))?;
    let matrix = tensor.matrix().with_context(|| format!("features \"{layer}\""))?;
    ensure!(matrix.rows == 1, "features \"{layer}\" have {} rows; expected one for the whole sample", matrix.rows);
    if let Some(value) = matrix.data.iter().find(|value| !value.is_finite()) {
        bail!("features \"{layer}\" hold {value:?}, which is not a finite number");
    }
    Ok(WholeFeatures { layer, network: tensor.network, row: matrix.data })
}

/// Fails when the features of a record and those of the records before come from different networks.
/// # Errors
/// When both are known and differ.
pub fn check_same_network(layer: &str, own: Option<&str>, before: Option<&str>) -> Result<()> {
    if let (Some(own), Some(before)) = (own, before) {
        ensure!(
            own == before,
            "features \"{layer}\" were computed by \"{own}\", those of the records before by \"{before}\"; \
             run dl-embed on all records with the same network and options"
        );
    }
    Ok(())
}
