//! SSD300 and SSD512 on VGG-16 (section 3 of the paper), with the names of torchvision's tensors.
//!
//! | source | what | modules | SSD300 | SSD512 |
//! | --- | --- | --- | --- | --- |
//! | conv4_3 | divided by its L2 norm, times 20 | features.21, scale_weight | 38 | 64 |
//! | fc7 | fc6 as a 3 x 3 convolution of dilation 6 after a pool of stride 1, fc7 as 1 x 1 | extra.0.7 | 19 | 32 |
//! | conv8_2, conv9_2 | 1 x 1, then 3 x 3 of stride 2 | extra.1, .2 | 10, 5 | 16, 8 |
//! | conv10_2, conv11_2 | SSD300: 3 x 3 without padding; SSD512: of stride 2 | extra.3, .4 | 3, 1 | 4, 2 |
//! | conv12_2 | 4 x 4, SSD512 only | extra.5 | | 1 |
//!
//! Caffe's names are one number lower: the extra layers begin with conv6_1 there.

use anyhow::Result;
use candle_nn::{Init, VarBuilder};
use dl_ops::{L2Epsilon, PoolConfig};

use super::heads::Heads;
use super::network::{SsdNetwork, Trunk};
use super::parts::{Activation, Shape, Stage, Step, Unit};
use crate::backbones::{VggOptions, scaled};
use crate::network::layers::Fresh;
use crate::network::pass::Halt;
use crate::{L2Norm, Pass, Value, plain};

/// conv1_1 to conv4_3: the place of each convolution in `features`, and its channels.
const FEATURES: [(usize, usize); 10] =
    [(0, 64), (2, 64), (5, 128), (7, 128), (10, 256), (12, 256), (14, 256), (17, 512), (19, 512), (21, 512)];
/// The pools after conv1_2, conv2_2 and conv3_3; the last one rounds up, so that conv4_3 has 38 rows.
const POOLS: [(usize, &str, PoolConfig); 3] = [
    (2, "features.4", PoolConfig::square(2, 2)),
    (7, "features.9", PoolConfig::square(2, 2)),
    (14, "features.16", PoolConfig::square(2, 2).ceil()),
];
const POOL5: PoolConfig = PoolConfig { padding: [1; 2], ..PoolConfig::square(3, 1) };

/// A layer of the extras: the channels between and of the output; kernel, stride and padding of the second convolution.
type Extra = ([usize; 2], [usize; 3]);

const SSD300: &[Extra] =
    &[([256, 512], [3, 2, 1]), ([128, 256], [3, 2, 1]), ([128, 256], [3, 1, 0]), ([128, 256], [3, 1, 0])];
const SSD512: &[Extra] = &[
    ([256, 512], [3, 2, 1]),
    ([128, 256], [3, 2, 1]),
    ([128, 256], [3, 2, 1]),
    ([128, 256], [3, 2, 1]),
    ([128, 256], [4, 1, 1]),
];

struct Vgg16 {
    conv1_to_conv4_3: Stage,
    conv4_3_norm: L2Norm,
    conv5_to_fc7: Stage,
}

impl Trunk for Vgg16 {
    fn layers(&self) -> Vec<String> {
        let norm = ["conv4_3_norm".to_owned()];
        self.conv1_to_conv4_3.layers().into_iter().chain(norm).chain(self.conv5_to_fc7.layers()).collect()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Result<Vec<Value>, Halt> {
        let conv4_3 = self.conv1_to_conv4_3.run(x, pass)?;
        let normed = pass.l2_norm("conv4_3_norm", &self.conv4_3_norm, &conv4_3)?;
        let fc7 = self.conv5_to_fc7.run(&conv4_3, pass)?;
        Ok(vec![normed, fc7])
    }
}

pub(super) fn ssd300(options: &VggOptions, heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    build(SSD300, options, heads, vb)
}

pub(super) fn ssd512(options: &VggOptions, heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    build(SSD512, options, heads, vb)
}

fn build(extras: &[Extra], options: &VggOptions, heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    let scaled = |channels| scaled(channels, options.width);
    let backbone = vb.pp("backbone");
    let relu = |name: &str, shape: Shape, fresh: Fresh| {
        Unit::biased(name, shape, Activation::Relu, fresh, backbone.pp(name)).map_err(plain)
    };
    let mut inputs = 3;
    let mut first = Vec::new();
    for (place, outputs) in FEATURES {
        let (name, outputs) = (format!("features.{place}"), scaled(outputs));
        first.push(Step::Conv(relu(&name, Shape::square(3, [inputs, outputs]), Fresh::kaiming_out())?));
        first.extend(POOLS.iter().filter(|(after, ..)| *after == place).map(|(_, name, pool)| Step::Pool(name, *pool)));
        inputs = outputs;
    }
    let conv4_3 = inputs;
    let mut second = vec![Step::Pool("extra.0.0", PoolConfig::square(2, 2))];
    for place in [1, 3, 5] {
        let shape = Shape::square(3, [conv4_3; 2]);
        second.push(Step::Conv(relu(&format!("extra.0.{place}"), shape, Fresh::kaiming_out())?));
    }
    second.push(Step::Pool("extra.0.7.0", POOL5));
    let fc = scaled(1024);
    for (name, shape) in
        [("extra.0.7.1", Shape::square(3, [conv4_3, fc]).dilation(6)), ("extra.0.7.3", Shape::pointwise([fc; 2]))]
    {
        second.push(Step::Conv(relu(name, shape, shape.xavier())?));
    }
    let scale = backbone.get_with_hints(conv4_3, "scale_weight", Init::Const(20.0)).map_err(plain)?;
    let trunk = Vgg16 {
        conv1_to_conv4_3: Stage::new("conv4_3", first),
        conv4_3_norm: L2Norm::with_weight(scale, L2Epsilon::AtLeast(1e-12)),
        conv5_to_fc7: Stage::new("fc7", second),
    };
    let (mut channels, mut stages) = (vec![conv4_3, fc], Vec::new());
    for (index, ([between, outputs], [kernel, stride, padding])) in extras.iter().enumerate() {
        let (inputs, between, outputs) = (channels[channels.len() - 1], scaled(*between), scaled(*outputs));
        let second = Shape::square(*kernel, [between, outputs]).stride(*stride).padding(*padding);
        let shapes = [("0", Shape::pointwise([inputs, between])), ("2", second)];
        let name = format!("extra.{}", index + 1);
        let units = shapes.map(|(place, shape)| relu(&format!("{name}.{place}"), shape, shape.xavier()));
        stages.push(Stage::of_units(&name, units.into_iter().collect::<Result<_>>()?));
        channels.push(outputs);
    }
    Ok(SsdNetwork { trunk: Box::new(trunk), extras: stages, heads: heads.torchvision(&channels, vb)? })
}
