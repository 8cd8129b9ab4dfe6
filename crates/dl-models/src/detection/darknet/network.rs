//! darknet's network: layers one after another, some of which join earlier ones.
//!
//! Output `layer_K` is that of layer K of the `.cfg`, counted from 0 as darknet prints them. The layers that describe
//! boxes are not computed here: their input is their output.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, PoolConfig, ResizeMethod};

use super::moved::{Moved, groups, reorganized, ungrouped};
use super::recipe::{Epsilon, Recipe};
use crate::checkpoint::darknet::cfg::{
    Activation, Cfg, Connected, Convolutional, Kind, Layer, Local, MaxPool, Shape, Softmax, numbers,
};
use crate::{Backbone, BatchNorm2d, Conv2d, Fresh, Halt, Linear, LocallyConnected2d, Pass, Run, Value};

/// Most layers; the largest networks have about 500.
const MOST_LAYERS: usize = 2048;
/// Most numbers in an output; 32 channels of 2048 x 2048 are half of it.
const MOST_NUMBERS: usize = 1 << 28;
/// Most numbers in all outputs together.
const MOST_NUMBERS_TOGETHER: usize = 1 << 31;
/// Most numbers in all outputs whose numbers are moved one by one; YOLOv2 at 2048 x 2048 moves 2^20.
const MOST_MOVED: usize = 1 << 24;
/// Most multiply-adds and comparisons for an image; YOLOv4 at 2048 x 2048 needs 7e11.
const MOST_WORK: usize = 1 << 42;

/// darknet's weight of the batch in the running statistics.
const MOMENTUM: f64 = 0.01;
/// The slope of `leaky` below 0.
const SLOPE: f32 = 0.1;

/// A network of a `.cfg`.
pub struct Network {
    layers: Vec<(Layer, Step)>,
    /// The layers that later ones refer to.
    referred: BTreeSet<usize>,
}

/// A layer with its weights.
enum Step {
    Convolutional {
        conv: Conv2d,
        norm: Option<BatchNorm2d>,
        activation: Activation,
    },
    /// `flatten`: its input is a map.
    Connected {
        linear: Linear,
        flatten: bool,
        activation: Activation,
        /// Whether a batch norm is folded into the weights, which cannot be trained then.
        folded: bool,
    },
    Local {
        local: LocallyConnected2d,
        activation: Activation,
    },
    MaxPool(PoolConfig),
    AvgPool,
    Dropout(f64),
    /// `part`: selects the channels of one group.
    Route {
        from: Vec<usize>,
        part: Option<Conv2d>,
    },
    Shortcut {
        from: Vec<usize>,
        activation: Activation,
    },
    ScaleChannels {
        from: usize,
        activation: Activation,
    },
    Upsample {
        size: [usize; 2],
        /// Per channel, unless it is 1.
        scale: Option<Vec<f32>>,
    },
    Reorg(Moved),
    Softmax {
        /// To groups as positions of a map and back, unless there is one position.
        moved: Option<[Moved; 2]>,
        /// Per number of a group, the reciprocal of the temperature.
        scale: Vec<f32>,
    },
    Activation(Activation),
    /// Boxes: the output is the input.
    Head,
}

/// The name of the output of layer `index`.
pub(super) fn output_of(index: usize) -> String {
    format!("layer_{index}")
}

impl Network {
    /// Builds the network of the text of a `.cfg`, from `module_list.0.Conv2d.weight` and so on.
    /// # Errors
    /// When the text is invalid, a layer is not supported, the network is too large, or a tensor is missing or has a
    /// different shape.
    pub fn of_cfg(text: &str, recipe: &Recipe, vb: &VarBuilder) -> Result<Self> {
        Self::new(&Cfg::parse(text)?, recipe.epsilon, vb)
    }

    /// Builds the network from `module_list.0.Conv2d.weight` and so on.
    /// # Errors
    /// When a layer is not supported, the network is too large, or a tensor is missing or has a different shape.
    pub(super) fn new(cfg: &Cfg, epsilon: Epsilon, vb: &VarBuilder) -> Result<Self> {
        check_size(cfg)?;
        let mut layers: Vec<(Layer, Step)> = Vec::new();
        let mut referred = BTreeSet::new();
        // Whether the outputs are rows, not maps.
        let mut rows: Vec<bool> = Vec::new();
        for (index, layer) in cfg.layers.iter().enumerate() {
            let place = || layer.place(index);
            let from = match &layer.kind {
                Kind::Route { from, .. } | Kind::Shortcut { from, .. } => from.clone(),
                Kind::ScaleChannels { from, .. } => vec![*from],
                _ => Vec::new(),
            };
            for from in &from {
                let head = matches!(layers.get(*from), Some((_, Step::Head)));
                ensure!(!head, "{}: layer {from} has boxes, and cannot be an input", place());
            }
            // A route forgets the output before it.
            let is_route = matches!(layer.kind, Kind::Route { .. });
            let before = if is_route { from.first().copied() } else { index.checked_sub(1) };
            let reads_rows = before.is_some_and(|before| rows[before]);
            let alike = from.iter().all(|from| rows[*from] == reads_rows);
            ensure!(alike, "{}: joins rows and maps", place());
            let takes_rows = matches!(
                layer.kind,
                Kind::Connected(_) | Kind::Dropout(_) | Kind::Activation(_) | Kind::Softmax(_) | Kind::Detection(_)
            );
            ensure!(!reads_rows || takes_rows, "{}: expects a map, but its input is a row", place());
            if !is_route && matches!(layers.last(), Some((_, Step::Head))) {
                bail!("{}: follows boxes, and expects a map", place());
            }
            let mut step = Step::new(layer, epsilon, vb.pp(format!("module_list.{index}"))).with_context(place)?;
            match &mut step {
                Step::Connected { flatten, .. } => *flatten = !reads_rows,
                Step::Softmax { moved: Some([_, back]), .. } if reads_rows => back.shape = vec![numbers(layer.output)],
                _ => {}
            }
            rows.push(matches!(step, Step::Connected { .. }) || (reads_rows && takes_rows));
            layers.push((layer.clone(), step));
            referred.extend(from);
        }
        Ok(Self { layers, referred })
    }

    /// Whether a layer has a batch norm that is folded into its weights, which cannot be trained.
    pub fn has_folded_norms(&self) -> bool {
        self.layers.iter().any(|(_, step)| matches!(step, Step::Connected { folded: true, .. }))
    }
}

/// Checks that a network fits into memory, and takes bounded time.
fn check_size(cfg: &Cfg) -> Result<()> {
    let count = cfg.layers.len();
    ensure!(count <= MOST_LAYERS, "has {count} layers; networks of up to {MOST_LAYERS} are supported");
    let (mut together, mut moved, mut work) = (0_usize, 0_usize, 0_usize);
    for (index, layer) in cfg.layers.iter().enumerate() {
        let output = numbers(layer.output);
        together = together.saturating_add(output);
        work = work.saturating_add(output.saturating_mul(work_of(layer)));
        if matches!(layer.kind, Kind::Reorg(_) | Kind::Softmax(_)) {
            moved = moved.saturating_add(output);
        }
        let (place, shape) = (layer.place(index), layer.output);
        ensure!(output > 0, "{place}: its output of shape {shape:?} is empty");
        ensure!(output <= MOST_NUMBERS, "{place}: its output of shape {shape:?} is too large");
        ensure!(together <= MOST_NUMBERS_TOGETHER, "{place}: the outputs up to it are too large together");
        ensure!(moved <= MOST_MOVED, "{place}: its output of shape {shape:?} is too large to be moved");
        ensure!(work <= MOST_WORK, "{place}: the network up to it needs too many multiply-adds");
    }
    Ok(())
}

/// Multiply-adds or comparisons for a number of the output.
fn work_of(layer: &Layer) -> usize {
    let [channels, ..] = layer.input;
    let window = |size: usize| size.saturating_mul(size);
    match &layer.kind {
        Kind::Convolutional(conv) => window(conv.size).saturating_mul(channels / conv.groups),
        Kind::Local(local) => window(local.size).saturating_mul(channels),
        Kind::Connected(_) => numbers(layer.input),
        Kind::MaxPool(pool) => window(pool.size),
        // Selected by a convolution.
        Kind::Route { part: [_, groups], .. } if *groups > 1 => layer.output[0].saturating_mul(*groups),
        _ => 1,
    }
}

impl Step {
    fn new(layer: &Layer, epsilon: Epsilon, vb: VarBuilder) -> Result<Self> {
        Ok(match &layer.kind {
            Kind::Convolutional(conv) => Self::convolutional(conv, layer.input, epsilon, vb)?,
            Kind::Connected(connected) => Self::connected(connected, layer.input, epsilon, vb)?,
            Kind::Local(local) => Self::local(local, layer, vb)?,
            Kind::MaxPool(pool) => Self::MaxPool(pool_config(pool, layer)?),
            Kind::AvgPool => Self::AvgPool,
            Kind::Dropout(probability) => Self::Dropout(*probability),
            Kind::Route { from, part: [_, 1] } => Self::Route { from: from.clone(), part: None },
            Kind::Route { from, part: [part, groups] } => {
                let part = select(layer.output[0], *part, *groups, &vb)?;
                Self::Route { from: from.clone(), part: Some(part) }
            }
            Kind::Shortcut { from, activation } => {
                Self::Shortcut { from: from.clone(), activation: supported(*activation)? }
            }
            Kind::ScaleChannels { from, activation } => {
                Self::ScaleChannels { from: *from, activation: supported(*activation)? }
            }
            Kind::Upsample { scale, .. } => {
                let [channels, height, width] = layer.output;
                let scale = (*scale != 1.0).then(|| vec![*scale; channels]);
                Self::Upsample { size: [height, width], scale }
            }
            Kind::Reorg(reorg) => Self::Reorg(reorganized(reorg, layer.input, layer.output)),
            Kind::Softmax(softmax) => Self::softmax(softmax, layer.input),
            Kind::Activation(activation) => Self::Activation(supported(*activation)?),
            Kind::Detection(_) | Kind::Region(_) | Kind::Yolo(_) => Self::Head,
            Kind::Other => bail!("is not supported"),
        })
    }

    fn convolutional(conv: &Convolutional, input: Shape, epsilon: Epsilon, vb: VarBuilder) -> Result<Self> {
        let Convolutional { filters, size, stride, padding, dilation, groups, .. } = *conv;
        let config = Conv2dConfig { stride, padding: Padding::all(padding), dilation: [dilation; 2], groups };
        let (channels, activation) = ([input[0], filters], supported(conv.activation)?);
        let (kernel, fresh) = ([size; 2], Fresh::kaiming_in());
        let (conv, norm) = if conv.norm {
            let norm = batch_norm(filters, epsilon, &vb.pp("BatchNorm2d"))?;
            (Conv2d::without_bias(channels, kernel, config, fresh, vb.pp("Conv2d"))?, Some(norm))
        } else {
            (Conv2d::new(channels, kernel, config, fresh, vb.pp("Conv2d"))?, None)
        };
        Ok(Self::Convolutional { conv, norm, activation })
    }

    /// A batch norm is folded into the weights.
    fn connected(connected: &Connected, input: Shape, epsilon: Epsilon, vb: VarBuilder) -> Result<Self> {
        let (inputs, outputs) = (numbers(input), connected.outputs);
        let activation = supported(connected.activation)?;
        let fresh = Fresh::kaiming_in();
        if !connected.norm {
            let linear = Linear::new(inputs, outputs, fresh, vb.pp("Linear"))?;
            return Ok(Self::Connected { linear, flatten: true, activation, folded: false });
        }
        let weight = vb.pp("Linear").get((outputs, inputs), "weight")?;
        let norm = vb.pp("BatchNorm1d");
        let part = |name: &str| norm.get(outputs, name);
        let deviation = deviation(&part("running_var")?, epsilon)?;
        let scale = (part("weight")? / deviation)?;
        let bias = (part("bias")? - (part("running_mean")? * &scale)?)?;
        let weight = weight.broadcast_mul(&scale.unsqueeze(1)?)?;
        let folded = HashMap::from([("weight".to_owned(), weight), ("bias".to_owned(), bias)]);
        let folded = VarBuilder::from_tensors(folded, vb.dtype(), vb.device());
        let linear = Linear::new(inputs, outputs, fresh, folded)?;
        Ok(Self::Connected { linear, flatten: true, activation, folded: true })
    }

    /// Of a map, or of a row, which the caller knows.
    fn softmax(&Softmax { groups: count, temperature }: &Softmax, input: Shape) -> Self {
        let each = numbers(input) / count;
        let is_plain = count == 1 && each == input[0] && temperature == 1.0;
        let moved = (!is_plain).then(|| [groups([count, each]), ungrouped([count, each], input)]);
        Self::Softmax { moved, scale: vec![1.0 / temperature; each] }
    }

    fn local(local: &Local, layer: &Layer, vb: VarBuilder) -> Result<Self> {
        let ([inputs, height, width], [filters, ..]) = (layer.input, layer.output);
        let config =
            Conv2dConfig { stride: [local.stride; 2], padding: Padding::all(local.padding), ..Conv2dConfig::default() };
        let (channels, kernel, vb) = ([inputs, filters], [local.size; 2], vb.pp("Local2d"));
        let activation = supported(local.activation)?;
        let local = LocallyConnected2d::new(channels, kernel, [height, width], config, Fresh::kaiming_in(), vb)?;
        Ok(Self::Local { local, activation })
    }
}

/// sqrt(variance), with the epsilon.
fn deviation(variance: &Tensor, epsilon: Epsilon) -> candle_core::Result<Tensor> {
    match epsilon {
        Epsilon::Inside(epsilon) => (variance + epsilon)?.sqrt(),
        Epsilon::Outside(epsilon) => variance.sqrt()? + epsilon,
    }
}

fn batch_norm(channels: usize, epsilon: Epsilon, vb: &VarBuilder) -> candle_core::Result<BatchNorm2d> {
    let norm = match epsilon {
        Epsilon::Inside(epsilon) => BatchNorm2d::new(channels, epsilon, vb.clone())?,
        Epsilon::Outside(_) => {
            // The variance that has the same deviation without an epsilon.
            let variance = deviation(&vb.get(channels, "running_var")?, epsilon)?.sqr()?;
            let mut parts = HashMap::from([("running_var".to_owned(), variance)]);
            for name in ["weight", "bias", "running_mean"] {
                parts.insert(name.to_owned(), vb.get(channels, name)?);
            }
            BatchNorm2d::new(channels, 0.0, VarBuilder::from_tensors(parts, vb.dtype(), vb.device()))?
        }
    };
    Ok(norm.with_momentum(MOMENTUM))
}

/// The convolution that selects part `part` of `groups` equal parts of the channels.
fn select(channels: usize, part: usize, groups: usize, vb: &VarBuilder) -> Result<Conv2d> {
    let inputs = channels * groups;
    let mut weight = vec![0_f32; channels * inputs];
    for (channel, row) in weight.chunks_exact_mut(inputs).enumerate() {
        row[part * channels + channel] = 1.0;
    }
    let weight = Tensor::from_vec(weight, (channels, inputs, 1, 1), vb.device())?;
    Ok(Conv2d::fixed(weight, Conv2dConfig::default()))
}

/// Windows that start `padding` / 2 before the map.
fn pool_config(pool: &MaxPool, layer: &Layer) -> Result<PoolConfig> {
    let MaxPool { size, stride, padding } = *pool;
    let config = PoolConfig { stride, ..PoolConfig::darknet(size, 1, padding) };
    let [_, height, width] = layer.input;
    let windows = config.windows(height, width).map(|axes| axes.map(|windows| windows.len()));
    let fits = windows.is_ok_and(|windows| windows == layer.output[1..]);
    ensure!(fits, "size={size} and padding={padding} are not supported on a map of {height} x {width}");
    Ok(config)
}

/// Checks that an activation is computed.
fn supported(activation: Activation) -> Result<Activation> {
    match activation {
        Activation::Other(name) => bail!("activation={name} is not supported"),
        _ => Ok(activation),
    }
}

fn activate(name: &str, activation: Activation, x: Value, pass: &mut Pass) -> Run {
    match activation {
        Activation::Leaky => pass.leaky_relu(name, SLOPE, &x),
        Activation::Relu => pass.relu(name, &x),
        Activation::Relu6 => pass.relu6(name, &x),
        Activation::Logistic => pass.sigmoid(name, &x),
        Activation::Tanh => pass.tanh(name, &x),
        Activation::Swish => pass.swish(name, &x),
        Activation::Mish => pass.mish(name, &x),
        Activation::Linear | Activation::Other(_) => pass.see(name, x),
    }
}

/// The names of the outputs of a layer, in the order of computation.
fn names(index: usize, step: &Step) -> Vec<String> {
    let name = output_of(index);
    let inner: &[&str] = match step {
        Step::Convolutional { norm: Some(_), .. } => &["conv", "norm"],
        Step::Convolutional { .. } => &["conv"],
        Step::Connected { .. } => &["linear"],
        Step::Local { .. } => &["local"],
        Step::Head => return Vec::new(),
        _ => &[],
    };
    let inner = inner.iter().map(|inner| format!("{name}.{inner}"));
    inner.chain([name.clone()]).collect()
}

impl Backbone for Network {
    fn layers(&self) -> Vec<String> {
        self.layers.iter().enumerate().flat_map(|(index, (_, step))| names(index, step)).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        let mut earlier: Vec<Value> = Vec::with_capacity(self.layers.len());
        for (index, (_, step)) in self.layers.iter().enumerate() {
            x = step.run(&output_of(index), x, &earlier, pass)?;
            // The others are not kept, so that their memory is free.
            earlier.push(if self.referred.contains(&index) { x.clone() } else { Value::Before });
        }
        Ok(x)
    }
}

impl Step {
    fn run(&self, name: &str, x: Value, earlier: &[Value], pass: &mut Pass) -> Run {
        let inner = |part: &str| format!("{name}.{part}");
        let layer = |index: usize| {
            let found = earlier.get(index);
            found.ok_or_else(|| Halt::from(anyhow::anyhow!("{name} reads layer {index}, which is not computed")))
        };
        match self {
            Self::Convolutional { conv, norm, activation } => {
                let x = pass.conv(&inner("conv"), conv, &x)?;
                let x = match norm {
                    Some(norm) => pass.batch_norm(&inner("norm"), norm, &x)?,
                    None => x,
                };
                activate(name, *activation, x, pass)
            }
            Self::Connected { linear, flatten, activation, .. } => {
                let x = if *flatten { pass.flatten("", &x)? } else { x };
                let x = pass.linear(&inner("linear"), linear, &x)?;
                activate(name, *activation, x, pass)
            }
            Self::Local { local, activation } => {
                let x = pass.locally_connected(&inner("local"), local, &x)?;
                activate(name, *activation, x, pass)
            }
            Self::MaxPool(config) => pass.max_pool(name, config, &x),
            Self::AvgPool => pass.adaptive_avg_pool(name, [1, 1], &x),
            Self::Dropout(probability) => pass.dropout(name, *probability, &x),
            Self::Route { from, part } => {
                let maps: Vec<&Value> = from.iter().map(|from| layer(*from)).collect::<Result<_, _>>()?;
                let joined = match (&maps[..], part) {
                    ([map], None) => return pass.see(name, (*map).clone()),
                    ([map], Some(_)) => (*map).clone(),
                    (maps, None) => return pass.concat(name, maps),
                    (maps, Some(_)) => pass.concat("", maps)?,
                };
                match part {
                    Some(part) => pass.conv(name, part, &joined),
                    None => pass.see(name, joined),
                }
            }
            Self::Shortcut { from, activation } => {
                let mut x = x;
                for from in from {
                    x = pass.add("", &x, layer(*from)?)?;
                }
                activate(name, *activation, x, pass)
            }
            Self::ScaleChannels { from, activation } => {
                let x = pass.gate("", layer(*from)?, &x)?;
                activate(name, *activation, x, pass)
            }
            Self::Upsample { size, scale: None } => pass.resize(name, *size, ResizeMethod::Nearest, &x),
            Self::Upsample { size, scale: Some(scale) } => {
                let x = pass.resize("", *size, ResizeMethod::Nearest, &x)?;
                pass.affine(name, scale, &vec![0.0; scale.len()], &x)
            }
            Self::Reorg(moved) => moved.run(name, &x, pass),
            Self::Softmax { moved: None, .. } => pass.softmax(name, &x),
            Self::Softmax { moved: Some([there, back]), scale } => {
                let x = there.run("", &x, pass)?;
                let x = pass.affine("", scale, &vec![0.0; scale.len()], &x)?;
                let x = pass.softmax("", &x)?;
                back.run(name, &x, pass)
            }
            Self::Activation(activation) => activate(name, *activation, x, pass),
            Self::Head => Ok(x),
        }
    }
}
