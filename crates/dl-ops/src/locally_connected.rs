//! The locally connected layer, darknet's `[local]`: a convolution with filters of its own at every place (YOLOv1's
//! last but two).

use candle_core::{Result, Tensor, bail};

use crate::{Conv2dConfig, portable};

/// Applies weight [places, filters, c * kh * kw] and bias [filters, h', w'] to x [n, c, h, w]; returns [n, filters, h',
/// w']. Places are the positions of the output in row-major order.
/// # Errors
/// When the shapes do not match, `config` has groups or dilation, or candle fails.
pub fn locally_connected2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    kernel: [usize; 2],
    config: &Conv2dConfig,
) -> Result<Tensor> {
    let (_, channels, h, w) = x.dims4()?;
    let (places, filters, inputs) = weight.dims3()?;
    let size @ [height, width] = config.output([h, w], kernel).map_err(candle_core::Error::msg)?;
    if config.groups != 1 || config.dilation != [1, 1] {
        bail!("locally_connected2d: groups and dilation are not supported");
    }
    if places != height * width || inputs != channels * kernel[0] * kernel[1] {
        bail!(
            "locally_connected2d: weight {:?} does not match x {:?} with a kernel of {kernel:?} at {height}x{width}",
            weight.dims(),
            x.dims()
        );
    }
    if bias.is_some_and(|bias| bias.dims() != [filters, height, width]) {
        bail!("locally_connected2d: bias {:?} is not [{filters}, {height}, {width}]", bias.map(Tensor::dims));
    }
    portable::locally_connected2d(x, weight, bias, config, [kernel, size])
}
