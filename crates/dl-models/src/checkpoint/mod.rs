//! Model files: one safetensors file is a whole model, weights and, under the metadata key `config`, what they are.

mod read;
mod write;

pub use read::{Checkpoint, TensorInfo};
pub use write::{Precision, save, save_with};

/// The metadata key that holds the config, a JSON text.
pub(crate) const CONFIG_KEY: &str = "config";

#[cfg(test)]
mod tests;
