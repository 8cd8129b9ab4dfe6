//! Networks with named parts, and the files they live in.
//!
//! [`Model::open`] reads a network from its file, ours or PyTorch's, Caffe's, darknet's; ours is safetensors, whose metadata says what it is ([`ModelConfig`]); a
//! [`Backbone`] runs it as far as the layers that were asked for. [`Parameters`] hands out weights that can be trained,
//! and [`checkpoint::save`] writes them back as a whole model.

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

/// The instructions and the algorithm that networks run on here, and a switch for benchmarks.
pub use dl_kernels::{Level, Winograd};
pub use dl_ops::with_candle_ops;

pub use backbones::{ARCHITECTURES, Architecture, Auxiliary, Backbone, LOGITS, LayerName};
pub use checkpoint::{Checkpoint, Fit, Precision};
pub use config::{ChannelOrder, Labels, ModelConfig, Preprocessing, Resize};
pub use dot::dot;
pub use fingerprint::{check_network, fingerprint};
pub use frozen::{Now, Training};
pub use layers::{BatchNorm2d, Conv2d, Linear, LocalResponseNorm, plain};
pub use linear_head::LinearHead;
pub use model::Model;
pub use outline::Outline;
pub use parameters::Parameters;
pub use pass::{Halt, Pass, Run, Value};
pub use probabilities::probabilities;
pub use summary::{LayerSummary, Summary};
