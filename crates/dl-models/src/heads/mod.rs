//! Classifiers and regressors on features that are already computed.

mod dot;
mod linear_head;
mod probabilities;
pub mod rcnn;

pub use dot::dot;
pub use linear_head::LinearHead;
pub use probabilities::probabilities;
