//! Where every value of a stage is: the layout of its map, its margin, and its place in the working memory.

use std::collections::HashMap;

use super::PlanConfig;
use super::fuse::Fused;
use super::memory::{Lifetime, places};
use crate::conv::Algorithm;
use crate::graph::{Graph, Node, NodeId, Operation};
use crate::import::RowSpan;
use crate::map::{Map, Padding};
use crate::simd::LANES;

/// The algorithm of a convolution, by its shape alone.
pub(super) fn algorithm(graph: &Graph, step: &Fused, config: PlanConfig) -> Option<Algorithm> {
    let node = &graph.nodes[step.core];
    let Operation::Conv2d { shape, config: conv, .. } = &node.operation else { return None };
    Some(Algorithm::of(*shape, conv, [node.shape[1], node.shape[2]], config.winograd))
}

/// The location of every value.
pub(super) struct Maps {
    pub(super) of_node: HashMap<usize, Map>,
    /// Rows that output maps are written to.
    pub(super) exported: HashMap<usize, RowSpan>,
    pub(super) memory: usize,
}

pub(super) fn rows_of(map: Map) -> RowSpan {
    RowSpan { base: map.base, length: map.channels }
}

/// [channels, height, width]; a row is a map with one position.
fn shape_of(graph: &Graph, node: usize) -> [usize; 3] {
    match graph.nodes[node].shape[..] {
        [channels, height, width] => [channels, height, width],
        _ => [graph.nodes[node].shape.iter().product(), 1, 1],
    }
}

/// The values that a step reads.
fn reads(graph: &Graph, step: &Fused) -> Vec<usize> {
    let inputs = graph.nodes[step.core].inputs.iter().map(|input| input.0);
    inputs.chain(step.residual).collect()
}

/// The margin that an operation needs around its input.
fn margin(graph: &Graph, node: usize) -> Option<Padding> {
    let Node { operation, inputs, shape } = &graph.nodes[node];
    let [_, height, width] = shape_of(graph, inputs.first()?.0);
    let (from, to) = ([height, width], [shape.get(1)?, shape.get(2)?].map(|length| *length));
    match operation {
        Operation::Conv2d { shape: [.., kh, kw], config, .. } => Some(config.margin(from, [*kh, *kw], to)),
        Operation::LocallyConnected2d { shape: [.., kh, kw], config, .. } => Some(config.margin(from, [*kh, *kw], to)),
        Operation::ConvTranspose2d { shape: [.., kh, kw], config, .. } => Some(config.margin(from, [*kh, *kw], to)),
        _ => None,
    }
}

pub(super) fn layout(graph: &Graph, fused: &[Fused], algorithms: &[Option<Algorithm>], outputs: &[NodeId]) -> Maps {
    // The inputs, renormalized if the network requires it.
    let is_input = |step: &&Fused| matches!(graph.nodes[step.core].operation, Operation::Input);
    let images: Vec<usize> = fused.iter().filter(is_input).map(|step| step.last).collect();
    let image = images[0];
    // Parts of a concatenation are written in place: part -> (whole, channels before it).
    let mut part_of: HashMap<usize, (usize, usize)> = HashMap::new();
    for step in fused.iter().rev() {
        if let Operation::Concat = graph.nodes[step.core].operation {
            let inputs: Vec<usize> = graph.nodes[step.core].inputs.iter().map(|input| input.0).collect();
            let channels: Vec<usize> = inputs.iter().map(|input| shape_of(graph, *input)[0]).collect();
            let whole_blocks = channels[..channels.len() - 1].iter().all(|channels| channels % LANES == 0);
            let mut distinct = inputs.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let free = inputs.iter().all(|input| !images.contains(input) && !part_of.contains_key(input));
            if whole_blocks && free && distinct.len() == inputs.len() {
                let mut before = 0;
                for (input, channels) in inputs.iter().zip(channels) {
                    part_of.insert(*input, (step.last, before));
                    before += channels;
                }
            }
        }
    }
    let root = |mut node: usize| {
        let mut before = 0;
        while let Some((whole, offset)) = part_of.get(&node) {
            (node, before) = (*whole, before + offset);
        }
        (node, before)
    };
    // The margins that the readers need.
    let mut margins: HashMap<usize, Padding> = HashMap::new();
    let mut interleaved = images.len() == 1 && shape_of(graph, 0)[0] <= 4 && graph.nodes[0].shape.len() == 3;
    for (step, algorithm) in fused.iter().zip(algorithms) {
        let node = &graph.nodes[step.core];
        if let Some(needed) = margin(graph, step.core).filter(|_| !algorithm.is_some_and(Algorithm::is_winograd)) {
            let margin = margins.entry(root(node.inputs[0].0).0).or_default();
            *margin = margin.union(needed);
        }
        let direct = *algorithm == Some(Algorithm::Direct)
            && matches!(&node.operation, Operation::Conv2d { config, .. } if config.groups == 1);
        if reads(graph, step).contains(&image) && (!direct || step.residual == Some(image)) {
            interleaved = false;
        }
    }
    interleaved &= !outputs.contains(&NodeId(image));
    // The lifetimes of whole values.
    let mut order: Vec<usize> = Vec::new();
    let mut lives: HashMap<usize, (usize, usize)> = HashMap::new();
    for (index, step) in fused.iter().enumerate() {
        let written = root(step.last).0;
        lives.entry(written).or_insert_with(|| {
            order.push(written);
            (index, index)
        });
        for read in reads(graph, step).into_iter().map(|read| root(read).0).chain([written]) {
            if let Some(life) = lives.get_mut(&read) {
                life.1 = life.1.max(index);
            }
        }
    }
    let end = fused.len();
    for output in outputs {
        if let Some(life) = lives.get_mut(&root(output.0).0) {
            life.1 = end;
        }
    }
    let whole = |node: usize| {
        let margin = margins.get(&node).copied().unwrap_or_default();
        if node == image && interleaved {
            Map::interleaved(shape_of(graph, node), margin)
        } else {
            Map::new(shape_of(graph, node), margin)
        }
    };
    let mut maps: Vec<Map> = order.iter().map(|node| whole(*node)).collect();
    let life = |(map, node): (&Map, &usize)| Lifetime { size: map.image, from: lives[node].0, to: lives[node].1 };
    let mut lifetimes: Vec<Lifetime> = maps.iter().zip(&order).map(life).collect();
    // Output maps leave the plan as rows.
    let mut leaving: Vec<usize> = outputs.iter().map(|output| output.0).collect();
    leaving.sort_unstable();
    leaving.dedup();
    leaving.retain(|node| graph.nodes[*node].shape.len() == 3);
    let row = |node: &usize| RowSpan { base: 0, length: shape_of(graph, *node).iter().product() };
    lifetimes.extend(leaving.iter().map(|node| Lifetime { size: row(node).step(), from: end, to: end }));
    let (starts, memory) = places(&lifetimes);
    for (map, start) in maps.iter_mut().zip(&starts) {
        map.base = *start;
    }
    let wholes: HashMap<usize, Map> = order.iter().copied().zip(maps.iter().copied()).collect();
    let of = |node: usize| {
        let (whole, before) = root(node);
        let map = wholes[&whole];
        if whole == node { map } else { map.part(before / LANES, shape_of(graph, node)[0]) }
    };
    let of_node = fused.iter().map(|step| (step.last, of(step.last))).collect();
    let exported = leaving.iter().zip(&starts[order.len()..]);
    let exported = exported.map(|(node, start)| (*node, RowSpan { base: *start, ..row(node) })).collect();
    Maps { of_node, exported, memory }
}
