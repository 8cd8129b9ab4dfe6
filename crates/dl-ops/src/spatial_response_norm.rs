//! Local response normalization within each channel: Caffe's `WITHIN_CHANNEL`, as in ZF of Faster R-CNN.
//!
//! y = x / (k + alpha * M)^beta, where M is the mean of the squares of a square of positions of the same channel. Positions
//! outside of the map are zeros and count.

use candle_core::{Result, Tensor, bail};

use crate::{PoolConfig, avg_pool2d};

/// x [n, c, h, w] divided by (k + alpha * the mean of the squares of the `size` x `size` positions around)^beta.
/// # Errors
/// When `size` is even, which has no center, or x is not a map.
pub fn spatial_response_norm(x: &Tensor, size: usize, alpha: f64, beta: f64, k: f64) -> Result<Tensor> {
    if size.is_multiple_of(2) {
        bail!("spatial_response_norm: size {size} is not odd");
    }
    let around = PoolConfig { padding: [size / 2; 2], ..PoolConfig::square(size, 1) };
    let mean = avg_pool2d(&x.sqr()?, &around)?;
    x * ((mean * alpha)? + k)?.powf(-beta)?
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};

    /// Position by position, in double precision.
    fn naive(x: &Tensor, size: usize, alpha: f64, beta: f64, k: f64) -> Tensor {
        let (n, c, h, w) = x.dims4().unwrap();
        let numbers: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
        let reach = (size / 2) as isize;
        let at = |map: usize, y: isize, x: isize| {
            let inside = (0..h as isize).contains(&y) && (0..w as isize).contains(&x);
            if inside { f64::from(numbers[map * h * w + y as usize * w + x as usize]) } else { 0.0 }
        };
        let mut output = Vec::new();
        for map in 0..n * c {
            for y in 0..h as isize {
                for x in 0..w as isize {
                    let mut squares = 0.0;
                    for dy in -reach..=reach {
                        for dx in -reach..=reach {
                            squares += at(map, y + dy, x + dx).powi(2);
                        }
                    }
                    output.push((at(map, y, x) / (k + alpha * squares / (size * size) as f64).powf(beta)) as f32);
                }
            }
        }
        Tensor::from_vec(output, (n, c, h, w), &Device::Cpu).unwrap()
    }

    #[test]
    fn equals_the_definition_on_odd_and_strided_shapes() {
        for (size, alpha, beta, k) in
            [(3, 5e-5, 0.75, 1.0), (3, 2.0, 0.75, 1.0), (5, 3.0, 0.6, 0.5), (1, 1.0, 1.0, 2.0)]
        {
            for x in [draw("x", &[2, 3, 7, 5]), strided("x", &[1, 3, 13, 17]), draw("x", &[1, 2, 1, 1])] {
                let y = spatial_response_norm(&x, size, alpha, beta, k).unwrap();
                assert_close(&y, &naive(&x, size, alpha, beta, k), 2e-6);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for (size, beta) in [(3, 0.75), (5, 0.6)] {
            check_gradients(&[&[2, 2, 4, 3]], 1e-2, |t| spatial_response_norm(&t[0], size, 2.0, beta, 1.0));
        }
    }

    #[test]
    fn an_even_window_is_an_error() {
        let error = spatial_response_norm(&draw("x", &[1, 1, 2, 2]), 2, 1.0, 1.0, 1.0).unwrap_err().to_string();
        assert!(error.contains("size 2 is not odd"), "{error}");
    }
}
