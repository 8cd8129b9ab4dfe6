//! Training of GANs: images, losses, and the two-player task.

mod augment;
mod balance;
mod images;
mod loss;
mod penalty;
mod pixels;
pub mod table;
mod task;
pub mod voxel;

pub use images::{GanBatch, GanBatchConfig, GanBatches, GanImages, Told};
pub use loss::GanLoss;
pub use penalty::{Penalty, PenaltyKind};
pub use pixels::Pixels;
pub use task::{DISCRIMINATOR, GanTask, Generated, Players};
