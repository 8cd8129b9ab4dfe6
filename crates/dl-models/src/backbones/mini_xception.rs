//! mini-Xception (Arriaga et al. 2017, Real-time convolutional neural networks for emotion and gender classification):
//! the Keras network of oarriaga/face_classification, which classifies facial expressions in grayscale images.
//!
//! | what | modules | shape for 64 pixels |
//! | --- | --- | --- |
//! | convolutions 3 x 3 without padding, batch norms, ReLU | relu1, relu2 | 8 x 62 x 62, 8 x 60 x 60 |
//! | four blocks | blocks.0 .. blocks.3 | 16, 32, 64, 128 channels; 30, 15, 8, 4 pixels |
//! | convolution 3 x 3 with a map for each class | head | classes x 4 x 4 |
//! | mean over the pixels | logits | classes |
//!
//! A block is two separable convolutions with batch norms, ReLU between them, and a max pool; a 1 x 1 convolution with
//! stride 2 and a batch norm of its input are added, and no ReLU follows. Padding is TensorFlow's SAME.
//!
//! An image of three channels, all normalized alike, is converted to grayscale first.

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, PoolConfig};

use super::aliases;
use super::gray::ToGray;
use super::separable::SeparableConv2d;
use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Pass, Run, Value};

/// mini-Xception. Inputs [n, 1, h, w], or [n, 3, h, w] in red, green, blue, of at least 5 x 5 pixels.
pub struct MiniXception {
    gray: ToGray,
    /// `conv1`, `conv2`: each with a batch norm.
    stem: [(Conv2d, BatchNorm2d); 2],
    blocks: Vec<Block>,
    head: Conv2d,
}

/// Channels of the first convolutions, and of each block.
const CHANNELS: [usize; 5] = [8, 16, 32, 64, 128];
/// Keras's default.
const EPS: f64 = 1e-3;
/// Keras's 0.99, as one minus it.
const MOMENTUM: f64 = 0.01;

impl MiniXception {
    /// Builds the network from tensors `conv1.weight` to `head.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let gray = ToGray::new(&vb)?;
        let conv = |channels: [usize; 2], name: &str| {
            Conv2d::without_bias(channels, [3, 3], Conv2dConfig::default(), Fresh::kaiming(), vb.pp(name))
        };
        let first = CHANNELS[0];
        let stem = [
            (conv([1, first], "conv1")?, norm(first, vb.pp("bn1"))?),
            (conv([first, first], "conv2")?, norm(first, vb.pp("bn2"))?),
        ];
        let blocks = CHANNELS.windows(2).enumerate();
        let blocks = blocks.map(|(index, widths)| Block::new([widths[0], widths[1]], vb.pp(format!("blocks.{index}"))));
        let config = Conv2dConfig { padding: Padding::all(1), ..Conv2dConfig::default() };
        let head = Conv2d::new([CHANNELS[4], num_classes], [3, 3], config, Fresh::kaiming(), vb.pp("head"))?;
        Ok(Self { gray, stem, blocks: blocks.collect::<Result<_>>()?, head })
    }
}

fn norm(channels: usize, vb: VarBuilder) -> Result<BatchNorm2d> {
    Ok(BatchNorm2d::new(channels, EPS, vb)?.with_momentum(MOMENTUM))
}

impl Backbone for MiniXception {
    fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> = ["conv1", "bn1", "relu1", "conv2", "bn2", "relu2"].map(String::from).to_vec();
        for (index, block) in self.blocks.iter().enumerate() {
            layers.extend(block.layers(&format!("blocks.{index}")));
        }
        layers.extend(["head", LOGITS].map(String::from));
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([("block1", "blocks.0"), ("block2", "blocks.1"), ("block3", "blocks.2"), ("block4", "blocks.3")])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = self.gray.run(x, pass)?;
        for (index, (conv, norm)) in (1..).zip(&self.stem) {
            x = pass.conv(&format!("conv{index}"), conv, &x)?;
            x = pass.batch_norm_relu([&format!("bn{index}"), &format!("relu{index}")], norm, &x)?;
        }
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.run(&format!("blocks.{index}"), &x, pass)?;
        }
        let x = pass.conv("head", &self.head, &x)?;
        let x = pass.adaptive_avg_pool("", [1, 1], &x)?;
        pass.flatten(LOGITS, &x)
    }
}

struct Block {
    shortcut: (Conv2d, BatchNorm2d),
    /// `sep1`, `sep2`: each with a batch norm.
    convs: [(SeparableConv2d, BatchNorm2d); 2],
}

impl Block {
    fn new([inputs, outputs]: [usize; 2], vb: VarBuilder) -> Result<Self> {
        let separable = |inputs: usize, index: usize| -> Result<_> {
            let names = ["depthwise", "pointwise"];
            let conv = SeparableConv2d::new([inputs, outputs], names, vb.pp(format!("sep{index}")))?;
            Ok((conv, norm(outputs, vb.pp(format!("bn{index}")))?))
        };
        let config = Conv2dConfig { stride: [2, 2], ..Conv2dConfig::default() };
        let conv = Conv2d::without_bias([inputs, outputs], [1, 1], config, Fresh::kaiming(), vb.pp("shortcut.conv"))?;
        Ok(Self {
            shortcut: (conv, norm(outputs, vb.pp("shortcut.bn"))?),
            convs: [separable(inputs, 1)?, separable(outputs, 2)?],
        })
    }

    /// Its outputs, in the order of computation.
    fn layers(&self, name: &str) -> Vec<String> {
        let mut layers = vec![format!("{name}.shortcut.conv"), format!("{name}.shortcut")];
        for (index, (conv, _)) in (1..).zip(&self.convs) {
            layers.extend(conv.layers(&format!("{name}.sep{index}")));
            layers.push(format!("{name}.bn{index}"));
        }
        layers.extend([format!("{name}.pool"), name.to_owned()]);
        layers
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let (conv, norm) = &self.shortcut;
        let shortcut = pass.conv(&format!("{name}.shortcut.conv"), conv, x)?;
        let shortcut = pass.batch_norm(&format!("{name}.shortcut"), norm, &shortcut)?;
        let [(sep1, bn1), (sep2, bn2)] = &self.convs;
        let y = sep1.run(&format!("{name}.sep1"), x, pass)?;
        let y = pass.batch_norm_relu([&format!("{name}.bn1"), ""], bn1, &y)?;
        let y = sep2.run(&format!("{name}.sep2"), &y, pass)?;
        let y = pass.batch_norm(&format!("{name}.bn2"), bn2, &y)?;
        let pool = same_pool(pass.size(&y)?);
        let y = pass.max_pool(&format!("{name}.pool"), &pool, &y)?;
        pass.add(name, &y, &shortcut)
    }
}

/// A max pool 3 x 3 with stride 2 and TensorFlow's SAME padding: an odd side is padded by a pixel before and one after,
/// an even one only after, which equals `ceil_mode`.
fn same_pool(size: [usize; 2]) -> PoolConfig {
    PoolConfig { padding: size.map(|side| side % 2), ..PoolConfig::square(3, 2).ceil() }
}
