//! Parts shared by the Inception networks: a convolution without bias, a batch norm and ReLU; and the change of the
//! input's normalization.

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};

use crate::network::layers::Fresh;
use crate::{BatchNorm2d, Conv2d, Pass, Run, Value};

const EPS: f64 = 1e-3;

/// torchvision's `BasicConv2d`: `conv` and `bn`.
pub(super) struct BasicConv2d {
    conv: Conv2d,
    bn: BatchNorm2d,
}

impl BasicConv2d {
    /// Padded to preserve the size, up to the stride.
    pub(super) fn same(
        channels: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let [vertical, horizontal] = kernel.map(|length| length / 2);
        let padding = Padding { top: vertical, bottom: vertical, left: horizontal, right: horizontal };
        Self::new(channels, kernel, Conv2dConfig { stride: [stride; 2], padding, ..Conv2dConfig::default() }, fresh, vb)
    }

    pub(super) fn new(
        channels: [usize; 2],
        kernel: [usize; 2],
        config: Conv2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        Ok(Self {
            conv: Conv2d::without_bias(channels, kernel, config, fresh, vb.pp("conv"))?,
            bn: BatchNorm2d::new(channels[1], EPS, vb.pp("bn"))?,
        })
    }

    /// Its outputs, in the order of computation.
    pub(super) fn layers(name: &str) -> [String; 3] {
        [format!("{name}.conv"), format!("{name}.bn"), name.to_owned()]
    }

    pub(super) fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv(&format!("{name}.conv"), &self.conv, x)?;
        pass.batch_norm_relu([&format!("{name}.bn"), name], &self.bn, &x)
    }
}

/// The input normalized with 0.5 and 0.5 instead of ImageNet's mean and standard deviation: torchvision's
/// `transform_input`, (x * std + mean - 0.5) / 0.5.
pub(super) fn transform_input(x: &Value, pass: &mut Pass) -> Run {
    let [scale, shift] = [[0.458, 0.448, 0.45], [-0.03, -0.088, -0.188]];
    pass.affine("", &scale, &shift, x)
}
