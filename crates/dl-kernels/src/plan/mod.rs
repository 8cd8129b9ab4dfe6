//! A graph compiled for inference: what can be done in one pass over the memory is one step, weights are packed, and
//! every map has its place in one block of working memory that is used again and again.

mod fuse;
mod memory;
mod stage;

use anyhow::{Result, ensure};

use crate::graph::{Graph, Node, NodeId, Operation};
use crate::simd::Level;
use stage::Stage;

/// How to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanConfig {
    /// The instructions to use.
    pub level: Level,
    /// Use Winograd's algorithm where it is faster: results differ from the direct sum in the fifth digit.
    pub winograd: bool,
    /// Numbers of working memory that pictures computed together may take; one picture may take more.
    pub memory: usize,
}

impl Default for PlanConfig {
    fn default() -> Self {
        Self { level: Level::current(), winograd: true, memory: 1 << 22 }
    }
}

/// A network ready to run on pictures of one size. Runs may overlap, from as many threads as one likes.
pub struct Plan {
    picture: usize,
    /// The convolutions, a few pictures at a time; then, if the network ends with fully connected layers, these, for all
    /// pictures at once, since their weights take longer to read than to use.
    stages: Vec<Stage>,
    /// For each output: the stage that gives it, and which of its outputs it is.
    outputs: Vec<(usize, usize)>,
}

impl Plan {
    /// Compiles what `outputs` need of `graph`.
    /// # Errors
    /// When a weight has not as many numbers as its shape says.
    pub fn new(graph: Graph, outputs: &[NodeId], config: PlanConfig) -> Result<Self> {
        let picture = graph.shape(graph.input()).iter().product();
        let Some(cut) = cut(&graph, outputs) else {
            let stages = vec![Stage::new(graph, outputs, config)?];
            return Ok(Self { picture, stages, outputs: (0..outputs.len()).map(|index| (0, index)).collect() });
        };
        let (front, back) = split(graph, cut);
        let mut wanted: Vec<NodeId> = outputs.iter().copied().filter(|node| *node < cut).collect();
        let mut later: Vec<NodeId> = Vec::new();
        let outputs = outputs.iter().map(|node| {
            if let Some(index) = wanted.iter().position(|wanted| wanted == node) {
                return (0, index);
            }
            later.push(NodeId(node.0 - cut.0));
            (1, later.len() - 1)
        });
        let outputs = outputs.collect();
        wanted.push(cut);
        let stages = vec![Stage::new(front, &wanted, config)?, Stage::new(back, &later, config)?];
        Ok(Self { picture, stages, outputs })
    }

    /// The outputs for `input`, [n, channels, height, width]: each [n, ...] as the graph's shapes say.
    /// # Errors
    /// When `input` is not whole pictures.
    pub fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>> {
        let pictures = input.len() / self.picture.max(1);
        ensure!(pictures * self.picture == input.len(), "{} numbers are no whole pictures", input.len());
        let mut results: Vec<Vec<Vec<f32>>> = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            let output = match results.last().and_then(|outputs| outputs.last()) {
                None => stage.run(input, pictures),
                Some(before) => stage.run(before, pictures),
            };
            results.push(output);
        }
        let take = |(at, place): (usize, &(usize, usize))| {
            let result = &mut results[place.0][place.1];
            // An output may be asked for twice.
            if self.outputs[at + 1..].contains(place) { result.clone() } else { std::mem::take(result) }
        };
        Ok(self.outputs.iter().enumerate().map(take).collect())
    }

    /// Bytes of working memory for a batch, beyond the weights and the results.
    pub fn working_memory(&self, pictures: usize) -> usize {
        self.stages.iter().map(|stage| 4 * stage.working_memory(pictures)).max().unwrap_or(0)
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
