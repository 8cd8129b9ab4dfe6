//! Training of detectors.
//!
//! ```text
//! records -> Samples                                    samples
//!               |
//!            images, augmented, with their boxes        batches, crate::data
//!               |
//!            Trainee: targets and loss                  ssd, yolo_v1, rcnn
//!               |
//!            DetectorTask for the loop of crate::fit    task
//!               |
//!            average precision on validation images     evaluation
//! ```
//!
//! [`start`] builds the network: new, from a pretrained image network, or from a detector.

mod batches;
mod evaluation;
mod losses;
pub mod rcnn;
mod samples;
mod shapes;
pub mod ssd;
mod ssd_trainee;
mod start;
mod task;
mod trainee;
pub mod yolo_v1;
mod yolo_v1_trainee;

pub use batches::{BatchConfig, DetectionBatch, DetectionBatches, Placing};
pub use evaluation::DetectionEvaluation;
pub use rcnn::RcnnTrainee;
pub use samples::{Dropped, Sample, SampleConfig, Samples};
pub use ssd_trainee::SsdTrainee;
pub use start::{DetectorStart, Freeze, Needs, Selects, StartedDetector};
pub use task::{Build, DetectorTask};
pub use trainee::{DetectionLoss, Trainee, Truth};
pub use yolo_v1_trainee::YoloV1Trainee;
