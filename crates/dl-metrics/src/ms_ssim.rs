//! Multi-scale structural similarity (Wang et al. 2003, Multiscale structural similarity for image quality assessment).
//!
//! Between scales, an image is halved by means of 2 x 2 pixels; an odd last row or column is dropped. (pytorch-msssim pads
//! it instead, which changes the third digit.)

use anyhow::{Result, ensure};

use crate::planes::Planes;
use crate::ssim::{Window, similarities};

/// The weights of the scales, from fine to coarse.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// The similarity of two images over five scales, at most 1, with [`Window::Gaussian`]: of each channel, the product of the
/// contrast and structure at the first four scales and of the whole similarity at the last, each to the power of its
/// weight; negative ones count as 0. Then the mean over the channels.
/// # Errors
/// When the sizes differ, or a side is below 176 pixels, so that the window does not fit at the last scale.
pub fn ms_ssim(first: &Planes, second: &Planes) -> Result<f64> {
    first.check_same(second)?;
    let window = Window::Gaussian;
    let (width, height) = (first.width, first.height);
    let least = window.side() << (WEIGHTS.len() - 1);
    ensure!(
        width.min(height) >= least,
        "an image of {width} x {height} pixels is too small for five scales; each side needs at least {least}"
    );
    let mut products = vec![1.0; first.channels.len()];
    let mut scales = [first.clone(), second.clone()];
    for (scale, weight) in WEIGHTS.iter().enumerate() {
        if scale > 0 {
            scales = scales.map(|planes| planes.halved());
        }
        let found = similarities(&scales[0], &scales[1], window)?;
        for (product, found) in products.iter_mut().zip(found) {
            let term = if scale + 1 < WEIGHTS.len() { found.contrast } else { found.whole };
            *product *= term.max(0.0).powf(*weight);
        }
    }
    Ok(products.iter().sum::<f64>() / products.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use crate::planes::{golden_pair, shared_pairs};

    #[test]
    fn similarities_equal_the_formula_on_scipys_filters() {
        let mut compared = 0;
        for case in golden()["images"].as_array().unwrap() {
            let Some(expected) = case["ms_ssim"].as_f64() else { continue };
            let side = |key: &str| case[key].as_u64().unwrap() as usize;
            let [a, b] = golden_pair(side("width"), side("height"));
            let found = ms_ssim(&a, &b).unwrap();
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
            compared += 1;
        }
        assert!(compared > 0);
    }

    #[test]
    fn similarities_of_photos_equal_the_stated_ones() {
        for (expected, [a, b]) in shared_pairs() {
            let found = ms_ssim(&a, &b).unwrap();
            assert!((found - expected["ms_ssim"].as_f64().unwrap()).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn images_that_are_too_small_are_refused() {
        let [a, b] = golden_pair(175, 200);
        assert!(ms_ssim(&a, &b).unwrap_err().to_string().contains("at least 176"));
        let [a, _] = golden_pair(177, 176);
        assert!((ms_ssim(&a, &a).unwrap() - 1.0).abs() < 1e-12);
    }
}
