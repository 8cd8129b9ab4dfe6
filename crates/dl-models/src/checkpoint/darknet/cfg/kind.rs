//! What layers compute, and the shapes of their outputs.

use anyhow::{Context, Result, bail, ensure};

use super::section::Section;
use super::{Layer, Shape, numbers};
use crate::checkpoint::printable;

/// What a layer computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A convolution, perhaps with a batch norm.
    Convolutional(Convolutional),
    /// A fully connected layer, perhaps with a batch norm.
    Connected(Connected),
    /// A convolution with other weights at each position.
    Local(Local),
    /// Max pooling.
    MaxPool(MaxPool),
    /// The mean of each channel.
    AvgPool,
    /// Dropout with this probability.
    Dropout(f64),
    /// The channels of earlier layers one after another; of them the part [index, number of parts].
    Route {
        /// The layers.
        from: Vec<usize>,
        /// The part to take, and the number of parts.
        part: [usize; 2],
    },
    /// The sum with earlier layers.
    Shortcut {
        /// The layers.
        from: Vec<usize>,
        /// Applied to the sum.
        activation: Activation,
    },
    /// An earlier map times this one, which has one number per channel.
    ScaleChannels {
        /// The map.
        from: usize,
        /// Applied to the product.
        activation: Activation,
    },
    /// Nearest-neighbor enlargement by a factor.
    Upsample {
        /// The factor.
        stride: usize,
        /// What every number is multiplied by.
        scale: f32,
    },
    /// Places of a cell as channels.
    Reorg(Reorg),
    /// Softmax of each group of numbers.
    Softmax(Softmax),
    /// An activation alone.
    Activation(Activation),
    /// The boxes of YOLOv1.
    Detection(Detection),
    /// The boxes of YOLOv2.
    Region(Region),
    /// The boxes of YOLOv3 and later.
    Yolo(Yolo),
    /// A layer without weights whose shape is known, but which is not computed.
    Other,
}

/// An activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// None.
    Linear,
    /// x if above 0, else 0.1 x.
    Leaky,
    /// x if above 0, else 0.
    Relu,
    /// From 0 to 6.
    Relu6,
    /// The sigmoid.
    Logistic,
    /// The hyperbolic tangent.
    Tanh,
    /// x times its sigmoid.
    Swish,
    /// x times tanh(ln(1 + e^x)).
    Mish,
    /// Another one of darknet's, which is not computed.
    Other(&'static str),
}

/// darknet's activations that are not computed.
const OTHERS: [&str; 18] = [
    "loggy",
    "elu",
    "selu",
    "relie",
    "plse",
    "hardtan",
    "lhtan",
    "ramp",
    "stair",
    "hard_mish",
    "gelu",
    "revleaky",
    "normalize_channels",
    "normalize_channels_softmax",
    "normalize_channels_softmax_maxval",
    "norm_chan",
    "norm_chan_softmax",
    "norm_chan_softmax_maxval",
];

impl Activation {
    fn of(section: &Section, default: Self) -> Result<Self> {
        let Some(name) = section.text("activation") else { return Ok(default) };
        Ok(match name {
            "linear" => Self::Linear,
            "leaky" => Self::Leaky,
            "relu" => Self::Relu,
            "relu6" => Self::Relu6,
            "logistic" => Self::Logistic,
            "tanh" => Self::Tanh,
            "swish" | "silu" => Self::Swish,
            "mish" => Self::Mish,
            _ => match OTHERS.iter().find(|other| **other == name) {
                Some(other) => Self::Other(other),
                None => bail!("activation={} is not one of darknet's", printable(name)),
            },
        })
    }
}

/// Options of `[convolutional]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Convolutional {
    pub(crate) filters: usize,
    pub(crate) size: usize,
    /// Along the rows, along the columns.
    pub(crate) stride: [usize; 2],
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
    pub(crate) groups: usize,
    /// Whether there is a batch norm instead of a bias.
    pub(crate) norm: bool,
    pub(crate) activation: Activation,
}

/// Options of `[connected]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Connected {
    pub(crate) outputs: usize,
    /// Whether there is a batch norm.
    pub(crate) norm: bool,
    pub(crate) activation: Activation,
}

/// Options of `[local]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Local {
    pub(crate) size: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) activation: Activation,
}

/// Options of `[maxpool]`. Window i of a row starts at `stride` * i - `padding` / 2.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MaxPool {
    pub(crate) size: usize,
    /// Along the rows, along the columns.
    pub(crate) stride: [usize; 2],
    /// Rows or columns added on both sides together.
    pub(crate) padding: usize,
}

/// Options of `[reorg]` and `[reorg3d]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reorg {
    /// Rows and columns of a cell.
    pub(crate) stride: usize,
    pub(crate) order: Order,
}

/// How a reorganization counts numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// `[reorg]`: as if the input had the shape of the reverse's output. Numbers of several rows and channels are mixed.
    Mixed,
    /// `[reorg]` with `reverse`: channels as places of a cell.
    Reverse,
    /// `[reorg3d]`: places of a cell as channels.
    Cells,
}

/// Options of `[softmax]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Softmax {
    /// Groups of equally many numbers, one after another.
    pub(crate) groups: usize,
    /// What the numbers are divided by.
    pub(crate) temperature: f32,
}

/// Options of `[detection]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Detection {
    /// Cells per side.
    pub(crate) side: usize,
    /// Boxes per cell.
    pub(crate) boxes: usize,
    pub(crate) classes: usize,
    /// Whether the network's width and height are square roots.
    pub(crate) sqrt: bool,
    /// Whether the class values of a cell go through a softmax.
    pub(crate) softmax: bool,
    /// Factors of the loss: of objects, of boxes without an object, of classes, of coordinates.
    pub(crate) scales: [f32; 4],
    /// Whether the target of a confidence is the IoU.
    pub(crate) rescore: bool,
}

/// Options of `[region]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Region {
    /// Width and height in cells.
    pub(crate) anchors: Vec<[f32; 2]>,
    pub(crate) classes: usize,
    /// Whether the class values of a box go through a softmax, else each through a sigmoid.
    pub(crate) softmax: bool,
}

/// Options of `[yolo]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Yolo {
    /// Width and height in pixels of the input; those of the mask.
    pub(crate) anchors: Vec<[f32; 2]>,
    pub(crate) classes: usize,
    /// Factor on the range of a center around the middle of its cell.
    pub(crate) scale_x_y: f32,
    /// Whether the numbers have been through the sigmoid, and sides are 4 s^2 anchors.
    pub(crate) new_coords: bool,
}

impl Kind {
    /// The layer of a section on maps of shape `input`, and its output's shape.
    pub(super) fn read(section: &Section, input: Shape, before: &[Layer]) -> Result<(Self, Shape)> {
        let [channels, height, width] = input;
        let window = |side: usize, padding: usize, size: usize, stride: usize| {
            side.saturating_add(padding).saturating_sub(size) / stride + 1
        };
        Ok(match section.kind.as_str() {
            "convolutional" | "conv" => {
                section.without(UNUSUAL)?;
                let (filters, size) = (section.positive("filters", 1)?, section.positive("size", 1)?);
                let (stride, groups) = (strides(section, 1)?, section.positive("groups", 1)?);
                ensure!(channels % groups == 0, "{channels} channels cannot be divided into {groups} groups");
                ensure!(filters % groups == 0, "{filters} filters cannot be divided into {groups} groups");
                let dilation = section.positive("dilation", 1)?;
                // darknet ignores the dilation of a 1 x 1 convolution.
                let dilation = if size == 1 { 1 } else { dilation };
                let padding = if section.flag("pad")? { size / 2 * dilation } else { section.get("padding", 0)? };
                let norm = section.flag("batch_normalize")?;
                // It depends on the version, and the files of the networks in use state it.
                let activation = Activation::of(section, Activation::Logistic)?;
                let span = dilation * (size - 1) + 1;
                let [rows, columns] = stride;
                let output =
                    [filters, window(height, 2 * padding, span, rows), window(width, 2 * padding, span, columns)];
                let conv = Convolutional { filters, size, stride, padding, dilation, groups, norm, activation };
                (Self::Convolutional(conv), output)
            }
            "connected" | "conn" => {
                section.without(UNUSUAL)?;
                let outputs = section.positive("output", 1)?;
                ensure!(numbers(input) > 0, "its input size is unknown: [net] has no height and width");
                let norm = section.flag("batch_normalize")?;
                let activation = Activation::of(section, Activation::Logistic)?;
                (Self::Connected(Connected { outputs, norm, activation }), [outputs, 1, 1])
            }
            "local" => {
                let (filters, size) = (section.positive("filters", 1)?, section.positive("size", 1)?);
                let (stride, pad) = (section.positive("stride", 1)?, section.flag("pad")?);
                ensure!(numbers(input) > 0, "its input size is unknown: [net] has no height and width");
                // As darknet's local_out_height: with padding, the output does not shrink.
                let side = |side: usize| if pad { (side - 1) / stride + 1 } else { window(side, 0, size, stride) };
                // darknet pads by one pixel, whatever the size.
                ensure!(size <= height.min(width) || pad, "its size of {size} does not fit into {height} x {width}");
                ensure!(!pad || size == 3, "pad=1 with size={size} is not supported, only with size=3");
                let activation = Activation::of(section, Activation::Logistic)?;
                let padding = usize::from(pad);
                let local = Local { size, stride, padding, activation };
                (Self::Local(local), [filters, side(height), side(width)])
            }
            "maxpool" | "max" => {
                section.without(&["maxpool_depth", "antialiasing"])?;
                let stride = strides(section, 1)?;
                let size = section.positive("size", stride[0])?;
                let padding = section.get("padding", size - 1)?;
                let [rows, columns] = stride;
                let output = [channels, window(height, padding, size, rows), window(width, padding, size, columns)];
                (Self::MaxPool(MaxPool { size, stride, padding }), output)
            }
            "avgpool" | "avg" => (Self::AvgPool, [channels, 1, 1]),
            "dropout" => {
                let probability = f64::from(section.float("probability", 0.5)?);
                ensure!((0.0..1.0).contains(&probability), "probability={probability}: expected 0 to below 1");
                (Self::Dropout(probability), input)
            }
            "upsample" => {
                let (stride, scale) = (section.positive("stride", 2)?, section.float("scale", 1.0)?);
                let output = [channels, height.saturating_mul(stride), width.saturating_mul(stride)];
                (Self::Upsample { stride, scale }, output)
            }
            "route" => {
                let from = earlier(section, "layers", before)?;
                let mut sum = [0, 0, 0];
                for (index, layer) in from.iter().enumerate() {
                    let [channels, height, width] = before[*layer].output;
                    let fits = index == 0 || sum[1..] == [height, width];
                    ensure!(fits, "maps of {} x {} and {height} x {width} cannot be joined", sum[1], sum[2]);
                    sum = [channels.saturating_add(sum[0]), height, width];
                }
                let (groups, part) = (section.positive("groups", 1)?, section.get("group_id", 0)?);
                ensure!(part < groups, "group_id={part}: there are {groups} groups");
                ensure!(sum[0] % groups == 0, "{} channels cannot be divided into {groups} groups", sum[0]);
                (Self::Route { from, part: [part, groups] }, [sum[0] / groups, sum[1], sum[2]])
            }
            "shortcut" => {
                section.without(&["weights_type"])?;
                let from = earlier(section, "from", before)?;
                for layer in &from {
                    let shape = before[*layer].output;
                    ensure!(shape == input, "outputs of shape {input:?} and {shape:?} cannot be added");
                }
                (Self::Shortcut { from, activation: Activation::of(section, Activation::Linear)? }, input)
            }
            "scale_channels" => {
                section.without(&["scale_wh"])?;
                let from = earlier(section, "from", before)?;
                let [from] = from[..] else { bail!("from= has more than one layer") };
                let shape = before[from].output;
                ensure!(input == [shape[0], 1, 1], "outputs of shape {shape:?} cannot be scaled by {input:?}");
                (Self::ScaleChannels { from, activation: Activation::of(section, Activation::Linear)? }, shape)
            }
            "activation" => (Self::Activation(Activation::of(section, Activation::Linear)?), input),
            "detection" => (Self::Detection(Detection::read(section, input)?), input),
            "region" => (Self::Region(Region::read(section, input)?), input),
            "yolo" => (Self::Yolo(Yolo::read(section, input)?), input),
            "reorg" | "reorg3d" => {
                let (reorg, output) = Reorg::read(section, input)?;
                (Self::Reorg(reorg), output)
            }
            "softmax" | "soft" => {
                section.without(&["tree", "spatial"])?;
                let (groups, temperature) = (section.positive("groups", 1)?, section.float("temperature", 1.0)?);
                let count = numbers(input);
                ensure!(count.is_multiple_of(groups), "{count} numbers cannot be divided into {groups} groups");
                ensure!(temperature > 0.0, "temperature={temperature}: expected a number above 0");
                (Self::Softmax(Softmax { groups, temperature }), input)
            }
            // A loss: its output is its input.
            "cost" => (Self::Activation(Activation::Linear), input),
            // A loss on the sigmoid.
            "logistic" => (Self::Activation(Activation::Logistic), input),
            "crop" => (Self::Other, [channels, section.get("crop_height", 1)?, section.get("crop_width", 1)?]),
            "Gaussian_yolo" => (Self::Other, input),
            other => bail!("layers [{other}] are not supported"),
        })
    }
}

/// Options of a layer with weights that change the result or the file, and are not supported.
const UNUSUAL: &[&str] = &["binary", "xnor", "flipped", "dontload", "dontloadscales", "antialiasing", "deform"];

/// `stride_y` and `stride_x`, or both `stride`.
fn strides(section: &Section, default: usize) -> Result<[usize; 2]> {
    let stride = section.positive("stride", default)?;
    Ok([section.positive("stride_y", stride)?, section.positive("stride_x", stride)?])
}

/// The layers that an option names: numbers below 0 count back from the layer itself.
fn earlier(section: &Section, key: &str, before: &[Layer]) -> Result<Vec<usize>> {
    let places = section.list::<i64>(key)?.with_context(|| format!("has no {key}="))?;
    let place = |place: i64| {
        let index = if place < 0 { (before.len() as i64).saturating_add(place) } else { place };
        let found = usize::try_from(index).ok().filter(|index| *index < before.len());
        found.with_context(|| format!("{key}={place}: layer {index} does not exist before it"))
    };
    places.into_iter().map(place).collect()
}

/// Pairs of numbers.
fn anchors(section: &Section) -> Result<Vec<[f32; 2]>> {
    let numbers = section.list::<f32>("anchors")?.context("has no anchors=")?;
    ensure!(numbers.len() % 2 == 0, "anchors= has {} numbers; expected pairs", numbers.len());
    ensure!(numbers.iter().all(|side| side.is_finite() && *side > 0.0), "anchors= has a side that is not above 0");
    Ok(numbers.as_chunks().0.to_vec())
}

/// Checks the number of channels: for each anchor x, y, w, h, objectness and the classes.
fn check_channels(input: Shape, anchors: usize, classes: usize) -> Result<()> {
    let expected = anchors * (5 + classes);
    ensure!(input[0] == expected, "expected {expected} channels, not {}: {anchors} x (5 + {classes})", input[0]);
    Ok(())
}

impl Reorg {
    fn read(section: &Section, input @ [channels, height, width]: Shape) -> Result<(Self, Shape)> {
        section.without(&["flatten", "extra"])?;
        let (stride, reverse) = (section.positive("stride", 1)?, section.flag("reverse")?);
        let order = match (section.kind.as_str(), reverse) {
            ("reorg3d", true) => bail!("reverse=1 is not supported"),
            ("reorg3d", false) => Order::Cells,
            (_, true) => Order::Reverse,
            (_, false) => Order::Mixed,
        };
        let area = stride.saturating_mul(stride);
        let divides = |side: usize| side.is_multiple_of(stride);
        ensure!(
            (order == Order::Cells || channels.is_multiple_of(area))
                && (reverse || (divides(height) && divides(width))),
            "stride={stride} does not divide a map of shape {input:?}"
        );
        let output = match reverse {
            true => [channels / area, height.saturating_mul(stride), width.saturating_mul(stride)],
            false => [channels.saturating_mul(area), height / stride, width / stride],
        };
        Ok((Self { stride, order }, output))
    }
}

impl Detection {
    fn read(section: &Section, input: Shape) -> Result<Self> {
        let (side, boxes) = (section.positive("side", 7)?, section.positive("num", 1)?);
        let classes = section.positive("classes", 1)?;
        let coords = section.get("coords", 1)?;
        ensure!(coords == 4, "coords={coords}: only boxes of 4 numbers are supported");
        section.without(&["reorg"])?;
        let per_cell = boxes.saturating_mul(5).saturating_add(classes);
        let expected = side.saturating_mul(side).saturating_mul(per_cell);
        let found = numbers(input);
        ensure!(
            found == expected,
            "expected {expected} inputs, not {found}: {side} x {side} x ({boxes} x 5 + {classes})"
        );
        let scale = |name: &str| section.float(&format!("{name}_scale"), 1.0);
        let scales = [scale("object")?, scale("noobject")?, scale("class")?, scale("coord")?];
        let [sqrt, softmax, rescore] = [section.flag("sqrt")?, section.flag("softmax")?, section.flag("rescore")?];
        Ok(Self { side, boxes, classes, sqrt, softmax, scales, rescore })
    }
}

impl Region {
    fn read(section: &Section, input: Shape) -> Result<Self> {
        section.without(&["tree", "background", "map"])?;
        let (num, classes) = (section.positive("num", 1)?, section.positive("classes", 20)?);
        let coords = section.get("coords", 4)?;
        ensure!(coords == 4, "coords={coords}: only boxes of 4 numbers are supported");
        let anchors = anchors(section)?;
        ensure!(anchors.len() == num, "num={num}, but there are {} anchors", anchors.len());
        check_channels(input, num, classes)?;
        Ok(Self { anchors, classes, softmax: section.flag("softmax")? })
    }
}

impl Yolo {
    fn read(section: &Section, input: Shape) -> Result<Self> {
        let (num, classes) = (section.positive("num", 1)?, section.positive("classes", 20)?);
        let all = anchors(section)?;
        ensure!(all.len() >= num, "num={num}, but there are {} anchors", all.len());
        let mask = section.list::<usize>("mask")?.unwrap_or_else(|| (0..num).collect());
        let anchor = |index: &usize| {
            let text = section.text("mask").unwrap_or_default();
            let found = all.get(*index).filter(|_| *index < num);
            found.copied().with_context(|| format!("mask={}: anchor {index} does not exist", printable(text)))
        };
        let anchors: Vec<[f32; 2]> = mask.iter().map(anchor).collect::<Result<_>>()?;
        check_channels(input, anchors.len(), classes)?;
        let (scale_x_y, new_coords) = (section.float("scale_x_y", 1.0)?, section.flag("new_coords")?);
        Ok(Self { anchors, classes, scale_x_y, new_coords })
    }
}
