//! Training of GANs: images, losses, and the two-player task; and the projection of images.

mod augment;
mod balance;
mod images;
mod loss;
pub mod paired;
mod penalty;
mod pixels;
mod project;
mod style;
mod task;

pub use augment::{Ada, AdaConfig, Augment, Draws, Transforms};
pub use images::{GanBatch, GanBatchConfig, GanBatches, GanImages, Told};
pub use loss::GanLoss;
pub use penalty::{Penalty, PenaltyKind};
pub use pixels::Pixels;
pub use project::{ProjectConfig, Projection, project};
pub use style::{StyleBatch, StyleBatchConfig};
pub use task::{DISCRIMINATOR, GanTask, Generated, Players};
