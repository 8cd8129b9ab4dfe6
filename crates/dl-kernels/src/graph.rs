//! A network as a list of operations, to be compiled to a [`Plan`](crate::Plan).

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use crate::across::L2Epsilon;
use crate::conv::{Conv2dConfig, ConvTranspose2dConfig};
use crate::map::Padding;
use crate::normalize::{LocalResponse, Neighbors};
use crate::resample::ResizeMethod;
use crate::window::PoolConfig;

/// A weight as row-major numbers, read when the layer is packed. A layer that gives the same one to several graphs says
/// that its numbers do not change.
pub type Numbers = Arc<dyn Fn() -> Vec<f32> + Send + Sync>;

/// The index of an operation in the graph, which identifies its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// Its position in the order of computation.
    pub fn index(self) -> usize {
        self.0
    }
}

/// One operation.
pub enum Operation {
    /// An image or a row given to the plan.
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
    /// The gradient of a convolution as an operation: weight [inputs, outputs / groups, kh, kw], bias [outputs] or none.
    ConvTranspose2d {
        /// The weight.
        weight: Numbers,
        /// Its shape.
        shape: [usize; 4],
        /// The bias.
        bias: Option<Numbers>,
        /// Stride, padding and so on.
        config: ConvTranspose2dConfig,
    },
    /// A convolution with filters of its own at every place: weight [places, filters, channels, kh, kw], bias [filters,
    /// h, w] of the output or none. Neither dilation nor groups.
    LocallyConnected2d {
        /// The weight.
        weight: Numbers,
        /// Its shape.
        shape: [usize; 5],
        /// The bias.
        bias: Option<Numbers>,
        /// Stride and padding.
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
    /// x where it is positive, `slope` x elsewhere.
    LeakyRelu {
        /// Between 0 and 1.
        slope: f32,
    },
    /// x where it is positive, the slope of its channel times x elsewhere (He et al. 2015).
    Prelu {
        /// One number per channel.
        slopes: Vec<f32>,
    },
    /// 1 / (1 + e^-x) of every number x.
    Sigmoid,
    /// ln(1 + e^x) of every number x.
    Softplus,
    /// The square of every number.
    Square,
    /// 1 / sqrt(x) of every number x.
    InverseRoot,
    /// tanh x of every number x.
    Tanh,
    /// x clamp(x / 6 + 1/2, 0, 1) of every number x (Howard et al. 2019, section 5.2).
    HardSwish,
    /// x / (1 + e^-x) of every number x (Ramachandran et al. 2017).
    Swish,
    /// x tanh(ln(1 + e^x)) of every number x (Misra 2019).
    Mish,
    /// Multiplies each channel of a map [channels, height, width] by its number in a map [channels, 1, 1].
    Gate,
    /// Adds rows and columns that mirror those inside of the edge, which itself is not repeated.
    ReflectionPad(Padding),
    /// Turns `factor` * `factor` channels into one that is `factor` times as high and wide: number (c factor + i)
    /// factor + j of the input's channels is pixel (i, j) of each square of channel c (Shi et al. 2016).
    PixelShuffle {
        /// How much higher and wider.
        factor: usize,
    },
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
    /// Resizes a map.
    Resize {
        /// The new height and width.
        size: [usize; 2],
        /// How.
        method: ResizeMethod,
    },
    /// Divides the channels of each position by their L2 norm and multiplies them by a weight.
    L2Norm {
        /// One number per channel.
        weight: Vec<f32>,
        /// Keeps the norm from 0.
        epsilon: L2Epsilon,
    },
    /// Flattens a map to a row, channel by channel.
    Flatten,
    /// Moves numbers: number i of the output is number `from[i]` of the input, both counted channel by channel.
    Rearrange {
        /// The place of each number in the input.
        from: Arc<[u32]>,
        /// The shape of the output: a map or a row.
        shape: Vec<usize>,
    },
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
    /// Normalizes each channel by its own mean and (biased) variance, then multiplies it by a weight and adds a bias.
    InstanceNorm {
        /// One number per channel.
        weight: Vec<f32>,
        /// One number per channel.
        bias: Vec<f32>,
        /// Added to the variance.
        eps: f64,
    },
    /// Softmax of a row, or along the channels of each position of a map.
    Softmax,
}

impl Operation {
    /// Its name, PyTorch's if it has the operation.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Conv2d { .. } => "Conv2d",
            Self::ConvTranspose2d { .. } => "ConvTranspose2d",
            Self::LocallyConnected2d { .. } => "LocallyConnected2d",
            Self::Affine { .. } => "Affine",
            Self::Clamp { low: 0.0, high: f32::INFINITY } => "ReLU",
            Self::Clamp { low: 0.0, high: 6.0 } => "ReLU6",
            Self::Clamp { .. } => "Clamp",
            Self::LeakyRelu { .. } => "LeakyReLU",
            Self::Prelu { .. } => "PReLU",
            Self::Sigmoid => "Sigmoid",
            Self::Softplus => "Softplus",
            Self::Square => "Square",
            Self::InverseRoot => "InverseRoot",
            Self::Tanh => "Tanh",
            Self::HardSwish => "Hardswish",
            Self::Swish => "SiLU",
            Self::Mish => "Mish",
            Self::Gate => "Gate",
            Self::ReflectionPad(_) => "ReflectionPad2d",
            Self::PixelShuffle { .. } => "PixelShuffle",
            Self::PadChannels { .. } => "PadChannels",
            Self::Add => "Add",
            Self::Concat => "Concat",
            Self::MaxPool2d(_) => "MaxPool2d",
            Self::AvgPool2d(_) => "AvgPool2d",
            Self::AdaptiveAvgPool2d(_) => "AdaptiveAvgPool2d",
            Self::Resize { .. } => "Upsample",
            Self::L2Norm { .. } => "L2Norm",
            Self::Flatten => "Flatten",
            Self::Rearrange { .. } => "Rearrange",
            Self::Linear { .. } => "Linear",
            Self::LocalResponseNorm(_) => "LocalResponseNorm",
            Self::InstanceNorm { .. } => "InstanceNorm2d",
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
    /// Names of the inputs, which are the first nodes.
    pub(crate) names: Vec<String>,
}

impl Graph {
    /// A graph with only an image [channels, height, width]; its node is [`input`](Self::input).
    pub fn new(image: [usize; 3]) -> Self {
        Self::of(vec![("image".to_owned(), image.to_vec())])
    }

    /// A graph with only these inputs, by name: images [channels, height, width] and rows [features]; their nodes are
    /// [`inputs`](Self::inputs).
    /// # Errors
    /// When there is no input, two have the same name, or a shape is neither.
    pub fn with_inputs(inputs: &[(&str, &[usize])]) -> Result<Self> {
        ensure!(!inputs.is_empty(), "a graph has at least one input");
        for (index, (name, shape)) in inputs.iter().enumerate() {
            ensure!([1, 3].contains(&shape.len()), "input {name}: shape {shape:?} is neither an image nor a row");
            ensure!(inputs[..index].iter().all(|(other, _)| other != name), "two inputs are called {name}");
        }
        Ok(Self::of(inputs.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()))
    }

    pub(crate) fn of(inputs: Vec<(String, Vec<usize>)>) -> Self {
        let (names, shapes): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
        let node = |shape| Node { operation: Operation::Input, inputs: Vec::new(), shape };
        Self { names, nodes: shapes.into_iter().map(node).collect() }
    }

    /// The first input; the only one of most graphs.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// The inputs, in the order given.
    pub fn inputs(&self) -> impl Iterator<Item = NodeId> {
        (0..self.names.len()).map(NodeId)
    }

    /// The input of this name.
    pub fn input_named(&self, name: &str) -> Option<NodeId> {
        self.names.iter().position(|known| known == name).map(NodeId)
    }

    /// Size of one image or row of all inputs, and where each starts in it.
    pub(crate) fn input_places(&self) -> (usize, Vec<usize>) {
        let mut total = 0;
        let starts = self.inputs().map(|input| {
            total += self.shape(input).iter().product::<usize>();
            total - self.shape(input).iter().product::<usize>()
        });
        let starts = starts.collect();
        (total, starts)
    }

    /// The shape of a node's output: [channels, height, width] or [features].
    pub fn shape(&self, node: NodeId) -> &[usize] {
        &self.nodes[node.0].shape
    }

    /// All nodes in the order of computation, the inputs first.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// The nodes whose outputs a node works on.
    pub fn sources(&self, node: NodeId) -> &[NodeId] {
        &self.nodes[node.0].inputs
    }

    /// The operation of a node.
    pub fn operation(&self, node: NodeId) -> &Operation {
        &self.nodes[node.0].operation
    }

    /// Multiply-adds of a convolution (also a transposed or a locally connected one) or a fully connected layer for one
    /// image; 0 for other nodes.
    pub fn multiply_adds_of(&self, node: NodeId) -> u64 {
        let (node, input) = (&self.nodes[node.0], self.nodes[node.0].inputs.first());
        let count = match &node.operation {
            Operation::Conv2d { shape: [_, inputs, kh, kw], .. } => {
                node.shape.iter().product::<usize>() * inputs * kh * kw
            }
            Operation::ConvTranspose2d { shape: [_, outputs, kh, kw], .. } => {
                input.map_or(0, |input| self.shape(*input).iter().product()) * outputs * kh * kw
            }
            Operation::LocallyConnected2d { shape, .. } => shape.iter().product(),
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
        Operation::Input => bail!("the inputs of a graph are given when it is made"),
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
        Operation::ConvTranspose2d { shape: [inputs, outputs, kh, kw], config, .. } => {
            let [channels, height, width] = map(first)?;
            ensure!(
                config.groups > 0 && *inputs == channels && channels % config.groups == 0,
                "a transposed convolution of {inputs} channels in {} groups does not match {channels} channels",
                config.groups
            );
            let [height, width] = config.output([height, width], [*kh, *kw])?;
            vec![outputs * config.groups, height, width]
        }
        Operation::LocallyConnected2d { shape: [places, filters, inputs, kh, kw], config, .. } => {
            let [channels, height, width] = map(first)?;
            let [height, width] = config.output([height, width], [*kh, *kw])?;
            ensure!(
                *inputs == channels && *places == height * width && config.groups == 1 && config.dilation == [1, 1],
                "a locally connected layer of {inputs} channels at {places} places does not match {channels} channels \
                 at {height}x{width}"
            );
            vec![*filters, height, width]
        }
        Operation::Affine { scale, shift } => {
            ensure!(
                scale.len() == map(first)?[0] && shift.len() == scale.len(),
                "expected one scale and one shift per channel"
            );
            first.to_vec()
        }
        Operation::Clamp { .. }
        | Operation::HardSwish
        | Operation::Swish
        | Operation::Mish
        | Operation::Sigmoid
        | Operation::Softplus
        | Operation::Square
        | Operation::InverseRoot
        | Operation::Tanh
        | Operation::Softmax => first.to_vec(),
        Operation::Prelu { slopes } => {
            ensure!(slopes.len() == map(first)?[0], "expected one slope per channel of {first:?}");
            first.to_vec()
        }
        Operation::InstanceNorm { weight, bias, .. } => {
            let [channels, height, width] = map(first)?;
            ensure!(
                weight.len() == channels && bias.len() == channels,
                "expected one weight and one bias per channel of {first:?}"
            );
            ensure!(height * width > 1, "a map of {height}x{width} has no variance to normalize by");
            first.to_vec()
        }
        Operation::ReflectionPad(padding) => {
            let [channels, height, width] = map(first)?;
            let Padding { top, bottom, left, right } = *padding;
            ensure!(
                top.max(bottom) < height && left.max(right) < width,
                "a map of {height}x{width} is too small for a reflection of {padding:?}"
            );
            vec![channels, top + height + bottom, left + width + right]
        }
        Operation::PixelShuffle { factor } => {
            let [channels, height, width] = map(first)?;
            let square = factor.saturating_mul(*factor);
            ensure!(
                square > 0 && channels.is_multiple_of(square),
                "{channels} channels cannot become pixels of a map {factor} times as large"
            );
            vec![channels / square, height * factor, width * factor]
        }
        Operation::LocalResponseNorm(LocalResponse { neighbors, size, .. }) => {
            if *neighbors == Neighbors::Positions {
                ensure!(size % 2 == 1, "the size {size} of a response norm over positions is not odd");
                map(first)?;
            }
            first.to_vec()
        }
        Operation::LeakyRelu { slope } => {
            ensure!((0.0..=1.0).contains(slope), "the slope {slope} of a leaky ReLU is not between 0 and 1");
            first.to_vec()
        }
        Operation::Resize { size, method } => {
            let [channels, height, width] = map(first)?;
            method.taps([height, width], *size)?;
            vec![channels, size[0], size[1]]
        }
        Operation::L2Norm { weight, .. } => {
            ensure!(weight.len() == map(first)?[0], "expected one weight per channel of {first:?}");
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
        Operation::Rearrange { from, shape } => {
            let (count, numbers) = (first.iter().product::<usize>(), shape.iter().product::<usize>());
            ensure!(
                [1, 3].contains(&shape.len()) && numbers == from.len(),
                "{} numbers for shape {shape:?}",
                from.len()
            );
            ensure!(
                count < u32::MAX as usize && from.iter().all(|from| (*from as usize) < count),
                "a number to move is not in an output of shape {first:?}"
            );
            shape.clone()
        }
        Operation::Linear { shape: [outputs, inputs], .. } => {
            ensure!(first == [*inputs], "a layer with {inputs} inputs does not match shape {first:?}");
            vec![*outputs]
        }
    })
}
