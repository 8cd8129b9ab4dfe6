//! Networks with named layers, and their files.
//!
//! [`Model::open`] reads a network from a file in our format, or in PyTorch's, Caffe's or darknet's. Ours is
//! safetensors, with a description in its metadata ([`ModelConfig`]). A [`Backbone`] runs the network up to the
//! requested layers. [`Parameters`] provides trainable weights, and [`checkpoint::save`] writes them as a complete
//! model.

pub mod backbones;
pub mod checkpoint;
pub mod detection;
mod file;
pub mod gan;
pub mod heads;
mod model;
mod model_file;
mod network;
mod onnx;
pub mod text;
#[cfg(feature = "transformers")]
mod transformers;

/// The instruction set and the convolution algorithm in use, and a switch for benchmarks.
pub use dl_kernels::{Level, Winograd};
pub use dl_ops::with_candle_ops;

pub use backbones::{ARCHITECTURES, Architecture, Auxiliary};
pub use checkpoint::{Checkpoint, Precision};
pub use file::{ChannelOrder, Kind, Labels, ModelConfig, Preprocessing, Provenance, Resize, TaskLabels};
pub use heads::{FeatureHeadFile, FeatureMapFile, LinearHead, Lpips, LpipsDistance, dot, probabilities};
pub use model::{
    CurrentModel, Fit, LayerSummary, Misfit, Model, Outline, Summary, TrainingPass, check_network, fingerprint,
};
pub use model_file::ModelFile;
pub use network::{
    Backbone, BatchNorm2d, Conv2d, ConvTranspose2d, EqualizedConv2d, EqualizedLinear, Fresh, Halt, InstanceNorm2d,
    L2Norm, LOGITS, LayerName, Linear, LocalResponseNorm, LocallyConnected2d, ModulatedConv2d, Parameters, Pass, Prelu,
    Run, SpectralConv2d, SpectralLinear, Value, is_statistic, plain,
};
pub use onnx::OnnxModel;

/// The architectures that the crate candle-transformers computes, in builds with the feature `transformers`.
pub const TRANSFORMERS: &[&str] = &["convnext", "llama", "modernbert", "tf_efficientnet"];

/// What to do about an architecture that only another build supports.
pub(crate) fn transformers_missing(name: &str) -> Option<String> {
    let missing = !cfg!(feature = "transformers") && TRANSFORMERS.contains(&name);
    missing.then(|| {
        format!("{name} needs a build with candle-transformers: make install, or cargo build --features transformers")
    })
}
