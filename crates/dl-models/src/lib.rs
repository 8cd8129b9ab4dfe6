//! Networks with named layers, and their files.
//!
//! [`Model::open`] reads a network from a file in our format, or in PyTorch's, Caffe's or darknet's. Ours is
//! safetensors, with a description in its metadata ([`ModelConfig`]). A [`Backbone`] runs the network up to the
//! requested layers. [`Parameters`] provides trainable weights, and [`checkpoint::save`] writes them as a complete
//! model.

pub mod backbones;
pub mod checkpoint;
mod config;
pub mod detection;
mod dot;
mod fingerprint;
mod frozen;
mod layers;
mod limits;
mod linear_head;
mod model;
mod outline;
mod parameters;
mod pass;
mod plans;
mod probabilities;
mod summary;
mod tally;
pub mod text;

/// The instruction set and the convolution algorithm in use, and a switch for benchmarks.
pub use dl_kernels::{Level, Winograd};
pub use dl_ops::with_candle_ops;

pub use backbones::{ARCHITECTURES, Architecture, Auxiliary, Backbone, LOGITS, LayerName};
pub use checkpoint::{Checkpoint, Fit, Precision};
pub use config::{ChannelOrder, Labels, ModelConfig, Preprocessing, Resize};
pub use dot::dot;
pub use fingerprint::{check_network, fingerprint};
pub use frozen::{CurrentModel, TrainingPass};
pub use layers::{BatchNorm2d, Conv2d, Linear, LocalResponseNorm, plain};
pub use linear_head::LinearHead;
pub use model::Model;
pub use outline::Outline;
pub use parameters::Parameters;
pub use pass::{Halt, Pass, Run, Value};
pub use probabilities::probabilities;
pub use summary::{LayerSummary, Summary};
