//! A graph compiled for inference: what can be done in one pass over the memory is one step, weights are packed, and
//! every map has its place in one block of working memory that is used again and again.

mod fuse;
mod memory;
mod stage;

use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use rayon::prelude::*;

use crate::conv::Winograd;
use crate::graph::{Graph, Node, NodeId, Operation};
use crate::simd::Level;
use stage::Stage;

/// How to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanConfig {
    /// The instructions to use.
    pub level: Level,
    /// The algorithm that 3 x 3 convolutions may use where it is faster; each has its own error.
    pub winograd: Winograd,
    /// Numbers of working memory that images computed together may take; one image may take more.
    pub memory: usize,
}

impl Default for PlanConfig {
    fn default() -> Self {
        Self { level: Level::current(), winograd: Winograd::default(), memory: 1 << 22 }
    }
}

/// A network ready to run on images of one size. Runs may overlap, from as many threads as one likes.
pub struct Plan {
    image: usize,
    /// The convolutions, a few images at a time; then, if the network ends with fully connected layers, these, for all
    /// images at once, since their weights take longer to read than to use.
    stages: Vec<Stage>,
    /// For each stage and each of its outputs: which of the plan's outputs it is. One more of the first of two stages
    /// is what the second begins with.
    targets: Vec<Vec<usize>>,
    outputs: usize,
    /// Rows between two stages that are not in use at the moment.
    spare: Mutex<Vec<Vec<f32>>>,
}

impl Plan {
    /// Compiles what `outputs` need of `graph`.
    /// # Errors
    /// When a weight has not as many numbers as its shape says.
    pub fn new(graph: Graph, outputs: &[NodeId], config: PlanConfig) -> Result<Self> {
        let image = graph.shape(graph.input()).iter().product();
        let Some(cut) = cut(&graph, outputs) else {
            let stages = vec![Stage::new(graph, outputs, config)?];
            let targets = vec![(0..outputs.len()).collect()];
            return Ok(Self { image, stages, targets, outputs: outputs.len(), spare: Mutex::default() });
        };
        let (front, back) = split(graph, cut);
        let (before, after): (Vec<usize>, Vec<usize>) = (0..outputs.len()).partition(|index| outputs[*index] < cut);
        let wanted: Vec<NodeId> = before.iter().map(|index| outputs[*index]).chain([cut]).collect();
        let later: Vec<NodeId> = after.iter().map(|index| NodeId(outputs[*index].0 - cut.0)).collect();
        let stages = vec![Stage::new(front, &wanted, config)?, Stage::new(back, &later, config)?];
        Ok(Self { image, stages, targets: vec![before, after], outputs: outputs.len(), spare: Mutex::default() })
    }

    /// The outputs for `input`, [n, channels, height, width]: each [n, ...] as the graph's shapes say.
    /// # Errors
    /// When `input` is not whole images.
    pub fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        let mut outputs = vec![Vec::new(); self.outputs];
        self.run_into(input, &mut outputs)?;
        Ok(outputs)
    }

    /// [`run`](Self::run) into vectors that are cleared first: when they have room, and a batch of this size was run
    /// before on this thread's pool, nothing is allocated.
    /// # Errors
    /// As [`run`](Self::run), and when there are not as many vectors as outputs.
    pub fn run_into(&self, input: &[f32], outputs: &mut [Vec<f32>]) -> Result<()> {
        let images = input.len() / self.image.max(1);
        ensure!(images * self.image == input.len(), "{} numbers are no whole images", input.len());
        ensure!(outputs.len() == self.outputs, "{} vectors for {} outputs", outputs.len(), self.outputs);
        let mut between = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        between.clear();
        for (index, (stage, targets)) in self.stages.iter().zip(&self.targets).enumerate() {
            for (target, length) in targets.iter().zip(stage.lengths()) {
                outputs[*target].clear();
                outputs[*target].reserve_exact(images * length);
            }
            let begun = if index == 0 { Vec::new() } else { std::mem::take(&mut between) };
            stage.run(if index == 0 { input } else { &begun }, images, |output, row| match targets.get(output) {
                Some(target) => outputs[*target].extend_from_slice(row),
                None => between.extend_from_slice(row),
            });
            if index > 0 {
                between = begun;
            }
        }
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(between);
        Ok(())
    }

    /// As [`run`](Self::run), for `images` images that `make(index, image)` writes, [channels, height, width] each,
    /// on all threads. At most `batch` of them are in memory at a time, of small images a few for each thread.
    /// # Errors
    /// None by itself; as [`run`](Self::run).
    pub fn run_made(
        &self,
        images: usize,
        batch: usize,
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Vec<Vec<f32>>> {
        if let [stage] = self.stages.as_slice()
            && let Some(results) = stage.run_made(images, &make)
        {
            return Ok(results);
        }
        let mut results: Vec<Vec<f32>> = Vec::new();
        let mut input = vec![0.0; images.min(batch.max(1)) * self.image];
        for first in (0..images.max(1)).step_by(batch.max(1)) {
            let input = &mut input[..batch.max(1).min(images - first) * self.image];
            let each = input.par_chunks_exact_mut(self.image.max(1)).enumerate();
            each.for_each(|(index, image)| make(first + index, image));
            let found = self.run(input)?;
            if results.is_empty() {
                results = found;
            } else {
                results.iter_mut().zip(found).for_each(|(result, found)| result.extend(found));
            }
        }
        Ok(results)
    }

    /// Bytes of working memory for a batch, beyond the weights and the results.
    pub fn working_memory(&self, images: usize) -> usize {
        self.stages.iter().map(|stage| 4 * stage.working_memory(images)).max().unwrap_or(0)
    }
}

/// The row that the fully connected end of the network begins with, if nothing after it looks at anything before it.
fn cut(graph: &Graph, outputs: &[NodeId]) -> Option<NodeId> {
    let is_linear = |node: &Node| matches!(node.operation, Operation::Linear { .. });
    let linear = graph.nodes.iter().position(is_linear)?;
    let cut = graph.nodes[linear].inputs[0];
    let alone = graph.nodes[cut.0 + 1..].iter().all(|node| node.inputs.iter().all(|input| *input >= cut));
    let goes_on = outputs.iter().any(|output| *output > cut);
    (cut.0 > 0 && alone && goes_on && graph.shape(cut).len() == 1).then_some(cut)
}

/// The graph up to `cut`, and the one that begins with it.
fn split(graph: Graph, cut: NodeId) -> (Graph, Graph) {
    let mut front = graph.nodes;
    let back = front.split_off(cut.0 + 1);
    let row = front[cut.0].shape.clone();
    let mut nodes = vec![Node { operation: Operation::Input, inputs: Vec::new(), shape: row }];
    nodes.extend(
        back.into_iter()
            .map(|node| Node { inputs: node.inputs.iter().map(|input| NodeId(input.0 - cut.0)).collect(), ..node }),
    );
    (Graph { nodes: front }, Graph { nodes })
}

#[cfg(test)]
mod tests;
