//! Metrics of detection and classification: numbers only, no tensors.

pub mod classify;
pub mod coco;
pub mod confusion;
pub mod matching;
pub mod proposals;
pub mod voc;
