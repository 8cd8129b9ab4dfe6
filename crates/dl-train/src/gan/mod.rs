//! Training of GANs: images, losses, and the two-player task; and the projection of images.

mod augment;
mod balance;
mod images;
mod laplacian;
mod loss;
pub mod paired;
mod penalty;
mod pixels;
mod project;
mod style;
pub mod table;
mod task;
mod unpaired;
pub mod voxel;

pub(crate) use balance::seen_by;
pub(crate) use images::decodable;

pub use augment::{Ada, AdaConfig, Augment, Draws, Transforms};
pub use images::{GanBatch, GanBatchConfig, GanBatches, GanImages, Told};
pub use laplacian::{Judges, LaplacianPlayers, LaplacianTask};
pub use loss::GanLoss;
pub use penalty::{Penalty, PenaltyKind};
pub use pixels::Pixels;
pub use project::{ProjectConfig, Projection, project};
pub use style::{StyleBatch, StyleBatchConfig};
pub use task::{DISCRIMINATOR, GanTask, Generated, Players};
pub use unpaired::{
    BACK, CycleTask, DiscoTask, Pair, Pool, Translated, UnpairedBatch, UnpairedBatchConfig, UnpairedBatches,
    UnpairedImages,
};
