//! Xception (Chollet 2017), in timm's layout and names (`legacy_xception`).
//!
//! Depthwise separable convolutions in residual blocks (figure 5 of the paper):
//!
//! | flow | what | modules | shape for 299 pixels |
//! | --- | --- | --- | --- |
//! | entry | convolutions 3 x 3, without padding | act1, act2 | 32 x 149 x 149, 64 x 147 x 147 |
//! | entry | blocks of two separable convolutions and a max pool | block1, block2, block3 | 128, 256, 728 channels; 74, 37, 19 pixels |
//! | middle | eight blocks of three separable convolutions | block4 .. block11 | 728 x 19 x 19 |
//! | exit | a block of two and a max pool | block12 | 1024 x 10 x 10 |
//! | exit | separable convolutions | act3, act4 | 1536 x 10 x 10, 2048 x 10 x 10 |
//! | exit | mean over the pixels, classes | global_pool, fc | 2048 |
//!
//! The paper's dropout of 0.5 before the classes (section 4.3.2) is the option `dropout`; the default is 0, as in timm.

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, PoolConfig};
use serde::{Deserialize, Serialize};

use super::aliases;
use super::separable::SeparableConv2d;
use super::width::scaled;
use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XceptionOptions {
    /// Factor on the number of channels, except for the input and the classes.
    pub width: f64,
    /// Dropout probability of the last features in training.
    pub dropout: f64,
}

impl Default for XceptionOptions {
    fn default() -> Self {
        Self { width: 1.0, dropout: 0.0 }
    }
}

/// Xception. Inputs of at least 7 x 7 pixels.
pub struct Xception {
    /// `conv1`, `conv2`: each with a batch norm.
    stem: [(Conv2d, BatchNorm2d); 2],
    /// `block1` to `block12`.
    blocks: Vec<(String, Block)>,
    /// `conv3`, `conv4`: each with a batch norm.
    last: [(SeparableConv2d, BatchNorm2d); 2],
    fc: Linear,
    dropout: f64,
}

/// The pool of a block with stride 2.
const POOL: PoolConfig = PoolConfig { padding: [1, 1], ..PoolConfig::square(3, 2) };
const EPS: f64 = 1e-5;
/// The module names of a separable convolution.
const NAMES: [&str; 2] = ["conv1", "pointwise"];

impl Xception {
    /// Builds the network from timm's tensors, `conv1.weight` to `fc.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &XceptionOptions, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let scaled = |channels| scaled(channels, options.width);
        let norm = |channels, name: &str| BatchNorm2d::new(channels, EPS, vb.pp(name));
        let conv = |channels: [usize; 2], stride: usize, name: &str| {
            let config = Conv2dConfig { stride: [stride; 2], ..Conv2dConfig::default() };
            Conv2d::without_bias(channels, [3, 3], config, Fresh::kaiming_out(), vb.pp(name))
        };
        let [first, second] = [32, 64].map(scaled);
        let stem = [
            (conv([3, first], 2, "conv1")?, norm(first, "bn1")?),
            (conv([first, second], 1, "conv2")?, norm(second, "bn2")?),
        ];
        let mut channels = second;
        let mut blocks = Vec::new();
        for index in 1..=12 {
            // The channels of its separable convolutions.
            let convs: Vec<usize> = match index {
                1 => vec![128; 2],
                2 => vec![256; 2],
                3 => vec![728; 2],
                12 => vec![728, 1024],
                _ => vec![728; 3],
            };
            let convs: Vec<usize> = convs.into_iter().map(scaled).collect();
            let name = format!("block{index}");
            let pools = index <= 3 || index == 12;
            blocks.push((name.clone(), Block::new(channels, &convs, pools, index > 1, vb.pp(&name))?));
            channels = convs[convs.len() - 1];
        }
        let [third, fourth] = [1536, 2048].map(scaled);
        let last = [
            (SeparableConv2d::new([channels, third], NAMES, vb.pp("conv3"))?, norm(third, "bn3")?),
            (SeparableConv2d::new([third, fourth], NAMES, vb.pp("conv4"))?, norm(fourth, "bn4")?),
        ];
        let fc = Linear::new(fourth, num_classes, Fresh::torch(fourth), vb.pp("fc"))?;
        Ok(Self { stem, blocks, last, fc, dropout: options.dropout })
    }
}

impl Backbone for Xception {
    fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> = ["conv1", "bn1", "act1", "conv2", "bn2", "act2"].map(String::from).to_vec();
        for (name, block) in &self.blocks {
            layers.extend(block.layers(name));
        }
        for (index, (conv, _)) in (3..).zip(&self.last) {
            layers.extend(conv.layers(&format!("conv{index}")));
            layers.extend([format!("bn{index}"), format!("act{index}")]);
        }
        layers.extend(["global_pool", "fc", LOGITS].map(String::from));
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([
            ("entry_flow", "block3"),
            ("middle_flow", "block11"),
            ("exit_flow", "act4"),
            ("avg_pool", "global_pool"),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for (index, (conv, norm)) in (1..).zip(&self.stem) {
            x = pass.conv(&format!("conv{index}"), conv, &x)?;
            x = pass.batch_norm_relu([&format!("bn{index}"), &format!("act{index}")], norm, &x)?;
        }
        for (name, block) in &self.blocks {
            x = block.run(name, &x, pass)?;
        }
        for (index, (conv, norm)) in (3..).zip(&self.last) {
            x = conv.run(&format!("conv{index}"), &x, pass)?;
            x = pass.batch_norm_relu([&format!("bn{index}"), &format!("act{index}")], norm, &x)?;
        }
        let x = pass.adaptive_avg_pool("", [1, 1], &x)?;
        let x = pass.flatten("global_pool", &x)?;
        let x = pass.dropout("", self.dropout, &x)?;
        let x = pass.linear("fc", &self.fc, &x)?;
        pass.see(LOGITS, x)
    }
}

/// Separable convolutions, each between ReLU and a batch norm, with their input added.
struct Block {
    convs: Vec<(SeparableConv2d, BatchNorm2d)>,
    /// Whether a max pool follows the convolutions.
    pools: bool,
    /// Whether ReLU precedes the first convolution.
    starts_with_relu: bool,
    /// The convolution that gives the input the output's shape.
    skip: Option<(Conv2d, BatchNorm2d)>,
}

impl Block {
    fn new(inputs: usize, convs: &[usize], pools: bool, starts_with_relu: bool, vb: VarBuilder) -> Result<Self> {
        let mut channels = inputs;
        let mut parts = Vec::new();
        for (index, outputs) in convs.iter().enumerate() {
            let place = Self::place(index, starts_with_relu);
            let vb = vb.pp("rep");
            let conv = SeparableConv2d::new([channels, *outputs], NAMES, vb.pp(place))?;
            parts.push((conv, BatchNorm2d::new(*outputs, EPS, vb.pp(place + 1))?));
            channels = *outputs;
        }
        let skip = if pools || channels != inputs {
            let config = Conv2dConfig { stride: [if pools { 2 } else { 1 }; 2], ..Conv2dConfig::default() };
            let conv = Conv2d::without_bias([inputs, channels], [1, 1], config, Fresh::kaiming_out(), vb.pp("skip"))?;
            Some((conv, BatchNorm2d::new(channels, EPS, vb.pp("skipbn"))?))
        } else {
            None
        };
        Ok(Self { convs: parts, pools, starts_with_relu, skip })
    }

    /// The index of a convolution in `rep`: after a ReLU, and before a batch norm.
    fn place(index: usize, starts_with_relu: bool) -> usize {
        3 * index + usize::from(starts_with_relu)
    }

    /// Its outputs, in the order of computation.
    fn layers(&self, name: &str) -> Vec<String> {
        let mut layers = Vec::new();
        for (index, (conv, _)) in self.convs.iter().enumerate() {
            let place = Self::place(index, self.starts_with_relu);
            layers.extend(place.checked_sub(1).map(|relu| format!("{name}.rep.{relu}")));
            layers.extend(conv.layers(&format!("{name}.rep.{place}")));
            layers.push(format!("{name}.rep.{}", place + 1));
        }
        if self.pools {
            layers.push(format!("{name}.rep.{}", Self::place(self.convs.len(), self.starts_with_relu) - 1));
        }
        layers.push(format!("{name}.rep"));
        if self.skip.is_some() {
            layers.extend(["skip", "skipbn"].map(|part| format!("{name}.{part}")));
        }
        layers.push(name.to_owned());
        layers
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let mut y = x.clone();
        let mut relu = self.starts_with_relu.then(|| format!("{name}.rep.0"));
        if let Some(relu) = &relu {
            y = pass.relu(relu, &y)?;
        }
        for (index, (conv, norm)) in self.convs.iter().enumerate() {
            let place = Self::place(index, self.starts_with_relu);
            let bn = format!("{name}.rep.{}", place + 1);
            y = conv.run(&format!("{name}.rep.{place}"), &y, pass)?;
            relu = (index + 1 < self.convs.len()).then(|| format!("{name}.rep.{}", place + 2));
            y = match &relu {
                Some(relu) => pass.batch_norm_relu([&bn, relu], norm, &y)?,
                None => pass.batch_norm(&bn, norm, &y)?,
            };
        }
        if self.pools {
            let place = Self::place(self.convs.len(), self.starts_with_relu) - 1;
            y = pass.max_pool(&format!("{name}.rep.{place}"), &POOL, &y)?;
        }
        let y = pass.see(&format!("{name}.rep"), y)?;
        let x = match &self.skip {
            Some((conv, norm)) => {
                let x = pass.conv(&format!("{name}.skip"), conv, x)?;
                pass.batch_norm(&format!("{name}.skipbn"), norm, &x)?
            }
            None => x.clone(),
        };
        pass.add(name, &y, &x)
    }
}
