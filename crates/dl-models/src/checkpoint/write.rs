//! Writing a model file, whole or not at all.

use std::collections::BTreeMap;
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
    save_with(path, config, &[], tensors, precision)
}

/// [`save`] with more metadata than the config: keys and their texts.
/// # Errors
/// When the file cannot be written.
pub fn save_with(
    path: &Path,
    config: &impl Serialize,
    texts: &[(&str, &str)],
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
    let mut metadata = BTreeMap::from([(CONFIG_KEY, serde_json::to_string(config)?)]);
    metadata.extend(texts.iter().map(|(key, text)| (*key, (*text).to_owned())));
    let file = safetensors::serialize(views, None)?;
    let (header, data) = with_metadata(&file, &metadata)?;
    write_atomically(path, |output| {
        output.write_all(&(header.len() as u64).to_le_bytes())?;
        output.write_all(header.as_bytes())?;
        Ok(output.write_all(data)?)
    })
}

/// The file's header with these metadata, and the rest of the file. safetensors itself writes them in any order, and
/// the same model would not be the same bytes.
fn with_metadata<'a>(file: &'a [u8], metadata: &BTreeMap<&str, String>) -> Result<(String, &'a [u8])> {
    let whole = || {
        let (length, rest) = file.split_first_chunk::<8>()?;
        let (header, data) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        Some((std::str::from_utf8(header).ok()?.trim_end().strip_prefix('{')?, data))
    };
    let (tensors, data) = whole().context("safetensors wrote no header")?;
    let comma = if tensors.starts_with('}') { "" } else { "," };
    let mut header = format!("{{\"__metadata__\":{}{comma}{tensors}", serde_json::to_string(metadata)?);
    // The tensors begin at a multiple of 8.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    Ok((header, data))
}

fn bytes(tensor: &Tensor, precision: Precision) -> Result<Vec<u8>> {
    let numbers: Vec<f32> = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    Ok(match precision {
        Precision::F32 => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        Precision::F16 => numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()).collect(),
    })
}
