//! How an input and a target are made of an image, or of two.

use anyhow::{Result, bail};
use dl_models::gan::{LUMA, Task};
use dl_models::{Preprocessing, Resize};
use dl_record::BBox;
use dl_vision::picture::warp::Interpolation;
use dl_vision::picture::{Part, imresize};
use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Holes;

/// What a network gets, and what it is to make of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairKind {
    /// The image reduced by this factor (MATLAB's bicubic); the image.
    SuperResolution(usize),
    /// The image; another one.
    Translation,
    /// The image with holes; the image.
    Completion(Holes),
    /// The brightness of the image; the image.
    Colorization,
}

impl PairKind {
    /// The task of a network for it.
    pub fn task(&self) -> Task {
        match self {
            Self::SuperResolution(_) => Task::SuperResolution,
            Self::Translation => Task::Translation,
            Self::Completion(_) => Task::Completion,
            Self::Colorization => Task::Colorization,
        }
    }

    /// How many times as high and wide the target is.
    pub fn scale(&self) -> usize {
        match self {
            Self::SuperResolution(scale) => *scale,
            _ => 1,
        }
    }
}

/// Channels of a network's input.
pub fn input_channels(task: Task) -> usize {
    match task {
        Task::SuperResolution | Task::Translation => 3,
        Task::Completion => 4,
        Task::Colorization => 1,
    }
}

/// How pairs are cut out of images.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) kind: PairKind,
    /// [height, width] of the target.
    pub(super) size: [usize; 2],
    /// How many times as large an image is resized before the crop; 1: the whole image.
    pub(super) jitter: f64,
    pub(super) flip: bool,
    /// The numbers of black and white.
    pub(super) range: [f32; 2],
}

impl Cut {
    /// The input [c, h, w] and the target [3, H, W] of an image and, for translation, of another one.
    pub(super) fn pair(
        &self,
        image: &RgbImage,
        other: Option<&RgbImage>,
        rng: &mut ChaCha8Rng,
    ) -> Result<[Vec<f32>; 2]> {
        // Always drawn, so that the other draws do not depend on it.
        let flipped = rng.random::<bool>() && self.flip;
        let [mut input, mut target] = match self.kind {
            PairKind::SuperResolution(scale) => self.reduced(image, scale, rng),
            PairKind::Translation => {
                let Some(other) = other else { bail!("a pair without a second image") };
                let shares: [f64; 2] = rng.random();
                [image, other].map(|image| self.view(image, Resize::Stretch, shares))
            }
            PairKind::Completion(holes) => {
                let target = self.view(image, Resize::Shorter, rng.random());
                [with_hole(&target, &holes.mask(self.size, rng)), target]
            }
            PairKind::Colorization => {
                let target = self.view(image, Resize::Shorter, rng.random());
                [gray(&target), target]
            }
        };
        if flipped {
            let width = self.size[1];
            input.chunks_exact_mut(width / self.kind.scale()).for_each(<[f32]>::reverse);
            target.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
        Ok([input, target])
    }

    /// A crop, and the same part of the reduced image. Images smaller than the crop are mirrored at the right and at the
    /// bottom.
    fn reduced(&self, image: &RgbImage, scale: usize, rng: &mut ChaCha8Rng) -> [Vec<f32>; 2] {
        let mirrored = mirrored(image, self.size);
        let image = mirrored.as_ref().unwrap_or(image);
        let low = [image.height(), image.width()].map(|side| side as usize / scale);
        let [height, width] = self.size.map(|side| side / scale);
        let [top, left] = [(low[0], height), (low[1], width)].map(|(side, part)| rng.random_range(0..=side - part));
        let input = imresize(image, low.map(|side| side * scale), low, Part { top, left, height, width });
        let corner = [left * scale, top * scale].map(|at| at as u32);
        let [rows, columns] = self.size.map(|side| side as u32);
        let target = image::imageops::crop_imm(image, corner[0], corner[1], columns, rows).to_image();
        [numbers(&input, self.range), numbers(&target, self.range)]
    }

    /// A view of the image: the whole, or a part of it, `jitter` times smaller, at these shares of the room.
    fn view(&self, image: &RgbImage, resize: Resize, shares: [f64; 2]) -> Vec<f32> {
        let size = self.size;
        // Bicubic, as in the source.
        let preprocessing = Preprocessing {
            size,
            resize,
            shorter: None,
            interpolation: Interpolation::Bicubic,
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Preprocessing::torchvision()
        };
        let (whole, _) = preprocessing.whole_image(image.width(), image.height(), resize);
        let source = part_of(&whole, size, self.jitter, shares);
        let [low, high] = self.range;
        let mut numbers = preprocessing.input(image, &source, size);
        numbers.iter_mut().for_each(|number| *number = *number * (high - low) + low);
        numbers
    }
}

/// The part of a box that a crop of `size` shows after resizing the box to `jitter` times this size; the place is a whole
/// pixel there.
fn part_of(whole: &BBox, size: [usize; 2], jitter: f64, shares: [f64; 2]) -> BBox {
    let along = |start: f64, end: f64, size: usize, share: f64| {
        let resized = (size as f64 * jitter).round();
        let first = (share * (resized - size as f64 + 1.0)).floor().min(resized - size as f64);
        let unit = (end - start) / resized;
        (start + first * unit, start + (first + size as f64) * unit)
    };
    let (y1, y2) = along(whole.y1, whole.y2, size[0], shares[0]);
    let (x1, x2) = along(whole.x1, whole.x2, size[1], shares[1]);
    BBox::new(x1, y1, x2, y2)
}

/// The image continued by mirroring up to `size` [height, width]; `None` if it is that large.
fn mirrored(image: &RgbImage, size: [usize; 2]) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    let [least_height, least_width] = size.map(|side| side as u32);
    if width >= least_width && height >= least_height {
        return None;
    }
    let mirror = |at: u32, side: u32| {
        let at = at % (2 * side);
        at.min(2 * side - 1 - at)
    };
    let pixel = |x, y| *image.get_pixel(mirror(x, width), mirror(y, height));
    Some(RgbImage::from_fn(width.max(least_width), height.max(least_height), pixel))
}

/// The image as [3, h, w].
pub(super) fn numbers(image: &RgbImage, [low, high]: [f32; 2]) -> Vec<f32> {
    let channel = |channel: usize| {
        image.as_raw().iter().skip(channel).step_by(3).map(move |value| f32::from(*value) / 255.0 * (high - low) + low)
    };
    (0..3).flat_map(channel).collect()
}

/// The brightness [1, h, w] of an image [3, h, w].
fn gray(image: &[f32]) -> Vec<f32> {
    let area = image.len() / 3;
    (0..area).map(|at| (0..3).map(|channel| LUMA[channel] * image[channel * area + at]).sum()).collect()
}

/// An image [3, h, w] with 0 where the mask [h, w] is 1, and the mask after it.
fn with_hole(image: &[f32], mask: &[f32]) -> Vec<f32> {
    let known = image.iter().zip(mask.iter().cycle()).map(|(value, missing)| value * (1.0 - missing));
    known.chain(mask.iter().copied()).collect()
}

/// What a whole image is validated with: the image that goes into the network and the one that should come out, and the
/// mask of the pixels that are missing.
pub fn full_pair(
    kind: PairKind,
    image: &RgbImage,
    rng: &mut ChaCha8Rng,
) -> (RgbImage, RgbImage, Option<image::GrayImage>) {
    match kind {
        PairKind::SuperResolution(scale) => {
            let low = [image.height(), image.width()].map(|side| (side as usize / scale).max(1));
            let mirrored = mirrored(image, low.map(|side| side * scale));
            let image = mirrored.as_ref().unwrap_or(image);
            let size = low.map(|side| side * scale);
            let whole = Part { top: 0, left: 0, height: low[0], width: low[1] };
            let target = image::imageops::crop_imm(image, 0, 0, size[1] as u32, size[0] as u32).to_image();
            (imresize(image, size, low, whole), target, None)
        }
        PairKind::Completion(holes) => {
            let mask = holes.mask([image.height() as usize, image.width() as usize], rng);
            let at = |x: u32, y: u32| mask[(y * image.width() + x) as usize];
            let mask =
                image::GrayImage::from_fn(image.width(), image.height(), |x, y| image::Luma([255 * at(x, y) as u8]));
            (image.clone(), image.clone(), Some(mask))
        }
        PairKind::Translation | PairKind::Colorization => (image.clone(), image.clone(), None),
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::gan::paired::HoleShape;

    fn image(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, (x * y) as u8]))
    }

    fn cut(kind: PairKind, size: [usize; 2]) -> Cut {
        Cut { kind, size, jitter: 1.0, flip: true, range: [0.0, 1.0] }
    }

    #[test]
    fn a_crop_of_the_reduced_image_shows_the_same_place() {
        let image = image(45, 38);
        let cut = cut(PairKind::SuperResolution(4), [16, 24]);
        let low = imresize(&image, [36, 44], [9, 11], Part { top: 0, left: 0, height: 9, width: 11 });
        let (mut places, mut flips) = (std::collections::BTreeSet::new(), 0);
        for seed in 0..40 {
            let [input, target] = cut.pair(&image, None, &mut dl_record::rng(seed, "pair")).unwrap();
            assert_eq!((input.len(), target.len()), (3 * 4 * 6, 3 * 16 * 24));
            // Red and green tell the place.
            let value = |at: usize| (target[at] * 255.0).round() as u32;
            let is_flipped = value(0) > value(1);
            let (x, y) = (value(if is_flipped { 23 } else { 0 }) / 5, value(16 * 24) / 7);
            assert!(x.is_multiple_of(4) && y.is_multiple_of(4), "{x} {y}");
            for row in 0..4 {
                for column in 0..6 {
                    let from = if is_flipped { 5 - column } else { column };
                    let expected = low.get_pixel(x / 4 + from, y / 4 + row).0;
                    for channel in 0..3 {
                        let found = input[channel * 24 + (row * 6 + column) as usize];
                        assert_eq!((found * 255.0).round() as u8, expected[channel]);
                    }
                }
            }
            places.insert((x, y));
            flips += usize::from(is_flipped);
        }
        assert!(places.len() > 8 && (10..30).contains(&flips), "{places:?} {flips}");
        // A small image is mirrored.
        let small = image.clone();
        let small = image::imageops::crop_imm(&small, 0, 0, 9, 20).to_image();
        let [_, target] = cut.pair(&small, None, &mut dl_record::rng(1, "pair")).unwrap();
        assert_eq!(target.len(), 3 * 16 * 24);
    }

    #[test]
    fn both_images_of_a_pair_are_cut_alike() {
        let first = image(40, 40);
        let second = RgbImage::from_fn(80, 80, |x, y| *first.get_pixel(x / 2, y / 2));
        let cut = Cut { jitter: 1.25, ..cut(PairKind::Translation, [16, 16]) };
        for seed in 0..10 {
            let [a, b] = cut.pair(&first, Some(&second), &mut dl_record::rng(seed, "pair")).unwrap();
            // Blue has a jump where it exceeds 255.
            let far = a[..512].iter().zip(&b[..512]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 0.02, "{far}");
        }
        let whole = BBox::new(0.0, 0.0, 100.0, 100.0);
        let part = |share: f64| part_of(&whole, [10, 10], 1.2, [share, share]);
        assert_eq!((part(0.0).x1, part(0.999).x2, part(1.0).x2), (0.0, 100.0, 100.0));
        assert!(cut.pair(&first, None, &mut dl_record::rng(0, "pair")).is_err());
    }

    #[test]
    fn holes_are_zero_and_marked_and_gray_is_the_brightness() {
        let holes = Holes { shape: HoleShape::Center, share: 0.25 };
        let cut = Cut { range: [-1.0, 1.0], ..cut(PairKind::Completion(holes), [8, 8]) };
        let [input, target] = cut.pair(&image(8, 8), None, &mut dl_record::rng(0, "pair")).unwrap();
        assert_eq!((input.len(), target.len()), (4 * 64, 3 * 64));
        assert_eq!(input[3 * 64..].iter().sum::<f32>(), 16.0);
        for (at, value) in input[..3 * 64].iter().enumerate() {
            let missing = input[3 * 64 + at % 64] > 0.0;
            assert_eq!(*value, if missing { 0.0 } else { target[at] });
        }
        let cut = Cut { kind: PairKind::Colorization, ..cut };
        let [input, target] = cut.pair(&image(8, 8), None, &mut dl_record::rng(0, "pair")).unwrap();
        let expected = LUMA[0] * target[9] + LUMA[1] * target[64 + 9] + LUMA[2] * target[128 + 9];
        assert_eq!((input.len(), input[9]), (64, expected));
    }
}
