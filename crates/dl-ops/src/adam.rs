//! A step of Adam and AdamW, in place and in three passes over the memory.

use candle_core::{CpuStorage, InplaceOp3, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;

use crate::cpu;
use crate::sgd::{TOGETHER, in_place};

/// One step, like torch's `Adam` (Kingma and Ba 2015) and `AdamW` (Loshchilov and Hutter 2019) compute it. The moments
/// must be tensors of their own, contiguous like the weight.
/// # Errors
/// When the shapes differ, or candle fails.
pub fn adam_step(weight: &Var, gradient: &Tensor, [first, second]: [&Tensor; 2], step: AdamStep) -> Result<()> {
    if [gradient, first, second].iter().any(|other| other.shape() != weight.shape()) {
        bail!(
            "adam: shapes differ: weight {:?}, gradient {:?}, moments {:?}",
            weight.dims(),
            gradient.dims(),
            first.dims()
        );
    }
    let (detached, gradient) = (weight.as_detached_tensor(), gradient.detach());
    if !cpu::serves(weight) {
        return portable(weight, &gradient, [first, second], step);
    }
    first.inplace_op3(&gradient, &detached, &Moment { step, square: false })?;
    second.inplace_op3(&gradient, &detached, &Moment { step, square: true })?;
    detached.inplace_op3(first, second, &Descend(step))
}

/// The parameters of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate.
    pub rate: f64,
    /// Decay factors of the first and second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Weight decay.
    pub decay: f64,
    /// Whether weight decay is decoupled from the moments (AdamW). Otherwise decay x weight is added to the gradient.
    pub decoupled: bool,
    /// Factor on the gradient.
    pub scale: f64,
    /// The number of steps of this weight, including this one.
    pub count: u64,
}

impl AdamStep {
    /// The factor on the weight that is added to its gradient, and the factor that scales the weight.
    fn decays(&self) -> (f64, f64) {
        if self.decoupled { (0.0, 1.0 - self.rate * self.decay) } else { (self.decay, 1.0) }
    }

    /// Step size, and factor on the square root of the second moment, both with bias correction.
    fn corrections(&self) -> (f64, f64) {
        let [first, second] = self.betas.map(|beta| 1.0 - beta.powi(i32::try_from(self.count).unwrap_or(i32::MAX)));
        (self.rate / first, 1.0 / second.sqrt())
    }
}

fn portable(weight: &Var, gradient: &Tensor, [first, second]: [&Tensor; 2], step: AdamStep) -> Result<()> {
    let detached = weight.as_detached_tensor();
    let (added, kept) = step.decays();
    let gradient = ((gradient * step.scale)? + (&detached * added)?)?;
    let [beta1, beta2] = step.betas;
    first.slice_set(&((first * beta1)? + (&gradient * (1.0 - beta1))?)?, 0, 0)?;
    second.slice_set(&((second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?, 0, 0)?;
    let (length, root) = step.corrections();
    let change = (first / ((second.sqrt()? * root)? + step.eps)?)?;
    weight.set(&((detached * kept)? - (change * length)?)?)
}

/// moment = beta moment + (1 - beta) gradient, or its square.
struct Moment {
    step: AdamStep,
    square: bool,
}

impl InplaceOp3 for Moment {
    fn name(&self) -> &'static str {
        "adam-moment"
    }

    fn cpu_fwd(
        &self,
        moment: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<()> {
        let beta = self.step.betas[usize::from(self.square)];
        let (kept, new) = (beta as f32, (1.0 - beta) as f32);
        let (scale, added) = (self.step.scale as f32, self.step.decays().0 as f32);
        let (gradient, weight) = (cpu::floats(gradient, gradient_layout)?, cpu::floats(weight, weight_layout)?);
        let moment = in_place(moment, layout)?.par_chunks_mut(TOGETHER);
        moment.zip(gradient.par_chunks(TOGETHER)).zip(weight.par_chunks(TOGETHER)).for_each(|((m, g), w)| {
            for ((m, g), w) in m.iter_mut().zip(g).zip(w) {
                let g = scale * g + added * w;
                *m = kept * *m + new * if self.square { g * g } else { g };
            }
        });
        Ok(())
    }
}

struct Descend(AdamStep);

impl InplaceOp3 for Descend {
    fn name(&self) -> &'static str {
        "adam-descend"
    }

    fn cpu_fwd(
        &self,
        weight: &mut CpuStorage,
        layout: &Layout,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> Result<()> {
        let (length, root) = self.0.corrections();
        let (length, root, eps, kept) = (length as f32, root as f32, self.0.eps as f32, self.0.decays().1 as f32);
        let (first, second) = (cpu::floats(first, first_layout)?, cpu::floats(second, second_layout)?);
        let weight = in_place(weight, layout)?.par_chunks_mut(TOGETHER);
        weight.zip(first.par_chunks(TOGETHER)).zip(second.par_chunks(TOGETHER)).for_each(|((w, m), v)| {
            for ((w, m), v) in w.iter_mut().zip(m).zip(v) {
                *w = kept * *w - length * m / (v.sqrt() * root + eps);
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::gradient_check::draw;

    #[test]
    fn a_step_equals_candles_operations() {
        for (length, decoupled) in [(1, false), (7, true), (100_003, false), (100_003, true)] {
            let (start, gradient) = (draw("w", &[length]), draw("g", &[length]));
            let zeros = || Tensor::zeros(length, DType::F32, &Device::Cpu).unwrap();
            let (fast, slow) = ([zeros(), zeros()], [zeros(), zeros()]);
            let [weight, expected] = [(); 2].map(|()| Var::from_tensor(&start.copy().unwrap()).unwrap());
            for count in 1..=3 {
                let step =
                    AdamStep { rate: 0.1, betas: [0.9, 0.999], eps: 1e-8, decay: 0.01, decoupled, scale: 0.5, count };
                adam_step(&weight, &gradient, [&fast[0], &fast[1]], step).unwrap();
                crate::with_candle_ops(|| adam_step(&expected, &gradient, [&slow[0], &slow[1]], step).unwrap());
            }
            for (found, expected) in
                [(weight.as_tensor(), expected.as_tensor()), (&fast[0], &slow[0]), (&fast[1], &slow[1])]
            {
                let error = (found - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
                assert!(error < 1e-5, "{error}");
            }
        }
    }
}
