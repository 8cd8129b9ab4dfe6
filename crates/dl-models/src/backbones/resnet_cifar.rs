//! The ResNets for CIFAR-10 (He et al. 2016, section 4.2), 6 n + 2 layers deep, with the names of
//! akamaster/pytorch_resnet_cifar10 (without its `module.`), whose weights are widely used.
//!
//! A shortcut that changes the shape has no weights (the paper's option A): it takes every second pixel and adds
//! channels of zeros, half of them before the map's own channels and half after.
//!
//! | output | module | shape for 32 pixels |
//! | --- | --- | --- |
//! | a convolution 3 x 3 (after ReLU) | relu | 16 x 32 x 32 |
//! | 2 n layers | layer1 | 16 x 32 x 32 |
//! | 2 n layers | layer2 | 32 x 16 x 16 |
//! | 2 n layers | layer3 | 64 x 8 x 8 |
//! | mean over the pixels | avgpool; as a row, pooled | 64 |

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, PoolConfig};

use super::aliases;
use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// A ResNet for small images. Inputs of any size.
pub struct CifarResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    /// `layer1.0` and so on, by stage.
    stages: [Vec<(String, Block)>; 3],
    linear: Linear,
}

/// Channels of each stage.
const CHANNELS: [usize; 3] = [16, 32, 64];
const EPS: f64 = 1e-5;
/// Every second pixel.
const EVERY_SECOND: PoolConfig = PoolConfig::square(1, 2);

impl CifarResNet {
    /// Builds the network of 6 `blocks` + 2 layers from tensors `conv1.weight` to `linear.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(blocks: usize, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let mut channels = CHANNELS[0];
        let mut stages = [const { Vec::new() }; 3];
        for (stage, outputs) in CHANNELS.into_iter().enumerate() {
            for index in 0..blocks {
                let name = format!("layer{}.{index}", stage + 1);
                stages[stage].push((name.clone(), Block::new([channels, outputs], vb.pp(&name))?));
                channels = outputs;
            }
        }
        let fresh = Fresh { bias: Fresh::torch(channels).bias, ..Fresh::kaiming_in() };
        Ok(Self {
            conv1: conv([3, CHANNELS[0]], 1, vb.pp("conv1"))?,
            bn1: BatchNorm2d::new(CHANNELS[0], EPS, vb.pp("bn1"))?,
            stages,
            linear: Linear::new(channels, num_classes, fresh, vb.pp("linear"))?,
        })
    }
}

/// A convolution 3 x 3 without bias, padded to preserve the size.
fn conv(channels: [usize; 2], stride: usize, vb: VarBuilder) -> Result<Conv2d> {
    let config = Conv2dConfig { stride: [stride; 2], padding: Padding::all(1), ..Conv2dConfig::default() };
    Conv2d::without_bias(channels, [3, 3], config, Fresh::kaiming_in(), vb)
}

impl Backbone for CifarResNet {
    fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> = ["conv1", "bn1", "relu"].map(String::from).to_vec();
        for (stage, blocks) in self.stages.iter().enumerate() {
            for (name, _) in blocks {
                layers.extend(Block::LAYERS.map(|layer| format!("{name}.{layer}")));
                layers.push(name.clone());
            }
            layers.push(format!("layer{}", stage + 1));
        }
        layers.extend(["avgpool", "pooled", "linear", LOGITS].map(String::from));
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([("conv2_x", "layer1"), ("conv3_x", "layer2"), ("conv4_x", "layer3"), ("fc", "linear")])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv("conv1", &self.conv1, x)?;
        let mut x = pass.batch_norm_relu(["bn1", "relu"], &self.bn1, &x)?;
        for (stage, blocks) in self.stages.iter().enumerate() {
            for (name, block) in blocks {
                x = block.run(name, &x, pass)?;
            }
            x = pass.see(&format!("layer{}", stage + 1), x)?;
        }
        let x = pass.adaptive_avg_pool("avgpool", [1, 1], &x)?;
        let x = pass.flatten("pooled", &x)?;
        let x = pass.linear("linear", &self.linear, &x)?;
        pass.see(LOGITS, x)
    }
}

/// Two convolutions, with their input added.
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    /// Channels of the input and of the output.
    channels: [usize; 2],
}

impl Block {
    /// Its outputs within the module, in the order of computation.
    const LAYERS: [&str; 5] = ["conv1", "bn1", "conv2", "bn2", "shortcut"];

    fn new(channels: [usize; 2], vb: VarBuilder) -> Result<Self> {
        let [inputs, outputs] = channels;
        let stride = if inputs == outputs { 1 } else { 2 };
        Ok(Self {
            conv1: conv(channels, stride, vb.pp("conv1"))?,
            bn1: BatchNorm2d::new(outputs, EPS, vb.pp("bn1"))?,
            conv2: conv([outputs, outputs], 1, vb.pp("conv2"))?,
            bn2: BatchNorm2d::new(outputs, EPS, vb.pp("bn2"))?,
            channels,
        })
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let paths = Self::LAYERS.map(|layer| format!("{name}.{layer}"));
        let [conv1, bn1, conv2, bn2, shortcut] = paths.each_ref().map(String::as_str);
        let y = pass.conv(conv1, &self.conv1, x)?;
        let y = pass.batch_norm_relu([bn1, ""], &self.bn1, &y)?;
        let y = pass.conv(conv2, &self.conv2, &y)?;
        let y = pass.batch_norm(bn2, &self.bn2, &y)?;
        let [inputs, outputs] = self.channels;
        let x = if inputs == outputs {
            pass.see(shortcut, x.clone())?
        } else {
            let x = pass.max_pool("", &EVERY_SECOND, x)?;
            pass.pad_channels(shortcut, [outputs / 4; 2], &x)?
        };
        pass.add_relu(["", name], &y, &x)
    }
}
