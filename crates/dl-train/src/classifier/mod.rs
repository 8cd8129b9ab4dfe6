//! Training a network to name what a region shows, or a whole picture: R-CNN's fine-tuning (Girshick et al. 2014,
//! section 2.3) and plain classification.
//!
//! On regions, the classes are background and those of the objects. Positives are the true boxes and the proposals whose
//! IoU with the best true object is at least 0.5, background the others; a batch of 128 is 32 positives and 96
//! background. Records are read once and pictures are decoded when a batch needs them, while the network works on the batch
//! before. Every draw is seeded, so that the network does not depend on the number of threads.

mod batches;
mod examples;
mod start;
mod task;

pub use batches::{BatchConfig, Batches};
pub use examples::{Example, ExampleConfig, Examples, Kind};
pub use start::{Start, StartConfig};
pub use task::ClassifierTask;
