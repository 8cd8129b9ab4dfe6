//! Detects a file's format from its content; the name is ignored.

use std::fmt;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

use dl_record::file::open_regular;

use super::contents::Contents;
use super::{caffe, darknet, safetensors_file, torch};

/// The formats of model files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// safetensors, one file.
    Safetensors,
    /// Many files and their index, `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
    Sharded,
    /// PyTorch since 1.6: a zip that contains a pickle.
    TorchZip,
    /// PyTorch before 1.6: pickles, followed by the numbers.
    TorchLegacy,
    /// A pickle of NumPy arrays, as in detectron2's model zoo.
    Pickle,
    /// Caffe's `.caffemodel`.
    Caffe,
    /// darknet's `.weights`, with the `.cfg` beside it.
    Darknet,
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::Sharded => "sharded",
            Self::TorchZip => "pytorch",
            Self::TorchLegacy => "pytorch before 1.6",
            Self::Pickle => "pickle",
            Self::Caffe => "caffe",
            Self::Darknet => "darknet",
        })
    }
}

/// Detects the format of a file.
pub(super) fn begins_as(path: &Path) -> Result<Format> {
    let mut start = Vec::new();
    let file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    file.take(64).read_to_end(&mut start).context("cannot be read")?;
    detect(&start, size)
}

/// Whether a file is GGUF, which is no list of tensors of floats; [`TextModel`](crate::text::TextModel) reads it.
pub(crate) fn is_gguf(path: &Path) -> bool {
    let mut start = Vec::new();
    let mut read = || open_regular(path).and_then(|file| Ok(file.take(4).read_to_end(&mut start)?));
    path.is_file() && read().is_ok() && start == b"GGUF"
}

/// Opens a file that is not an index, and lists its tensors.
pub(super) fn read_as(path: &Path, format: Format) -> Result<Contents> {
    match format {
        Format::Safetensors => safetensors_file::read(path),
        Format::Sharded => bail!("is itself an index"),
        Format::TorchZip => torch::read_zip(path),
        Format::TorchLegacy => torch::read_legacy(path),
        Format::Pickle => torch::read_pickle(path),
        Format::Caffe => caffe::read(path),
        Format::Darknet => darknet::read(path),
    }
}

/// The format of a file of `size` bytes that begins like this.
fn detect(start: &[u8], size: u64) -> Result<Format> {
    // First, by structure: a header's length can be any bytes, even `{` or `PK`.
    if safetensors_file::is_header(start, size) {
        return Ok(Format::Safetensors);
    }
    if let Some(other) = FOREIGN.iter().find(|(magic, offset, _)| has(start, magic, *offset)) {
        bail!("is {}", other.2);
    }
    if start.len() < 8 {
        bail!("is too short for a model file: {} bytes", start.len());
    }
    if has(start, b"PK\x03\x04", 0) || has(start, b"PK\x05\x06", 0) {
        return Ok(Format::TorchZip);
    }
    if torch::is_legacy(start) {
        return Ok(Format::TorchLegacy);
    }
    if matches!(start, [0x80, 2..=5, ..]) {
        return Ok(Format::Pickle);
    }
    if darknet::is_header(start) {
        return Ok(Format::Darknet);
    }
    if is_json(start) {
        return Ok(Format::Sharded);
    }
    // A truncated file; the reader reports it.
    if start.get(8) == Some(&b'{') || safetensors_file::is_length(start) {
        return Ok(Format::Safetensors);
    }
    if caffe::is_start(start) {
        return Ok(Format::Caffe);
    }
    let first: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    bail!(
        "is not a supported model file (safetensors, PyTorch, detectron2, Caffe, darknet); it begins with the bytes {}",
        first.join(" ")
    )
}

/// A JSON object, possibly after a byte order mark.
fn is_json(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    text.trim_ascii_start().starts_with(b"{") && !start.contains(&0)
}

fn has(start: &[u8], magic: &[u8], offset: usize) -> bool {
    start.get(offset..).is_some_and(|rest| rest.starts_with(magic))
}

/// Common mistakes: magic bytes, their offset, and what the file is.
const FOREIGN: &[(&[u8], usize, &str)] = &[
    (b"\x89HDF\r\n", 0, "an HDF5 file (Keras, MATLAB); export it to safetensors first"),
    (b"TFL3", 4, "a TensorFlow Lite file; export it to safetensors first"),
    (b"\x93NUMPY", 0, "a NumPy array; save named tensors as safetensors"),
    (b"GGUF", 0, "a GGUF file of quantized weights, which only dl-generate reads"),
    (b"version https://git-lfs", 0, "a Git LFS pointer; fetch the file itself with git lfs pull"),
    (b"<!DOCTYPE", 0, "a web page, so the download failed; download it again"),
    (b"<!doctype", 0, "a web page, so the download failed; download it again"),
    (b"<html", 0, "a web page, so the download failed; download it again"),
];
