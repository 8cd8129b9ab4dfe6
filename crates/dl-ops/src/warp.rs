//! Images moved, turned and scaled: each pixel is read bilinearly at an affinely transformed place, and the image is
//! continued by reflection. It is linear in the image, so its adjoint is its gradient and an operation of its own.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu;

/// An affine map of places (x, y) relative to the center of an image, in pixels: (a x + b y + c, d x + e y + f) is where the
/// pixel at (x, y) of the result is read.
pub type Affine = [f64; 6];

/// Four places of an image and their weights.
type Taps = [(u32, f32); 4];

/// A transformation of each image of a batch.
#[derive(Clone, Debug)]
pub struct Warp {
    taps: Arc<Vec<Taps>>,
    images: usize,
    size: [usize; 2],
}

impl Warp {
    /// One map for each image of [height, width]. Pixels beyond an edge mirror those inside of it; the edge itself is not
    /// repeated.
    pub fn new(maps: &[Affine], [height, width]: [usize; 2]) -> Self {
        let center = [height, width].map(|side| (side as f64 - 1.0) / 2.0);
        let mut taps = Vec::with_capacity(maps.len() * height * width);
        for &[a, b, c, d, e, f] in maps {
            for row in 0..height {
                let y = row as f64 - center[0];
                for column in 0..width {
                    let x = column as f64 - center[1];
                    let [x, y] = [a * x + b * y + c + center[1], d * x + e * y + f + center[0]];
                    let ([left, top], [right, below]) = ([x.floor(), y.floor()], [x - x.floor(), y - y.floor()]);
                    let place = |y: f64, x: f64| (reflect(y, height) * width + reflect(x, width)) as u32;
                    taps.push([
                        (place(top, left), ((1.0 - below) * (1.0 - right)) as f32),
                        (place(top, left + 1.0), ((1.0 - below) * right) as f32),
                        (place(top + 1.0, left), (below * (1.0 - right)) as f32),
                        (place(top + 1.0, left + 1.0), (below * right) as f32),
                    ]);
                }
            }
        }
        Self { taps: Arc::new(taps), images: maps.len(), size: [height, width] }
    }

    /// Images x [n, c, height, width] transformed, of the same shape.
    /// # Errors
    /// When the shape is another one, or candle fails.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, false)
    }

    /// The adjoint: from the gradient of the result to that of the images, both [n, c, height, width].
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn adjoint(&self, gradient: &Tensor) -> Result<Tensor> {
        self.run(gradient, true)
    }

    fn run(&self, x: &Tensor, adjoint: bool) -> Result<Tensor> {
        let (n, c, h, w) = x.dims4()?;
        if (n, [h, w]) != (self.images, self.size) {
            bail!("warp: images {:?} are not {} of {:?}", x.dims(), self.images, self.size);
        }
        if cpu::serves(x) {
            return x.apply_op1(Step { warp: self.clone(), adjoint });
        }
        let rows = x.flatten_from(2)?.contiguous()?;
        let mut sum = rows.zeros_like()?;
        for tap in 0..4 {
            let (places, weights): (Vec<u32>, Vec<f32>) = self.taps.iter().map(|taps| taps[tap]).unzip();
            let places =
                Tensor::from_vec(places, (n, 1, h * w), x.device())?.broadcast_as((n, c, h * w))?.contiguous()?;
            let weights = Tensor::from_vec(weights, (n, 1, h * w), x.device())?.to_dtype(x.dtype())?;
            sum = match adjoint {
                true => sum.scatter_add(&places, &rows.broadcast_mul(&weights)?, 2)?,
                false => (sum + rows.gather(&places, 2)?.broadcast_mul(&weights)?)?,
            };
        }
        sum.reshape(x.shape())
    }
}

/// The pixel that one beyond the edges mirrors.
fn reflect(place: f64, side: usize) -> usize {
    let last = side as f64 - 1.0;
    if last <= 0.0 {
        return 0;
    }
    let within = place.rem_euclid(2.0 * last);
    (if within > last { 2.0 * last - within } else { within }) as usize
}

struct Step {
    warp: Warp,
    adjoint: bool,
}

impl CustomOp1 for Step {
    fn name(&self) -> &'static str {
        "warp"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, c, h, w) = layout.shape().dims4()?;
        let x = cpu::floats(storage, layout)?;
        let mut output = vec![0.0; x.len()];
        let (area, adjoint) = (h * w, self.adjoint);
        let planes = output.par_chunks_exact_mut(area).zip(x.par_chunks_exact(area)).enumerate();
        planes.for_each(|(plane, (output, x))| {
            let taps = &self.warp.taps[plane / c * area..][..area];
            if adjoint {
                for (number, taps) in x.iter().zip(taps) {
                    taps.iter().for_each(|(place, weight)| output[*place as usize] += weight * number);
                }
            } else {
                for (number, taps) in output.iter_mut().zip(taps) {
                    *number = taps.iter().map(|(place, weight)| weight * x[*place as usize]).sum();
                }
            }
        });
        Ok(cpu::output(output, layout.shape()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        self.warp.run(&gradient.detach(), !self.adjoint).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};
    use crate::with_candle_ops;

    const MAPS: [Affine; 3] =
        [[0.8, -0.5, 1.3, 0.6, 0.9, -2.2], [-1.0, 0.0, 0.0, 0.0, 1.0, 3.0], [1.7, 0.1, 8.0, -0.2, 1.4, -9.5]];

    #[test]
    fn equals_the_composition_of_candles_operations_on_odd_and_strided_images() {
        let warp = Warp::new(&MAPS, [5, 6]);
        for x in [draw("x", &[3, 2, 5, 6]), strided("x", &[3, 1, 5, 6])] {
            for run in [Warp::apply, Warp::adjoint] {
                let expected = with_candle_ops(|| run(&warp, &x).unwrap());
                assert_close(&run(&warp, &x).unwrap(), &expected, 1e-6);
            }
        }
        assert!(warp.apply(&draw("x", &[2, 2, 5, 6])).is_err());
    }

    #[test]
    fn flips_and_whole_shifts_move_pixels_and_mirror_the_edge() {
        let x = Tensor::new(&[[[[1_f32, 2.0, 3.0, 4.0]]]], &candle_core::Device::Cpu).unwrap();
        let row =
            |map: Affine| Warp::new(&[map], [1, 4]).apply(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(row([-1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), [4.0, 3.0, 2.0, 1.0]);
        assert_eq!(row([1.0, 0.0, 2.0, 0.0, 1.0, 0.0]), [3.0, 4.0, 3.0, 2.0]);
        assert_eq!(row([1.0, 0.0, -1.0, 0.0, 1.0, 0.0]), [2.0, 1.0, 2.0, 3.0]);
        assert_eq!(row([1.0, 0.0, 0.5, 0.0, 1.0, 0.0]), [1.5, 2.5, 3.5, 3.5]);
    }

    #[test]
    fn gradients_match_finite_differences() {
        let warp = Warp::new(&MAPS, [4, 3]);
        check_gradients(&[&[3, 2, 4, 3]], 1e-2, |t| warp.apply(&t[0]));
        check_gradients(&[&[3, 2, 4, 3]], 1e-2, |t| warp.adjoint(&t[0]));
    }
}
