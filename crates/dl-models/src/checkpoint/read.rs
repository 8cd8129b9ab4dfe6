//! Reading a model file, one tensor at a time: a file is never in memory twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::de::DeserializeOwned;

use super::CONFIG_KEY;

/// safetensors' own limit: a longer header is an attack or an accident.
const LONGEST_HEADER: u64 = 100_000_000;

/// An open model file: its header is read, its tensors are read when asked for.
pub struct Checkpoint {
    path: PathBuf,
    header: Metadata,
    /// Where the tensors' bytes begin.
    start: u64,
}

/// What the header says of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, for example `features.0.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Type of its numbers as safetensors writes it, for example `F32`.
    pub dtype: String,
}

impl Checkpoint {
    /// Reads and checks the header.
    /// # Errors
    /// When the file cannot be read, is not safetensors, or is cut off. The message names the file.
    pub fn open(path: &Path) -> Result<Self> {
        read_header(path).with_context(|| format!("model {}", path.display()))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says about itself; `None` when it says nothing, as bare weights do.
    /// # Errors
    /// When the config is not a `C`.
    pub fn config<C: DeserializeOwned>(&self) -> Result<Option<C>> {
        let Some(text) = self.metadata(CONFIG_KEY) else { return Ok(None) };
        let config = serde_json::from_str(text);
        config.map(Some).with_context(|| format!("model {}: its config", self.path.display()))
    }

    /// The metadata's text under `key`.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// Its tensors, sorted by name.
    pub fn tensors(&self) -> Vec<TensorInfo> {
        let info = |(name, info): (String, &safetensors::tensor::TensorInfo)| TensorInfo {
            name,
            shape: info.shape.clone(),
            dtype: format!("{:?}", info.dtype),
        };
        let mut tensors: Vec<_> = self.header.tensors().into_iter().map(info).collect();
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        tensors
    }

    /// Is there a tensor of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.header.info(name).map(|info| info.shape.as_slice())
    }

    /// One tensor as f32, whatever float type it is stored in.
    /// # Errors
    /// When there is no such tensor, or it holds no floats, or the file cannot be read.
    pub fn tensor(&self, name: &str, device: &Device) -> Result<Tensor> {
        self.read(name, device).with_context(|| format!("model {}: tensor \"{name}\"", self.path.display()))
    }

    /// All tensors that hold floats, as f32.
    /// # Errors
    /// When the file cannot be read.
    pub fn all(&self, device: &Device) -> Result<BTreeMap<String, Tensor>> {
        let floats = self.header.tensors().into_iter().filter(|(_, info)| is_float(info.dtype));
        floats.map(|(name, _)| Ok((name.clone(), self.tensor(&name, device)?))).collect()
    }

    fn read(&self, name: &str, device: &Device) -> Result<Tensor> {
        let info = self.header.info(name).ok_or_else(|| anyhow!("not in the file"))?;
        if !is_float(info.dtype) {
            bail!("has dtype {:?}; F32, F16 and BF16 are read", info.dtype);
        }
        let (start, end) = info.data_offsets;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.start + start as u64))?;
        let mut bytes = vec![0; end - start];
        file.read_exact(&mut bytes)?;
        let numbers: Vec<f32> = match info.dtype {
            Dtype::F32 => bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect(),
            Dtype::F16 => bytes.as_chunks().0.iter().map(|number| f16::from_le_bytes(*number).to_f32()).collect(),
            _ => bytes.as_chunks().0.iter().map(|number| bf16::from_le_bytes(*number).to_f32()).collect(),
        };
        Ok(Tensor::from_vec(numbers, info.shape.as_slice(), device)?)
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16)
}

fn read_header(path: &Path) -> Result<Checkpoint> {
    let mut file = File::open(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    if path.is_dir() {
        bail!("is a folder; want a .safetensors file");
    }
    let mut length = [0; 8];
    file.read_exact(&mut length).context("is too short for a safetensors file")?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER || length > size - 8 {
        bail!("claims a header of {length} bytes in a file of {size}; is it a safetensors file, and whole?");
    }
    let mut header = vec![0; usize::try_from(length)?];
    file.read_exact(&mut header)?;
    let header: Metadata = serde_json::from_slice(&header).context("has a broken header; is it a safetensors file?")?;
    let start = 8 + length;
    for (name, info) in header.tensors() {
        let (first, end) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |all, side| all.checked_mul(*side));
        if end < first || bits != (end - first).checked_mul(8) {
            bail!("tensor \"{name}\": its shape {:?} and its bytes {first}..{end} do not fit", info.shape);
        }
        if start + end as u64 > size {
            bail!("is cut off: tensor \"{name}\" ends at byte {}, the file at {size}", start + end as u64);
        }
    }
    Ok(Checkpoint { path: path.to_owned(), header, start })
}
