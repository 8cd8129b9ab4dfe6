//! Losses.

use candle_core::{D, Result, Tensor};

/// Mean cross-entropy of the softmax of `logits` [n, classes] f32 against the true classes `targets` [n] u32; a scalar.
/// # Errors
/// When the shapes do not fit.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    // Taken off for the sake of exp alone; its gradient would cancel out, so none is computed.
    let largest = logits.max_keepdim(D::Minus1)?.detach();
    let logits = logits.broadcast_sub(&largest)?;
    let total = logits.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let of_target = logits.gather(&targets.unsqueeze(1)?, D::Minus1)?;
    (total - of_target)?.mean_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn value_and_gradient_are_those_of_the_formula() {
        let logits = Var::new(&[[1_f32, 2.0, 0.5], [300.0, -300.0, 300.0]], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[1_u32, 0], &Device::Cpu).unwrap();
        let loss = cross_entropy(&logits, &targets).unwrap();
        let sum: f32 = [1_f32, 2.0, 0.5].iter().map(|x| x.exp()).sum();
        let wanted = 0.5 * ((sum.ln() - 2.0) + 2_f32.ln());
        assert!((loss.to_scalar::<f32>().unwrap() - wanted).abs() < 1e-6);
        let gradient = loss.backward().unwrap().get(&logits).unwrap().to_vec2::<f32>().unwrap();
        let wanted = [
            [0.5 * 1_f32.exp() / sum, 0.5 * (2_f32.exp() / sum - 1.0), 0.5 * 0.5_f32.exp() / sum],
            [0.5 * (0.5 - 1.0), 0.0, 0.25],
        ];
        for (found, wanted) in gradient.iter().flatten().zip(wanted.iter().flatten()) {
            assert!((found - wanted).abs() < 1e-6, "{gradient:?}");
        }
    }
}
