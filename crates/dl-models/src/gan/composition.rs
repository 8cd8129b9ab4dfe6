//! What of a network's output becomes the image, if a part of the image is known: all but the hole of an image that is
//! completed, the brightness of one that is colorized.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use image::{GrayImage, Rgb, RgbImage};

use super::Task;
use crate::plain;

/// Weights of red, green and blue in the brightness (ITU-R BT.601).
pub const LUMA: [f32; 3] = [0.299, 0.587, 0.114];
/// The places of the mask's values from which on a pixel is missing.
const MISSING: u8 = 128;

impl Task {
    /// The image [n, 3, h, w] of a network's input and output, with gradients.
    ///
    /// - Completion: the input is [n, 4, h, w], red, green, blue and the mask, 1 where pixels are missing and the colors are
    ///   0; the result is the output there, and the input elsewhere.
    /// - Colorization: the input is the brightness [n, 1, h, w]; the result has the chroma of the output and exactly this
    ///   brightness, and may leave the range of the colors.
    /// - Otherwise the output itself.
    /// # Errors
    /// When the shapes do not fit.
    pub fn composed(self, input: &Tensor, output: &Tensor) -> Result<Tensor> {
        let compose = || match self {
            Self::SuperResolution | Self::Translation => Ok(output.clone()),
            Self::Completion => {
                let mask = input.narrow(1, 3, 1)?.contiguous()?;
                output.broadcast_mul(&mask)? + input.narrow(1, 0, 3)?.contiguous()?
            }
            Self::Colorization => {
                let channel = |index: usize| output.narrow(1, index, 1)? * f64::from(LUMA[index]);
                let luma = ((channel(0)? + channel(1)?)? + channel(2)?)?;
                output.broadcast_add(&(input - luma)?)
            }
        };
        compose().map_err(plain)
    }
}

/// Brightness by ITU-R BT.601.
pub fn luma(pixel: [f32; 3]) -> f32 {
    LUMA[0] * pixel[0] + LUMA[1] * pixel[1] + LUMA[2] * pixel[2]
}

/// Brightness in whole gray levels.
pub fn gray_level([red, green, blue]: [u8; 3]) -> u8 {
    // In integers, so that it does not depend on rounding errors.
    ((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) + 500) / 1000) as u8
}

/// Whether a pixel of this value in a mask is missing.
pub fn is_missing(mask: u8) -> bool {
    mask >= MISSING
}

/// Puts the known pixels of `image` into `result`.
/// # Errors
/// When the sizes differ.
pub(super) fn keep_known(image: &RgbImage, mask: &GrayImage, result: &mut RgbImage) -> Result<()> {
    ensure!(
        image.dimensions() == mask.dimensions() && image.dimensions() == result.dimensions(),
        "an image, its mask and its completion differ in size"
    );
    for ((result, known), mask) in result.pixels_mut().zip(image.pixels()).zip(mask.pixels()) {
        if !is_missing(mask.0[0]) {
            *result = *known;
        }
    }
    Ok(())
}

/// Gives each pixel of `result` the gray level of `image`, exactly, and keeps its chroma; colors that this brightness cannot
/// have become paler.
pub(super) fn keep_brightness(image: &RgbImage, result: &mut RgbImage) {
    for (Rgb(result), Rgb(pixel)) in result.pixels_mut().zip(image.pixels()) {
        *result = with_gray_level(*result, gray_level(*pixel));
    }
}

/// A color of this gray level with the chroma of `color`, as far as it exists.
fn with_gray_level(color: [u8; 3], level: u8) -> [u8; 3] {
    let color = color.map(f32::from);
    let (own, level) = (luma(color), f32::from(level));
    // The brightness of the differences is 0, however much they are scaled.
    let differences = color.map(|channel| channel - own);
    let room = differences.map(|difference| match difference {
        up if up > 0.0 => (255.0 - level) / up,
        down if down < 0.0 => level / -down,
        _ => f32::INFINITY,
    });
    let scale = room.into_iter().fold(1.0, f32::min);
    let [red, _, blue] = differences.map(|difference| (level + scale * difference).round().clamp(0.0, 255.0));
    // Green, which counts most, makes up for the rounding of the others: by less than half a level of brightness.
    let green = ((level - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]).round().clamp(0.0, 255.0);
    [red as u8, green as u8, blue as u8]
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_color_gets_any_gray_level_exactly_and_keeps_its_hue() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    for level in [0, 1, 2, 17, 100, 128, 200, 253, 254, 255] {
                        let found = with_gray_level([red, green, blue], level);
                        assert_eq!(gray_level(found), level, "{:?} {found:?}", [red, green, blue]);
                    }
                    let same = with_gray_level([red, green, blue], gray_level([red, green, blue]));
                    let far = same.iter().zip([red, green, blue]).map(|(a, b)| a.abs_diff(b)).max();
                    // Dark colors have little room for chroma.
                    assert!(far <= Some(4), "{same:?} {:?}", [red, green, blue]);
                }
            }
        }
        let [red, green, blue] = with_gray_level([200, 100, 100], 128);
        assert!(red > 170 && green.abs_diff(blue) <= 1);
    }

    #[test]
    fn known_pixels_and_the_brightness_stay_in_training_too() {
        let numbers = |count: usize| -> Vec<f32> { (0..count).map(|index| (index % 13) as f32 / 6.0 - 1.0).collect() };
        let tensor =
            |shape: [usize; 4]| Tensor::from_vec(numbers(shape.iter().product()), &shape, &Device::Cpu).unwrap();
        let output = (tensor([2, 3, 4, 5]) * 0.5).unwrap();
        let mask = (tensor([2, 1, 4, 5]).ge(0.0)).unwrap().to_dtype(candle_core::DType::F32).unwrap();
        let known = tensor([2, 3, 4, 5]).broadcast_mul(&(1.0 - &mask).unwrap()).unwrap();
        let input = Tensor::cat(&[&known, &mask], 1).unwrap();
        let completed = Task::Completion.composed(&input, &output).unwrap();
        let all = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let masks = all(&mask.broadcast_as((2, 3, 4, 5)).unwrap());
        for (index, missing) in masks.iter().enumerate() {
            let expected = if *missing > 0.5 { all(&output)[index] } else { all(&known)[index] };
            assert_eq!(all(&completed)[index], expected);
        }
        let gray = tensor([2, 1, 4, 5]);
        let colored = Task::Colorization.composed(&gray, &output).unwrap();
        let planes: Vec<Vec<Vec<f32>>> = colored.flatten_from(2).unwrap().to_vec3().unwrap();
        for (planes, expected) in planes.iter().zip(all(&gray).chunks(20)) {
            for (pixel, expected) in expected.iter().enumerate() {
                assert!((luma([planes[0][pixel], planes[1][pixel], planes[2][pixel]]) - expected).abs() < 1e-6);
            }
        }
    }
}
