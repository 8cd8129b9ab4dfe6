//! Training of detectors: which boxes belong to which objects, and losses.

pub mod ssd;
mod trainee;
pub mod yolo_v1;

pub use trainee::{DetectionLoss, Trainee, Truth};
