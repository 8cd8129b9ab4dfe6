//! Training of GANs: images, losses, and the two-player task.

mod augment;
mod balance;
mod images;
mod loss;
mod penalty;
mod pixels;
pub mod table;
pub mod voxel;
mod task;

pub use images::{GanBatch, GanBatchConfig, GanBatches, GanImages, Told};
pub use loss::GanLoss;
pub use penalty::{Penalty, PenaltyKind};
pub use pixels::Pixels;
pub use task::{DISCRIMINATOR, GanTask, Generated, Players};
