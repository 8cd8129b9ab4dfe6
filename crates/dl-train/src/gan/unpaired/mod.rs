//! Translation between two domains of images without pairs: CycleGAN and DiscoGAN.
//!
//! Direction 0 is from the first domain, A, to the second, B; direction 1 is back. What belongs to a direction has its index:
//! its generator, and the discriminator that judges its results.

mod batches;
mod cycle;
mod disco;
mod images;
mod pair;
mod pool;

pub use batches::{UnpairedBatch, UnpairedBatchConfig, UnpairedBatches};
pub use cycle::CycleTask;
pub use disco::DiscoTask;
pub use images::UnpairedImages;
pub use pair::{BACK, Pair, Translated};
pub use pool::Pool;

/// The player and the index of the phase of both generators, and those of both discriminators.
const GENERATORS: usize = 0;
const DISCRIMINATORS: usize = 1;
