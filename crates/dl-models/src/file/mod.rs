//! What a model file says of itself, and the limits of what is believed.

mod config;
pub(crate) mod limits;
mod preprocessing;

pub(crate) use config::labels_beside;
pub use config::{Labels, ModelConfig};
pub use preprocessing::{ChannelOrder, Preprocessing, Resize};
