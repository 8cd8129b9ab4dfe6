//! Training of detectors: which boxes belong to which objects, and losses.

pub mod ssd;
pub mod yolo_v1;
