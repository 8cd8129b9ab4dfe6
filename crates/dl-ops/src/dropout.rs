//! Dropout from a seeded generator: candle's CPU generator cannot be seeded.

use candle_core::{Result, Tensor, bail};
use rand::{Rng, RngExt};

/// Zeroes each number with probability `p` and divides the others by 1 - p. For training only.
///
/// Draws one random number for each of `x` in row-major order, so equal generators give equal results.
/// # Errors
/// When `p` is not in [0, 1), or candle fails.
pub fn dropout(x: &Tensor, p: f64, rng: &mut impl Rng) -> Result<Tensor> {
    if p == 0.0 { Ok(x.clone()) } else { x * dropout_mask(x, p, rng)? }
}

/// What [`dropout`] multiplies x with: 0 or 1 / (1 - p) for each number, of its shape and type.
/// # Errors
/// As [`dropout`].
pub fn dropout_mask(x: &Tensor, p: f64, rng: &mut impl Rng) -> Result<Tensor> {
    if !(0.0..1.0).contains(&p) {
        bail!("dropout: p = {p} is not in [0, 1)");
    }
    let kept = (1.0 / (1.0 - p)) as f32;
    let mask: Vec<f32> = (0..x.elem_count()).map(|_| if rng.random::<f64>() < p { 0.0 } else { kept }).collect();
    Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    #[test]
    fn the_mean_is_preserved_and_the_seed_determines_the_result() {
        let x = Tensor::ones((100, 100), DType::F32, &Device::Cpu).unwrap();
        let drop = |seed| super::dropout(&x, 0.5, &mut dl_record::rng(seed, "dropout")).unwrap();
        let mean = drop(0).mean_all().unwrap().to_scalar::<f32>().unwrap();
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        let difference = |a: Tensor, b: Tensor| (a - b).unwrap().abs().unwrap().sum_all().unwrap().to_scalar::<f32>();
        assert_eq!(difference(drop(0), drop(0)).unwrap(), 0.0);
        assert!(difference(drop(0), drop(1)).unwrap() > 0.0);
    }
}
