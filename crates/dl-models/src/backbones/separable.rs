//! The depthwise separable convolution (Chollet 2017): each channel filtered separately, then a 1 x 1 convolution
//! across the channels; no bias, and nothing between them.

use candle_core::Result;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};

use crate::network::layers::Fresh;
use crate::{Conv2d, Pass, Run, Value};

/// 3 x 3 per channel, padded to preserve the size, then 1 x 1.
pub(super) struct SeparableConv2d {
    depthwise: Conv2d,
    pointwise: Conv2d,
    /// The module paths of the two within this one.
    names: [&'static str; 2],
}

impl SeparableConv2d {
    pub(super) fn new([inputs, outputs]: [usize; 2], names: [&'static str; 2], vb: VarBuilder) -> Result<Self> {
        let config = Conv2dConfig { padding: Padding::all(1), groups: inputs, ..Conv2dConfig::default() };
        let (plain, fresh) = (Conv2dConfig::default(), Fresh::kaiming_out());
        Ok(Self {
            depthwise: Conv2d::without_bias([inputs, inputs], [3, 3], config, fresh, vb.pp(names[0]))?,
            pointwise: Conv2d::without_bias([inputs, outputs], [1, 1], plain, fresh, vb.pp(names[1]))?,
            names,
        })
    }

    /// Its outputs, in the order of computation; that of the pointwise convolution is the output of the module.
    pub(super) fn layers(&self, name: &str) -> [String; 2] {
        [format!("{name}.{}", self.names[0]), name.to_owned()]
    }

    pub(super) fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.conv(&format!("{name}.{}", self.names[0]), &self.depthwise, x)?;
        pass.conv(name, &self.pointwise, &x)
    }
}
