//! Penalties on the gradient of a discriminator with respect to its input, which is that of [`Tape`](crate::Tape).

use candle_core::{Result, Tensor};

/// R1 for real and R2 for generated images (Mescheder et al. 2018, equations 9 and 10): gamma / 2 times the mean over the
/// samples of the squared norm of `gradient` [n, ...]. A scalar.
/// # Errors
/// When candle fails.
pub fn zero_centered_penalty(gradient: &Tensor, gamma: f64) -> Result<Tensor> {
    squared_norms(gradient)?.mean_all()? * (gamma / 2.0)
}

/// WGAN-GP (Gulrajani et al. 2017, equation 3): `weight` times the mean over the samples of (norm - 1)^2 for `gradient`
/// [n, ...]. A scalar.
/// # Errors
/// When candle fails.
pub fn one_centered_penalty(gradient: &Tensor, weight: f64) -> Result<Tensor> {
    // The root's gradient at 0 would be infinite.
    let norms = (squared_norms(gradient)? + 1e-12)?.sqrt()?;
    (norms - 1.0)?.sqr()?.mean_all()? * weight
}

/// [n]
fn squared_norms(gradient: &Tensor) -> Result<Tensor> {
    gradient.flatten_from(1)?.sqr()?.sum(1)
}

/// Points between samples (Gulrajani et al. 2017, algorithm 1): share a + (1 - share) b for a and b [n, ...], share [n].
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn between(a: &Tensor, b: &Tensor, share: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; a.rank()];
    shape[0] = a.dim(0)?;
    let share = share.reshape(shape)?;
    a.broadcast_mul(&share)? + b.broadcast_mul(&share.affine(-1.0, 1.0)?)?
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw};

    #[test]
    fn values_are_those_of_the_papers() {
        let gradient = Tensor::new(&[[[3_f32, 0.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]], &Device::Cpu).unwrap();
        let r1 = zero_centered_penalty(&gradient, 2.0).unwrap().to_scalar::<f32>().unwrap();
        assert!((r1 - 12.5).abs() < 1e-6, "{r1}");
        let wgan = one_centered_penalty(&gradient, 10.0).unwrap().to_scalar::<f32>().unwrap();
        assert!((wgan - 85.0).abs() < 1e-3, "{wgan}");
        let (a, b) = (draw("a", &[2, 3, 4]), draw("b", &[2, 3, 4]));
        let y = between(&a, &b, &Tensor::new(&[1_f32, 0.0], &Device::Cpu).unwrap()).unwrap();
        assert_close(&y.narrow(0, 0, 1).unwrap(), &a.narrow(0, 0, 1).unwrap(), 1e-6);
        assert_close(&y.narrow(0, 1, 1).unwrap(), &b.narrow(0, 1, 1).unwrap(), 1e-6);
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[3, 2, 4]], 1e-2, |t| zero_centered_penalty(&t[0], 3.0));
        check_gradients(&[&[3, 2, 4]], 1e-2, |t| one_centered_penalty(&t[0], 2.0));
    }
}
