//! The modulated convolution of StyleGAN2 (Karras et al. 2020, section 2.2): a style scales the input channels of the
//! weight for each sample, and demodulation gives each output channel unit variance again.
//!
//! Scaling the channels of the input and of the output instead is the same sum, and all samples share one weight.

use candle_core::{Result, Tensor, bail};

use crate::{Conv2dConfig, ConvTranspose2dConfig, conv_transpose2d, conv2d, gate, linear};

/// Added to the sum of squares of a demodulated filter.
pub const DEMODULATION_EPS: f64 = 1e-8;

/// Convolves x [n, c, h, w] with weight [outputs, c, kh, kw], whose input channels are scaled by styles [n, c] for each
/// sample; with `demodulation`, each filter is then divided by its norm and multiplied by this number. Returns
/// [n, outputs, h', w'].
/// # Errors
/// When the shapes do not match, there are groups, or candle fails.
pub fn modulated_conv2d(
    x: &Tensor,
    weight: &Tensor,
    styles: &Tensor,
    demodulation: Option<f64>,
    config: &Conv2dConfig,
) -> Result<Tensor> {
    check(x, weight, styles, config.groups)?;
    let y = conv2d(&scaled(x, styles)?, weight, None, config)?;
    demodulated(y, weight, styles, demodulation)
}

/// The transposed [`modulated_conv2d`], which enlarges the map: the weight is [outputs, c, kh, kw] as there.
/// # Errors
/// As there.
pub fn modulated_conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    styles: &Tensor,
    demodulation: Option<f64>,
    config: &ConvTranspose2dConfig,
) -> Result<Tensor> {
    check(x, weight, styles, config.groups)?;
    let turned = weight.transpose(0, 1)?.contiguous()?;
    let y = conv_transpose2d(&scaled(x, styles)?, &turned, None, config)?;
    demodulated(y, weight, styles, demodulation)
}

/// One divided by the norm of each filter of weight [outputs, c, kh, kw] with its channels scaled by styles [n, c]:
/// [n, outputs].
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn demodulation(weight: &Tensor, styles: &Tensor) -> Result<Tensor> {
    let squares = weight.sqr()?.sum((2, 3))?;
    (linear(&styles.sqr()?, &squares, None)? + DEMODULATION_EPS)?.sqrt()?.recip()
}

fn demodulated(y: Tensor, weight: &Tensor, styles: &Tensor, gain: Option<f64>) -> Result<Tensor> {
    match gain {
        Some(gain) => scaled(&y, &(demodulation(weight, styles)? * gain)?),
        None => Ok(y),
    }
}

fn check(x: &Tensor, weight: &Tensor, styles: &Tensor, groups: usize) -> Result<()> {
    let ((n, c, _, _), (_, inputs, _, _)) = (x.dims4()?, weight.dims4()?);
    if inputs != c || styles.dims() != [n, c] || groups != 1 {
        bail!(
            "modulated_conv2d: x {:?}, weight {:?}, styles {:?} and {groups} groups do not match",
            x.dims(),
            weight.dims(),
            styles.dims()
        );
    }
    Ok(())
}

/// The channels of x [n, c, h, w] times factors [n, c].
fn scaled(x: &Tensor, factors: &Tensor) -> Result<Tensor> {
    let (n, c) = factors.dims2()?;
    gate(x, &factors.reshape((n, c, 1, 1))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Padding;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};

    fn padded() -> Conv2dConfig {
        Conv2dConfig { padding: Padding::all(1), ..Default::default() }
    }

    fn twice() -> ConvTranspose2dConfig {
        ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], output_padding: [1, 1], ..Default::default() }
    }

    /// By the paper: each sample with a weight of its own.
    fn naive(x: &Tensor, weight: &Tensor, styles: &Tensor, demodulate: bool, transposed: bool) -> Tensor {
        let outputs = (0..x.dim(0).unwrap()).map(|sample| {
            let style = styles.narrow(0, sample, 1).unwrap().reshape((1, (), 1, 1)).unwrap();
            let mut own = weight.broadcast_mul(&style).unwrap();
            if demodulate {
                let norm = (own.sqr().unwrap().sum_keepdim((1, 2, 3)).unwrap() + 1e-8).unwrap().sqrt().unwrap();
                own = own.broadcast_div(&norm).unwrap();
            }
            let x = x.narrow(0, sample, 1).unwrap();
            if transposed {
                conv_transpose2d(&x, &own.transpose(0, 1).unwrap().contiguous().unwrap(), None, &twice()).unwrap()
            } else {
                conv2d(&x, &own, None, &padded()).unwrap()
            }
        });
        Tensor::cat(&outputs.collect::<Vec<_>>(), 0).unwrap()
    }

    #[test]
    fn equals_a_weight_for_each_sample_on_odd_and_strided_maps() {
        let (weight, styles) = (strided("w", &[7, 5, 3, 3]), strided("s", &[3, 5]));
        for x in [draw("x", &[3, 5, 6, 7]), strided("x", &[3, 5, 4, 3])] {
            for gain in [None, Some(1.0), Some(1.5)] {
                let naive = |transposed| {
                    (naive(&x, &weight, &styles, gain.is_some(), transposed) * gain.unwrap_or(1.0)).unwrap()
                };
                let found = modulated_conv2d(&x, &weight, &styles, gain, &padded()).unwrap();
                assert_close(&found, &naive(false), 1e-5);
                let found = modulated_conv_transpose2d(&x, &weight, &styles, gain, &twice()).unwrap();
                assert_close(&found, &naive(true), 1e-5);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        let shapes: [&[usize]; 3] = [&[2, 3, 4, 3], &[2, 3, 3, 3], &[2, 3]];
        for gain in [None, Some(1.5)] {
            check_gradients(&shapes, 3e-3, |t| modulated_conv2d(&t[0], &t[1], &t[2], gain, &padded()));
            check_gradients(&shapes, 3e-3, |t| modulated_conv_transpose2d(&t[0], &t[1], &t[2], gain, &twice()));
        }
    }

    #[test]
    fn shapes_that_do_not_match_are_an_error() {
        let (x, weight) = (draw("x", &[2, 3, 4, 4]), draw("w", &[2, 3, 3, 3]));
        assert!(modulated_conv2d(&x, &weight, &draw("s", &[2, 2]), Some(1.0), &padded()).is_err());
        assert!(modulated_conv2d(&x, &draw("w", &[2, 4, 3, 3]), &draw("s", &[2, 3]), Some(1.0), &padded()).is_err());
    }
}
