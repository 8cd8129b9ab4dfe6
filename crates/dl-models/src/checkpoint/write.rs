//! Writing a model file, whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{DType, Tensor};
use dl_record::write_atomically;
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Serialize;

use super::CONFIG_KEY;

/// How the numbers are stored. Half precision halves the file; it is read back as f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 4 bytes a number.
    #[default]
    F32,
    /// 2 bytes a number, 11 bits of precision.
    F16,
}

/// Writes `config` and the tensors as one model file, atomically.
///
/// The same config and tensors give the same bytes.
/// # Errors
/// When the file cannot be written.
pub fn save(
    path: &Path,
    config: &impl Serialize,
    tensors: &BTreeMap<String, Tensor>,
    precision: Precision,
) -> Result<()> {
    let stored = tensors.iter().map(|(name, tensor)| Ok((name.as_str(), bytes(tensor, precision)?, tensor.dims())));
    let stored: Vec<(&str, Vec<u8>, &[usize])> =
        stored.collect::<Result<_>>().with_context(|| format!("model {}", path.display()))?;
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
    };
    let views: Vec<(&str, TensorView)> = stored
        .iter()
        .map(|(name, bytes, shape)| Ok((*name, TensorView::new(dtype, shape.to_vec(), bytes)?)))
        .collect::<Result<_>>()?;
    let metadata = HashMap::from([(CONFIG_KEY.to_owned(), serde_json::to_string(config)?)]);
    let file = safetensors::serialize(views, Some(metadata))?;
    write_atomically(path, |output| Ok(output.write_all(&file)?))
}

fn bytes(tensor: &Tensor, precision: Precision) -> Result<Vec<u8>> {
    let numbers: Vec<f32> = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    Ok(match precision {
        Precision::F32 => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        Precision::F16 => numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()).collect(),
    })
}
