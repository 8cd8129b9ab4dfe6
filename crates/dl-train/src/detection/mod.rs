//! Training of detectors.

pub mod yolo_v1;
