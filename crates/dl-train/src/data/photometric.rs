//! Changes of color for detectors. They leave boxes alone.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::color::{between, each_pixel, turned};

/// A change of color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Photometric {
    /// None.
    None,
    /// SSD's (Howard 2013, Liu et al. 2016; Caffe's `DistortImage`): brightness by up to 32 of 255, contrast and
    /// saturation by a factor from 0.5 to 1.5, hue by up to a tenth of the circle, each with probability 0.5. Contrast
    /// comes before the other two or after them.
    Ssd,
    /// darknet's `distort_image`: hue by up to a tenth of the circle, saturation and value by a factor of up to 1.5 or
    /// from 1 / 1.5, always.
    Hsv,
}

const BRIGHTNESS: f64 = 32.0 / 255.0;
const FACTOR: [f64; 2] = [0.5, 1.5];
const HUE: f64 = 0.1;
const DARKNET: f64 = 1.5;

impl Photometric {
    /// Changes x [3, h, w], red, green, blue from 0 to 1.
    pub fn apply(self, x: &mut [f32], rng: &mut ChaCha8Rng) {
        match self {
            Self::None => (),
            Self::Ssd => {
                let contrast_first = rng.random::<bool>();
                let mut chance = |range: [f64; 2]| {
                    let number = between(range, rng) as f32;
                    rng.random::<bool>().then_some(number)
                };
                let brightness = chance([-BRIGHTNESS, BRIGHTNESS]);
                let [contrast, saturation] = [chance(FACTOR), chance(FACTOR)];
                let hue = chance([-HUE, HUE]);
                if let Some(shift) = brightness {
                    x.iter_mut().for_each(|value| *value = (*value + shift).clamp(0.0, 1.0));
                }
                let scale = |x: &mut [f32]| {
                    if let Some(factor) = contrast {
                        x.iter_mut().for_each(|value| *value = (*value * factor).clamp(0.0, 1.0));
                    }
                };
                if contrast_first {
                    scale(x);
                }
                if saturation.is_some() || hue.is_some() {
                    each_pixel(x, |pixel| turned(saturated(pixel, saturation.unwrap_or(1.0)), hue.unwrap_or(0.0)));
                }
                if !contrast_first {
                    scale(x);
                }
            }
            Self::Hsv => {
                let hue = between([-HUE, HUE], rng) as f32;
                let mut factor = || {
                    let factor = between([1.0, DARKNET], rng) as f32;
                    if rng.random::<bool>() { factor } else { 1.0 / factor }
                };
                let [saturation, value] = [factor(), factor()];
                each_pixel(x, |pixel| {
                    turned(saturated(pixel, saturation), hue).map(|channel| (channel * value).clamp(0.0, 1.0))
                });
            }
        }
    }
}

/// The pixel with the saturation of the HSV model multiplied by a factor; its largest channel stays.
fn saturated(pixel: [f32; 3], factor: f32) -> [f32; 3] {
    let [red, green, blue] = pixel;
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most - least <= 0.0 {
        return pixel;
    }
    // At most 1: then the least channel becomes 0.
    let factor = factor.min(most / (most - least));
    pixel.map(|channel| (most - (most - channel) * factor).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_stay_between_black_and_white_and_depend_only_on_the_seed() {
        let image: Vec<f32> = (0..3 * 64).map(|index| (index * 37 % 256) as f32 / 255.0).collect();
        for kind in [Photometric::Ssd, Photometric::Hsv] {
            let changed = |seed: u64| {
                let mut x = image.clone();
                kind.apply(&mut x, &mut dl_record::rng(seed, "color"));
                x
            };
            assert!((0..40).all(|seed| changed(seed).iter().all(|value| (0.0..=1.0).contains(value))));
            assert_eq!(changed(3), changed(3));
            assert_ne!(changed(3), changed(4));
        }
    }

    #[test]
    fn saturation_keeps_the_largest_channel_and_gray() {
        assert_eq!(saturated([0.5, 0.25, 0.25], 0.0), [0.5; 3]);
        assert_eq!(saturated([0.5, 0.25, 0.25], 9.0), [0.5, 0.0, 0.0]);
        assert_eq!(saturated([0.3; 3], 2.0), [0.3; 3]);
    }
}
