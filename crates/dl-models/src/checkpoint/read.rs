//! Reads model files, one tensor at a time: a file is never in memory twice.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use candle_core::{Device, Tensor};
use dl_record::file::open_regular;
use half::{bf16, f16};
use safetensors::Dtype;
use serde::de::DeserializeOwned;

use super::contents::{Contents, Place, StoredTensor};
use super::format::{Format, begins_as, read_as};
use super::sharded;
use super::{CONFIG_KEY, prefix, printable};

/// An open model file of any format. Names and shapes are read at once, tensors on demand.
pub struct Checkpoint {
    path: PathBuf,
    format: Format,
    contents: Contents,
    /// The prefix stripped from the names of its tensors.
    prefix: String,
}

/// What the file states about a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, for example `features.0.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its number type as safetensors writes it, for example `F32`.
    pub dtype: String,
}

impl Checkpoint {
    /// Reads and checks the list of tensors. The format is detected from the content; a folder, or the `.index.json` in
    /// it, stands for the files it lists.
    /// # Errors
    /// When the file cannot be read, is not a model file, is truncated, or contains more than data. The message names
    /// the file.
    pub fn open(path: &Path) -> Result<Self> {
        let (format, contents) = read_contents(path).with_context(|| format!("model {}", path.display()))?;
        let mut file = Self { path: path.to_owned(), format, contents, prefix: String::new() };
        file.strip_wrappers();
        Ok(file)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The files that hold the numbers: itself, or the shards of a model.
    pub fn files(&self) -> &[PathBuf] {
        &self.contents.files
    }

    /// The file's config; `None` if it has none, as bare weights do.
    /// # Errors
    /// When the config is not a `C`.
    pub fn config<C: DeserializeOwned>(&self) -> Result<Option<C>> {
        let Some(text) = self.metadata(CONFIG_KEY) else { return Ok(None) };
        let config = serde_json::from_str(text);
        config.map(Some).with_context(|| format!("model {}: its config", self.path.display()))
    }

    /// The metadata text under `key`.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.contents.metadata.get(key).map(String::as_str)
    }

    /// Its tensors, sorted by name.
    pub fn tensors(&self) -> Vec<TensorInfo> {
        let info = |(name, stored): (&String, &StoredTensor)| TensorInfo {
            name: name.clone(),
            shape: stored.shape.clone(),
            dtype: format!("{:?}", stored.dtype),
        };
        self.contents.tensors.iter().map(info).collect()
    }

    /// The prefix stripped from the names of its tensors, such as `module.`; usually empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A note for the user about a stripped prefix.
    pub fn prefix_note(&self) -> Option<String> {
        let prefix = printable(&self.prefix);
        (!prefix.is_empty()).then(|| format!("ignoring the prefix \"{prefix}\" of the tensor names"))
    }

    /// Strips `module.`, which PyTorch's DataParallel adds to every name, and `_orig_mod.` of its compiler.
    fn strip_wrappers(&mut self) {
        for _ in 0..prefix::MOST_WRAPPERS {
            match prefix::wrapper(self.contents.tensors.keys().map(String::as_str)) {
                Some(wrapper) if self.strip(wrapper) => {}
                _ => break,
            }
        }
    }

    /// Strips the prefix (`model.`, `backbone.`) of the network whose tensors are `expected`, if all of them but the
    /// heads' exist under it. `in_head`: the names that may differ.
    pub(crate) fn strip_prefix_of(&mut self, expected: &BTreeMap<String, Vec<usize>>, in_head: impl Fn(&str) -> bool) {
        if let Some(prefix) = self.prefix_of(expected, in_head) {
            self.strip(&prefix);
        }
    }

    /// The prefix of that network; `None` if it has none, or is is not in the file.
    pub(crate) fn prefix_of(
        &self,
        expected: &BTreeMap<String, Vec<usize>>,
        in_head: impl Fn(&str) -> bool,
    ) -> Option<String> {
        prefix::of_network(expected, in_head, |name| self.shape(name), self.names())
    }

    /// Strips the prefix of the first of these names that the file has.
    pub(crate) fn strip_prefix_before(&mut self, known: &[&str]) {
        if known.iter().any(|name| self.contains(name)) {
            return;
        }
        let before = |name: &str| known.iter().find_map(|known| Some(name.strip_suffix(known)?.to_owned()));
        let found = self.names().filter_map(before).find(|prefix| prefix.ends_with('.'));
        if let Some(prefix) = found {
            self.strip(&prefix);
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.contents.tensors.keys().map(String::as_str)
    }

    /// Strips `prefix` from the names that begin with it. Returns false, changing nothing, if two names would collide.
    fn strip(&mut self, prefix: &str) -> bool {
        let rest = |name: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(str::to_owned);
        if self.names().any(|name| rest(name).is_some_and(|rest| self.contains(&rest))) {
            return false;
        }
        let tensors = std::mem::take(&mut self.contents.tensors).into_iter();
        self.contents.tensors = tensors.map(|(name, stored)| (rest(&name).unwrap_or(name), stored)).collect();
        self.prefix.push_str(prefix);
        true
    }

    /// Whether a tensor of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.contents.tensors.contains_key(name)
    }

    /// The shape of a tensor, if it exists.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.contents.tensors.get(name).map(|stored| stored.shape.as_slice())
    }

    /// Whether this tensor holds floats; counters and masks do not.
    pub fn holds_floats(&self, name: &str) -> bool {
        self.contents.tensors.get(name).is_some_and(|stored| is_float(stored.dtype))
    }

    /// Reads one tensor as f32, whatever float type it is stored in.
    /// # Errors
    /// When the tensor does not exist or does not hold floats, or the file cannot be read.
    pub fn tensor(&self, name: &str, device: &Device) -> Result<Tensor> {
        self.floats(name, device).with_context(|| self.of_tensor(name))
    }

    /// Reads all tensors that hold floats, as f32.
    /// # Errors
    /// When the file cannot be read.
    pub fn all(&self, device: &Device) -> Result<BTreeMap<String, Tensor>> {
        let floats = self.contents.tensors.keys().filter(|name| self.holds_floats(name));
        floats.map(|name| Ok((name.clone(), self.tensor(name, device)?))).collect()
    }

    /// Reads a tensor's numbers as they are stored, little-endian, row-major.
    /// # Errors
    /// When the tensor does not exist, or the file cannot be read.
    pub fn bytes(&self, name: &str) -> Result<(Dtype, Vec<u8>)> {
        let stored = self.stored(name).with_context(|| self.of_tensor(name))?;
        Ok((stored.dtype, self.read(stored).with_context(|| self.of_tensor(name))?))
    }

    /// The number type of a tensor.
    /// # Errors
    /// When the tensor does not exist.
    pub fn dtype(&self, name: &str) -> Result<Dtype> {
        self.stored(name).map(|stored| stored.dtype).with_context(|| self.of_tensor(name))
    }

    fn of_tensor(&self, name: &str) -> String {
        format!("model {}: tensor \"{}\"", self.path.display(), printable(name))
    }

    fn stored(&self, name: &str) -> Result<&StoredTensor> {
        self.contents.tensors.get(name).ok_or_else(|| anyhow!("is not in the file"))
    }

    fn floats(&self, name: &str, device: &Device) -> Result<Tensor> {
        let stored = self.stored(name)?;
        if !is_float(stored.dtype) {
            bail!("has dtype {:?}; F64, F32, F16 and BF16 are supported", stored.dtype);
        }
        let numbers = match &stored.place {
            Place::Memory(numbers) => numbers.to_vec(),
            _ => to_f32(stored.dtype, &self.read(stored)?),
        };
        Ok(Tensor::from_vec(numbers, stored.shape.as_slice(), device)?)
    }

    fn read(&self, stored: &StoredTensor) -> Result<Vec<u8>> {
        let mut bytes = self.read_stored(stored)?;
        if stored.negative {
            // The sign is the highest bit of a float's last byte.
            bytes.chunks_exact_mut(stored.dtype.bitsize() / 8).for_each(|number| {
                if let Some(last) = number.last_mut() {
                    *last ^= 0x80;
                }
            });
        }
        Ok(bytes)
    }

    fn read_stored(&self, stored: &StoredTensor) -> Result<Vec<u8>> {
        let length = stored.byte_length()?;
        match &stored.place {
            Place::Memory(numbers) => Ok(numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
            Place::File { file, start } => self.read_span(*file, *start, length),
            Place::Strided { .. } if length == 0 => Ok(Vec::new()),
            Place::Strided { file, start, strides } => {
                let size = stored.dtype.bitsize() / 8;
                let steps = stored.shape.iter().zip(strides).map(|(side, stride)| (side - 1) * stride);
                let span = self.read_span(*file, *start, (steps.sum::<usize>() + 1) * size)?;
                let mut bytes = Vec::with_capacity(length);
                gather(&span, &stored.shape, strides, size, &mut bytes);
                Ok(bytes)
            }
        }
    }

    fn read_span(&self, file: usize, start: u64, length: usize) -> Result<Vec<u8>> {
        let path = self.contents.files.get(file).context("its file is unknown")?;
        let mut file = open_regular(path).with_context(|| path.display().to_string())?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes).context("the file was truncated in the meantime")?;
        Ok(bytes)
    }
}

/// Collects a strided tensor in row-major order; `span` begins with its first number.
fn gather(span: &[u8], shape: &[usize], strides: &[usize], size: usize, bytes: &mut Vec<u8>) {
    let (Some((side, shape)), Some((stride, strides))) = (shape.split_first(), strides.split_first()) else {
        bytes.extend_from_slice(&span[..size]);
        return;
    };
    for index in 0..*side {
        gather(&span[index * stride * size..], shape, strides, size, bytes);
    }
}

pub(super) fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16)
}

/// Floats of any kind as f32.
pub(super) fn to_f32(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    match dtype {
        Dtype::F64 => bytes.as_chunks().0.iter().map(|number| f64::from_le_bytes(*number) as f32).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|number| f16::from_le_bytes(*number).to_f32()).collect(),
        Dtype::BF16 => bytes.as_chunks().0.iter().map(|number| bf16::from_le_bytes(*number).to_f32()).collect(),
        _ => bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect(),
    }
}

/// Model files to look for in a folder, in this order: Hugging Face's names.
const IN_A_FOLDER: [&str; 4] =
    ["model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin"];

/// Opens a file or folder and lists its tensors.
fn read_contents(path: &Path) -> Result<(Format, Contents)> {
    if path.is_dir() {
        let found = IN_A_FOLDER.iter().map(|name| path.join(name)).find(|path| path.is_file());
        let found = found.with_context(|| format!("is a folder without any of {}", IN_A_FOLDER.join(", ")))?;
        return read_contents(&found);
    }
    match begins_as(path)? {
        Format::Sharded => Ok((Format::Sharded, sharded::read(path)?)),
        format => Ok((format, read_as(path, format)?)),
    }
}
