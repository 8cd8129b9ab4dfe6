//! The shapes of a convolution of a batch.

use anyhow::{Result, bail};

use crate::conv::{Conv2dConfig, Winograd};
use crate::map::Padding;

/// A convolution of a batch of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    pub(crate) images: usize,
    /// [channels, height, width].
    pub(crate) input: [usize; 3],
    /// [outputs, channels / groups, kh, kw].
    pub(crate) weight: [usize; 4],
    pub(crate) config: Conv2dConfig,
    /// [height, width].
    pub(crate) output: [usize; 2],
    /// The algorithm that 3 x 3 convolutions may use.
    pub(crate) winograd: Winograd,
}

impl ConvShape {
    /// The convolution of x [n, c, h, w] with a weight [outputs, c / groups, kh, kw].
    /// # Errors
    /// When the shapes do not match, and as [`Winograd::current`], which it uses.
    pub fn new(x: &[usize], weight: &[usize], config: Conv2dConfig) -> Result<Self> {
        let (&[images, channels, height, width], &[outputs, inputs, kh, kw]) = (x, weight) else {
            bail!("conv2d: expected x [n,c,h,w] and weight [o,c,kh,kw], got {x:?} and {weight:?}");
        };
        let Conv2dConfig { stride, padding, dilation, groups } = config;
        if groups == 0 || channels != inputs * groups || !outputs.is_multiple_of(groups) {
            bail!("conv2d: x {x:?} and weight {weight:?} do not match with groups {groups}");
        }
        if weight.contains(&0) || stride.contains(&0) || dilation.contains(&0) {
            bail!("conv2d: weight {weight:?}, stride {stride:?} and dilation {dilation:?} must not contain 0");
        }
        let Padding { top, bottom, left, right } = padding;
        let fits = |length: usize, padding: usize, kernel: usize, dilation: usize| {
            length > 0 && length + padding > dilation * (kernel - 1)
        };
        if !fits(height, top + bottom, kh, dilation[0]) || !fits(width, left + right, kw, dilation[1]) {
            bail!("conv2d: x {x:?} is smaller than the kernel {kh}x{kw}");
        }
        let output = config.output([height, width], [kh, kw])?;
        let (input, weight) = ([channels, height, width], [outputs, inputs, kh, kw]);
        Ok(Self { images, input, weight, config, output, winograd: Winograd::current()? })
    }

    /// [n, outputs, h', w'].
    pub fn output_dims(&self) -> [usize; 4] {
        [self.images, self.weight[0], self.output[0], self.output[1]]
    }

    /// Height and width of the kernel.
    pub(crate) fn kernel(&self) -> [usize; 2] {
        [self.weight[2], self.weight[3]]
    }

    /// The margin that the input map needs.
    pub(crate) fn margin(&self) -> Padding {
        self.config.margin([self.input[1], self.input[2]], self.kernel(), self.output)
    }

    /// Whether each channel has its own kernel.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.weight[1] == 1 && self.weight[0] == self.config.groups && self.weight[0] > 1
    }
}
