//! The network, as in figure 2 of the paper: a backbone and extra layers give source maps of falling sizes, and a small
//! convolutional head on each of them gives class scores and box codes for its default boxes.

use anyhow::Result;

use super::parts::{Stage, run_units};
use crate::network::pass::Halt;
use crate::{Backbone, Pass, Run, Value};

/// A backbone that was cut before its classifier.
pub(super) trait Trunk: Send + Sync {
    /// The names of its outputs, in the order of computation.
    fn layers(&self) -> Vec<String>;

    /// The first source maps; the extra layers continue from the last of them.
    fn run(&self, x: &Value, pass: &mut Pass) -> Result<Vec<Value>, Halt>;
}

/// The head on one source map.
pub(super) struct Head {
    /// Ends with [n, boxes per cell x classes, h, w].
    pub(super) classes: Stage,
    /// Ends with [n, boxes per cell x 4, h, w].
    pub(super) boxes: Stage,
}

/// SSD without the rule that turns its numbers into detections.
pub(super) struct SsdNetwork {
    pub(super) trunk: Box<dyn Trunk>,
    /// The output of each is a source map.
    pub(super) extras: Vec<Stage>,
    /// One per source map.
    pub(super) heads: Vec<Head>,
}

/// The output with the class scores of a source, [boxes per cell x classes, h, w].
pub(super) fn classes_output(source: usize) -> String {
    format!("classes.{source}")
}

/// The output with the box codes of a source, [boxes per cell x 4, h, w].
pub(super) fn boxes_output(source: usize) -> String {
    format!("boxes.{source}")
}

impl Backbone for SsdNetwork {
    fn layers(&self) -> Vec<String> {
        let extras = self.extras.iter().flat_map(Stage::layers);
        let heads = (0..self.heads.len()).flat_map(|source| [classes_output(source), boxes_output(source)]);
        self.trunk.layers().into_iter().chain(extras).chain(heads).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut sources = self.trunk.run(x, pass)?;
        for extra in &self.extras {
            let before = sources.last().unwrap_or(x);
            sources.push(extra.run(before, pass)?);
        }
        let mut last = Value::Before;
        for (index, (source, head)) in sources.iter().zip(&self.heads).enumerate() {
            let classes = run_units(&head.classes.units, source, pass)?;
            pass.see(&classes_output(index), classes)?;
            let boxes = run_units(&head.boxes.units, source, pass)?;
            last = pass.see(&boxes_output(index), boxes)?;
        }
        Ok(last)
    }
}
