//! Losses that several detectors have.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::plain;

/// The sum of 0.5 d^2 / beta for differences d up to beta, and of d - 0.5 beta beyond (Girshick 2015, equation 3); with
/// a beta of 0, of d.
pub(super) fn smooth_l1(found: &Tensor, wanted: &Tensor, beta: f64) -> candle_core::Result<Tensor> {
    // As torch, and not candle, has it: the slope of |d| at 0 is 0.
    let difference = (found - wanted)?;
    let distance = (&difference * difference.sign()?.detach())?;
    if beta == 0.0 {
        return distance.sum_all();
    }
    // m (d - m / 2) / beta with m = min(d, beta)
    let near = distance.minimum(beta)?;
    (&near * (&distance - (&near * 0.5)?)?)?.sum_all()? / beta
}

/// The mean of the cross-entropies of logits [n] f32 with targets from 0 to 1.
pub(super) fn binary_cross_entropy(logits: &Tensor, targets: &[f32]) -> Result<Tensor> {
    let numbers: Vec<f32> = logits.flatten_all().and_then(|logits| logits.to_vec1()).map_err(plain)?;
    ensure!(
        numbers.len() == targets.len() && !targets.is_empty(),
        "{} logits, {} targets",
        numbers.len(),
        targets.len()
    );
    let count = targets.len() as f64;
    let (mut sum, mut gradient) = (0.0, Vec::with_capacity(targets.len()));
    for (logit, target) in numbers.iter().zip(targets) {
        let (logit, target) = (f64::from(*logit), f64::from(*target));
        // max(x, 0) - x t + log(1 + exp(-|x|)), which does not overflow.
        sum += logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p();
        gradient.push(((1.0 / (1.0 + (-logit).exp()) - target) / count) as f32);
    }
    let scalar = || -> candle_core::Result<Tensor> {
        let gradient = Tensor::from_vec(gradient, logits.shape(), logits.device())?;
        let slope = (logits * gradient)?.sum_all()?;
        // The value is the loss; the gradient is that of the slope.
        (&slope - slope.detach())? + sum / count
    };
    scalar().map_err(plain)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn losses_have_their_values_and_gradients_on_both_sides_of_the_bend() {
        let found = Var::new(&[0.0_f32, 0.05, -0.5, 2.0], &Device::Cpu).unwrap();
        let wanted = Tensor::zeros(4, candle_core::DType::F32, &Device::Cpu).unwrap();
        for (beta, value, slopes) in
            [(0.1, 0.0125 + 0.45 + 1.95, [0.0, 0.5, -1.0, 1.0]), (0.0, 2.55, [0.0, 1.0, -1.0, 1.0])]
        {
            let loss = smooth_l1(&found, &wanted, beta).unwrap();
            assert!((loss.to_scalar::<f32>().unwrap() - value).abs() < 1e-6);
            let gradient = loss.backward().unwrap().get(&found).unwrap().to_vec1::<f32>().unwrap();
            assert!(gradient.iter().zip(slopes).all(|(found, slope)| (found - slope).abs() < 1e-6), "{gradient:?}");
        }
        let loss = binary_cross_entropy(&found, &[0.0, 1.0, 1.0, 0.25]).unwrap();
        let expected =
            (2_f64.ln() + (1.0 + (-0.05_f64).exp()).ln() + (1.0 + 0.5_f64.exp()).ln() + (1.0 + 2_f64.exp()).ln() - 0.5)
                / 4.0;
        assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - expected).abs() < 1e-6);
        let gradient = loss.backward().unwrap().get(&found).unwrap().to_vec1::<f32>().unwrap();
        assert!((gradient[0] - 0.125).abs() < 1e-6);
    }
}
