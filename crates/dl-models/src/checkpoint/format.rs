//! Which format a file has, by its content; its name says nothing.

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
    /// Many files and an index of them, `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
    Sharded,
    /// PyTorch since 1.6: a zip with a pickle in it.
    TorchZip,
    /// PyTorch before 1.6: pickles, and the numbers after them.
    TorchLegacy,
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
            Self::Caffe => "caffe",
            Self::Darknet => "darknet",
        })
    }
}

/// The format of a file.
pub(super) fn begins_as(path: &Path) -> Result<Format> {
    let mut start = Vec::new();
    let file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    file.take(64).read_to_end(&mut start).context("cannot be read")?;
    detect(&start, size)
}

/// Opens a file that is no index of others, and lists its tensors.
pub(super) fn read_as(path: &Path, format: Format) -> Result<Contents> {
    match format {
        Format::Safetensors => safetensors_file::read(path),
        Format::Sharded => bail!("is an index of files again"),
        Format::TorchZip => torch::read_zip(path),
        Format::TorchLegacy => torch::read_legacy(path),
        Format::Caffe => caffe::read(path),
        Format::Darknet => darknet::read(path),
    }
}

/// The format of a file of `size` bytes that begins like this.
fn detect(start: &[u8], size: u64) -> Result<Format> {
    // First, and by its structure: the length of a header may have the bytes of anything, `{` or `PK` too.
    if safetensors_file::is_header(start, size) {
        return Ok(Format::Safetensors);
    }
    if let Some(other) = STRANGERS.iter().find(|(magic, offset, _)| has(start, magic, *offset)) {
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
    if darknet::is_header(start) {
        return Ok(Format::Darknet);
    }
    if is_json(start) {
        return Ok(Format::Sharded);
    }
    // A file that was cut off; the reader says so.
    if start.get(8) == Some(&b'{') || safetensors_file::is_length(start) {
        return Ok(Format::Safetensors);
    }
    if caffe::is_start(start) {
        return Ok(Format::Caffe);
    }
    let first: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    bail!(
        "is no model file that is read here (safetensors, PyTorch, Caffe, darknet); it begins with the bytes {}",
        first.join(" ")
    )
}

/// A JSON object, whatever an editor put before it.
fn is_json(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    text.trim_ascii_start().starts_with(b"{") && !start.contains(&0)
}

fn has(start: &[u8], magic: &[u8], offset: usize) -> bool {
    start.get(offset..).is_some_and(|rest| rest.starts_with(magic))
}

/// What people also take for model files: magic bytes, their place, what it is.
const STRANGERS: &[(&[u8], usize, &str)] = &[
    (b"\x89HDF\r\n", 0, "an HDF5 file, as Keras and MATLAB write them; export it to safetensors first"),
    (b"TFL3", 4, "a TensorFlow Lite file; export it to safetensors first"),
    (b"\x93NUMPY", 0, "a NumPy array; save tensors with names as safetensors"),
    (b"GGUF", 0, "a GGUF file; its quantised numbers are not read"),
    (b"version https://git-lfs", 0, "only Git LFS's pointer to the file; fetch the file itself (git lfs pull)"),
    (b"<!DOCTYPE", 0, "a web page; the download went wrong"),
    (b"<!doctype", 0, "a web page; the download went wrong"),
    (b"<html", 0, "a web page; the download went wrong"),
];
