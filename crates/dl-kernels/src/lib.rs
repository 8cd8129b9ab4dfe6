//! SIMD kernels and fused inference plans on plain slices of f32; no tensors, no autograd.
//!
//! A network is described once, as a [`Graph`]; a [`Plan`] compiles it for one size of image. Promises:
//!
//! - **The same bits, whatever the batch and the number of threads.** A sum's order depends on the layer's shape alone.
//! - **Bounded memory.** Working memory is one block, reused from run to run; see [`Plan::working_memory`]. A run into
//!   vectors that have room ([`Plan::run_into`]) takes nothing from the heap.
//! - **Any processor.** Kernels are compiled for several sets of instructions, and the best is chosen when the program
//!   runs; `DL_CPU_LEVEL=portable|avx2|avx512|neon` forces one.

mod conv;
mod dense;
mod graph;
mod import;
mod map;
mod memory;
mod mix;
mod normalize;
mod plan;
mod pool;
#[cfg(test)]
mod reference;
mod simd;
mod team;
mod tile;
mod train;
mod window;

pub use conv::{Conv2dConfig, Winograd};
pub use graph::{Graph, NodeId, Numbers, Operation};
pub use map::Padding;
pub use normalize::LocalResponse;
pub use plan::{Plan, PlanConfig};
pub use simd::Level;
pub use train::ConvShape;
pub use window::{PoolConfig, Window};
