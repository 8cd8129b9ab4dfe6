//! Detection metrics: pure numbers, no tensors.

pub mod coco;
pub mod proposals;
pub mod voc;
