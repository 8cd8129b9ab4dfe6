//! Scales each channel of a map by its own number per image: the "scale" of squeeze and excitation (Hu et al. 2018).

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu;
use crate::wide::wide;

/// x [n, c, h, w] times gate [n, c, 1, 1].
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn gate(x: &Tensor, gate: &Tensor) -> Result<Tensor> {
    let (n, c, _, _) = x.dims4()?;
    if gate.dims() != [n, c, 1, 1] {
        bail!("gate: shape {:?} is not a gate for {:?}", gate.dims(), x.dims());
    }
    if cpu::serves(x) { x.apply_op2(gate, Gate) } else { x.broadcast_mul(gate) }
}

struct Gate;

impl CustomOp2 for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, g: &CpuStorage, lg: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(cpu::output(multiplied(&cpu::floats(x, lx)?, &cpu::floats(g, lg)?), lx.shape()))
    }

    fn bwd(&self, x: &Tensor, g: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        cpu::with_floats(gradient, |gradient| {
            let of_x = || cpu::with_floats(g, |g| Ok(multiplied(gradient, g)));
            let of_gate = || cpu::with_floats(x, |x| Ok(products(x, gradient, g.elem_count())));
            Ok((
                x.track_op().then(|| cpu::tensor(of_x()?, x.shape())).transpose()?,
                g.track_op().then(|| cpu::tensor(of_gate()?, g.shape())).transpose()?,
            ))
        })
    }
}

/// Multiplies each plane of x by its number.
fn multiplied(x: &[f32], gate: &[f32]) -> Vec<f32> {
    let plane = (x.len() / gate.len().max(1)).max(1);
    let mut output = vec![0.0; x.len()];
    let planes = output.par_chunks_mut(plane).zip(x.par_chunks(plane)).zip(gate);
    planes.with_min_len(16).for_each(|((output, x), gate)| multiply(x, *gate, output));
    output
}

/// The sum of a times b over each plane.
fn products(a: &[f32], b: &[f32], planes: usize) -> Vec<f32> {
    let plane = a.len() / planes.max(1);
    if plane == 0 {
        return vec![0.0; planes];
    }
    let pairs = a.par_chunks(plane).zip(b.par_chunks(plane));
    let sum = |(a, b): (&[f32], &[f32])| {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        sum as f32
    };
    pairs.with_min_len(16).map(sum).collect()
}

wide! {
    fn multiply(x: &[f32], gate: f32, output: &mut [f32]) {
        for (output, x) in output.iter_mut().zip(x) {
            *output = x * gate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::gate;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    #[test]
    fn equals_the_broadcast_product_on_odd_and_strided_maps() {
        for x in [draw("x", &[2, 3, 5, 7]), strided("x", &[2, 3, 4, 9]), draw("x", &[0, 3, 2, 2])] {
            let g = draw("gate", &[x.dims()[0], 3, 1, 1]);
            assert_close(&gate(&x, &g).unwrap(), &x.broadcast_mul(&g).unwrap(), 0.0);
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[2, 3, 4, 3], &[2, 3, 1, 1]], 1e-2, |t| gate(&t[0], &t[1]));
    }

    #[test]
    fn an_image_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let (x, g) = (draw("x", &[3, 40, 6, 5]), draw("gate", &[3, 40, 1, 1]));
        let all = in_pool(3, || gate(&x, &g).unwrap());
        assert_eq!(bits(&all), bits(&in_pool(1, || gate(&x, &g).unwrap())));
        let second = gate(&x.narrow(0, 1, 1).unwrap(), &g.narrow(0, 1, 1).unwrap()).unwrap();
        assert_eq!(bits(&all.narrow(0, 1, 1).unwrap()), bits(&second));
    }

    #[test]
    fn a_gate_of_another_shape_is_an_error() {
        let error = gate(&draw("x", &[2, 3, 4, 4]), &draw("gate", &[2, 4, 1, 1])).unwrap_err().to_string();
        assert!(error.contains("[2, 4, 1, 1] is not a gate for [2, 3, 4, 4]"), "{error}");
    }
}
