//! What networks are written in: named layers, the pass that runs them, and their weights.

mod backbone;
mod layer_name;
pub(crate) mod layers;
mod parameters;
pub(crate) mod pass;
pub(crate) mod plans;
pub(crate) mod tally;

pub(crate) use backbone::distinct;
pub use backbone::{Backbone, LOGITS};
pub use layer_name::LayerName;
pub use layers::{
    BatchNorm2d, Conv2d, ConvTranspose2d, EqualizedConv2d, EqualizedLinear, Fresh, InstanceNorm2d, L2Norm, Linear,
    LocalResponseNorm, LocallyConnected2d, ModulatedConv2d, Prelu, SpectralConv2d, SpectralLinear, plain,
};
pub use parameters::{Parameters, is_statistic};
pub use pass::{Halt, Pass, Run, Value};
