//! Padding by reflection, like torch's `ReflectionPad2d`: the pixel of the edge is not repeated.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use dl_kernels::reflected;
use rayon::prelude::*;

use crate::{Padding, cpu};

/// Adds rows and columns that mirror those inside of the edge: x [n, c, h, w] to [n, c, h', w'].
/// # Errors
/// When a side is not longer than the padding on it, or candle fails.
pub fn reflection_pad2d(x: &Tensor, padding: Padding) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let Padding { top, bottom, left, right } = padding;
    if top.max(bottom) >= h || left.max(right) >= w {
        bail!("reflection_pad2d: a map of {h}x{w} is too small for a reflection of {padding:?}");
    }
    let op = Reflect { rows: reflected(h, top, bottom), columns: reflected(w, left, right) };
    if cpu::serves(x) {
        return x.apply_op1(op);
    }
    let indices =
        |places: &[usize]| Tensor::new(places.iter().map(|place| *place as u32).collect::<Vec<u32>>(), x.device());
    x.contiguous()?.index_select(&indices(&op.rows)?, 2)?.index_select(&indices(&op.columns)?, 3)
}

struct Reflect {
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl CustomOp1 for Reflect {
    fn name(&self) -> &'static str {
        "reflection_pad2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let x = cpu::floats(storage, layout)?;
        let (height, width) = (self.rows.len(), self.columns.len());
        let mut output = vec![0.0; n * c * height * width];
        output.par_chunks_exact_mut(height * width).zip(x.par_chunks_exact(h * w)).for_each(|(output, x)| {
            for (row, output) in self.rows.iter().zip(output.chunks_exact_mut(width)) {
                let from = &x[row * w..][..w];
                output.iter_mut().zip(&self.columns).for_each(|(output, column)| *output = from[*column]);
            }
        });
        Ok(cpu::output(output, (n, c, height, width)))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        let (height, width) = (self.rows.len(), self.columns.len());
        let mut output = vec![0.0; n * c * h * w];
        cpu::with_floats(gradient, |gradient| {
            let planes = output.par_chunks_exact_mut(h * w).zip(gradient.par_chunks_exact(height * width));
            planes.for_each(|(output, gradient)| {
                for (row, gradient) in self.rows.iter().zip(gradient.chunks_exact(width)) {
                    let to = &mut output[row * w..][..w];
                    gradient.iter().zip(&self.columns).for_each(|(gradient, column)| to[*column] += gradient);
                }
            });
            Ok(())
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{bits, check_gradients, draw, strided};
    use crate::with_candle_ops;

    const PADDINGS: [Padding; 4] = [
        Padding::all(3),
        Padding { top: 0, bottom: 2, left: 3, right: 1 },
        Padding { top: 4, bottom: 0, left: 0, right: 0 },
        Padding::all(0),
    ];

    #[test]
    fn equals_the_composition_of_candles_operations_on_odd_and_strided_maps() {
        for padding in PADDINGS {
            for x in [draw("x", &[2, 3, 5, 4]), strided("x", &[1, 2, 5, 7]), draw("x", &[0, 2, 5, 7])] {
                let expected = with_candle_ops(|| reflection_pad2d(&x, padding).unwrap());
                let y = reflection_pad2d(&x, padding).unwrap();
                assert_eq!((y.dims(), bits(&y)), (expected.dims(), bits(&expected)));
            }
        }
    }

    #[test]
    fn the_edge_itself_is_not_repeated() {
        let x = Tensor::new(&[[[[1_f32, 2.0, 3.0]]]], &candle_core::Device::Cpu).unwrap();
        let y = reflection_pad2d(&x, Padding { left: 2, right: 1, ..Padding::default() }).unwrap();
        assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    }

    #[test]
    fn gradients_match_finite_differences() {
        for padding in PADDINGS {
            check_gradients(&[&[2, 2, 5, 4]], 1e-2, |t| reflection_pad2d(&t[0], padding));
        }
    }

    #[test]
    fn a_map_that_is_too_small_is_an_error() {
        let error = reflection_pad2d(&draw("x", &[1, 1, 3, 5]), Padding::all(3)).unwrap_err().to_string();
        assert!(error.contains("a map of 3x5 is too small"), "{error}");
    }
}
