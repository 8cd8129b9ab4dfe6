//! The classification loss: softmax, logarithm and mean, fused.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::softmax::{exponentials, scale};
use crate::{cpu, portable};

/// Fewest numbers per task.
const TASK: usize = 1 << 13;

/// The mean over the rows of -log(softmax(logits)\[target\]): a scalar.
///
/// logits [n, classes] f32 of any size; targets [n], an integer type, each below `classes`. The gradient of the logits
/// is (softmax - one-hot target) / n.
/// # Errors
/// When the shapes do not match, there are no rows, a target is out of range, or candle fails.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (n, classes) = logits.dims2()?;
    if n == 0 || targets.dims() != [n] {
        bail!("cross_entropy: logits {:?} and targets {:?} do not match", logits.dims(), targets.dims());
    }
    let indices = targets.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    if let Some(wrong) = indices.iter().find(|target| !(0..classes as i64).contains(target)) {
        bail!("cross_entropy: target {wrong} is out of range for {classes} classes");
    }
    if !cpu::serves(logits) {
        return portable::cross_entropy(logits, targets);
    }
    logits.apply_op1(CrossEntropy { targets: indices.into_iter().map(|target| target as usize).collect() })
}

struct CrossEntropy {
    targets: Vec<usize>,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, classes) = layout.shape().dims2()?;
        let logits = cpu::floats(storage, layout)?;
        let rows = logits.par_chunks_exact(classes).zip(&self.targets).with_min_len(TASK.div_ceil(classes));
        let losses = rows.map_init(
            || vec![0.0; classes],
            |scratch, (row, target)| {
                let (largest, total) = exponentials(row, scratch);
                total.ln() - (f64::from(row[*target]) - f64::from(largest))
            },
        );
        // Collected, so that they are added in row order.
        let mean = losses.collect::<Vec<f64>>().iter().sum::<f64>() / n as f64;
        Ok(cpu::output(vec![mean as f32], ()))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, classes) = logits.dims2()?;
        let share = f64::from(gradient.to_scalar::<f32>()?) / n as f64;
        let mut output = vec![0.0; n * classes];
        cpu::with_floats(logits, |logits| {
            let rows = output.par_chunks_exact_mut(classes).zip(logits.par_chunks_exact(classes)).zip(&self.targets);
            rows.with_min_len(TASK.div_ceil(classes)).for_each(|((output, row), target)| {
                let (_, total) = exponentials(row, output);
                let others: f64 =
                    output.iter().enumerate().filter(|(i, _)| i != target).map(|(_, e)| f64::from(*e)).sum();
                scale(output, (share / total) as f32);
                // p - 1 as minus the sum of the other p: exact even if p is close to 1.
                output[*target] = (-share * others / total) as f32;
            });
            Ok(())
        })?;
        cpu::tensor(output, logits.shape()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    fn targets(n: usize, classes: usize) -> Tensor {
        Tensor::from_iter((0..n).map(|row| (row * 7 % classes) as u32), &Device::Cpu).unwrap()
    }

    #[test]
    fn equals_the_portable_composition_on_strided_logits_and_every_integer_type() {
        for (n, classes) in [(1, 1), (5, 3), (9, 1000)] {
            let (logits, targets) = ((strided("logits", &[n, classes]) * 5.0).unwrap(), targets(n, classes));
            let expected = portable::cross_entropy(&logits, &targets).unwrap();
            for dtype in [DType::U32, DType::I64] {
                let loss = cross_entropy(&logits, &targets.to_dtype(dtype).unwrap()).unwrap();
                assert_close(&loss, &expected, 1e-6);
            }
        }
    }

    #[test]
    fn the_gradient_matches_finite_differences() {
        check_gradients(&[&[5, 7]], 1e-2, |t| cross_entropy(&t[0], &targets(5, 7)));
    }

    #[test]
    fn large_logits_give_a_finite_loss_and_gradient() {
        let logits = Var::new(&[[300_f32, -300.0, 300.0], [0.0, 1e5, 0.0]], &Device::Cpu).unwrap();
        let loss = cross_entropy(&logits, &Tensor::new(&[0_u32, 2], &Device::Cpu).unwrap()).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() - (2_f32.ln() + 1e5) / 2.0).abs() < 0.01);
        let gradient = loss.backward().unwrap().get(&logits).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(gradient, [[-0.25, 0.0, 0.25], [0.0, 0.5, -0.5]]);
    }

    #[test]
    fn the_loss_has_the_same_bits_with_any_number_of_threads() {
        let (logits, targets) = (draw("logits", &[3000, 21]), targets(3000, 21));
        let run = |threads| bits(&in_pool(threads, || cross_entropy(&logits, &targets).unwrap()));
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn the_error_names_a_target_out_of_range() {
        let error = |target: i64| {
            let targets = Tensor::new(&[target], &Device::Cpu).unwrap();
            cross_entropy(&draw("logits", &[1, 3]), &targets).unwrap_err().to_string()
        };
        assert!(error(3).contains("target 3 is out of range for 3 classes"));
        assert!(error(-1).contains("target -1 is out of range for 3 classes"));
        assert!(cross_entropy(&draw("logits", &[2, 3]), &targets(1, 3)).is_err());
    }
}
