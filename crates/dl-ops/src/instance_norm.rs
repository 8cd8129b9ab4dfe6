//! Instance normalization (Ulyanov et al. 2016), like torch's `InstanceNorm2d`: each channel of each image by its own
//! mean and variance. It is the batch normalization of a single image whose channels are those of all images.

use candle_core::{DType, Result, Tensor, bail};

use crate::batch_norm_train;

/// (x - mean) / sqrt(variance + eps) * weight + bias for x [n, c, h, w], with the mean and the biased variance of each
/// channel of each image; `affine` is weight and bias, [c] each, or none. Gradients go through the statistics.
/// # Errors
/// When the shapes do not match, a channel has fewer than two numbers, or candle fails.
pub fn instance_norm(x: &Tensor, affine: Option<[&Tensor; 2]>, eps: f64) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    if affine.is_some_and(|affine| affine.iter().any(|numbers| numbers.dims() != [c])) {
        bail!(
            "instance_norm: weight and bias {:?} do not match x {:?}",
            affine.map(|[w, b]| [w.dims(), b.dims()]),
            x.dims()
        );
    }
    if h * w < 2 {
        bail!("instance_norm: a map of {h}x{w} has no variance to normalize by");
    }
    if n == 0 {
        return Ok(x.clone());
    }
    let of_each_image = |numbers: &Tensor| numbers.broadcast_as((n, c))?.contiguous()?.flatten_all();
    let [weight, bias] = match affine {
        Some([weight, bias]) => [of_each_image(weight)?, of_each_image(bias)?],
        None => {
            let weight = Tensor::ones(n * c, DType::F32, x.device())?.to_dtype(x.dtype())?;
            [weight.clone(), weight.zeros_like()?]
        }
    };
    let (y, _) = batch_norm_train(&x.reshape((1, n * c, h, w))?, &weight, &bias, eps)?;
    y.reshape((n, c, h, w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    /// By the definition, in candle's operations.
    fn naive(x: &Tensor, affine: Option<[&Tensor; 2]>, eps: f64) -> Tensor {
        let mean = x.mean_keepdim((2, 3)).unwrap();
        let distance = x.broadcast_sub(&mean).unwrap();
        let deviation = (distance.sqr().unwrap().mean_keepdim((2, 3)).unwrap() + eps).unwrap().sqrt().unwrap();
        let y = distance.broadcast_div(&deviation).unwrap();
        let Some(affine) = affine else { return y };
        let [weight, bias] = affine.map(|numbers| numbers.reshape((1, (), 1, 1)).unwrap());
        y.broadcast_mul(&weight).unwrap().broadcast_add(&bias).unwrap()
    }

    #[test]
    fn equals_the_definition_on_odd_and_strided_maps() {
        for shape in [[2, 3, 7, 5], [1, 5, 1, 9], [3, 1, 4, 4]] {
            let (weight, bias) = (draw("w", &[shape[1]]), draw("b", &[shape[1]]));
            for x in [draw("x", &shape), strided("x", &shape)] {
                for affine in [None, Some([&weight, &bias])] {
                    assert_close(&instance_norm(&x, affine, 1e-5).unwrap(), &naive(&x, affine, 1e-5), 2e-5);
                }
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[2, 3, 4, 5]], 1e-2, |t| instance_norm(&t[0], None, 1e-1));
        let shapes: [&[usize]; 3] = [&[2, 3, 4, 5], &[3], &[3]];
        check_gradients(&shapes, 1e-2, |t| instance_norm(&t[0], Some([&t[1], &t[2]]), 1e-1));
    }

    #[test]
    fn an_image_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let x = draw("x", &[3, 5, 31, 17]);
        let all = bits(&in_pool(1, || instance_norm(&x, None, 1e-5).unwrap()));
        assert_eq!(all, bits(&in_pool(3, || instance_norm(&x, None, 1e-5).unwrap())));
        let size = all.len() / 3;
        assert_eq!(bits(&instance_norm(&x.narrow(0, 1, 1).unwrap(), None, 1e-5).unwrap()), all[size..2 * size]);
    }

    #[test]
    fn shapes_that_do_not_match_are_an_error_and_an_empty_batch_is_not() {
        let weight = draw("w", &[2]);
        assert!(instance_norm(&draw("x", &[1, 3, 2, 2]), Some([&weight, &weight]), 1e-5).is_err());
        assert!(instance_norm(&draw("x", &[1, 3, 1, 1]), None, 1e-5).is_err());
        assert_eq!(instance_norm(&draw("x", &[0, 3, 2, 2]), None, 1e-5).unwrap().dims(), [0, 3, 2, 2]);
    }
}
