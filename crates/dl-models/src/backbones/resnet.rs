//! ResNet-18 to 152 (He et al. 2016), in torchvision's layout: the stride of a bottleneck is in its 3 x 3 convolution
//! ("v1.5").
//!
//! | output | module | shape for 224 pixels |
//! | --- | --- | --- |
//! | conv1 (after ReLU), pool1 | relu, maxpool | 64 x 112 x 112, 64 x 56 x 56 |
//! | conv2_x .. conv5_x | layer1 .. layer4 | 56, 28, 14 and 7 pixels |
//! | pool5 | avgpool | 512 or 2048 x 1 x 1 |

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding, PoolConfig};

use super::aliases;
use crate::network::layers::Fresh;
use crate::{Backbone, BatchNorm2d, Conv2d, LOGITS, Linear, Pass, Run, Value};

/// Number of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 18 layers in basic blocks.
    D18,
    /// 34 layers in basic blocks.
    D34,
    /// 50 layers in bottlenecks.
    D50,
    /// 101 layers in bottlenecks.
    D101,
    /// 152 layers in bottlenecks.
    D152,
}

impl Depth {
    /// Blocks per stage (table 1 of the paper), and whether they are bottlenecks.
    fn blocks(self) -> ([usize; 4], bool) {
        match self {
            Self::D18 => ([2, 2, 2, 2], false),
            Self::D34 => ([3, 4, 6, 3], false),
            Self::D50 => ([3, 4, 6, 3], true),
            Self::D101 => ([3, 4, 23, 3], true),
            Self::D152 => ([3, 8, 36, 3], true),
        }
    }
}

/// Which convolution of a bottleneck has the stride.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BottleneckStride {
    /// The 1 x 1: the paper, and the weights of its authors that detectron2 starts from (`STRIDE_IN_1X1`).
    First,
    /// The 3 x 3: torchvision.
    #[default]
    Second,
}

/// ResNet. Inputs of any size.
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    /// `layer1.0` and so on, by stage.
    stages: [Vec<(String, Block)>; 4],
    /// Channels of the last stage.
    channels: usize,
    /// `None` in the body of a detector.
    fc: Option<Linear>,
}

const POOL: PoolConfig = PoolConfig { padding: [1, 1], ..PoolConfig::square(3, 2) };
const EPS: f64 = 1e-5;

impl ResNet {
    /// Builds the network from torchvision's tensors, `conv1.weight` to `fc.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(depth: Depth, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let body = Self::body(depth, EPS, BottleneckStride::Second, vb.clone())?;
        let fc = Linear::new(body.channels, num_classes, Fresh::torch(body.channels), vb.pp("fc"))?;
        Ok(Self { fc: Some(fc), ..body })
    }

    /// Only `conv1` to `layer4`, for a detector, with another epsilon in the batch norms.
    /// # Errors
    /// As [`new`](Self::new).
    pub fn body(depth: Depth, eps: f64, strided: BottleneckStride, vb: VarBuilder) -> Result<Self> {
        let (counts, bottleneck) = depth.blocks();
        let mut channels = 64;
        let mut stages = [const { Vec::new() }; 4];
        for (stage, (blocks, count)) in stages.iter_mut().zip(counts).enumerate() {
            let width = 64 << stage;
            for index in 0..count {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let name = format!("layer{}.{index}", stage + 1);
                let kind = bottleneck.then_some(strided);
                let block = Block::new(channels, width, stride, (kind, eps), vb.pp(&name))?;
                channels = block.outputs;
                blocks.push((name, block));
            }
        }
        Ok(Self {
            conv1: conv([3, 64], 7, 2, vb.pp("conv1"))?,
            bn1: BatchNorm2d::new(64, eps, vb.pp("bn1"))?,
            stages,
            channels,
            fc: None,
        })
    }
}

/// A convolution without bias, padded to preserve the size.
fn conv(channels: [usize; 2], kernel: usize, stride: usize, vb: VarBuilder) -> Result<Conv2d> {
    let config = Conv2dConfig { stride: [stride; 2], padding: Padding::all(kernel / 2), ..Conv2dConfig::default() };
    Conv2d::without_bias(channels, [kernel; 2], config, Fresh::kaiming_out(), vb)
}

impl Backbone for ResNet {
    fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> = ["conv1", "bn1", "relu", "maxpool"].map(String::from).to_vec();
        for (stage, blocks) in self.stages.iter().enumerate() {
            for (name, block) in blocks {
                layers.extend(block.layers().iter().map(|layer| format!("{name}.{layer}")));
                layers.push(name.clone());
            }
            layers.push(format!("layer{}", stage + 1));
        }
        if self.fc.is_some() {
            layers.extend(["avgpool", "fc", LOGITS].map(String::from));
        }
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([
            ("pool1", "maxpool"),
            ("conv2_x", "layer1"),
            ("conv3_x", "layer2"),
            ("conv4_x", "layer3"),
            ("conv5_x", "layer4"),
            ("pool5", "avgpool"),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv("conv1", &self.conv1, x)?;
        let x = pass.batch_norm_relu(["bn1", "relu"], &self.bn1, &x)?;
        let mut x = pass.max_pool("maxpool", &POOL, &x)?;
        for (stage, blocks) in self.stages.iter().enumerate() {
            for (name, block) in blocks {
                x = block.run(name, &x, pass)?;
            }
            x = pass.see(&format!("layer{}", stage + 1), x)?;
        }
        let Some(fc) = &self.fc else { return Ok(x) };
        let x = pass.adaptive_avg_pool("avgpool", [1, 1], &x)?;
        let x = pass.flatten("", &x)?;
        let x = pass.linear("fc", fc, &x)?;
        pass.see(LOGITS, x)
    }
}

/// A residual block: basic (two 3 x 3 convolutions) or a bottleneck (1 x 1, 3 x 3, 1 x 1; figure 5 of the paper).
struct Block {
    convs: Vec<(Conv2d, BatchNorm2d)>,
    downsample: Option<(Conv2d, BatchNorm2d)>,
    outputs: usize,
}

impl Block {
    fn new(
        inputs: usize,
        width: usize,
        stride: usize,
        (bottleneck, eps): (Option<BottleneckStride>, f64),
        vb: VarBuilder,
    ) -> Result<Self> {
        let outputs = if bottleneck.is_some() { 4 * width } else { width };
        let layers = match bottleneck {
            Some(strided) => {
                let [first, second] = match strided {
                    BottleneckStride::First => [stride, 1],
                    BottleneckStride::Second => [1, stride],
                };
                vec![([inputs, width], 1, first), ([width, width], 3, second), ([width, outputs], 1, 1)]
            }
            None => vec![([inputs, width], 3, stride), ([width, outputs], 3, 1)],
        };
        let convs = layers.into_iter().enumerate().map(|(index, (channels, kernel, stride))| {
            let conv = conv(channels, kernel, stride, vb.pp(format!("conv{}", index + 1)))?;
            Ok((conv, BatchNorm2d::new(channels[1], eps, vb.pp(format!("bn{}", index + 1)))?))
        });
        let convs = convs.collect::<Result<_>>()?;
        let downsample = if stride > 1 || inputs != outputs {
            let vb = vb.pp("downsample");
            let conv = conv([inputs, outputs], 1, stride, vb.pp(0))?;
            Some((conv, BatchNorm2d::new(outputs, eps, vb.pp(1))?))
        } else {
            None
        };
        Ok(Self { convs, downsample, outputs })
    }

    /// Its outputs within the module, in the order of computation. torchvision uses one `relu` module several times;
    /// its last output is that of the block.
    fn layers(&self) -> Vec<String> {
        let mut layers: Vec<String> =
            (1..=self.convs.len()).flat_map(|index| [format!("conv{index}"), format!("bn{index}")]).collect();
        if self.downsample.is_some() {
            layers.extend(["downsample.0", "downsample"].map(String::from));
        }
        layers
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let mut y = x.clone();
        for (index, (conv, norm)) in self.convs.iter().enumerate() {
            let [conv_name, norm_name] = ["conv", "bn"].map(|part| format!("{name}.{part}{}", index + 1));
            y = pass.conv(&conv_name, conv, &y)?;
            y = if index + 1 < self.convs.len() {
                pass.batch_norm_relu([&norm_name, ""], norm, &y)?
            } else {
                pass.batch_norm(&norm_name, norm, &y)?
            };
        }
        let x = match &self.downsample {
            Some((conv, norm)) => {
                let x = pass.conv(&format!("{name}.downsample.0"), conv, x)?;
                pass.batch_norm(&format!("{name}.downsample"), norm, &x)?
            }
            None => x.clone(),
        };
        pass.add_relu(["", name], &y, &x)
    }
}
