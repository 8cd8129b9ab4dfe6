//! Adaptive instance normalization (Huang and Belongie 2017, equation 8).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::gan::swap::modulate;
use dl_models::plain;

/// Added to variances, inside the root.
const EPS: f64 = 1e-5;

/// `content` with the mean and the standard deviation of each channel of `style`: sigma(y) (x - mu(x)) / sigma(x) +
/// mu(y) for x [n, c, h, w] and y [n, c, H, W] f32, over the pixels of each image. Variances are divided by the number
/// of pixels, as in instance normalization; the sigmas are those of variance + 1e-5.
/// # Errors
/// When the images or channels differ in number, or a map of the content has a single pixel.
pub fn adain(content: &Tensor, style: &Tensor) -> Result<Tensor> {
    ensure!(style.rank() == 4, "style features {:?}; maps [n, c, h, w] are expected", style.dims());
    let moments = || -> candle_core::Result<[Tensor; 2]> {
        let mean = style.mean_keepdim((2, 3))?;
        let variance = style.broadcast_sub(&mean)?.sqr()?.mean((2, 3))?;
        Ok([(variance + EPS)?.sqrt()?, mean.flatten_from(1)?])
    };
    let [deviation, mean] = moments().map_err(plain)?;
    modulate(content, &deviation, &mean)
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input, near, numbers};

    #[test]
    fn maps_and_gradients_are_those_of_torch() {
        let (content, case) = (input(0, &[2, 3, 4, 5], 1.0), case(GOLDEN, "adain"));
        let style = input(100, &[2, 3, 2, 3], 2.0);
        let y = adain(&content, &style).unwrap();
        near("output", &numbers(&y), &case["output"]);
        let weights = input(200, &[2, 3, 4, 5], 1.0).as_detached_tensor();
        check(&(y * weights).unwrap().mean_all().unwrap(), &[("content", &content), ("style", &style)], &case);
    }

    #[test]
    fn numbers_of_a_style_code_modulate_as_in_torch() {
        let (content, case) = (input(0, &[2, 3, 4, 5], 1.0), case(GOLDEN, "modulate"));
        let (scale, shift) = (input(100, &[2, 3], 1.0), input(110, &[2, 3], 1.0));
        let y = modulate(&content, &scale, &shift).unwrap();
        let weights = input(200, &[2, 3, 4, 5], 1.0).as_detached_tensor();
        let loss = (y * weights).unwrap().mean_all().unwrap();
        check(&loss, &[("content", &content), ("scale", &scale), ("shift", &shift)], &case);
    }

    #[test]
    fn flat_maps_stay_finite_and_other_shapes_are_refused() {
        let flat = input(0, &[1, 2, 2, 2], 0.0);
        let y = adain(&flat, &flat).unwrap();
        let gradient = y.sum_all().unwrap().backward().unwrap().remove(&flat).unwrap();
        assert!(numbers(&gradient).iter().all(|x| x.is_finite()));
        let error = adain(&flat, &input(0, &[1, 3, 2, 2], 1.0)).unwrap_err().to_string();
        let expected =
            "scale [1, 3] and shift [1, 3] of a style for content [1, 2, 2, 2]; both need its images and channels";
        assert_eq!(error, expected);
        assert!(adain(&flat, &input(0, &[1, 2], 1.0)).is_err());
    }
}
