//! ReLU with trained slopes (He et al. 2015, PReLU, section 2.1), like torch's `PReLU`.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu;
use crate::wide::wide;

/// x where it is positive, slope x elsewhere; x is [n, c, ...] and `slopes` [c], or [1] for all channels. The gradient
/// at 0 is the slope, as in torch.
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn prelu(x: &Tensor, slopes: &Tensor) -> Result<Tensor> {
    if x.rank() < 2 || (slopes.dims() != [1] && slopes.dims() != [x.dim(1)?]) {
        bail!("prelu: slopes {:?} do not match x {:?}", slopes.dims(), x.dims());
    }
    if cpu::serves(x) {
        return x.apply_op2(slopes, Prelu);
    }
    let mut shape = vec![1; x.rank()];
    shape[1] = slopes.elem_count();
    x.gt(0.0)?.where_cond(x, &x.broadcast_mul(&slopes.reshape(shape)?)?)
}

struct Prelu;

/// A plane of the gradient of x, of x and of the gradient.
type Planes<'a> = ((&'a mut [f32], &'a [f32]), &'a [f32]);

/// Channels, and numbers of each of them in a row.
fn channels(dims: &[usize]) -> [usize; 2] {
    [dims[1], dims[2..].iter().product()]
}

impl CustomOp2 for Prelu {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, s: &CpuStorage, ls: &Layout) -> Result<(CpuStorage, Shape)> {
        let (numbers, slopes) = (cpu::floats(x, lx)?, cpu::floats(s, ls)?);
        let [channels, plane] = channels(lx.dims());
        let mut output = vec![0.0; numbers.len()];
        let planes = output.par_chunks_mut(plane.max(1)).zip(numbers.par_chunks(plane.max(1))).enumerate();
        let each = |(index, (output, x)): (usize, (&mut [f32], &[f32]))| {
            leaky(x, slopes[index % channels % slopes.len()], output);
        };
        planes.with_min_len(TASK.div_ceil(plane.max(1))).for_each(each);
        Ok(cpu::output(output, lx.shape()))
    }

    fn bwd(&self, x: &Tensor, s: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [channels, plane] = channels(x.dims());
        let plane = plane.max(1);
        let (mut of_x, mut of_slopes) = (vec![0.0; x.elem_count()], vec![0.0_f64; s.elem_count()]);
        cpu::with_floats(x, |x| {
            cpu::with_floats(s, |slopes| {
                cpu::with_floats(gradient, |gradient| {
                    let planes = of_x.par_chunks_mut(plane).zip(x.par_chunks(plane)).zip(gradient.par_chunks(plane));
                    let each = |(index, ((of_x, x), gradient)): (usize, Planes)| {
                        leaky_gradient(x, gradient, slopes[index % channels % slopes.len()], of_x);
                        let negative = x.iter().zip(gradient).filter(|(x, _)| **x <= 0.0);
                        negative.map(|(x, gradient)| f64::from(*x) * f64::from(*gradient)).sum()
                    };
                    let sums: Vec<f64> = planes.enumerate().with_min_len(TASK.div_ceil(plane)).map(each).collect();
                    let count = of_slopes.len();
                    for (index, sum) in sums.iter().enumerate() {
                        of_slopes[index % channels % count] += sum;
                    }
                    Ok(())
                })
            })
        })?;
        let of_slopes = of_slopes.into_iter().map(|sum| sum as f32).collect();
        Ok((Some(cpu::tensor(of_x, x.shape())?), Some(cpu::tensor(of_slopes, s.shape())?)))
    }
}

/// Numbers per task.
const TASK: usize = 1 << 14;

wide! {
    fn leaky(x: &[f32], slope: f32, output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = if *x > 0.0 { *x } else { x * slope };
        }
    }

    fn leaky_gradient(x: &[f32], gradient: &[f32], slope: f32, output: &mut [f32]) {
        for ((output, x), gradient) in output.iter_mut().zip(x).zip(gradient) {
            *output = if *x > 0.0 { *gradient } else { gradient * slope };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{bits, check_gradients, draw, in_pool, strided};
    use crate::with_candle_ops;

    #[test]
    fn equals_the_composition_of_candles_operations_on_odd_and_strided_shapes() {
        for x in [draw("x", &[2, 3, 7, 5]), strided("x", &[1, 3, 4, 9]), strided("x", &[5, 3]), draw("x", &[0, 3, 2])] {
            for slopes in [draw("a", &[1]), draw("a", &[3])] {
                let expected = with_candle_ops(|| prelu(&x, &slopes).unwrap());
                assert_eq!(bits(&prelu(&x, &slopes).unwrap()), bits(&expected));
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for slopes in [1, 3] {
            check_gradients(&[&[2, 3, 5, 2], &[slopes]], 1e-3, |t| prelu(&t[0], &t[1]));
            check_gradients(&[&[4, 3], &[slopes]], 1e-3, |t| prelu(&t[0], &t[1]));
        }
    }

    #[test]
    fn the_gradient_does_not_depend_on_the_number_of_threads() {
        let gradient = |threads| {
            in_pool(threads, || {
                let (x, slope) = (draw("x", &[3, 7, 90, 80]), candle_core::Var::from_tensor(&draw("a", &[7])).unwrap());
                let y = prelu(&x, &slope).unwrap();
                bits(&y.sqr().unwrap().sum_all().unwrap().backward().unwrap().remove(&slope).unwrap())
            })
        };
        assert_eq!(gradient(1), gradient(3));
    }

    #[test]
    fn nan_is_preserved_and_slopes_must_match() {
        let x = Tensor::new(&[[f32::NAN]], &candle_core::Device::Cpu).unwrap();
        assert!(prelu(&x, &draw("a", &[1])).unwrap().to_vec2::<f32>().unwrap()[0][0].is_nan());
        assert!(prelu(&draw("x", &[2, 3, 2]), &draw("a", &[2])).is_err());
    }
}
