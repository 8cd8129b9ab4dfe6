//! Writes model files atomically.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Tensor};
use dl_record::write_atomically;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;

use super::contents::byte_length;
use super::read::to_f32;
use super::{CONFIG_KEY, Checkpoint, darknet};

/// The number type of the stored weights. Half precision halves the file; it is read back as f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 4 bytes per number.
    #[default]
    F32,
    /// 2 bytes per number, 11 bits of precision, up to 65504.
    F16,
    /// 2 bytes per number, 8 bits of precision, the range of f32.
    Bf16,
}

impl Precision {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        }
    }

    fn bytes(self, numbers: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => little_endian(numbers, |number| number.to_le_bytes()),
            Self::F16 => {
                let mut half = vec![f16::ZERO; numbers.len()];
                half.convert_from_f32_slice(numbers);
                little_endian(&half, |number| number.to_le_bytes())
            }
            Self::Bf16 => {
                let mut half = vec![bf16::ZERO; numbers.len()];
                half.convert_from_f32_slice(numbers);
                little_endian(&half, |number| number.to_le_bytes())
            }
        }
    }
}

fn little_endian<T: Copy, const N: usize>(numbers: &[T], to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = vec![0; N * numbers.len()];
    bytes.as_chunks_mut().0.iter_mut().zip(numbers).for_each(|(place, number)| *place = to_bytes(*number));
    bytes
}

/// Writes `config` and the tensors as one model file, atomically.
///
/// The same config and tensors produce the same bytes.
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

/// [`save`] with additional metadata: keys and their texts.
/// # Errors
/// When the file cannot be written.
pub fn save_with(
    path: &Path,
    config: &impl Serialize,
    texts: &[(&str, &str)],
    tensors: &BTreeMap<String, Tensor>,
    precision: Precision,
) -> Result<()> {
    let listed = tensors.iter().map(|(name, tensor)| (name.clone(), precision.dtype(), tensor.dims().to_vec()));
    let mut metadata = BTreeMap::from([(CONFIG_KEY, serde_json::to_string(config)?)]);
    metadata.extend(texts.iter().map(|(key, text)| (*key, (*text).to_owned())));
    write(path, &metadata, listed.collect(), |name| {
        let tensor = tensors.get(name).with_context(|| format!("tensor \"{name}\" is missing"))?;
        Ok(precision.bytes(&tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?))
    })
}

/// Converts an open file of any format to one model file with `config`, written atomically. Floats are stored in
/// `precision`, or unchanged if it is `None`; integers stay integers. Only one tensor is in memory at a time.
/// # Errors
/// When a number is too large for half precision, or a file cannot be read or written.
pub fn convert(
    from: &Checkpoint,
    path: &Path,
    config: Option<&impl Serialize>,
    precision: Option<Precision>,
) -> Result<()> {
    convert_with(from, path, config, &[], precision)
}

/// [`convert`] with additional metadata: keys and their texts.
/// # Errors
/// As [`convert`].
pub fn convert_with(
    from: &Checkpoint,
    path: &Path,
    config: Option<&impl Serialize>,
    texts: &[(&str, &str)],
    precision: Option<Precision>,
) -> Result<()> {
    let mut listed = Vec::new();
    for tensor in from.tensors() {
        let dtype = match precision {
            Some(precision) if from.holds_floats(&tensor.name) => precision.dtype(),
            _ => from.dtype(&tensor.name)?,
        };
        listed.push((tensor.name, dtype, tensor.shape));
    }
    let config = config.map(serde_json::to_string).transpose()?;
    let mut metadata: BTreeMap<&str, String> = config.map(|config| (CONFIG_KEY, config)).into_iter().collect();
    // darknet's weights are those of its .cfg.
    let kept = [darknet::CFG_KEY, darknet::VERSION_KEY].into_iter();
    metadata.extend(kept.filter_map(|key| Some((key, from.metadata(key)?.to_owned()))));
    metadata.extend(texts.iter().map(|(key, text)| (*key, (*text).to_owned())));
    write(path, &metadata, listed, |name| {
        let (dtype, bytes) = from.bytes(name)?;
        let Some(precision) = precision.filter(|to| from.holds_floats(name) && to.dtype() != dtype) else {
            return Ok(bytes);
        };
        let numbers = to_f32(dtype, &bytes);
        let largest =
            numbers.iter().filter(|number| number.is_finite()).fold(0_f32, |most, number| most.max(number.abs()));
        let fits = precision != Precision::F16 || f16::from_f32(largest).is_finite();
        ensure!(fits, "tensor \"{name}\" has the number {largest}, which is too large for f16; use bf16 or f32");
        Ok(precision.bytes(&numbers))
    })
}

/// Writes the safetensors format: the header's length in 8 bytes, the header, then the numbers, largest types first so
/// that all are aligned.
fn write(
    path: &Path,
    metadata: &BTreeMap<&str, String>,
    mut tensors: Vec<(String, Dtype, Vec<usize>)>,
    mut bytes: impl FnMut(&str) -> Result<Vec<u8>>,
) -> Result<()> {
    tensors.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let (mut infos, mut offset) = (Vec::new(), 0);
    for (name, dtype, shape) in tensors {
        let end = offset + byte_length(dtype, &shape)?;
        infos.push((name, TensorInfo { dtype, shape, data_offsets: (offset, end) }));
        offset = end;
    }
    let names: Vec<(String, usize)> =
        infos.iter().map(|(name, info)| (name.clone(), info.data_offsets.1 - info.data_offsets.0)).collect();
    let header = with_metadata(&serde_json::to_string(&Metadata::new(None, infos)?)?, metadata)?;
    write_atomically(path, |output| {
        output.write_all(&(header.len() as u64).to_le_bytes())?;
        output.write_all(header.as_bytes())?;
        for (name, length) in &names {
            let bytes = bytes(name)?;
            ensure!(bytes.len() == *length, "tensor \"{name}\" has {} bytes, not {length}", bytes.len());
            output.write_all(&bytes)?;
        }
        Ok(())
    })
}

/// The header with the metadata first, padded to a multiple of 8 bytes. The safetensors crate writes metadata in
/// arbitrary order, so the same model would not give the same bytes.
fn with_metadata(tensors: &str, metadata: &BTreeMap<&str, String>) -> Result<String> {
    let mut header = tensors.to_owned();
    if !metadata.is_empty() {
        let tensors = tensors.strip_prefix('{').context("safetensors returned an invalid header")?;
        let comma = if tensors.starts_with('}') { "" } else { "," };
        header = format!("{{\"__metadata__\":{}{comma}{tensors}", serde_json::to_string(metadata)?);
    }
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    Ok(header)
}
