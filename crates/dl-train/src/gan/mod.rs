//! Training of GANs: images, losses, and the two-player task.

mod augment;
mod images;
mod loss;
mod penalty;
mod task;

pub use images::{GanBatch, GanBatchConfig, GanBatches, GanImages};
pub use loss::GanLoss;
pub use penalty::{Penalty, PenaltyKind};
pub use task::{DISCRIMINATOR, GanTask, Generated, Players};
