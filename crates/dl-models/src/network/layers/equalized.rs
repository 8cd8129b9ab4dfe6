//! Layers with an equalized learning rate (Karras et al. 2018, section 4.1): weights start as standard normal numbers and
//! are multiplied by a constant wherever they are used, so that Adam's steps have the same relative size in all layers.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_ops::Conv2dConfig;

use super::{Conv2d, Linear};

/// A fully connected layer with an equalized learning rate.
#[derive(Clone, Debug)]
pub struct EqualizedLinear {
    weight: Tensor,
    bias: Tensor,
    /// Factors on the weight and the bias.
    gains: [f64; 2],
}

impl EqualizedLinear {
    /// `weight` [outputs, inputs] and `bias` [outputs], `bias` at first, under the builder's prefix. `rate` is a factor on
    /// the learning rate of both (Karras et al. 2019, appendix C: 0.01 in the mapping network).
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new([inputs, outputs]: [usize; 2], (rate, bias): (f64, f64), vb: VarBuilder) -> Result<Self> {
        let fresh = Init::Randn { mean: 0.0, stdev: 1.0 / rate };
        let weight = vb.get_with_hints((outputs, inputs), "weight", fresh)?;
        let bias = vb.get_with_hints(outputs, "bias", Init::Const(bias))?;
        Ok(Self { weight, bias, gains: [rate / (inputs as f64).sqrt(), rate] })
    }

    /// The layer as it is now, with outputs `gain` times as large: that of the leaky ReLU after it.
    /// # Errors
    /// When candle fails.
    pub fn layer(&self, gain: f64) -> Result<Linear> {
        let [of_weight, of_bias] = self.gains.map(|own| own * gain);
        Ok(Linear::fixed((&self.weight * of_weight)?, Some((&self.bias * of_bias)?)))
    }
}

/// A convolution with an equalized learning rate.
#[derive(Clone, Debug)]
pub struct EqualizedConv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    gain: f64,
    config: Conv2dConfig,
}

impl EqualizedConv2d {
    /// `weight` [outputs, inputs, kh, kw] and `bias` [outputs], 0 at first, under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(channels: [usize; 2], kernel: [usize; 2], config: Conv2dConfig, vb: VarBuilder) -> Result<Self> {
        let bias = vb.get_with_hints(channels[1], "bias", Init::Const(0.0))?;
        Ok(Self { bias: Some(bias), ..Self::without_bias(channels, kernel, config, vb)? })
    }

    /// The same without a bias.
    /// # Errors
    /// When the builder lacks the tensor.
    pub fn without_bias(
        [inputs, outputs]: [usize; 2],
        [kh, kw]: [usize; 2],
        config: Conv2dConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let fresh = Init::Randn { mean: 0.0, stdev: 1.0 };
        let weight = vb.get_with_hints((outputs, inputs, kh, kw), "weight", fresh)?;
        let gain = 1.0 / ((inputs * kh * kw) as f64).sqrt();
        Ok(Self { weight, bias: None, gain, config })
    }

    /// The layer as it is now, with outputs `gain` times as large: that of the leaky ReLU after it.
    /// # Errors
    /// When candle fails.
    pub fn layer(&self, gain: f64) -> Result<Conv2d> {
        let conv = Conv2d::fixed((&self.weight * (self.gain * gain))?, self.config);
        match &self.bias {
            Some(bias) => Ok(conv.with_bias((bias * gain)?)),
            None => Ok(conv),
        }
    }
}
