//! OpenCV's face detector: SSD300 on a ResNet of ten layers, pre-activated (He et al. 2016, Identity mappings), with the
//! names of its source.
//!
//! | source | what | size |
//! | --- | --- | --- |
//! | conv4_3_norm | the input of layer_256_1 after its norm and ReLU, divided by its L2 norm, scaled | 38 |
//! | fc7 | the output of layer_512_1 after a norm and ReLU | 19 |
//! | conv6_2, conv7_2 | 1 x 1, then 3 x 3 of stride 2 | 10, 5 |
//! | conv8_2, conv9_2 | 1 x 1, then 3 x 3 of stride 1, so the map keeps its size | 5, 5 |

use anyhow::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, L2Epsilon, Padding, PoolConfig};

use super::heads::Heads;
use super::network::{SsdNetwork, Trunk};
use super::parts::{Activation, Shape, Stage, Unit};
use crate::network::layers::Fresh;
use crate::network::pass::Halt;
use crate::{BatchNorm2d, Conv2d, L2Norm, Pass, Run, Value, plain};

/// That of the source, a float.
const EPS: f64 = 1.000_999_964_162_464_5e-5;
const POOL: PoolConfig = PoolConfig::square(3, 2).ceil();

/// The blocks after layer_64_1: name; channels of the input, between and of the output; stride; dilation of conv2.
type Row = (&'static str, [usize; 3], usize, usize);
const BLOCKS: [Row; 3] = [
    ("layer_128_1", [32, 128, 128], 2, 1),
    ("layer_256_1", [128, 256, 256], 2, 1),
    ("layer_512_1", [256, 128, 256], 1, 2),
];
/// The extra layers: name; channels between and of the output; stride.
const EXTRAS: [(&str, [usize; 2], usize); 4] =
    [("conv6", [128, 256], 2), ("conv7", [64, 128], 2), ("conv8", [64, 128], 1), ("conv9", [64, 128], 1)];

struct Res10 {
    data_bn: BatchNorm2d,
    conv1: Conv2d,
    conv1_bn: BatchNorm2d,
    layer_64_1: Branch,
    blocks: [Block; 3],
    last_bn: BatchNorm2d,
    conv4_3_norm: L2Norm,
}

impl Trunk for Res10 {
    fn layers(&self) -> Vec<String> {
        ["data_bn", "conv1", "conv1_pool", "layer_64_1", "layer_128_1", "conv4_3", "layer_256_1", "layer_512_1"]
            .into_iter()
            .chain(["conv4_3_norm", "fc7"])
            .map(str::to_owned)
            .collect()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Result<Vec<Value>, Halt> {
        let x = pass.batch_norm("data_bn", &self.data_bn, x)?;
        let x = pass.conv("", &self.conv1, &x)?;
        let x = pass.batch_norm_relu(["", "conv1"], &self.conv1_bn, &x)?;
        let x = pass.max_pool("conv1_pool", &POOL, &x)?;
        let y = self.layer_64_1.run(&x, pass)?;
        let x = pass.add("layer_64_1", &y, &x)?;
        let [layer_128_1, layer_256_1, layer_512_1] = &self.blocks;
        let (_, x) = layer_128_1.run(["", "layer_128_1"], &x, pass)?;
        let (conv4_3, x) = layer_256_1.run(["conv4_3", "layer_256_1"], &x, pass)?;
        let (_, x) = layer_512_1.run(["", "layer_512_1"], &x, pass)?;
        let normed = pass.l2_norm("conv4_3_norm", &self.conv4_3_norm, &conv4_3)?;
        let fc7 = pass.batch_norm_relu(["", "fc7"], &self.last_bn, &x)?;
        Ok(vec![normed, fc7])
    }
}

/// A convolution, a scale and shift of each channel, ReLU, and a second convolution.
struct Branch {
    conv1: Conv2d,
    scale2: [Vec<f32>; 2],
    conv2: Conv2d,
}

impl Branch {
    fn new([inputs, between, outputs]: [usize; 3], stride: usize, dilation: usize, vb: &VarBuilder) -> Result<Self> {
        let config = |stride: usize, dilation: usize| Conv2dConfig {
            stride: [stride; 2],
            padding: Padding::all(dilation),
            dilation: [dilation; 2],
            ..Conv2dConfig::default()
        };
        let (fresh, scale2) = (Fresh::kaiming_out(), vb.pp("scale2"));
        let conv1 = Conv2d::new([inputs, between], [3; 2], config(stride, 1), fresh, vb.pp("conv1")).map_err(plain)?;
        let conv2 = Conv2d::without_bias([between, outputs], [3; 2], config(1, dilation), fresh, vb.pp("conv2"));
        let column = |name: &str, start: f64| -> Result<Vec<f32>> {
            let column = scale2.get_with_hints(between, name, candle_nn::Init::Const(start)).map_err(plain)?;
            column.to_vec1().map_err(plain)
        };
        Ok(Self { conv1, scale2: [column("weight", 1.0)?, column("bias", 0.0)?], conv2: conv2.map_err(plain)? })
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let [scale, shift] = &self.scale2;
        let x = pass.conv("", &self.conv1, x)?;
        let x = pass.affine("", scale, shift, &x)?;
        let x = pass.relu("", &x)?;
        pass.conv("", &self.conv2, &x)
    }
}

/// A residual block whose norm and ReLU precede both of its branches.
struct Block {
    bn1: BatchNorm2d,
    branch: Branch,
    conv_expand: Conv2d,
}

impl Block {
    fn new((name, channels, stride, dilation): Row, vb: &VarBuilder) -> Result<Self> {
        let vb = vb.pp(name);
        let [inputs, _, outputs] = channels;
        let config = Conv2dConfig { stride: [stride; 2], ..Conv2dConfig::default() };
        let expand =
            Conv2d::without_bias([inputs, outputs], [1; 2], config, Fresh::kaiming_out(), vb.pp("conv_expand"));
        Ok(Self {
            bn1: BatchNorm2d::new(inputs, EPS, vb.pp("bn1")).map_err(plain)?,
            branch: Branch::new(channels, stride, dilation, &vb)?,
            conv_expand: expand.map_err(plain)?,
        })
    }

    /// Its input after the norm and ReLU, and its output.
    fn run(&self, [before, name]: [&str; 2], x: &Value, pass: &mut Pass) -> Result<(Value, Value), Halt> {
        let active = pass.batch_norm_relu(["", before], &self.bn1, x)?;
        let y = self.branch.run(&active, pass)?;
        let expanded = pass.conv("", &self.conv_expand, &active)?;
        let y = pass.add(name, &y, &expanded)?;
        Ok((active, y))
    }
}

pub(super) fn build(heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    let norm = |name: &str, channels: usize| BatchNorm2d::new(channels, EPS, vb.pp(name)).map_err(plain);
    let stem = Conv2dConfig { stride: [2; 2], padding: Padding::all(3), ..Conv2dConfig::default() };
    let [first, second, third] = BLOCKS;
    let trunk = Res10 {
        data_bn: norm("data_bn", 3)?,
        conv1: Conv2d::new([3, 32], [7; 2], stem, Fresh::kaiming_out(), vb.pp("conv1")).map_err(plain)?,
        conv1_bn: norm("conv1_bn", 32)?,
        layer_64_1: Branch::new([32; 3], 1, 1, &vb.pp("layer_64_1"))?,
        blocks: [Block::new(first, vb)?, Block::new(second, vb)?, Block::new(third, vb)?],
        last_bn: norm("last_bn", 256)?,
        conv4_3_norm: L2Norm::new(128, 20.0, L2Epsilon::Added(1e-10), vb.pp("conv4_3_norm")).map_err(plain)?,
    };
    let mut channels = vec![128, 256];
    let mut extras = Vec::new();
    for (name, [between, outputs], stride) in EXTRAS {
        let inputs = channels[channels.len() - 1];
        let shapes = [Shape::pointwise([inputs, between]), Shape::square(3, [between, outputs]).stride(stride)];
        let names = [format!("{name}_1"), format!("{name}_2")];
        // The output of the second one is known by the name of the stage.
        let units = names.iter().zip(shapes).map(|(module, shape)| {
            Unit::biased("", shape, Activation::Relu, shape.xavier(), vb.pp(module)).map_err(plain)
        });
        extras.push(Stage::of_units(&names[1], units.collect::<Result<_>>()?));
        channels.push(outputs);
    }
    let names = ["conv4_3_norm", "fc7", "conv6_2", "conv7_2", "conv8_2", "conv9_2"];
    let sources: Vec<(&str, usize)> = names.into_iter().zip(channels).collect();
    Ok(SsdNetwork { trunk: Box::new(trunk), extras, heads: heads.caffe(&sources, vb)? })
}
