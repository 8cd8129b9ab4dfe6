//! The layers of the synthesis network.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, Padding};

use super::{GAIN, SLOPE, blur};
use crate::network::pass::{Pass, Run, Value};
use crate::{Conv2d, EqualizedLinear, ModulatedConv2d};

/// Side of the kernels.
const KERNEL: usize = 3;

/// A modulated 3 x 3 convolution, which may double the map; noise, a bias, and a leaky ReLU.
pub(super) struct StyleLayer {
    affine: EqualizedLinear,
    conv: ModulatedConv2d,
    doubles: bool,
    outputs: usize,
    /// [1]
    noise_strength: Tensor,
    /// [outputs]
    bias: Tensor,
    /// The stored noise [height, width].
    noise: Tensor,
}

impl StyleLayer {
    /// `affine`, `weight`, `noise_strength`, `bias` and the buffer `noise_const` under the builder's prefix; `size` is that
    /// of the result.
    pub(super) fn new(
        columns: usize,
        [inputs, outputs]: [usize; 2],
        size: [usize; 2],
        doubles: bool,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let gain = 1.0 / ((inputs * KERNEL * KERNEL) as f64).sqrt();
        let same = Conv2dConfig { padding: Padding::all(KERNEL / 2), ..Default::default() };
        let conv = ModulatedConv2d::new([inputs, outputs], [KERNEL; 2], same, (gain, Some(GAIN)), vb.clone())?;
        let twice = ConvTranspose2dConfig { stride: [2; 2], ..Default::default() };
        let [height, width] = size;
        Ok(Self {
            affine: EqualizedLinear::new([columns, inputs], (1.0, 1.0), vb.pp("affine"))?,
            conv: if doubles { conv.transposed(twice) } else { conv },
            doubles,
            outputs,
            noise_strength: vb.get_with_hints(1, "noise_strength", Init::Const(0.0))?,
            bias: vb.get_with_hints(outputs, "bias", Init::Const(0.0))?,
            noise: vb.get_with_hints((height, width), "noise_const", Init::Randn { mean: 0.0, stdev: 1.0 })?,
        })
    }

    /// The stored noise [height, width].
    pub(super) fn stored_noise(&self) -> Tensor {
        self.noise.detach()
    }

    /// x [n, inputs, h, w], a style [n, columns] and noise [n, 1, h', w'] -> [n, outputs, h', w'].
    pub(super) fn run(&self, x: &Value, style: &Value, noise: &Value, pass: &mut Pass) -> Run {
        let scales = pass.linear("", &self.affine.layer(1.0)?, style)?;
        let mut x = pass.modulated_conv("", &self.conv, x, &scales)?;
        if self.doubles {
            // Three of four numbers between which the convolution is computed are zeros.
            x = pass.resample("", &blur(1, 4.0), &x)?;
        }
        // The noise of a place is the same for all channels: a convolution of one channel with one weight, and the bias.
        let strength = (&self.noise_strength * GAIN)?.reshape((1, 1, 1, 1))?;
        let strength = strength.broadcast_as((self.outputs, 1, 1, 1))?.contiguous()?;
        let added = Conv2d::fixed(strength, Conv2dConfig::default()).with_bias((&self.bias * GAIN)?);
        let added = pass.conv("", &added, noise)?;
        let x = pass.add("", &x, &added)?;
        pass.leaky_relu("", SLOPE, &x)
    }
}

/// A modulated 1 x 1 convolution to the channels of the image, without demodulation.
pub(super) struct ToImage {
    affine: EqualizedLinear,
    conv: ModulatedConv2d,
    /// [channels]
    bias: Tensor,
}

impl ToImage {
    /// `affine`, `weight` and `bias` under the builder's prefix.
    pub(super) fn new(columns: usize, [inputs, channels]: [usize; 2], vb: &VarBuilder) -> Result<Self> {
        let gain = 1.0 / (inputs as f64).sqrt();
        let conv = ModulatedConv2d::new([inputs, channels], [1; 2], Conv2dConfig::default(), (gain, None), vb.clone())?;
        Ok(Self {
            affine: EqualizedLinear::new([columns, inputs], (1.0, 1.0), vb.pp("affine"))?,
            conv,
            bias: vb.get_with_hints(channels, "bias", Init::Const(0.0))?,
        })
    }

    /// x [n, inputs, h, w] and a style [n, columns] -> [n, channels, h, w].
    pub(super) fn run(&self, x: &Value, style: &Value, pass: &mut Pass) -> Run {
        let scales = pass.linear("", &self.affine.layer(1.0)?, style)?;
        let y = pass.modulated_conv("", &self.conv, x, &scales)?;
        pass.bias("", &self.bias, &y)
    }
}
