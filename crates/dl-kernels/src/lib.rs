//! SIMD kernels and fused inference plans on slices of f32, without tensors or autograd.
//!
//! A network is described once, as a [`Graph`]; a [`Plan`] compiles it for one image size. Guarantees:
//!
//! - **Results do not depend on the batch or the number of threads.** The order of a sum depends only on the layer's
//!   shape.
//! - **Bounded memory.** Working memory is one block, reused between runs; see [`Plan::working_memory`]. A run into
//!   vectors with enough capacity ([`Plan::run_into`]) does not allocate.
//! - **Any processor.** Kernels are compiled for several instruction sets, and the best one is chosen at run time;
//!   `DL_CPU_LEVEL=portable|avx2|avx512|neon` forces one.

mod across;
mod activation;
mod conv;
mod dense;
mod exp;
mod graph;
mod import;
mod instance;
mod map;
mod memory;
mod mix;
mod normalize;
mod packed;
mod plan;
mod pool;
mod prelu;
mod rearrange;
#[cfg(test)]
mod reference;
mod reflect;
mod resample;
mod shuffle;
mod simd;
mod team;
mod tile;
mod train;
mod window;

pub use across::L2Epsilon;
pub use conv::{Conv2dConfig, ConvTranspose2dConfig, Winograd};
pub use exp::{exp, mish, mish_factor, sigmoid, softplus, swish, tanh};
pub use graph::{Graph, NodeId, Numbers, Operation};
pub use map::Padding;
pub use normalize::{LocalResponse, Neighbors};
pub use packed::Resources;
pub use plan::{Plan, PlanConfig};
pub use reflect::reflected;
pub use resample::{ResizeAxis, ResizeMethod, Tap};
pub use simd::Level;
pub use train::ConvShape;
pub use window::{PoolConfig, Window};
