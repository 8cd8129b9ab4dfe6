//! Networks for grayscale images.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use dl_ops::Conv2dConfig;

use crate::{Conv2d, Pass, Run, Value};

/// The weights of red, green and blue in gray: ITU-R BT.601, as in Pillow and OpenCV.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Converts the input of a network for one channel: of three channels, red, green and blue all normalized alike, the gray
/// value; one channel stays.
pub(super) struct ToGray {
    /// Constant.
    conv: Conv2d,
}

impl ToGray {
    /// On the device of the network's weights.
    pub(super) fn new(vb: &VarBuilder) -> Result<Self> {
        let weight = Tensor::new(&LUMA, vb.device())?.reshape((1, 3, 1, 1))?;
        Ok(Self { conv: Conv2d::fixed(weight, Conv2dConfig::default()) })
    }

    pub(super) fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        match pass.shape(x)? {
            [3, ..] => pass.conv("", &self.conv, x),
            _ => Ok(x.clone()),
        }
    }
}
