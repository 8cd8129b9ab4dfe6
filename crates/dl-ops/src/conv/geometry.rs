//! The shapes of one convolution, and how its work is cut into pieces.

use candle_core::{Result, Shape, bail};

use dl_kernels::Conv2dConfig;

/// Numbers of the im2col matrix of one strip: 2 MB, which a core's share of the caches can hold, and long enough for
/// packing the weight anew for each strip to cost little.
const STRIP: usize = 1 << 19;

pub(super) struct Geometry {
    pub(super) config: Conv2dConfig,
    pub(super) n: usize,
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) outputs: usize,
    pub(super) kernel: [usize; 2],
    pub(super) out_height: usize,
    pub(super) out_width: usize,
}

impl Geometry {
    /// Checks that x [n, c, h, w] and weight [outputs, c / groups, kh, kw] go together.
    pub(super) fn new(x: &[usize], weight: &[usize], config: &Conv2dConfig) -> Result<Self> {
        let (&[n, channels, height, width], &[outputs, weight_channels, kh, kw]) = (x, weight) else {
            bail!("conv2d: want x [n,c,h,w] and weight [o,c,kh,kw], got {x:?} and {weight:?}");
        };
        let Conv2dConfig { stride, padding, dilation, groups } = *config;
        if groups == 0 || channels != weight_channels * groups || !outputs.is_multiple_of(groups) {
            bail!("conv2d: x {x:?} and weight {weight:?} do not fit with groups {groups}");
        }
        if weight.contains(&0) || stride.contains(&0) || dilation.contains(&0) {
            bail!("conv2d: weight {weight:?}, stride {stride:?} and dilation {dilation:?} must not hold 0");
        }
        let along = |length: usize, padding: usize, kernel: usize, stride: usize, dilation: usize| {
            let reach = dilation * (kernel - 1) + 1;
            (length + padding).checked_sub(reach).map(|free| free / stride + 1)
        };
        let out_height = along(height, padding.top + padding.bottom, kh, stride[0], dilation[0]);
        let out_width = along(width, padding.left + padding.right, kw, stride[1], dilation[1]);
        let (Some(out_height), Some(out_width)) = (out_height, out_width) else {
            bail!("conv2d: x {x:?} is smaller than the kernel {kh}x{kw}");
        };
        let (config, kernel) = (*config, [kh, kw]);
        Ok(Self { config, n, channels, height, width, outputs, kernel, out_height, out_width })
    }

    pub(super) fn output_shape(&self) -> Shape {
        (self.n, self.outputs, self.out_height, self.out_width).into()
    }

    /// Pixels of one output channel.
    pub(super) fn pixels(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Numbers of one input picture.
    pub(super) fn picture(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Input channels of a group.
    pub(super) fn group_channels(&self) -> usize {
        self.channels / self.config.groups
    }

    /// Output channels of a group.
    pub(super) fn group_outputs(&self) -> usize {
        self.outputs / self.config.groups
    }

    /// Rows of the im2col matrix of a group: the numbers under the kernel.
    pub(super) fn depth(&self) -> usize {
        self.group_channels() * self.kernel[0] * self.kernel[1]
    }

    /// Input pixels are output pixels: the input itself is the im2col matrix.
    pub(super) fn is_pointwise(&self) -> bool {
        let Conv2dConfig { stride, padding, .. } = self.config;
        self.kernel == [1, 1] && stride == [1, 1] && padding == dl_kernels::Padding::default()
    }

    /// (first pixel, pixels) of each strip of a picture: of about equal length, multiples of 16 but the last.
    pub(super) fn strips(&self) -> Vec<(usize, usize)> {
        let pixels = self.pixels();
        let longest = (STRIP / self.depth()).clamp(64, 1024);
        let length = pixels.div_ceil(pixels.div_ceil(longest)).next_multiple_of(16);
        (0..pixels).step_by(length).map(|first| (first, length.min(pixels - first))).collect()
    }
}
