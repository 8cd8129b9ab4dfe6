//! Color spaces, each as planes of numbers from 0 to 255, which is the range that the thresholds k refer to.

use image::RgbImage;

use super::strategy::ColorSpace;

/// An image channel by channel, row by row.
pub(super) struct Planes {
    pub(super) width: usize,
    pub(super) height: usize,
    /// One or three of `width * height` numbers, from 0 to 255.
    pub(super) channels: Vec<Vec<f32>>,
}

impl Planes {
    pub(super) fn of(image: &RgbImage, space: ColorSpace) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let channels = match space {
            ColorSpace::Hsv => three(image, hsv),
            ColorSpace::Lab => three(image, Lab::new().converter()),
            ColorSpace::Rgi => three(image, rgi),
            ColorSpace::Hue => one(image, |rgb| hsv(rgb)[0]),
            ColorSpace::Intensity => one(image, intensity),
        };
        Self { width, height, channels }
    }
}

fn three(image: &RgbImage, convert: impl Fn([u8; 3]) -> [f32; 3]) -> Vec<Vec<f32>> {
    let mut planes = Vec::from([(); 3].map(|()| Vec::with_capacity(image.len() / 3)));
    for pixel in image.pixels() {
        for (plane, value) in planes.iter_mut().zip(convert(pixel.0)) {
            plane.push(value);
        }
    }
    planes
}

fn one(image: &RgbImage, convert: impl Fn([u8; 3]) -> f32) -> Vec<Vec<f32>> {
    vec![image.pixels().map(|pixel| convert(pixel.0)).collect()]
}

/// ITU-R BT.601 luma.
fn intensity(rgb: [u8; 3]) -> f32 {
    let [red, green, blue] = rgb.map(f32::from);
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Hue, scaled so that a full turn is 255; saturation; value. Gray has hue 0.
fn hsv(rgb: [u8; 3]) -> [f32; 3] {
    let [red, green, blue] = rgb.map(f32::from);
    let value = red.max(green).max(blue);
    let range = value - red.min(green).min(blue);
    if range == 0.0 {
        return [0.0, 0.0, value];
    }
    let sixths = if value == red {
        ((green - blue) / range).rem_euclid(6.0)
    } else if value == green {
        (blue - red) / range + 2.0
    } else {
        (red - green) / range + 4.0
    };
    [sixths / 6.0 * 255.0, range / value * 255.0, value]
}

/// r = R / (R + G + B), g = G / (R + G + B), and intensity. Black has the r and g of gray.
fn rgi(rgb: [u8; 3]) -> [f32; 3] {
    let [red, green, blue] = rgb.map(f32::from);
    let sum = red + green + blue;
    let share = |part: f32| if sum == 0.0 { 85.0 } else { 255.0 * part / sum };
    [share(red), share(green), intensity(rgb)]
}

/// CIE L*a*b* of sRGB under D65, in the usual 8-bit encoding: L * 255 / 100, a + 128, b + 128.
struct Lab {
    linear: [f32; 256],
}

impl Lab {
    fn new() -> Self {
        let linear = |byte: usize| {
            let value = byte as f32 / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        Self { linear: std::array::from_fn(linear) }
    }

    fn converter(self) -> impl Fn([u8; 3]) -> [f32; 3] {
        move |rgb| {
            let [red, green, blue] = rgb.map(|byte| self.linear[usize::from(byte)]);
            // XYZ over the white point.
            let x = (0.412_453 * red + 0.357_580 * green + 0.180_423 * blue) / 0.950_456;
            let y = 0.212_671 * red + 0.715_160 * green + 0.072_169 * blue;
            let z = (0.019_334 * red + 0.119_193 * green + 0.950_227 * blue) / 1.088_754;
            let root = |t: f32| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
            let (x, y, z) = (root(x), root(y), root(z));
            [(116.0 * y - 16.0) * 2.55, 500.0 * (x - y) + 128.0, 200.0 * (y - z) + 128.0]
                .map(|value| value.clamp(0.0, 255.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_near(found: [f32; 3], expected: [f32; 3]) {
        let near = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1.0);
        assert!(near, "{found:?}, expected {expected:?}");
    }

    #[test]
    fn known_colors_have_the_same_values_as_in_opencv() {
        let lab = Lab::new().converter();
        assert_near(lab([255, 255, 255]), [255.0, 128.0, 128.0]);
        assert_near(lab([0, 0, 0]), [0.0, 128.0, 128.0]);
        assert_near(lab([255, 0, 0]), [136.0, 208.0, 195.0]);
        assert_near(lab([30, 50, 190]), [77.0, 173.0, 54.0]);
        assert_near(lab([20, 160, 60]), [147.0, 72.0, 170.0]);
        assert_near(hsv([255, 0, 0]), [0.0, 255.0, 255.0]);
        assert_near(hsv([0, 0, 255]), [170.0, 255.0, 255.0]);
        assert_near(hsv([20, 160, 60]), [97.1, 223.1, 160.0]);
        assert_near(hsv([255, 0, 1]), [254.8, 255.0, 255.0]);
        assert_near(rgi([0, 0, 0]), [85.0, 85.0, 0.0]);
        assert_near(rgi([100, 50, 50]), [127.5, 63.75, 64.9]);
    }
}
