//! Convolutions for inference, with packed weights, fused with bias, residual and activation.
//!
//! [`Algorithm::of`] chooses the algorithm by the layer's shape alone, so that an image's result is bit for bit the
//! same in any batch.

mod algorithm;
mod depthwise;
mod direct;
mod local;
mod tiling;
mod transposed;
mod winograd;

use anyhow::{Result, bail};

pub(crate) use algorithm::{Algorithm, Convolution};
pub(crate) use local::{Local, LocalLayer};
pub(crate) use tiling::Tiling;
pub use transposed::ConvTranspose2dConfig;
pub(crate) use transposed::{Transposed, TransposedLayer};
pub use winograd::Winograd;

use crate::activation::Activation;
use crate::map::{Map, Padding};

/// Options of a convolution; pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dConfig {
    /// Step between outputs.
    pub stride: [usize; 2],
    /// Zeros around the map.
    pub padding: Padding,
    /// Distance between neighbors under the kernel.
    pub dilation: [usize; 2],
    /// Number of independent groups of channels.
    pub groups: usize,
}

impl Default for Conv2dConfig {
    fn default() -> Self {
        Self { stride: [1; 2], padding: Padding::default(), dilation: [1; 2], groups: 1 }
    }
}

impl Conv2dConfig {
    /// Height and width of the output for a weight [outputs, inputs / groups, kh, kw].
    /// # Errors
    /// When the padded map is smaller than the kernel, or the kernel, stride or dilation is 0.
    pub fn output(&self, [height, width]: [usize; 2], [kh, kw]: [usize; 2]) -> Result<[usize; 2]> {
        let Padding { top, bottom, left, right } = self.padding;
        let along = |length: usize, padding: usize, axis: usize, kernel: usize| {
            let reach = self.dilation[axis] * (kernel.max(1) - 1) + 1;
            if kernel == 0 || self.stride[axis] == 0 || self.dilation[axis] == 0 {
                bail!(
                    "a convolution of {kh}x{kw} cannot have stride {:?} and dilation {:?}",
                    self.stride,
                    self.dilation
                );
            }
            if length + padding < reach {
                bail!("a padded map of {height}x{width} is smaller than the kernel {kh}x{kw}");
            }
            Ok((length + padding - reach) / self.stride[axis] + 1)
        };
        Ok([along(height, top + bottom, 0, kh)?, along(width, left + right, 1, kw)?])
    }

    /// The margin that an input of this size needs to contain every kernel position.
    pub(crate) fn margin(&self, [height, width]: [usize; 2], kernel: [usize; 2], output: [usize; 2]) -> Padding {
        let after = |axis: usize, length: usize, before: usize| {
            let reach = (output[axis] - 1) * self.stride[axis] + (kernel[axis] - 1) * self.dilation[axis] + 1;
            reach.saturating_sub(before + length)
        };
        let Padding { top, left, .. } = self.padding;
        Padding { top, bottom: after(0, height, top), left, right: after(1, width, left) }
    }
}

/// A layer to compile.
#[derive(Clone, Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) conv: Conv2dConfig,
    /// The weight's [outputs, inputs / groups, kh, kw].
    pub(crate) shape: [usize; 4],
    /// [outputs], or empty.
    pub(crate) bias: &'a [f32],
    /// Applied to the output.
    pub(crate) activation: Activation,
    pub(crate) input: Map,
    pub(crate) output: Map,
    /// A map of the output's shape that is added before the activation.
    pub(crate) residual: Option<Map>,
}

impl Layer<'_> {
    /// The bias, padded with zeros to whole blocks.
    pub(crate) fn padded_bias(&self) -> crate::memory::Aligned {
        let mut bias = crate::memory::Aligned::zeros(self.output.blocks() * crate::simd::LANES);
        bias[..self.bias.len()].copy_from_slice(self.bias);
        bias
    }
}

/// The number of channels in a segment, for a map of `channels` in blocks of `lanes`: half a block if the second half
/// of the last block is unused, so that it is skipped.
fn channels_of_a_segment(channels: usize, lanes: usize) -> usize {
    let last = channels % lanes;
    if lanes == crate::simd::LANES && last > 0 && last <= lanes / 2 { lanes / 2 } else { lanes }
}
