//! The geometric and color transformations of adaptive augmentation (Karras et al. 2020, appendix B), the authors' `bgc`. Each
//! is drawn with the same probability, and all are composed to one affine map of the places and one of the colors. Images are
//! read bilinearly; the paper's wavelet filters are left out.

use std::f64::consts::{FRAC_PI_2, PI};

use anyhow::Result;
use candle_core::{Device, Tensor};
use dl_models::plain;
use dl_ops::{Affine, Warp};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// Largest shift by whole pixels and standard deviation of that by fractions, as a part of a side.
const SHIFT: f64 = 0.125;
/// Standard deviations of the logarithm to base 2 of a scale, and of brightness, and of the logarithms of contrast and
/// saturation.
const SCALE: f64 = 0.2;
const BRIGHTNESS: f64 = 0.2;
const CONTRAST: f64 = 0.5;
const SATURATION: f64 = 1.0;
/// The direction of gray in RGB.
const LUMA: f64 = 0.577_350_269_189_625_8;

/// What is done to one image, in this order. The default does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draws {
    /// Left and right are exchanged.
    pub flip: bool,
    /// Quarters of a turn.
    pub quarters: u8,
    /// Shift to the right and down, as a part of the sides, rounded to pixels.
    pub shift: [f64; 2],
    /// Enlargement.
    pub scale: f64,
    /// Turns before and after the stretching, in radians.
    pub turns: [f64; 2],
    /// Factor on the width; the height is divided by it.
    pub stretch: f64,
    /// Shift to the right and down, as a part of the sides.
    pub fraction: [f64; 2],
    /// Added to all colors.
    pub brightness: f64,
    /// Factor on all colors.
    pub contrast: f64,
    /// Light and dark are exchanged, and the hue stays.
    pub luma_flip: bool,
    /// Turn of the hue, in radians.
    pub hue: f64,
    /// Factor on the distance from gray.
    pub saturation: f64,
}

impl Default for Draws {
    fn default() -> Self {
        Self {
            flip: false,
            quarters: 0,
            shift: [0.0; 2],
            scale: 1.0,
            turns: [0.0; 2],
            stretch: 1.0,
            fraction: [0.0; 2],
            brightness: 0.0,
            contrast: 1.0,
            luma_flip: false,
            hue: 0.0,
            saturation: 1.0,
        }
    }
}

impl Draws {
    /// Draws each transformation with probability `p`.
    fn random(p: f64, rng: &mut ChaCha8Rng) -> Self {
        let mut done = Self::default();
        let maybe = |p: f64, rng: &mut ChaCha8Rng| rng.random::<f64>() < p;
        let normal = |rng: &mut ChaCha8Rng| rng.sample::<f64, _>(StandardNormal);
        let even = |rng: &mut ChaCha8Rng| 2.0 * rng.random::<f64>() - 1.0;
        // Two turns, of which at least one is done with probability p.
        let turned = 1.0 - (1.0 - p).max(0.0).sqrt();
        if maybe(p, rng) {
            done.flip = rng.random();
        }
        if maybe(p, rng) {
            done.quarters = rng.random_range(0..4);
        }
        if maybe(p, rng) {
            done.shift = [0; 2].map(|_| SHIFT * even(rng));
        }
        if maybe(p, rng) {
            done.scale = (SCALE * normal(rng)).exp2();
        }
        if maybe(turned, rng) {
            done.turns[0] = PI * even(rng);
        }
        if maybe(p, rng) {
            done.stretch = (SCALE * normal(rng)).exp2();
        }
        if maybe(turned, rng) {
            done.turns[1] = PI * even(rng);
        }
        if maybe(p, rng) {
            done.fraction = [0; 2].map(|_| SHIFT * normal(rng));
        }
        if maybe(p, rng) {
            done.brightness = BRIGHTNESS * normal(rng);
        }
        if maybe(p, rng) {
            done.contrast = (CONTRAST * normal(rng)).exp2();
        }
        if maybe(p, rng) {
            done.luma_flip = rng.random();
        }
        if maybe(p, rng) {
            done.hue = PI * even(rng);
        }
        if maybe(p, rng) {
            done.saturation = (SATURATION * normal(rng)).exp2();
        }
        done
    }

    /// Where a place of the result is read: the inverse transformations, the first one last.
    fn places(&self, [height, width]: [usize; 2]) -> Affine {
        let scale = |x: f64, y: f64| [x, 0.0, 0.0, 0.0, y, 0.0];
        let turn = |angle: f64| [angle.cos(), -angle.sin(), 0.0, angle.sin(), angle.cos(), 0.0];
        let shift = |x: f64, y: f64| [1.0, 0.0, -x, 0.0, 1.0, -y];
        let (width, height) = (width as f64, height as f64);
        // Whole quarters, without the rounding of sines.
        let quarter = turn(f64::from(self.quarters) * FRAC_PI_2).map(f64::round);
        [
            scale(if self.flip { -1.0 } else { 1.0 }, 1.0),
            quarter,
            shift((self.shift[0] * width).round(), (self.shift[1] * height).round()),
            scale(1.0 / self.scale, 1.0 / self.scale),
            turn(self.turns[0]),
            scale(1.0 / self.stretch, self.stretch),
            turn(self.turns[1]),
            shift(self.fraction[0] * width, self.fraction[1] * height),
        ]
        .into_iter()
        .fold(scale(1.0, 1.0), after)
    }

    /// The colors as a matrix, row by row, and what is added.
    fn colors(&self) -> ([[f64; 3]; 3], [f64; 3]) {
        let axis = [[LUMA * LUMA; 3]; 3];
        let mix = |of_axis: f64, of_rest: f64| {
            let of = |row: usize, column: usize| if row == column { of_rest } else { 0.0 };
            let entry = |row: usize, column: usize| of(row, column) + (of_axis - of_rest) * axis[row][column];
            [0, 1, 2].map(|row| [0, 1, 2].map(|column| entry(row, column)))
        };
        // Rodrigues' rotation around gray.
        let (sine, cosine) = (self.hue.sin() * LUMA, self.hue.cos());
        let mut hue = mix(1.0, cosine);
        for row in 0..3 {
            hue[row][(row + 2) % 3] += sine;
            hue[row][(row + 1) % 3] -= sine;
        }
        let (mut matrix, mut added) = (mix(self.contrast, self.contrast), [self.contrast * self.brightness; 3]);
        for next in [mix(if self.luma_flip { -1.0 } else { 1.0 }, 1.0), hue, mix(1.0, self.saturation)] {
            let times = |row: usize, column: usize| (0..3).map(|inner| next[row][inner] * matrix[inner][column]).sum();
            let moved = |row: usize| (0..3).map(|inner| next[row][inner] * added[inner]).sum();
            (matrix, added) = ([0, 1, 2].map(|row| [0, 1, 2].map(|column| times(row, column))), [0, 1, 2].map(moved));
        }
        (matrix, added)
    }
}

/// First b, then a.
fn after(a: Affine, b: Affine) -> Affine {
    [
        a[0] * b[0] + a[1] * b[3],
        a[0] * b[1] + a[1] * b[4],
        a[0] * b[2] + a[1] * b[5] + a[2],
        a[3] * b[0] + a[4] * b[3],
        a[3] * b[1] + a[4] * b[4],
        a[3] * b[2] + a[4] * b[5] + a[5],
    ]
}

/// What is done to a batch of images.
pub struct Transforms {
    warp: Warp,
    /// [n, c, c]
    colors: Tensor,
    /// [n, c, 1]
    added: Tensor,
}

impl Transforms {
    /// Draws each transformation of each of n images [n, c, height, width] with probability `p`.
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn draw(
        (n, channels, height, width): (usize, usize, usize, usize),
        p: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let draws: Vec<Draws> = (0..n).map(|_| Draws::random(p, rng)).collect();
        Self::new(&draws, channels, [height, width])
    }

    /// Transformations of images of 1 or 3 channels; those of a gray one are the mean of what happens to gray in RGB.
    /// # Errors
    /// When candle fails.
    pub fn new(draws: &[Draws], channels: usize, size: [usize; 2]) -> Result<Self> {
        let places: Vec<Affine> = draws.iter().map(|draws| draws.places(size)).collect();
        let (mut colors, mut added) = (Vec::new(), Vec::new());
        for (matrix, shift) in draws.iter().map(Draws::colors) {
            if channels == 3 {
                colors.extend(matrix.as_flattened().iter().map(|number| *number as f32));
                added.extend(shift.map(|number| number as f32));
                continue;
            }
            // Each channel is gray.
            let factor = matrix.as_flattened().iter().sum::<f64>() / 3.0;
            let own = |place: usize| if place.is_multiple_of(channels + 1) { factor as f32 } else { 0.0 };
            colors.extend((0..channels * channels).map(own));
            added.extend(vec![(shift.iter().sum::<f64>() / 3.0) as f32; channels]);
        }
        let (n, device) = (draws.len(), Device::Cpu);
        Ok(Self {
            warp: Warp::new(&places, size),
            colors: Tensor::from_vec(colors, (n, channels, channels), &device).map_err(plain)?,
            added: Tensor::from_vec(added, (n, channels, 1), &device).map_err(plain)?,
        })
    }

    /// Images [n, c, height, width], -1 to 1, transformed.
    /// # Errors
    /// When the shape is another one, or candle fails.
    pub fn apply(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        let moved = self.warp.apply(images)?;
        let (colors, added) = (self.colors.to_device(images.device())?, self.added.to_device(images.device())?);
        colors.matmul(&moved.flatten_from(2)?)?.broadcast_add(&added)?.reshape(images.shape())
    }

    /// From a gradient with respect to the transformed images to that with respect to the images, with a gradient of its own.
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn adjoint(&self, gradient: &Tensor) -> candle_core::Result<Tensor> {
        let colors = self.colors.to_device(gradient.device())?.transpose(1, 2)?.contiguous()?;
        self.warp.adjoint(&colors.matmul(&gradient.flatten_from(2)?)?.reshape(gradient.shape())?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn images() -> Var {
        let numbers: Vec<f32> = (0..4 * 3 * 8 * 6).map(|index| (index * 37 % 97) as f32 / 48.0 - 1.0).collect();
        Var::from_tensor(&Tensor::from_vec(numbers, (4, 3, 8, 6), &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn a_probability_of_zero_changes_nothing_and_one_of_one_everything() {
        let images = images();
        let at = |p: f64, seed: u64| {
            let mut rng = dl_record::rng(seed, "augment");
            Transforms::draw((4, 3, 8, 6), p, &mut rng).unwrap().apply(&images).unwrap()
        };
        for (found, expected) in numbers(&at(0.0, 0)).iter().zip(numbers(&images)) {
            assert!((found - expected).abs() < 1e-6);
        }
        assert_eq!(numbers(&at(1.0, 1)), numbers(&at(1.0, 1)));
        assert_ne!(numbers(&at(1.0, 1)), numbers(&at(1.0, 2)));
        let moved = numbers(&at(1.0, 1)).iter().zip(numbers(&images)).filter(|(a, b)| (*a - b).abs() > 1e-3).count();
        assert!(moved > 500, "{moved}");
    }

    #[test]
    fn the_adjoint_is_the_gradient_of_the_transformation() {
        let images = images();
        let transforms = Transforms::draw((4, 3, 8, 6), 0.8, &mut dl_record::rng(3, "augment")).unwrap();
        let weights = (images.as_tensor().sqr().unwrap() + 0.1).unwrap().detach();
        let y = transforms.apply(&images).unwrap();
        let gradient = (y * &weights).unwrap().sum_all().unwrap().backward().unwrap().remove(&images).unwrap();
        for (found, expected) in numbers(&transforms.adjoint(&weights).unwrap()).iter().zip(numbers(&gradient)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
