//! A network as a list of operations, to be compiled to a [`Plan`](crate::Plan).

use anyhow::{Context, Result, bail, ensure};

use crate::conv::Conv2dConfig;
use crate::normalize::LocalResponse;
use crate::window::PoolConfig;

/// A weight as row-major numbers, read when the layer is packed.
pub type Numbers = Box<dyn Fn() -> Vec<f32> + Send + Sync>;

/// The index of an operation in the graph, which identifies its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

/// One operation.
pub enum Operation {
    /// The input image.
    Input,
    /// weight [outputs, inputs / groups, kh, kw], bias [outputs] or none.
    Conv2d {
        /// The weight.
        weight: Numbers,
        /// Its shape.
        shape: [usize; 4],
        /// The bias.
        bias: Option<Numbers>,
        /// Stride, padding and so on.
        config: Conv2dConfig,
    },
    /// Multiplies each channel by a scale and adds a shift: a batch norm in inference.
    Affine {
        /// One number per channel.
        scale: Vec<f32>,
        /// One number per channel.
        shift: Vec<f32>,
    },
    /// Clamps every number: ReLU, ReLU6.
    Clamp {
        /// The minimum.
        low: f32,
        /// The maximum.
        high: f32,
    },
    /// x clamp(x / 6 + 1/2, 0, 1) of every number x (Howard et al. 2019, section 5.2).
    HardSwish,
    /// Multiplies each channel of a map [channels, height, width] by its number in a map [channels, 1, 1].
    Gate,
    /// Adds channels of zeros before and after those of a map.
    PadChannels {
        /// Channels before.
        before: usize,
        /// Channels after.
        after: usize,
    },
    /// The sum of two maps.
    Add,
    /// Concatenates maps along the channels.
    Concat,
    /// The maximum of each window.
    MaxPool2d(PoolConfig),
    /// The mean of each window, counting the padding.
    AvgPool2d(PoolConfig),
    /// The mean of each of a fixed number of windows.
    AdaptiveAvgPool2d([usize; 2]),
    /// Flattens a map to a row, channel by channel.
    Flatten,
    /// weight [outputs, inputs], bias [outputs] or none.
    Linear {
        /// The weight.
        weight: Numbers,
        /// Its shape.
        shape: [usize; 2],
        /// The bias.
        bias: Option<Numbers>,
    },
    /// Local response normalization.
    LocalResponseNorm(LocalResponse),
    /// Softmax of a row.
    Softmax,
}

impl Operation {
    /// Its name, PyTorch's if it has the operation.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Conv2d { .. } => "Conv2d",
            Self::Affine { .. } => "Affine",
            Self::Clamp { low: 0.0, high: f32::INFINITY } => "ReLU",
            Self::Clamp { low: 0.0, high: 6.0 } => "ReLU6",
            Self::Clamp { .. } => "Clamp",
            Self::HardSwish => "Hardswish",
            Self::Gate => "Gate",
            Self::PadChannels { .. } => "PadChannels",
            Self::Add => "Add",
            Self::Concat => "Concat",
            Self::MaxPool2d(_) => "MaxPool2d",
            Self::AvgPool2d(_) => "AvgPool2d",
            Self::AdaptiveAvgPool2d(_) => "AdaptiveAvgPool2d",
            Self::Flatten => "Flatten",
            Self::Linear { .. } => "Linear",
            Self::LocalResponseNorm(_) => "LocalResponseNorm",
            Self::Softmax => "Softmax",
        }
    }
}

pub(crate) struct Node {
    pub(crate) operation: Operation,
    pub(crate) inputs: Vec<NodeId>,
    /// [channels, height, width] or [features].
    pub(crate) shape: Vec<usize>,
}

/// Operations, in an order in which they can be computed.
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
}

impl Graph {
    /// A graph with only an image [channels, height, width]; its node is [`input`](Self::input).
    pub fn new(image: [usize; 3]) -> Self {
        Self { nodes: vec![Node { operation: Operation::Input, inputs: Vec::new(), shape: image.to_vec() }] }
    }

    /// The input image.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// The shape of a node's output: [channels, height, width] or [features].
    pub fn shape(&self, node: NodeId) -> &[usize] {
        &self.nodes[node.0].shape
    }

    /// All nodes in the order of computation, the image first.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// The operation of a node.
    pub fn operation(&self, node: NodeId) -> &Operation {
        &self.nodes[node.0].operation
    }

    /// Multiply-adds of a convolution or fully connected layer for one image; 0 for other nodes.
    pub fn multiply_adds_of(&self, node: NodeId) -> u64 {
        let node = &self.nodes[node.0];
        let count = match &node.operation {
            Operation::Conv2d { shape: [_, inputs, kh, kw], .. } => {
                node.shape.iter().product::<usize>() * inputs * kh * kw
            }
            Operation::Linear { shape: [outputs, inputs], .. } => outputs * inputs,
            _ => 0,
        };
        count as u64
    }

    /// Multiply-adds of convolutions and fully connected layers for one image.
    pub fn multiply_adds(&self) -> u64 {
        self.nodes().map(|node| self.multiply_adds_of(node)).sum()
    }

    /// Adds an operation on the outputs of other nodes.
    /// # Errors
    /// When the shapes do not match.
    pub fn add(&mut self, operation: Operation, inputs: &[NodeId]) -> Result<NodeId> {
        let shapes: Vec<&[usize]> = inputs.iter().map(|input| self.shape(*input)).collect();
        let shape = output_shape(&operation, &shapes)?;
        self.nodes.push(Node { operation, inputs: inputs.to_vec(), shape });
        Ok(NodeId(self.nodes.len() - 1))
    }
}

fn map(shape: &[usize]) -> Result<[usize; 3]> {
    shape.try_into().ok().with_context(|| format!("expected a map [channels, height, width], got shape {shape:?}"))
}

fn output_shape(operation: &Operation, inputs: &[&[usize]]) -> Result<Vec<usize>> {
    let first = *inputs.first().context("an operation has no input")?;
    Ok(match operation {
        Operation::Input => bail!("a graph has exactly one input"),
        Operation::Conv2d { shape: [outputs, inputs, kh, kw], config, .. } => {
            let [channels, height, width] = map(first)?;
            ensure!(
                config.groups > 0 && outputs % config.groups == 0 && inputs * config.groups == channels,
                "a convolution of {inputs} channels in {} groups to {outputs} does not match {channels} channels",
                config.groups
            );
            let [height, width] = config.output([height, width], [*kh, *kw])?;
            vec![*outputs, height, width]
        }
        Operation::Affine { scale, shift } => {
            ensure!(
                scale.len() == map(first)?[0] && shift.len() == scale.len(),
                "expected one scale and one shift per channel"
            );
            first.to_vec()
        }
        Operation::Clamp { .. } | Operation::HardSwish | Operation::LocalResponseNorm(_) | Operation::Softmax => {
            first.to_vec()
        }
        Operation::Gate => {
            let channels = map(first)?[0];
            ensure!(inputs.len() == 2 && inputs[1] == [channels, 1, 1], "shapes {inputs:?} are not a map and its gate");
            first.to_vec()
        }
        Operation::PadChannels { before, after } => {
            let [channels, height, width] = map(first)?;
            vec![before + channels + after, height, width]
        }
        Operation::Add => {
            ensure!(inputs.len() == 2 && inputs[1] == first, "maps of shapes {inputs:?} cannot be added");
            first.to_vec()
        }
        Operation::Concat => {
            let [_, height, width] = map(first)?;
            let same = inputs.iter().all(|shape| shape.len() == 3 && shape[1..] == [height, width]);
            ensure!(same, "maps of shapes {inputs:?} cannot be concatenated");
            vec![inputs.iter().map(|shape| shape[0]).sum(), height, width]
        }
        Operation::MaxPool2d(config) | Operation::AvgPool2d(config) => {
            let [channels, height, width] = map(first)?;
            let [rows, columns] = config.windows(height, width)?;
            vec![channels, rows.len(), columns.len()]
        }
        Operation::AdaptiveAvgPool2d([rows, columns]) => vec![map(first)?[0], *rows, *columns],
        Operation::Flatten => vec![first.iter().product()],
        Operation::Linear { shape: [outputs, inputs], .. } => {
            ensure!(first == [*inputs], "a layer with {inputs} inputs does not match shape {first:?}");
            vec![*outputs]
        }
    })
}
