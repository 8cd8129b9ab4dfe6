//! Augmentation: random views of the same image, with torchvision's parameters.
//!
//! All draws depend only on the seed, the epoch and the image's id. Crop, affine map and flip are one resampling of the
//! image; colors are changed between 0 and 1, before the mean is subtracted, as in torchvision; cutout is last, and
//! filled with the mean.

use dl_record::BBox;
use dl_vision::picture::warp::{Interpolation, Normalization, resample};
use image::RgbImage;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::color::{between, each_pixel, gray, normalize, pixels, turned};

/// The augmentation of an image; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AugmentConfig {
    /// `RandomResizedCrop`: [min, max] fraction of the area, with an aspect ratio changed by up to 4/3.
    pub crop: Option<[f64; 2]>,
    /// `RandomHorizontalFlip`: the probability; 0 for none.
    pub flip: f64,
    /// `ColorJitter`: brightness, contrast, saturation, hue.
    pub jitter: Option<[f64; 4]>,
    /// `RandomAffine`.
    pub affine: Option<Affine>,
    /// `RandomErasing` (cutout; DeVries and Taylor 2017, Zhong et al. 2020): the probability; 0 for none.
    pub cutout: f64,
}

/// Ranges of a random affine map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// Most degrees of rotation, either way.
    pub degrees: f64,
    /// Most shift, as a fraction of width and height.
    pub translate: f64,
    /// [min, max] factor on the size.
    pub scale: [f64; 2],
    /// Most degrees of shear along x, either way.
    pub shear: f64,
}

impl Default for Affine {
    fn default() -> Self {
        Self { degrees: 10.0, translate: 0.1, scale: [0.9, 1.1], shear: 0.0 }
    }
}

impl AugmentConfig {
    /// The default crop.
    pub const CROP: [f64; 2] = [0.08, 1.0];
    /// The default jitter.
    pub const JITTER: [f64; 4] = [0.4, 0.4, 0.4, 0.1];
    /// `RandomErasing`'s fraction of the area and its aspect ratio.
    const HOLE: ([f64; 2], [f64; 2]) = ([0.02, 0.33], [0.3, 3.3]);
    const TRIES: usize = 10;

    /// Whether images stay unchanged.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// One view of the rectangle `source` of an image: [3, height, width] f32, normalized.
    pub fn view(
        &self,
        image: &RgbImage,
        source: &BBox,
        size: [usize; 2],
        interpolation: Interpolation,
        normalization: &Normalization,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let [height, width] = size;
        let source = self.crop.map_or(*source, |share| crop(source, share, rng));
        let mut input = vec![0.0; 3 * height * width];
        if self.jitter.is_some() {
            resample(image, &source, size, interpolation, &Normalization::IDENTITY, &mut input);
            input.iter_mut().for_each(|value| *value /= 255.0);
        } else {
            resample(image, &source, size, interpolation, normalization, &mut input);
        }
        if rng.random::<f64>() < self.flip {
            // Mirrored row by row; CHW.
            input.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
        if let Some(strength) = self.jitter {
            jitter(&mut input, strength, rng);
            normalize(&mut input, normalization);
        }
        if let Some(affine) = self.affine {
            input = affine.apply(&input, size, rng);
        }
        if rng.random::<f64>() < self.cutout {
            cut(&mut input, size, rng);
        }
        input
    }
}

/// `RandomResizedCrop.get_params`: ten tries, then the middle.
fn crop(source: &BBox, share: [f64; 2], rng: &mut ChaCha8Rng) -> BBox {
    let (width, height) = (source.width(), source.height());
    let ratios = [3.0_f64 / 4.0, 4.0 / 3.0];
    for _ in 0..AugmentConfig::TRIES {
        let area = width * height * between(share, rng);
        let ratio = between(ratios.map(f64::ln), rng).exp();
        let (w, h) = ((area * ratio).sqrt(), (area / ratio).sqrt());
        if w <= width && h <= height {
            let (x, y) =
                (source.x1 + (width - w) * rng.random::<f64>(), source.y1 + (height - h) * rng.random::<f64>());
            return BBox::new(x, y, x + w, y + h);
        }
    }
    let ratio = (width / height).clamp(ratios[0], ratios[1]);
    let (w, h) = (width.min(height * ratio), height.min(width / ratio));
    let (x, y) = source.center();
    BBox::new(x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0)
}

/// `ColorJitter` on [3, h, w] red, green, blue from 0 to 1: its four changes in an order that is drawn.
fn jitter(input: &mut [f32], [brightness, contrast, saturation, hue]: [f64; 4], rng: &mut ChaCha8Rng) {
    let mut order = [0, 1, 2, 3];
    order.shuffle(rng);
    let mut factor = |strength: f64| between([(1.0 - strength).max(0.0), 1.0 + strength], rng) as f32;
    let factors = [factor(brightness), factor(contrast), factor(saturation)];
    let turn = between([-hue, hue], rng) as f32;
    for change in order {
        match change {
            0 => input.iter_mut().for_each(|value| *value = (*value * factors[0]).clamp(0.0, 1.0)),
            1 => {
                let mean = pixels(input).map(gray).map(f64::from).sum::<f64>() / (input.len() / 3) as f64;
                let mean = mean as f32;
                input.iter_mut().for_each(|value| *value = (mean + (*value - mean) * factors[1]).clamp(0.0, 1.0));
            }
            2 => each_pixel(input, |pixel| {
                let gray = gray(pixel);
                pixel.map(|value| (gray + (value - gray) * factors[2]).clamp(0.0, 1.0))
            }),
            _ if hue > 0.0 => each_pixel(input, |pixel| turned(pixel, turn)),
            _ => (),
        }
    }
}

impl Affine {
    /// `RandomAffine` about the center, bilinear; what comes from outside is the mean.
    fn apply(&self, input: &[f32], [height, width]: [usize; 2], rng: &mut ChaCha8Rng) -> Vec<f32> {
        let turn = between([-self.degrees, self.degrees], rng).to_radians();
        let most = [width as f64 * self.translate, height as f64 * self.translate];
        let [dx, dy] = most.map(|most| between([-most, most], rng).round());
        let scale = between(self.scale, rng);
        let shear = between([-self.shear, self.shear], rng).to_radians();
        // torchvision's inverse of rotation x shear x scale.
        let (a, b) = (turn.cos(), -(turn.cos() * shear.tan() + turn.sin()));
        let (c, d) = (turn.sin(), turn.cos() - turn.sin() * shear.tan());
        let inverse = [d / scale, -b / scale, -c / scale, a / scale];
        let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
        let plane = height * width;
        let mut output = vec![0.0; input.len()];
        for y in 0..height {
            for x in 0..width {
                let (from_x, from_y) = (x as f64 + 0.5 - cx - dx, y as f64 + 0.5 - cy - dy);
                let sx = inverse[0] * from_x + inverse[1] * from_y + cx - 0.5;
                let sy = inverse[2] * from_x + inverse[3] * from_y + cy - 0.5;
                let (left, top) = (sx.floor(), sy.floor());
                let (right_share, lower_share) = ((sx - left) as f32, (sy - top) as f32);
                for (row, row_share) in [(top, 1.0 - lower_share), (top + 1.0, lower_share)] {
                    for (column, share) in [(left, 1.0 - right_share), (left + 1.0, right_share)] {
                        if row < 0.0 || column < 0.0 || row >= height as f64 || column >= width as f64 {
                            continue;
                        }
                        let place = row as usize * width + column as usize;
                        for channel in 0..3 {
                            output[channel * plane + y * width + x] +=
                                row_share * share * input[channel * plane + place];
                        }
                    }
                }
            }
        }
        output
    }
}

/// `RandomErasing`, with the mean.
fn cut(input: &mut [f32], [height, width]: [usize; 2], rng: &mut ChaCha8Rng) {
    let (share, ratio) = AugmentConfig::HOLE;
    for _ in 0..AugmentConfig::TRIES {
        let area = (height * width) as f64 * between(share, rng);
        let ratio = between(ratio.map(f64::ln), rng).exp();
        let (h, w) = ((area * ratio).sqrt().round() as usize, (area / ratio).sqrt().round() as usize);
        if h < height && w < width {
            let (top, left) = (rng.random_range(0..=height - h), rng.random_range(0..=width - w));
            for row in input.chunks_exact_mut(width).enumerate().filter(|(y, _)| (top..top + h).contains(&(y % height)))
            {
                row.1[left..left + w].fill(0.0);
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 2] = [24, 32];

    fn image() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, ((x * y) % 256) as u8]))
    }

    fn normalization() -> Normalization {
        Normalization { bgr: false, white: 1.0, mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] }
    }

    fn view(config: AugmentConfig, id: &str) -> Vec<f32> {
        let mut rng = dl_record::rng(0, id);
        config.view(
            &image(),
            &BBox::new(0.0, 0.0, 40.0, 30.0),
            SIZE,
            Interpolation::Bilinear,
            &normalization(),
            &mut rng,
        )
    }

    fn plain() -> Vec<f32> {
        view(AugmentConfig::default(), "")
    }

    fn distance(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn the_view_depends_only_on_seed_and_id() {
        let config = AugmentConfig {
            crop: Some(AugmentConfig::CROP),
            flip: 0.5,
            jitter: Some(AugmentConfig::JITTER),
            affine: Some(Affine::default()),
            cutout: 0.5,
        };
        assert_eq!(view(config, "augment/1/a.png"), view(config, "augment/1/a.png"));
        assert!(distance(&view(config, "augment/1/a.png"), &view(config, "augment/2/a.png")) > 0.1);
        assert!(view(config, "x").iter().all(|value| value.is_finite()));
    }

    #[test]
    fn changes_of_strength_zero_have_no_effect() {
        let still = Affine { degrees: 0.0, translate: 0.0, scale: [1.0, 1.0], shear: 0.0 };
        for config in [
            AugmentConfig { jitter: Some([0.0; 4]), ..Default::default() },
            AugmentConfig { affine: Some(still), ..Default::default() },
        ] {
            assert!(distance(&view(config, "a"), &plain()) < 1e-4, "{config:?}");
        }
        assert!(AugmentConfig::default().is_identity());
    }

    #[test]
    fn a_flip_mirrors_and_a_hole_is_the_mean() {
        let flipped = view(AugmentConfig { flip: 1.0, ..Default::default() }, "a");
        for (row, plain) in flipped.chunks(SIZE[1]).zip(plain().chunks(SIZE[1])) {
            assert!(row.iter().eq(plain.iter().rev()));
        }
        for id in ["a", "b", "c"] {
            let cut = view(AugmentConfig { cutout: 1.0, ..Default::default() }, id);
            let holes: Vec<usize> =
                (cut.chunks(cut.len() / 3)).map(|plane| plane.iter().filter(|v| **v == 0.0).count()).collect();
            let area = (SIZE[0] * SIZE[1]) as f64;
            assert!(holes.iter().all(|hole| *hole == holes[0]), "{holes:?}");
            assert!((0.015..0.36).contains(&(holes[0] as f64 / area)), "{holes:?}");
        }
    }

    #[test]
    fn a_quarter_turn_turns_the_image() {
        // torchvision turns counter-clockwise on the screen for positive angles of rotate, clockwise for affine.
        let mut input = vec![0.0; 3 * 16 * 16];
        input[2 * 16 + 12] = 1.0; // red, row 2, column 12
        let turn = Affine { degrees: 0.0, translate: 0.0, scale: [1.0, 1.0], shear: 0.0 };
        // A range of one angle, through the shear's and scale's neutral values.
        let quarter = Affine { degrees: 90.0, ..turn };
        let mut found = Vec::new();
        for seed in 0..64 {
            let mut rng = dl_record::rng(seed, "turn");
            let mut same = rng.clone();
            let angle = between([-90.0, 90.0], &mut same);
            let output = quarter.apply(&input, [16, 16], &mut rng);
            let (mut x, mut y, mut mass) = (0.0, 0.0, 0.0);
            for (at, value) in output[..256].iter().enumerate() {
                x += f64::from(*value) * (at % 16) as f64;
                y += f64::from(*value) * (at / 16) as f64;
                mass += f64::from(*value);
            }
            let (x, y) = (x / mass - 7.5, y / mass - 7.5);
            let (sin, cos) = angle.to_radians().sin_cos();
            let expected = (4.5 * cos + 5.5 * sin, 4.5 * sin - 5.5 * cos);
            found.push((x - expected.0).hypot(y - expected.1));
        }
        assert!(found.iter().all(|away| *away < 0.3), "{found:?}");
    }

    #[test]
    fn crops_stay_within_the_image_and_have_the_stated_area() {
        let source = BBox::new(10.0, 20.0, 110.0, 80.0);
        let mut rng = dl_record::rng(0, "crop");
        for _ in 0..200 {
            let found = crop(&source, [0.25, 0.5], &mut rng);
            let share = found.width() * found.height() / 6000.0;
            assert!((0.2499..0.5001).contains(&share), "{found:?}");
            let ratio = found.width() / found.height();
            assert!((0.7499..1.3334).contains(&ratio), "{found:?}");
            assert!(found.x1 >= 10.0 && found.y1 >= 20.0 && found.x2 <= 110.0 && found.y2 <= 80.0, "{found:?}");
        }
    }

    #[test]
    fn a_hue_shift_of_a_third_turns_red_into_green() {
        let found = turned([0.8, 0.2, 0.2], 1.0 / 3.0);
        assert!(distance(&found, &[0.2, 0.8, 0.2]) < 1e-5, "{found:?}");
        for pixel in [[0.1, 0.5, 0.9], [0.7, 0.7, 0.1], [0.3, 0.3, 0.3]] {
            assert!(distance(&turned(pixel, 0.0), &pixel) < 1e-6);
            assert!(distance(&turned(pixel, 1.0), &pixel) < 1e-5);
        }
    }
}
