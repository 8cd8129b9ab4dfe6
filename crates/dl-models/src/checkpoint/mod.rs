//! Model files. Ours is one safetensors file: weights and, under the metadata key `config`, what they are.
//!
//! [`Checkpoint::open`] also reads what the rest of the world has, by its content: models in many safetensors files,
//! PyTorch's files before and since 1.6, Caffe's and darknet's. Each reader gives the names, shapes and places of the
//! tensors ([`contents`]); their numbers are read when they are asked for. A file is an unknown stranger: nothing in it is
//! run, no length it claims is believed before it is checked.

mod caffe;
mod contents;
mod darknet;
mod fit;
mod format;
mod pickle;
mod prefix;
mod read;
mod safetensors_file;
mod sharded;
mod torch;
mod write;

pub use caffe::mean_of_image;
pub use fit::{Fit, Misfit};
pub use format::Format;
use read::is_float;
pub use read::{Checkpoint, TensorInfo};
pub use write::{Precision, convert, convert_with, save, save_with};

/// A stranger's text in a message or a table: at most 80 letters of it, none of which steers a terminal.
pub fn printable(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", dl_record::shown(&text[..end])),
        None => dl_record::shown(text).into_owned(),
    }
}

/// The metadata key that holds the config, a JSON text.
pub(crate) const CONFIG_KEY: &str = "config";

#[cfg(test)]
mod tests;
