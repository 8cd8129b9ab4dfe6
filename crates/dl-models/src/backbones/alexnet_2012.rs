//! AlexNet as it won ILSVRC 2012 (Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural
//! networks), in Caffe's layer names: two towers (groups of 2) and local response normalization.
//!
//! | output | module | shape for 227 pixels |
//! | --- | --- | --- |
//! | conv1 .. conv5 (after ReLU) | conv1 .. conv5 | 96, 256, 384, 384, 256 channels |
//! | norm1, norm2 | norm1, norm2 | |
//! | pool1, pool2, pool5 | pool1, pool2, pool5 | 27, 13, 6 pixels |
//! | fc6, fc7 (after ReLU) | fc6, fc7 | 4096 |
//! | fc8 | fc8 | classes |
//!
//! Caffe's ReLU works in place, so its conv1 and fc7 are the outputs of ReLU; relu1 and relu7 are aliases for them.
//!
//! Caffe's files use two orders of the first layers: `bvlc_alexnet` (here `alexnet_2012`) normalizes before it pools,
//! as the paper does; `bvlc_reference_caffenet` (here `caffenet`) pools first. Where Caffe and the paper differ, this
//! follows Caffe, which trained the public weights: k is 1, not 2, and alpha, 1e-4, applies to the mean of the five
//! squares, not to their sum. Caffe's pools keep a last window that extends past the edge. The input is 227 x 227
//! pixels; for other sizes the last map is averaged to 6 x 6.

use candle_core::Result;
use candle_nn::{Init, VarBuilder};
use dl_ops::{Conv2dConfig, Neighbors, Padding, PoolConfig};
use serde::{Deserialize, Serialize};

use super::aliases;
use super::caffe_head::CaffeHead;
use super::width::scaled;
use crate::network::layers::Fresh;
use crate::{Backbone, Conv2d, LOGITS, LocalResponseNorm, Pass, Run, Value};

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlexNet2012Options {
    /// Factor on the number of channels, except for the input and the classes; the 4096 of fc6 and fc7 too.
    pub width: f64,
}

impl Default for AlexNet2012Options {
    fn default() -> Self {
        Self { width: 1.0 }
    }
}

/// The order of pooling and normalization after a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlexNetOrder {
    /// As in the paper and `bvlc_alexnet`.
    NormThenPool,
    /// As in `bvlc_reference_caffenet`.
    PoolThenNorm,
}

/// AlexNet of 2012. Inputs of at least 67 x 67 pixels.
pub struct AlexNet2012 {
    convs: [Conv2d; 5],
    head: CaffeHead,
    order: AlexNetOrder,
}

const POOL: PoolConfig = PoolConfig::square(3, 2).ceil();
const LRN: LocalResponseNorm =
    LocalResponseNorm { neighbors: Neighbors::Channels, size: 5, alpha: 1e-4, beta: 0.75, k: 1.0 };

/// Section 3.5 and figure 2 of the paper: channels, kernel, stride, padding, groups, initial bias (section 5).
const CONVS: [(usize, usize, usize, usize, usize, f64); 5] = [
    (96, 11, 4, 0, 1, 0.0),
    (256, 5, 1, 2, 2, 1.0),
    (384, 3, 1, 1, 1, 0.0),
    (384, 3, 1, 1, 2, 1.0),
    (256, 3, 1, 1, 2, 1.0),
];

impl AlexNet2012 {
    /// Builds the network from tensors `conv1.weight` to `fc8.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(order: AlexNetOrder, options: &AlexNet2012Options, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let scaled = |channels| scaled(channels, options.width);
        let mut inputs = 3;
        let mut convs = Vec::new();
        for (index, (outputs, kernel, stride, padding, groups, bias)) in CONVS.into_iter().enumerate() {
            let padding = Padding::all(padding);
            let config = Conv2dConfig { stride: [stride; 2], padding, groups, ..Conv2dConfig::default() };
            let channels = [inputs, scaled(outputs)];
            let vb = vb.pp(format!("conv{}", index + 1));
            convs.push(Conv2d::new(channels, [kernel; 2], config, fresh(0.01, bias), vb)?);
            inputs = channels[1];
        }
        let hidden = scaled(4096);
        Ok(Self {
            convs: convs.try_into().map_err(|_| candle_core::Error::Msg("five convolutions".into()))?,
            head: CaffeHead::new([inputs, hidden, num_classes], [fresh(0.005, 1.0), fresh(0.01, 0.0)], &vb)?,
            order,
        })
    }

    /// Pools and normalizes after the first convolutions.
    fn shrink(&self, [norm, pool]: [&str; 2], x: &Value, pass: &mut Pass) -> Run {
        match self.order {
            AlexNetOrder::NormThenPool => {
                let x = pass.local_response_norm(norm, &LRN, x)?;
                pass.max_pool(pool, &POOL, &x)
            }
            AlexNetOrder::PoolThenNorm => {
                let x = pass.max_pool(pool, &POOL, x)?;
                pass.local_response_norm(norm, &LRN, &x)
            }
        }
    }
}

/// Section 5 of the paper, and Caffe's files.
fn fresh(stdev: f64, bias: f64) -> Fresh {
    Fresh { weight: Init::Randn { mean: 0.0, stdev }, bias: Init::Const(bias) }
}

impl Backbone for AlexNet2012 {
    fn layers(&self) -> Vec<String> {
        let [first, second] = match self.order {
            AlexNetOrder::NormThenPool => [["norm1", "pool1"], ["norm2", "pool2"]],
            AlexNetOrder::PoolThenNorm => [["pool1", "norm1"], ["pool2", "norm2"]],
        };
        let layers = [
            &["conv1"][..],
            &first,
            &["conv2"],
            &second,
            &["conv3", "conv4", "conv5", "pool5", "fc6", "drop6", "fc7", "drop7", "fc8", LOGITS],
        ];
        layers.concat().into_iter().map(String::from).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([
            ("relu1", "conv1"),
            ("relu2", "conv2"),
            ("relu3", "conv3"),
            ("relu4", "conv4"),
            ("relu5", "conv5"),
            ("relu6", "fc6"),
            ("relu7", "fc7"),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let [conv1, conv2, conv3, conv4, conv5] = &self.convs;
        let x = pass.conv_relu(["", "conv1"], conv1, x)?;
        let x = self.shrink(["norm1", "pool1"], &x, pass)?;
        let x = pass.conv_relu(["", "conv2"], conv2, &x)?;
        let x = self.shrink(["norm2", "pool2"], &x, pass)?;
        let x = pass.conv_relu(["", "conv3"], conv3, &x)?;
        let x = pass.conv_relu(["", "conv4"], conv4, &x)?;
        let x = pass.conv_relu(["", "conv5"], conv5, &x)?;
        let x = pass.max_pool("pool5", &POOL, &x)?;
        self.head.run(&x, pass)
    }
}
