//! Disentangling: an autoencoder splits an image into a content code, a map, and a style code, and images with
//! exchanged styles must give these codes again (Huang et al. 2018, MUNIT).

mod adain;
mod batches;
mod images;
mod swap;
mod task;

pub use adain::adain;
pub use batches::{CodeBatch, CodeBatchConfig, CodeBatches};
pub use images::{CodeImages, CodeTasks};
pub use swap::{SwapLoss, SwapWeights};
pub use task::{SwapPlayers, SwapTask, SwapTaskWeights, Swaps};

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/disentangle.json");
