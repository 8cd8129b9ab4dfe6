//! Spectral normalization (Miyato et al. 2018, algorithm 1), like torch's: a weight divided by its largest singular
//! value, which power iteration follows from step to step.

use candle_core::{Result, Tensor, bail};

/// Keeps a norm from 0.
const EPS: f64 = 1e-12;

/// A normalized weight.
#[derive(Clone, Debug)]
pub struct SpectrallyNormalized {
    /// The weight divided by `sigma`, of its shape.
    pub weight: Tensor,
    /// The estimate of the left singular vector, [rows], to be kept for the next step.
    pub u: Tensor,
    /// The estimate of the largest singular value, a scalar.
    pub sigma: Tensor,
}

/// Divides a weight [rows, ...], as a matrix with these rows, by the estimate of its largest singular value.
///
/// `u` [rows] is the estimate of the left singular vector, which `iterations` steps improve first: 1 in training, 0 in
/// inference, as in torch. Gradients go through sigma, but not through the singular vectors.
/// # Errors
/// When u does not match, or candle fails.
pub fn spectral_norm(weight: &Tensor, u: &Tensor, iterations: usize) -> Result<SpectrallyNormalized> {
    let matrix = weight.flatten_from(1)?;
    let (rows, _) = matrix.dims2()?;
    if u.dims() != [rows] {
        bail!("spectral_norm: u {:?} does not match the weight {:?}", u.dims(), weight.dims());
    }
    let constant = matrix.detach();
    let mut u = u.detach().reshape((rows, 1))?;
    let mut v = unit(&constant.t()?.matmul(&u)?)?;
    for iteration in 0..iterations {
        // As torch: v belongs to the u before, and the last u to v.
        if iteration > 0 {
            v = unit(&constant.t()?.matmul(&u)?)?;
        }
        u = unit(&constant.matmul(&v)?)?;
    }
    let sigma = u.t()?.matmul(&matrix.matmul(&v)?)?.reshape(())?;
    Ok(SpectrallyNormalized { weight: weight.broadcast_div(&sigma)?, u: u.reshape(rows)?, sigma })
}

/// A vector divided by its norm.
fn unit(vector: &Tensor) -> Result<Tensor> {
    let norm = vector.sqr()?.sum_all()?.sqrt()?;
    vector.broadcast_div(&norm.maximum(&(norm.ones_like()? * EPS)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};

    #[test]
    fn many_steps_find_the_largest_singular_value() {
        // Singular values 3, 2 and 0.5: a diagonal matrix between two reflections.
        let reflection = |name: &str, side: usize| {
            let v = unit(&draw(name, &[side, 1])).unwrap();
            let twice = (v.matmul(&v.t().unwrap()).unwrap() * 2.0).unwrap();
            (Tensor::eye(side, candle_core::DType::F32, v.device()).unwrap() - twice).unwrap()
        };
        let mut diagonal = vec![0.0_f32; 12];
        (diagonal[0], diagonal[5], diagonal[10]) = (2.0, 3.0, 0.5);
        let diagonal = Tensor::from_vec(diagonal, (3, 4), &candle_core::Device::Cpu).unwrap();
        let weight = reflection("a", 3).matmul(&diagonal).unwrap().matmul(&reflection("b", 4)).unwrap();
        let found = spectral_norm(&weight.reshape((3, 2, 2, 1)).unwrap(), &draw("u", &[3]), 60).unwrap();
        assert!((found.sigma.to_scalar::<f32>().unwrap() - 3.0).abs() < 1e-5);
        assert_close(&found.weight.flatten_from(1).unwrap(), &(weight / 3.0).unwrap(), 1e-5);
        // The vector is a fixed point.
        let again = spectral_norm(&found.weight, &found.u, 1).unwrap();
        assert_close(&again.u, &found.u, 1e-4);
    }

    #[test]
    fn strided_weights_are_the_same_and_a_zero_weight_is_not_divided_by_zero() {
        let (weight, u) = (strided("w", &[4, 5]), draw("u", &[4]));
        let [one, other] = [&weight, &weight.contiguous().unwrap()].map(|weight| spectral_norm(weight, &u, 1).unwrap());
        assert_close(&one.weight, &other.weight, 1e-6);
        assert!(spectral_norm(&weight, &draw("u", &[5]), 1).is_err());
    }

    #[test]
    fn gradients_match_finite_differences_for_fixed_singular_vectors() {
        // At the singular vectors, sigma does not change with them to first order.
        let weight = (draw("input 0", &[3, 4]) + 0.0).unwrap();
        let u = spectral_norm(&weight, &draw("u", &[3]), 200).unwrap().u;
        check_gradients(&[&[3, 4]], 1e-2, |t| Ok(spectral_norm(&t[0], &u, 100)?.weight));
    }
}
