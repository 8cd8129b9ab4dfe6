//! Export to ONNX, for other programs: the graph that a plan is compiled from, as a file.
//!
//! Weights are stored in single precision. Preprocessing is not part of the model; its metadata describes it.

mod messages;
mod model;
mod network;
mod operations;
#[cfg(test)]
mod tests;

pub use model::OnnxModel;
pub(crate) use model::{Attribute, Axis, Kind, Value};
pub(crate) use operations::add_graph;
