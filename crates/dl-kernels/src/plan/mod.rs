//! A graph compiled for inference: operations are fused, weights are packed, and every map has its location in one
//! reused block of working memory.

mod fuse;
mod memory;
mod stage;

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;

use crate::conv::Winograd;
use crate::graph::{Graph, Node, NodeId, Operation};
use crate::packed::Resources;
use crate::simd::Level;
use stage::Stage;

/// Options of compiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanConfig {
    /// The instruction set.
    pub level: Level,
    /// The algorithm that 3 x 3 convolutions may use where it is faster; the algorithms differ in precision.
    pub winograd: Winograd,
    /// Size of the working memory of images computed together; a single image may take more.
    pub memory: usize,
}

impl Default for PlanConfig {
    fn default() -> Self {
        Self { level: Level::current(), winograd: Winograd::default(), memory: 1 << 22 }
    }
}

/// A network compiled for images of one size. It can be run from several threads at the same time.
pub struct Plan {
    /// Size of all inputs of an image.
    image: usize,
    /// Name and size of each input.
    inputs: Vec<(String, usize)>,
    /// The convolutions, a few images at a time; then the fully connected layers at the end, if any, for all images at
    /// once, since reading their weights takes longer than computing.
    stages: Vec<Stage>,
    /// For each stage, the plan's output that each of its outputs is. The first of two stages has one more, which is
    /// the input of the second.
    targets: Vec<Vec<usize>>,
    outputs: usize,
    /// Buffers between two stages that are not in use.
    spare: Mutex<Vec<Vec<f32>>>,
}

impl Plan {
    /// Compiles the part of `graph` that `outputs` need.
    /// # Errors
    /// When the size of a weight does not match its shape.
    pub fn new(graph: Graph, outputs: &[NodeId], config: PlanConfig) -> Result<Self> {
        Self::sharing(graph, outputs, config, &Resources::default())
    }

    /// [`new`](Self::new) with the packed weights and the working memory of other plans.
    /// # Errors
    /// As [`new`](Self::new).
    pub fn sharing(graph: Graph, outputs: &[NodeId], config: PlanConfig, resources: &Resources) -> Result<Self> {
        let (image, _) = graph.input_places();
        let size = |input| graph.shape(input).iter().product();
        let inputs = graph.names.iter().cloned().zip(graph.inputs().map(size)).collect();
        let Some(cut) = cut(&graph, outputs) else {
            let stages = vec![Stage::new(graph, outputs, config, resources)?];
            let targets = vec![(0..outputs.len()).collect()];
            return Ok(Self { image, inputs, stages, targets, outputs: outputs.len(), spare: Mutex::default() });
        };
        let (front, back) = split(graph, cut);
        let (before, after): (Vec<usize>, Vec<usize>) = (0..outputs.len()).partition(|index| outputs[*index] < cut);
        let requested: Vec<NodeId> = before.iter().map(|index| outputs[*index]).chain([cut]).collect();
        let later: Vec<NodeId> = after.iter().map(|index| NodeId(outputs[*index].0 - cut.0)).collect();
        let [front, back] =
            [(front, &requested), (back, &later)].map(|(graph, outputs)| Stage::new(graph, outputs, config, resources));
        let stages = vec![front?, back?];
        Ok(Self {
            image,
            inputs,
            stages,
            targets: vec![before, after],
            outputs: outputs.len(),
            spare: Mutex::default(),
        })
    }

    /// The outputs for `input` [n, channels, height, width]: each [n, ...] with the graph's shapes.
    /// # Errors
    /// When `input` is not a whole number of images.
    pub fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        let mut outputs = vec![Vec::new(); self.outputs];
        self.run_into(input, &mut outputs)?;
        Ok(outputs)
    }

    /// [`run`](Self::run) for a graph with several inputs, by name, each [n, ...].
    /// # Errors
    /// When an input is missing, unknown, or not the same whole number of images or rows as the others.
    pub fn run_inputs(&self, inputs: &[(&str, &[f32])]) -> Result<Vec<Vec<f32>>> {
        ensure!(inputs.len() == self.inputs.len(), "{} inputs for {}", inputs.len(), self.inputs.len());
        let mut ordered = Vec::with_capacity(inputs.len());
        for (name, size) in &self.inputs {
            let given = inputs.iter().find(|(given, _)| given == name);
            let (_, numbers) = given.with_context(|| format!("input {name} is missing"))?;
            ordered.push((*numbers, *size));
        }
        let (first, size) = ordered[0];
        let images = first.len() / size.max(1);
        for ((numbers, size), (name, _)) in ordered.iter().zip(&self.inputs) {
            ensure!(
                numbers.len() == images * size,
                "input {name}: {} numbers are not {images} times {size}",
                numbers.len()
            );
        }
        // Image by image.
        let mut all = Vec::with_capacity(images * self.image);
        for image in 0..images {
            ordered.iter().for_each(|(numbers, size)| all.extend_from_slice(&numbers[image * size..][..*size]));
        }
        self.run(&all)
    }

    /// [`run`](Self::run) into vectors, which are cleared first: if they have enough capacity, and a batch of this size
    /// was run before on this thread's pool, nothing is allocated.
    /// # Errors
    /// As [`run`](Self::run), and when the numbers of vectors and outputs differ.
    pub fn run_into(&self, input: &[f32], outputs: &mut [Vec<f32>]) -> Result<()> {
        let images = input.len() / self.image.max(1);
        ensure!(images * self.image == input.len(), "{} numbers are not a whole number of images", input.len());
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

    /// [`run`](Self::run) for `images` images [channels, height, width] that `make(index, image)` writes, on all
    /// threads. At most `batch` of them are in memory at a time, or a few per thread if they are small.
    /// # Errors
    /// As [`run`](Self::run).
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

    /// Bytes of working memory for a batch, in addition to the weights and the results.
    pub fn working_memory(&self, images: usize) -> usize {
        self.stages.iter().map(|stage| 4 * stage.working_memory(images)).max().unwrap_or(0)
    }
}

/// The input of the network's fully connected end, if nothing after it reads anything before it.
fn cut(graph: &Graph, outputs: &[NodeId]) -> Option<NodeId> {
    let is_linear = |node: &Node| matches!(node.operation, Operation::Linear { .. });
    let linear = graph.nodes.iter().position(is_linear)?;
    let cut = graph.nodes[linear].inputs[0];
    let alone = graph.nodes[cut.0 + 1..].iter().all(|node| node.inputs.iter().all(|input| *input >= cut));
    let goes_on = outputs.iter().any(|output| *output > cut);
    (cut.0 >= graph.names.len() && alone && goes_on && graph.shape(cut).len() == 1).then_some(cut)
}

/// Splits the graph into the part up to `cut` and the rest.
fn split(graph: Graph, cut: NodeId) -> (Graph, Graph) {
    let Graph { nodes: mut front, names } = graph;
    let back = front.split_off(cut.0 + 1);
    let row = front[cut.0].shape.clone();
    let rest = back.into_iter().map(|node| {
        let inputs = node.inputs.iter().map(|input| NodeId(input.0 - cut.0)).collect();
        Node { inputs, ..node }
    });
    let mut after = Graph::of(vec![("row".to_owned(), row)]);
    after.nodes.extend(rest);
    (Graph { nodes: front, names }, after)
}

#[cfg(test)]
mod tests;
