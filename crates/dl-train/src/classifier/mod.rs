//! Training a network to classify regions or whole images: R-CNN's fine-tuning (Girshick et al. 2014, section 2.3) and
//! plain classification.
//!
//! On regions, the classes are background and those of the objects. Positives are the ground-truth boxes and the proposals whose
//! IoU with the best object is at least 0.5, the others are background; a batch of 128 is 32 positives and 96
//! background. Records are read once and images are decoded when a batch needs them, while the network works on the previous
//! batch. Every draw is seeded, so that the network does not depend on the number of threads.
//!
//! Frozen layers cost no backward pass. Where they have no dropout, an inference plan runs them, and their features are
//! kept.

mod batches;
mod examples;
mod head;
mod loss;
mod start;
mod task;

pub use crate::data::{Affine, AugmentConfig};
pub use batches::{Batch, BatchConfig, Batches, Targets};
pub use examples::{Example, ExampleConfig, Examples, Kind, Truth, weight_of};
pub use head::Head;
pub use loss::{LossConfig, balanced};
pub use start::{Freeze, StartConfig, StartingPoint};
pub use task::{ClassifierTask, Evaluation};
