//! The peak signal-to-noise ratio.

use anyhow::Result;

use crate::planes::Planes;

/// 10 log10(255^2 / mse) in decibels, over all values of all channels together; infinite for equal images.
/// # Errors
/// When the sizes differ.
pub fn psnr(first: &Planes, second: &Planes) -> Result<f64> {
    first.check_same(second)?;
    let pairs = first.channels.iter().zip(&second.channels).flat_map(|(a, b)| a.iter().zip(b));
    let squared: f64 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
    let values = first.channels.len() * first.width * first.height;
    Ok(10.0 * (255.0_f64.powi(2) * values as f64 / squared).log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use crate::planes::{golden_pair, shared_pairs};

    #[test]
    fn ratios_equal_those_of_scikit_image_and_of_basicsrs_formula() {
        for case in golden()["images"].as_array().unwrap() {
            let side = |key: &str| case[key].as_u64().unwrap() as usize;
            let [a, b] = golden_pair(side("width"), side("height"));
            let close = |found: f64, key: &str| {
                let expected = case[key].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-6, "{key} {found}, expected {expected}");
            };
            close(psnr(&a, &b).unwrap(), "psnr_skimage");
            let luma = |planes: &Planes| planes.luma().unwrap().cropped(side("border")).unwrap();
            close(psnr(&luma(&a), &luma(&b)).unwrap(), "psnr_sr");
        }
    }

    #[test]
    fn ratios_of_photos_equal_the_stated_ones() {
        for (expected, [a, b]) in shared_pairs() {
            let found = psnr(&a, &b).unwrap();
            assert!((found - expected["psnr"].as_f64().unwrap()).abs() < 1e-6, "{found} {expected}");
            for border in [0, 4] {
                let Some(expected) = expected[format!("psnr_y_border{border}")].as_f64() else { continue };
                let luma = |planes: &Planes| planes.luma().unwrap().cropped(border).unwrap();
                let found = psnr(&luma(&a), &luma(&b)).unwrap();
                assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
            }
        }
    }

    #[test]
    fn pixels_within_a_rectangle_can_be_left_out() {
        let [a, b] = golden_pair(9, 8);
        let mut same_outside = a.clone();
        for channel in &mut same_outside.channels {
            (2..5).for_each(|y| (3..7).for_each(|x| channel[y * 9 + x] = 7.0));
        }
        let outside = |planes: &Planes, rectangle| planes.outside(rectangle).unwrap();
        let rectangle = [3, 2, 7, 5];
        let same = psnr(&outside(&a, rectangle), &outside(&same_outside, rectangle)).unwrap();
        assert_eq!(same, f64::INFINITY);
        assert!(psnr(&outside(&a, [3, 2, 7, 4]), &outside(&same_outside, [3, 2, 7, 4])).unwrap().is_finite());
        // Nothing is left out of a rectangle beside the image; a rectangle that covers it is refused.
        let found = psnr(&outside(&a, [9, 0, 20, 8]), &outside(&b, [9, 0, 20, 8])).unwrap();
        assert!((found - psnr(&a, &b).unwrap()).abs() < 1e-9);
        assert!(a.outside([0, 0, 9, 8]).unwrap_err().to_string().contains("nothing is left"));
    }

    #[test]
    fn equal_images_have_an_infinite_ratio_and_other_sizes_are_refused() {
        let [a, _] = golden_pair(9, 8);
        assert_eq!(psnr(&a, &a).unwrap(), f64::INFINITY);
        assert!(psnr(&a, &golden_pair(8, 9)[0]).unwrap_err().to_string().contains("9 x 8 pixels and 8 x 9 pixels"));
    }
}
