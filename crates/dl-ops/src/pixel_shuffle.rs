//! Pixel shuffle (Shi et al. 2016, ESPCN, section 3.2), like torch's `pixel_shuffle`, and its inverse.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu;

/// Turns channels into pixels: x [n, c r r, h, w] to [n, c, h r, w r] for r = `factor`.
///
/// Pixel (i, j) of each r x r square of channel c is channel c r r + i r + j of x.
/// # Errors
/// When the number of channels is not a multiple of r r, or candle fails.
pub fn pixel_shuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (n, channels, h, w) = x.dims4()?;
    let square = factor.saturating_mul(factor);
    if square == 0 || !channels.is_multiple_of(square) {
        bail!("pixel_shuffle: {channels} channels are not a multiple of {factor} x {factor}");
    }
    let whole = [n, channels / square, h * factor, w * factor];
    if cpu::serves(x) {
        return x.apply_op1(Shuffle { whole, factor, inverse: false });
    }
    x.reshape(&[n, channels / square, factor, factor, h, w])?.permute(vec![0, 1, 4, 2, 5, 3])?.reshape(whole.to_vec())
}

/// Turns pixels into channels, the inverse of [`pixel_shuffle`]: x [n, c, h r, w r] to [n, c r r, h, w].
/// # Errors
/// When height or width is not a multiple of `factor`, or candle fails.
pub fn pixel_unshuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (n, c, height, width) = x.dims4()?;
    if factor == 0 || !height.is_multiple_of(factor) || !width.is_multiple_of(factor) {
        bail!("pixel_unshuffle: a map of {height}x{width} is not a multiple of {factor}");
    }
    if cpu::serves(x) {
        return x.apply_op1(Shuffle { whole: [n, c, height, width], factor, inverse: true });
    }
    let (h, w) = (height / factor, width / factor);
    let squares = x.reshape(&[n, c, h, factor, w, factor])?.permute(vec![0, 1, 3, 5, 2, 4])?;
    squares.reshape((n, c * factor * factor, h, w))
}

struct Shuffle {
    /// The shape with more pixels.
    whole: [usize; 4],
    factor: usize,
    inverse: bool,
}

impl CustomOp1 for Shuffle {
    fn name(&self) -> &'static str {
        if self.inverse { "pixel_unshuffle" } else { "pixel_shuffle" }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ([n, c, height, width], factor) = (self.whole, self.factor);
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; x.len()];
        let (plane, w) = (height * width, width / factor);
        if plane > 0 {
            // One channel of the whole map, and the channels that it consists of.
            output.par_chunks_exact_mut(plane).zip(x.par_chunks_exact(plane)).for_each(|(output, x)| {
                for y in 0..height {
                    for column in 0..factor {
                        let part = (y % factor * factor + column) * (plane / (factor * factor)) + y / factor * w;
                        let row = y * width + column;
                        if self.inverse {
                            let pixels = x[row..].iter().step_by(factor);
                            output[part..part + w].iter_mut().zip(pixels).for_each(|(output, x)| *output = *x);
                        } else {
                            let pixels = output[row..].iter_mut().step_by(factor);
                            pixels.zip(&x[part..part + w]).for_each(|(output, x)| *output = *x);
                        }
                    }
                }
            });
        }
        let parts = [n, c * factor * factor, height / factor, w];
        Ok(cpu::output(output, if self.inverse { parts.to_vec() } else { self.whole.to_vec() }))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let back = if self.inverse { pixel_shuffle } else { pixel_unshuffle };
        back(&gradient.detach(), self.factor).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{bits, check_gradients, draw, strided};
    use crate::with_candle_ops;

    #[test]
    fn equals_the_composition_of_candles_operations_on_odd_and_strided_maps() {
        for (shape, factor) in
            [([2, 12, 3, 5], 2), ([1, 9, 7, 2], 3), ([3, 4, 1, 1], 2), ([1, 5, 2, 3], 1), ([0, 4, 2, 2], 2)]
        {
            for x in [draw("x", &shape), strided("x", &shape)].into_iter().skip(usize::from(shape[0] == 0)) {
                let x = if shape[0] == 0 { draw("x", &shape) } else { x };
                let y = pixel_shuffle(&x, factor).unwrap();
                let expected = with_candle_ops(|| pixel_shuffle(&x, factor).unwrap());
                assert_eq!(y.dims(), expected.dims());
                assert_eq!(bits(&y), bits(&expected));
                assert_eq!(bits(&with_candle_ops(|| pixel_unshuffle(&y, factor).unwrap())), bits(&x));
                assert_eq!(bits(&pixel_unshuffle(&y, factor).unwrap()), bits(&x));
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[2, 8, 3, 2]], 1e-2, |t| pixel_shuffle(&t[0], 2));
        check_gradients(&[&[2, 2, 6, 4]], 1e-2, |t| pixel_unshuffle(&t[0], 2));
    }

    #[test]
    fn a_number_of_channels_that_does_not_fit_is_an_error() {
        assert!(pixel_shuffle(&draw("x", &[1, 6, 2, 2]), 2).is_err());
        assert!(pixel_shuffle(&draw("x", &[1, 6, 2, 2]), 0).is_err());
        assert!(pixel_unshuffle(&draw("x", &[1, 6, 3, 2]), 2).is_err());
    }
}
