//! Builds model files from readable parts, and reads everything in one.

use std::io::{Cursor, Write};
use std::path::Path;

use anyhow::Result;
use candle_core::Device;
use dl_models::text::TextConfig;
use dl_models::{Checkpoint, ModelConfig};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::folder::{File, part, split};

/// The file that an input describes: the input itself, or a file built from its parts.
pub(crate) fn file(data: &[u8]) -> Vec<u8> {
    let files = split(data);
    let has = |name| part(&files, name).is_some();
    if has("config") || has("tensors") {
        safetensors(&files)
    } else if has("data.pkl") {
        zip(&files).unwrap_or_default()
    } else if let Some(pickle) = part(&files, "pickle") {
        legacy(pickle, part(&files, "storages").unwrap_or(b"\x80\x02]."))
    } else {
        data.to_vec()
    }
}

/// safetensors: the texts `config` and `tokenizer` in the metadata, the object `tensors` as the rest of the header, and
/// the bytes `data`. Neither a person nor a mutation can write a header of the right length.
pub(crate) fn safetensors(files: &[File]) -> Vec<u8> {
    let mut metadata = json!({"format": "pt"});
    for name in ["config", "tokenizer"] {
        if let Some(text) = part(files, name) {
            metadata[name] = Value::from(String::from_utf8_lossy(text).trim_end());
        }
    }
    let mut header = json!({"__metadata__": metadata}).to_string().into_bytes();
    let tensors = part(files, "tensors").unwrap_or(b"{}").trim_ascii();
    if let Some(members) = tensors.strip_prefix(b"{").filter(|members| *members != b"}") {
        header.pop();
        header.push(b',');
        header.extend_from_slice(members);
    }
    let length = header.len() as u64;
    [&length.to_le_bytes(), header.as_slice(), part(files, "data").unwrap_or_default()].concat()
}

/// PyTorch's zip format, with correct checksums.
fn zip(files: &[File]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for file in files {
        zip.start_file(format!("archive/{}", String::from_utf8_lossy(&file.name)), options)?;
        zip.write_all(&file.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// PyTorch's format before 1.6: the pickle of the object, then the storages.
fn legacy(pickle: &[u8], storages: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}q\x00.", pickle, storages].concat()
}

/// Opens a model file and reads everything in it.
pub(crate) fn read_all(path: &Path) {
    let Some(mut file) = checked(Checkpoint::open(path)) else { return };
    for tensor in file.tensors() {
        checked(file.bytes(&tensor.name));
        checked(file.tensor(&tensor.name, &Device::Cpu));
    }
    checked(file.config::<Value>());
    checked(ModelConfig::read(&mut file, None));
    checked(ModelConfig::read(&mut file, Some("resnet20_cifar")));
    checked(TextConfig::read(&mut file));
}

/// The value; an error is formatted, as a program does.
pub(crate) fn checked<T>(result: Result<T>) -> Option<T> {
    result.map_err(|error| assert!(!format!("{error:#}").is_empty(), "an error without a message")).ok()
}
