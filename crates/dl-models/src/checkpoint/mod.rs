//! Model files. Our format is one safetensors file: the weights and, under the metadata key `config`, a description of
//! them.
//!
//! [`Checkpoint::open`] also reads third-party files, whose format it detects from the content: sharded safetensors,
//! PyTorch before and since 1.6, Caffe and darknet. Each reader returns the names, shapes and locations of the tensors
//! ([`contents`]); the numbers are read on demand. A file is untrusted input: nothing in it is executed, and every
//! length is checked before it is used.

mod caffe;
mod contents;
pub(crate) mod darknet;
mod format;
mod pickle;
mod prefix;
mod read;
mod safetensors_file;
mod sharded;
mod torch;
mod write;

pub use caffe::mean_of_image;
pub use format::Format;
pub(crate) use format::is_gguf;
use read::is_float;
pub use read::{Checkpoint, TensorInfo};
pub use write::{Precision, convert, convert_with, save, save_with};

/// Untrusted text for a message: at most 80 characters, with control characters escaped.
pub fn printable(text: &str) -> String {
    excerpt(text, 80)
}

/// At most `most` characters of untrusted text, with control characters escaped.
pub fn excerpt(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", dl_record::shown(&text[..end])),
        None => dl_record::shown(text).into_owned(),
    }
}

/// The metadata key of the config, a JSON text.
pub(crate) const CONFIG_KEY: &str = "config";

#[cfg(test)]
mod tests;
