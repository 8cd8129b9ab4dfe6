//! The generators of CycleGAN (Zhu et al. 2017, appendix 7.2). Images are RGB, -1..1.
//!
//! [`ResNetGenerator`] has the names of junyanz/pytorch-CycleGAN-and-pix2pix:
//!
//! ```text
//! c7s1-64, d128, d256, R256 x blocks, u128, u64, c7s1-3, tanh
//! ```
//!
//! c7s1-k: reflection padding 3, 7x7, norm, ReLU. dk: 3x3 with stride 2, norm, ReLU. Rk: its input plus reflection padding,
//! 3x3, norm, ReLU, reflection padding, 3x3, norm. uk: transposed 3x3 with stride 2, norm, ReLU.
//!
//! [`SmallGenerator`] is the one for 32 x 32 emojis of a course of the University of Toronto (CSC 321, 2018): two
//! convolutions 4x4 with stride 2, residual blocks with ReLU after the sum, two transposed convolutions, batch norms.

use anyhow::{Result, ensure};
use candle_core::Error;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, Padding};
use serde::{Deserialize, Serialize};

use super::norm::{MapNorm, NormKind};
use super::translator::Geometry;
use crate::file::limits;
use crate::{Backbone, BatchNorm2d, Checkpoint, Conv2d, ConvTranspose2d, Fresh, Pass, Run, Value, plain};

/// The source draws new weights normally with this standard deviation.
const STDEV: f64 = 0.02;

/// Options of [`ResNetGenerator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResNetConfig {
    /// Residual blocks: 9 for images of 256 pixels, 6 for smaller ones.
    pub blocks: usize,
    /// Channels of the first map.
    pub channels: usize,
    /// Channels of the input image.
    pub inputs: usize,
    /// Channels of the output image.
    pub outputs: usize,
    /// The norm after each convolution.
    pub norm: NormKind,
    /// Dropout of a half in the residual blocks, which shifts the names of their second convolutions.
    pub dropout: bool,
    /// Whether the network computes a change that is added to the image, not the image (not in the source). Its result may
    /// then be a little outside of -1..1.
    pub residual: bool,
}

impl Default for ResNetConfig {
    fn default() -> Self {
        Self {
            blocks: 9,
            channels: 64,
            inputs: 3,
            outputs: 3,
            norm: NormKind::Instance,
            dropout: false,
            residual: false,
        }
    }
}

impl ResNetConfig {
    /// The options of the generator whose tensors a file has; `None` if it has others.
    pub fn of_weights(file: &Checkpoint) -> Option<Self> {
        let &[channels, inputs, 7, 7] = file.shape("model.1.weight")? else { return None };
        let blocks = (10..).take_while(|index| file.contains(&format!("model.{index}.conv_block.1.weight"))).count();
        let &[outputs, _, 7, 7] = file.shape(&format!("model.{}.weight", blocks + 17))? else { return None };
        let norm = if file.contains("model.2.running_mean") { NormKind::Batch } else { NormKind::Instance };
        let dropout = file.contains("model.10.conv_block.6.weight") && !file.contains("model.10.conv_block.5.weight");
        Some(Self { blocks, channels, inputs, outputs, norm, dropout, residual: false })
    }

    fn check(&self) -> Result<()> {
        limits::count("blocks", self.blocks, limits::MOST_BLOCKS)?;
        limits::count("channels", self.channels, limits::MOST_CHANNELS)?;
        for (name, count) in [("inputs", self.inputs), ("outputs", self.outputs)] {
            ensure!((1..=4).contains(&count), "{name} is {count}; expected 1 to 4 channels of an image");
        }
        ensure!(
            !self.residual || self.inputs == self.outputs,
            "residual: a change of {} channels cannot be added to an image of {}",
            self.outputs,
            self.inputs
        );
        Ok(())
    }
}

/// CycleGAN's generator.
pub struct ResNetGenerator {
    first: Normed,
    downs: [Normed; 2],
    blocks: Vec<[Normed; 2]>,
    dropout: bool,
    ups: [Up; 2],
    last: Conv2d,
    residual: bool,
}

/// A convolution and its norm.
struct Normed {
    conv: Conv2d,
    norm: MapNorm,
}

struct Up {
    conv: ConvTranspose2d,
    norm: MapNorm,
}

impl Normed {
    fn new(
        [name, norm_name]: [&str; 2],
        (kernel, channels): (usize, [usize; 2]),
        config: Conv2dConfig,
        norm: NormKind,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let new = if norm.needs_bias() { Conv2d::new } else { Conv2d::without_bias };
        let conv = new(channels, [kernel; 2], config, Fresh::normal(STDEV), vb.pp(name)).map_err(plain)?;
        Ok(Self { conv, norm: norm.build(channels[1], vb.pp(norm_name))? })
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv("", &self.conv, x)?;
        self.norm.run("", &x, pass)
    }
}

impl ResNetGenerator {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &ResNetConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let &ResNetConfig { blocks, channels, inputs, outputs, norm, dropout, residual } = config;
        let at = |index: usize| format!("model.{index}");
        let normed = |index: usize, kernel: usize, channels: [usize; 2], config: Conv2dConfig| {
            Normed::new([&at(index), &at(index + 1)], (kernel, channels), config, norm, vb)
        };
        let valid = Conv2dConfig::default();
        let half = Conv2dConfig { stride: [2, 2], padding: Padding::all(1), ..valid };
        let block = |index: usize| {
            let part = |conv: usize| {
                let names = [conv, conv + 1].map(|layer| format!("model.{}.conv_block.{layer}", index + 10));
                Normed::new([&names[0], &names[1]], (3, [4 * channels; 2]), valid, norm, vb)
            };
            Ok([part(1)?, part(if dropout { 6 } else { 5 })?])
        };
        let up = |index: usize, channels: [usize; 2]| {
            let twice =
                ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], output_padding: [1, 1], ..Default::default() };
            let new = if norm.needs_bias() { ConvTranspose2d::new } else { ConvTranspose2d::without_bias };
            let conv = new(channels, [3, 3], twice, Fresh::normal(STDEV), vb.pp(at(index))).map_err(plain)?;
            anyhow::Ok(Up { conv, norm: norm.build(channels[1], vb.pp(at(index + 1)))? })
        };
        // A change starts small, so that training starts from images that are left as they are.
        let stdev = if residual { STDEV / 10.0 } else { STDEV };
        let last = Conv2d::new([channels, outputs], [7, 7], valid, Fresh::normal(stdev), vb.pp(at(blocks + 17)));
        Ok(Self {
            first: normed(1, 7, [inputs, channels], valid)?,
            downs: [normed(4, 3, [channels, 2 * channels], half)?, normed(7, 3, [2 * channels, 4 * channels], half)?],
            blocks: (0..blocks).map(block).collect::<Result<_>>()?,
            dropout,
            ups: [up(blocks + 10, [4 * channels, 2 * channels])?, up(blocks + 13, [2 * channels, channels])?],
            last: last.map_err(plain)?,
            residual,
        })
    }

    /// How its output depends on its input.
    pub fn geometry(config: &ResNetConfig) -> Geometry {
        // Two halvings; a reflection of 3 pixels, and of one at a quarter of the size. Statistics of the whole image
        // reach everywhere.
        let reach = (config.norm == NormKind::Batch).then_some(3 + 1 + 2 + 8 * config.blocks + 4 + 2 + 3);
        Geometry { scale: 1, multiple: 4, least: 8, reach }
    }
}

impl Backbone for ResNetGenerator {
    fn layers(&self) -> Vec<String> {
        let names = [3, 6, 9].into_iter().chain(10..10 + self.blocks.len());
        let ups = [self.blocks.len() + 12, self.blocks.len() + 15];
        names.chain(ups).map(|index| format!("model.{index}")).chain(["output".to_owned()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, image: &Value, pass: &mut Pass) -> Run {
        let x = pass.reflection_pad("", Padding::all(3), image)?;
        let x = self.first.run(&x, pass)?;
        let mut x = pass.relu("model.3", &x)?;
        for (down, name) in self.downs.iter().zip(["model.6", "model.9"]) {
            let y = down.run(&x, pass)?;
            x = pass.relu(name, &y)?;
        }
        for (index, [first, second]) in self.blocks.iter().enumerate() {
            let y = pass.reflection_pad("", Padding::all(1), &x)?;
            let y = first.run(&y, pass)?;
            let mut y = pass.relu("", &y)?;
            if self.dropout {
                y = pass.dropout("", 0.5, &y)?;
            }
            let y = pass.reflection_pad("", Padding::all(1), &y)?;
            let y = second.run(&y, pass)?;
            x = pass.add(&format!("model.{}", index + 10), &y, &x)?;
        }
        for (index, up) in self.ups.iter().enumerate() {
            let y = pass.conv_transpose("", &up.conv, &x)?;
            let y = up.norm.run("", &y, pass)?;
            x = pass.relu(&format!("model.{}", self.blocks.len() + 12 + 3 * index), &y)?;
        }
        let x = pass.reflection_pad("", Padding::all(3), &x)?;
        let x = pass.conv("", &self.last, &x)?;
        if self.residual { pass.add("output", &x, image) } else { pass.tanh("output", &x) }
    }
}

/// Options of [`SmallGenerator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmallConfig {
    /// Channels of the first map.
    pub channels: usize,
}

impl Default for SmallConfig {
    fn default() -> Self {
        Self { channels: 32 }
    }
}

impl SmallConfig {
    /// The options of the generator whose tensors a file has; `None` if it has others.
    pub fn of_weights(file: &Checkpoint) -> Option<Self> {
        file.shape("resnet_block.conv_layer.0.weight")?;
        file.shape("deconv2.0.weight")?;
        Some(Self { channels: *file.shape("conv1.0.weight")?.first()? })
    }
}

/// The generator of the emojis.
pub struct SmallGenerator {
    downs: [(Conv2d, BatchNorm2d); 2],
    block: (Conv2d, BatchNorm2d),
    up: (ConvTranspose2d, BatchNorm2d),
    last: ConvTranspose2d,
}

impl SmallGenerator {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &SmallConfig, vb: &VarBuilder) -> Result<Self> {
        let channels = config.channels;
        limits::count("channels", channels, limits::MOST_CHANNELS)?;
        let fresh = Fresh::normal(STDEV);
        let conv = |name: &str, kernel: usize, stride: usize, channels: [usize; 2]| {
            let config = Conv2dConfig { stride: [stride; 2], padding: Padding::all(1), ..Default::default() };
            let conv = Conv2d::without_bias(channels, [kernel; 2], config, fresh, vb.pp(format!("{name}.0")))?;
            Ok::<_, Error>((conv, BatchNorm2d::new(channels[1], 1e-5, vb.pp(format!("{name}.1")))?))
        };
        let up = |name: &str, channels: [usize; 2]| {
            let config = ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], ..Default::default() };
            ConvTranspose2d::without_bias(channels, [4, 4], config, fresh, vb.pp(format!("{name}.0")))
        };
        let build = || {
            Ok::<_, Error>(Self {
                downs: [conv("conv1", 4, 2, [3, channels])?, conv("conv2", 4, 2, [channels, 2 * channels])?],
                block: conv("resnet_block.conv_layer", 3, 1, [2 * channels; 2])?,
                up: (up("deconv1", [2 * channels, channels])?, BatchNorm2d::new(channels, 1e-5, vb.pp("deconv1.1"))?),
                last: up("deconv2", [channels, 3])?,
            })
        };
        build().map_err(plain)
    }

    /// How its output depends on its input.
    pub fn geometry() -> Geometry {
        Geometry { scale: 1, multiple: 4, least: 4, reach: Some(20) }
    }
}

impl Backbone for SmallGenerator {
    fn layers(&self) -> Vec<String> {
        ["conv1", "conv2", "resnet_block", "deconv1", "output"].map(str::to_owned).to_vec()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for ((conv, norm), name) in self.downs.iter().zip(["conv1", "conv2"]) {
            let y = pass.conv("", conv, &x)?;
            x = pass.batch_norm_relu(["", name], norm, &y)?;
        }
        let y = pass.conv("", &self.block.0, &x)?;
        let y = pass.batch_norm("", &self.block.1, &y)?;
        let x = pass.add_relu(["", "resnet_block"], &y, &x)?;
        let x = pass.conv_transpose("", &self.up.0, &x)?;
        let x = pass.batch_norm_relu(["", "deconv1"], &self.up.1, &x)?;
        let x = pass.conv_transpose("", &self.last, &x)?;
        pass.tanh("output", &x)
    }
}
