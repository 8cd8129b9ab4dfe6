//! A step of stochastic gradient descent with momentum, in place and in two passes over the memory.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;

use crate::cpu;

/// Numbers per task.
pub(crate) const TOGETHER: usize = 1 << 15;

/// One step of torch's `SGD`: velocity = momentum velocity + scale gradient + decay weight, then weight = weight - rate
/// velocity. The velocity must be a separate tensor, contiguous like the weight.
/// # Errors
/// When the shapes differ, or candle fails.
pub fn sgd_step(weight: &Var, gradient: &Tensor, velocity: &Tensor, step: SgdStep) -> Result<()> {
    if weight.shape() != gradient.shape() || weight.shape() != velocity.shape() {
        bail!(
            "sgd: shapes differ: weight {:?}, gradient {:?}, velocity {:?}",
            weight.dims(),
            gradient.dims(),
            velocity.dims()
        );
    }
    let detached = weight.as_detached_tensor();
    if !cpu::serves(weight) {
        let change = (((gradient.detach() * step.scale)? + (&detached * step.decay)?)? + (velocity * step.momentum)?)?;
        velocity.slice_set(&change, 0, 0)?;
        return weight.set(&(detached - (change * step.rate)?)?);
    }
    velocity.inplace_op3(&gradient.detach(), &detached, &Momentum(step))?;
    detached.inplace_op2(velocity, &Descend(step.rate as f32))
}

/// The parameters of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub rate: f64,
    /// Momentum.
    pub momentum: f64,
    /// Weight decay.
    pub decay: f64,
    /// Factor on the gradient.
    pub scale: f64,
}

struct Momentum(SgdStep);

impl InplaceOp3 for Momentum {
    fn name(&self) -> &'static str {
        "sgd-momentum"
    }

    fn cpu_fwd(
        &self,
        velocity: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<()> {
        let SgdStep { momentum, decay, scale, .. } = self.0;
        let (momentum, decay, scale) = (momentum as f32, decay as f32, scale as f32);
        let (gradient, weight) = (cpu::floats(gradient, gradient_layout)?, cpu::floats(weight, weight_layout)?);
        let velocity = in_place(velocity, layout)?.par_chunks_mut(TOGETHER);
        velocity.zip(gradient.par_chunks(TOGETHER)).zip(weight.par_chunks(TOGETHER)).for_each(|((v, g), w)| {
            for ((v, g), w) in v.iter_mut().zip(g).zip(w) {
                *v = momentum * *v + (scale * g + decay * w);
            }
        });
        Ok(())
    }
}

struct Descend(f32);

impl InplaceOp2 for Descend {
    fn name(&self) -> &'static str {
        "sgd-descend"
    }

    fn cpu_fwd(&self, weight: &mut CpuStorage, layout: &Layout, velocity: &CpuStorage, other: &Layout) -> Result<()> {
        let velocity = cpu::floats(velocity, other)?;
        let weight = in_place(weight, layout)?.par_chunks_mut(TOGETHER);
        weight.zip(velocity.par_chunks(TOGETHER)).for_each(|(w, v)| {
            w.iter_mut().zip(v).for_each(|(w, v)| *w -= self.0 * v);
        });
        Ok(())
    }
}

pub(crate) fn in_place<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(numbers), Some((start, end))) => Ok(&mut numbers[start..end]),
        _ => bail!("an optimizer's weights must be contiguous f32"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::gradient_check::draw;

    #[test]
    fn a_step_equals_candles_operations() {
        for length in [1, 7, 100_003] {
            let (start, gradient) = (draw("w", &[length]), draw("g", &[length]));
            let step = SgdStep { rate: 0.1, momentum: 0.9, decay: 0.01, scale: 0.5 };
            let weight = Var::from_tensor(&start.copy().unwrap()).unwrap();
            let velocity = Tensor::zeros(length, DType::F32, &Device::Cpu).unwrap();
            let expected = Var::from_tensor(&start.copy().unwrap()).unwrap();
            let slow = Tensor::zeros(length, DType::F32, &Device::Cpu).unwrap();
            for _ in 0..3 {
                sgd_step(&weight, &gradient, &velocity, step).unwrap();
                crate::with_candle_ops(|| sgd_step(&expected, &gradient, &slow, step).unwrap());
            }
            for (found, expected) in [(weight.as_tensor(), expected.as_tensor()), (&velocity, &slow)] {
                let error = (found - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
                assert!(error < 1e-6, "{error}");
            }
        }
    }
}
