//! What a model file says of itself, and the limits of what is believed.

mod config;
mod kind;
pub(crate) mod limits;
mod preprocessing;
mod provenance;

pub(crate) use config::labels_beside;
pub use config::{Labels, ModelConfig, TaskLabels};
pub use kind::Kind;
pub use preprocessing::{ChannelOrder, Preprocessing, Resize};
pub use provenance::Provenance;
