//! Training a network to name what a region shows, or a whole picture: R-CNN's fine-tuning (Girshick et al. 2014,
//! section 2.3) and plain classification.
//!
//! On regions, the classes are background and those of the objects. Positives are the true boxes and the proposals whose
//! IoU with the best true object is at least 0.5, background the others; a batch of 128 is 32 positives and 96
//! background. Records are read once and pictures are decoded when a batch needs them, while the network works on the batch
//! before. Every draw is seeded, so that the network does not depend on the number of threads.
//!
//! What is frozen costs no backward pass. Where nothing random stands before the place at which learning begins, the
//! frozen part is run by a plan, and its features are kept.

mod augment;
mod batches;
mod examples;
mod head;
mod loss;
mod pictures;
mod start;
mod task;

pub use augment::{Affine, AugmentConfig};
pub use batches::{Batch, BatchConfig, Batches};
pub use examples::{Example, ExampleConfig, Examples, Kind};
pub use head::Head;
pub use loss::{LossConfig, balanced};
pub use start::{Freeze, Start, StartConfig};
pub use task::{ClassifierTask, Judge};
