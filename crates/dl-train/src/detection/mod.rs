//! Training of detectors: which boxes belong to which objects, and losses.

pub mod ssd;
