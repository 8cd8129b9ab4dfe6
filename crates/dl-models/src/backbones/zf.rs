//! ZF, the fast network of Faster R-CNN (Zeiler and Fergus 2014, Visualizing and understanding convolutional networks, in
//! the form of py-faster-rcnn's `models/pascal_voc/ZF`), in Caffe's layer names.
//!
//! | output | module | channels | kernel, stride, padding |
//! | --- | --- | --- | --- |
//! | conv1 (after ReLU) | conv1 | 96 | 7, 2, 3 |
//! | norm1, pool1 | | | 3; 3, 2, 1 |
//! | conv2 (after ReLU) | conv2 | 256 | 5, 2, 2 |
//! | norm2, pool2 | | | 3; 3, 2, 1 |
//! | conv3, conv4, conv5 (after ReLU) | conv3 .. conv5 | 384, 384, 256 | 3, 1, 1 |
//! | pool5 | | | 3, 2, 0, then 6 x 6 |
//! | fc6, fc7 (after ReLU), fc8 | fc6 .. fc8 | 4096, 4096, classes | |
//!
//! The normalization is over the 3 x 3 positions around within each channel, unlike AlexNet's over channels. Caffe's pools
//! keep a last window that extends past the edge. A detector pools 6 x 6 bins of a region of conv5; for whole images, which
//! the source classifies in another network, the last map is averaged to 6 x 6.

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
pub struct ZfOptions {
    /// Factor on the number of channels, except for the input and the classes; the 4096 of fc6 and fc7 too.
    pub width: f64,
}

impl Default for ZfOptions {
    fn default() -> Self {
        Self { width: 1.0 }
    }
}

/// ZF. Inputs of at least 33 x 33 pixels.
pub struct Zf {
    convs: [Conv2d; 5],
    head: CaffeHead,
}

const POOL: PoolConfig = PoolConfig { padding: [1; 2], ..PoolConfig::square(3, 2).ceil() };
const LAST_POOL: PoolConfig = PoolConfig::square(3, 2).ceil();
const LRN: LocalResponseNorm =
    LocalResponseNorm { neighbors: Neighbors::Positions, size: 3, alpha: 5e-5, beta: 0.75, k: 1.0 };

/// Channels, kernel, stride, padding.
const CONVS: [(usize, usize, usize, usize); 5] =
    [(96, 7, 2, 3), (256, 5, 2, 2), (384, 3, 1, 1), (384, 3, 1, 1), (256, 3, 1, 1)];

impl Zf {
    /// Builds the network from tensors `conv1.weight` to `fc8.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &ZfOptions, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        // Caffe's filler of its AlexNets.
        let fresh = |stdev: f64| Fresh { weight: Init::Randn { mean: 0.0, stdev }, bias: Init::Const(0.0) };
        let mut inputs = 3;
        let mut convs = Vec::new();
        for (index, (outputs, kernel, stride, padding)) in CONVS.into_iter().enumerate() {
            let padding = Padding::all(padding);
            let config = Conv2dConfig { stride: [stride; 2], padding, ..Conv2dConfig::default() };
            let channels = [inputs, scaled(outputs, options.width)];
            convs.push(Conv2d::new(channels, [kernel; 2], config, fresh(0.01), vb.pp(format!("conv{}", index + 1)))?);
            inputs = channels[1];
        }
        let hidden = scaled(4096, options.width);
        Ok(Self {
            convs: convs.try_into().map_err(|_| candle_core::Error::Msg("five convolutions".into()))?,
            head: CaffeHead::new([inputs, hidden, num_classes], [0.005, 0.01].map(fresh), &vb)?,
        })
    }
}

impl Backbone for Zf {
    fn layers(&self) -> Vec<String> {
        let layers = [
            "conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "drop6",
            "fc7", "drop7", "fc8", LOGITS,
        ];
        layers.map(String::from).to_vec()
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
        let x = pass.local_response_norm("norm1", &LRN, &x)?;
        let x = pass.max_pool("pool1", &POOL, &x)?;
        let x = pass.conv_relu(["", "conv2"], conv2, &x)?;
        let x = pass.local_response_norm("norm2", &LRN, &x)?;
        let x = pass.max_pool("pool2", &POOL, &x)?;
        let x = pass.conv_relu(["", "conv3"], conv3, &x)?;
        let x = pass.conv_relu(["", "conv4"], conv4, &x)?;
        let x = pass.conv_relu(["", "conv5"], conv5, &x)?;
        let x = pass.max_pool("pool5", &LAST_POOL, &x)?;
        self.head.run(&x, pass)
    }
}
