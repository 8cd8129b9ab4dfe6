//! Runs a translator on images of any size: the sides are filled up by mirroring, and a large image is cut into tiles
//! that overlap.
//!
//! A network that looks no further than its reach gives the same in tiles as in one piece, if they overlap by twice the
//! reach and are cut in the middle of the overlap. One that normalizes each image by its own statistics does not; its
//! tiles are blended across the overlap.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use dl_vision::picture::MOST_BYTES;
use image::{GrayImage, Rgb, RgbImage};
use rayon::prelude::*;

use super::composition::{is_missing, keep_brightness, keep_known, luma};
use super::translator::{OUTPUT, Task, Translator};
use crate::plain;

/// The side of the output of a tile that is cut by default, in pixels.
const CUT_SIDE: usize = 768;
/// The side of a tile that is blended by default, in pixels.
const BLEND_SIDE: usize = 1024;
/// The overlap of blended tiles, in pixels.
const BLENDED: usize = 64;

/// How an image is cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Height and width of a tile, in pixels of the input; smaller images are one tile.
    pub side: usize,
    /// How many pixels neighbors share.
    pub overlap: usize,
    /// What happens where they overlap.
    pub seams: Seams,
}

/// What happens where tiles overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seams {
    /// They are cut in the middle.
    Cut,
    /// The one fades into the other.
    Blend,
}

/// The tiles along one axis.
#[derive(Debug, PartialEq, Eq)]
struct Axis {
    /// The first pixel of each.
    starts: Vec<usize>,
    side: usize,
}

impl Axis {
    /// `length` and `side` are multiples of `multiple`, as are the starts.
    fn new(length: usize, side: usize, overlap: usize, multiple: usize) -> Self {
        if length <= side {
            return Self { starts: vec![0], side: length };
        }
        let step = ((side - overlap) / multiple * multiple).max(multiple);
        let last = length - side;
        let starts = (0..last).step_by(step).chain([last]).collect();
        Self { starts, side }
    }

    /// The share of each pixel of a tile in the result; the shares of all tiles at a pixel add up to 1.
    fn shares(&self, index: usize, seams: Seams) -> Vec<f32> {
        let start = self.starts[index];
        (start..start + self.side)
            .map(|at| match seams {
                Seams::Cut => f32::from(u8::from(self.owner(at) == index)),
                Seams::Blend => {
                    let all: f32 = (0..self.starts.len()).map(|other| self.depth(other, at)).sum();
                    self.depth(index, at) / all
                }
            })
            .collect()
    }

    /// The tile that a pixel is cut from: neighbors meet in the middle of their overlap.
    fn owner(&self, at: usize) -> usize {
        let is_after = |pair: &[usize]| 2 * at >= pair[0] + pair[1] + self.side;
        self.starts.windows(2).take_while(|pair| is_after(pair)).count()
    }

    /// How far inside of a tile a pixel is, from the edges that the tile shares with others.
    fn depth(&self, index: usize, at: usize) -> f32 {
        let (start, end) = (self.starts[index], self.starts[index] + self.side);
        if !(start..end).contains(&at) {
            return 0.0;
        }
        let before = if index == 0 { self.side } else { at - start };
        let after = if index + 1 == self.starts.len() { self.side } else { end - 1 - at };
        before.min(after) as f32 + 0.5
    }
}

impl Translator {
    /// The tiles that suit the network: as large as moderate memory allows, with an overlap that shows no seams.
    pub fn default_tiling(&self) -> Tiling {
        match self.geometry.reach {
            Some(reach) => {
                let side = (CUT_SIDE / self.geometry.scale).max(4 * reach);
                Tiling { side, overlap: 2 * reach, seams: Seams::Cut }
            }
            None => Tiling { side: BLEND_SIDE, overlap: BLENDED, seams: Seams::Blend },
        }
    }

    /// The same tiles with another side.
    /// # Errors
    /// When it does not leave a pixel beside the overlap.
    pub fn tiling(&self, side: usize) -> Result<Tiling> {
        let tiling = self.default_tiling();
        let least = tiling.overlap + self.geometry.multiple.max(self.geometry.least);
        ensure!(side >= least, "tiles of {side} pixels are too small for this network; at least {least} are needed");
        Ok(Tiling { side, ..tiling })
    }

    /// The image of an image: `scale` times as high and wide. Values beyond black and white are clipped, then rounded to
    /// 8 bits, halves up. A colorized image has the gray levels of the image, exactly.
    /// # Errors
    /// When the result would take too much memory, the network fails, or it completes images.
    pub fn translate(&self, image: &RgbImage, tiling: &Tiling) -> Result<RgbImage> {
        ensure!(self.task != Task::Completion, "the network completes images; it needs a mask");
        let mut result = self.whole(image, None, tiling)?;
        if self.task == Task::Colorization {
            keep_brightness(image, &mut result);
        }
        Ok(result)
    }

    /// The image with the pixels replaced that are missing, of which the mask says 128 or more. All others stay as they
    /// are, and tiles without a missing pixel are not computed.
    /// # Errors
    /// As [`translate`](Self::translate), when the mask has another size, or the network does not complete images.
    pub fn complete(&self, image: &RgbImage, mask: &GrayImage, tiling: &Tiling) -> Result<RgbImage> {
        ensure!(self.task == Task::Completion, "the network does not complete images");
        ensure!(
            image.dimensions() == mask.dimensions(),
            "the mask has {} x {} pixels, the image {} x {}; give a mask of the same size",
            mask.width(),
            mask.height(),
            image.width(),
            image.height()
        );
        let mut result = self.whole(image, Some(mask), tiling)?;
        keep_known(image, mask, &mut result)?;
        Ok(result)
    }

    /// The network's result for all tiles; with a mask, for those that have missing pixels.
    fn whole(&self, image: &RgbImage, mask: Option<&GrayImage>, tiling: &Tiling) -> Result<RgbImage> {
        let scale = self.geometry.scale;
        let (width, height) = (image.width() as usize, image.height() as usize);
        let multiple = self.geometry.multiple;
        let filled = |length: usize| length.max(self.geometry.least).next_multiple_of(multiple);
        let side = (tiling.side / multiple * multiple).max(filled(1));
        let overlap = tiling.overlap.min(side - multiple.min(side));
        let [rows, columns] = [height, width].map(|length| Axis::new(filled(length), side, overlap, multiple));
        let (to_width, to_height) = (width * scale, height * scale);
        let is_blended = tiling.seams == Seams::Blend && rows.starts.len() * columns.starts.len() > 1;
        let bytes = (to_width * to_height) as u64 * if is_blended { 15 } else { 3 };
        ensure!(
            bytes <= MOST_BYTES,
            "the result would have {to_width} x {to_height} pixels ({} MB of memory; at most {} are allowed)",
            bytes / 1_000_000,
            MOST_BYTES / 1_000_000
        );
        let mut result = Canvas::new([to_height, to_width], is_blended);
        for (row, y) in rows.starts.iter().enumerate() {
            let of_rows = rows.shares(row, tiling.seams);
            for (column, x) in columns.starts.iter().enumerate() {
                let of_columns = columns.shares(column, tiling.seams);
                let size = [rows.side, columns.side];
                if mask.is_some_and(|mask| !has_missing(mask, [*y, *x], size)) {
                    continue;
                }
                let tile = self.tile(image, mask, [*y, *x], size)?;
                result.add(&tile, [y * scale, x * scale], [&of_rows, &of_columns], scale)?;
            }
        }
        result.into_image()
    }

    /// The network's output for a tile, mirrored where it is beyond the image: [3, h, w] in 0..255. Missing pixels are 0
    /// in the network's input, and 1 in a channel of their own.
    fn tile(
        &self,
        image: &RgbImage,
        mask: Option<&GrayImage>,
        [y, x]: [usize; 2],
        [height, width]: [usize; 2],
    ) -> Result<Tile> {
        let [low, high] = self.architecture.range;
        let [inputs, outputs] = self.channels();
        let mirrored = |start: usize, count: usize, length: u32| -> Vec<u32> {
            (start..start + count).map(|at| mirror(at, length as usize) as u32).collect()
        };
        let (rows, columns) = (mirrored(y, height, image.height()), mirrored(x, width, image.width()));
        let mut numbers = vec![0.0; inputs * height * width];
        numbers.par_chunks_mut(width).enumerate().for_each(|(index, numbers)| {
            let (channel, row) = (index / height, rows[index % height]);
            for (number, column) in numbers.iter_mut().zip(&columns) {
                let Rgb(pixel) = *image.get_pixel(*column, row);
                let missing = mask.is_some_and(|mask| is_missing(mask.get_pixel(*column, row).0[0]));
                let value = match (inputs, channel) {
                    (1, _) => luma(pixel.map(f32::from)),
                    (_, 0..3) => f32::from(pixel[channel]),
                    _ => 0.0,
                };
                *number = match channel {
                    3 => f32::from(u8::from(missing)),
                    _ if missing => 0.0,
                    _ => value / 255.0 * (high - low) + low,
                };
            }
        });
        let input = Tensor::from_vec(numbers, (1, inputs, height, width), &Device::Cpu)?;
        let output = self.outputs(&input, &[OUTPUT])?.remove(0);
        let (_, found, tall, wide) = output.dims4().map_err(plain)?;
        let scale = self.geometry.scale;
        ensure!(
            (found, tall, wide) == (outputs, height * scale, width * scale),
            "the network gives {found} channels of {wide} x {tall} pixels for an image of {width} x {height}"
        );
        let mut numbers = output.flatten_all()?.to_vec1::<f32>()?;
        numbers.par_iter_mut().for_each(|number| *number = (*number - low) / (high - low) * 255.0);
        ensure!(
            numbers.par_iter().all(|number| number.is_finite()),
            "the network gives numbers that are not finite; its weights are broken"
        );
        Ok(Tile { numbers, channels: outputs, size: [tall, wide] })
    }
}

/// The pixel that stands for pixel `at` of a mirrored line; the edge is not repeated.
fn mirror(at: usize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let at = at % (2 * (length - 1));
    if at < length { at } else { 2 * (length - 1) - at }
}

/// Whether a pixel of the tile is missing.
fn has_missing(mask: &GrayImage, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> bool {
    let (columns, rows) = (mask.width() as usize, mask.height() as usize);
    let mut rows = top..(top + height).min(rows);
    rows.any(|y| {
        let mut columns = left..(left + width).min(columns);
        columns.any(|x| is_missing(mask.get_pixel(x as u32, y as u32).0[0]))
    })
}

/// What a network gives for a tile.
struct Tile {
    /// [channels, height, width]
    numbers: Vec<f32>,
    channels: usize,
    size: [usize; 2],
}

impl Tile {
    fn pixel(&self, y: usize, x: usize) -> [f32; 3] {
        let [height, width] = self.size;
        let at = |channel: usize| self.numbers[(channel.min(self.channels - 1) * height + y) * width + x];
        [at(0), at(1), at(2)]
    }
}

/// The result, as it fills up.
struct Canvas {
    image: RgbImage,
    /// Sums of shares of pixels, where tiles are blended.
    sums: Vec<[f32; 3]>,
}

impl Canvas {
    fn new([height, width]: [usize; 2], is_blended: bool) -> Self {
        let sums = if is_blended { vec![[0.0; 3]; height * width] } else { Vec::new() };
        Self { image: RgbImage::new(width as u32, height as u32), sums }
    }

    /// Adds the pixels of a tile at [y, x], each with its share.
    fn add(
        &mut self,
        tile: &Tile,
        [top, left]: [usize; 2],
        [of_rows, of_columns]: [&[f32]; 2],
        scale: usize,
    ) -> Result<()> {
        let (width, height) = (self.image.width() as usize, self.image.height() as usize);
        for y in 0..tile.size[0].min(height.saturating_sub(top)) {
            for x in 0..tile.size[1].min(width.saturating_sub(left)) {
                let share = of_rows[y / scale] * of_columns[x / scale];
                if share == 0.0 {
                    continue;
                }
                let pixel = tile.pixel(y, x);
                if self.sums.is_empty() {
                    self.image.put_pixel((left + x) as u32, (top + y) as u32, Rgb(pixel.map(rounded)));
                } else {
                    let sum = &mut self.sums[(top + y) * width + left + x];
                    sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += share * value);
                }
            }
        }
        Ok(())
    }

    fn into_image(mut self) -> Result<RgbImage> {
        for (pixel, sum) in self.image.pixels_mut().zip(&self.sums) {
            *pixel = Rgb(sum.map(rounded));
        }
        Ok(self.image)
    }
}

/// To 8 bits: clipped, then rounded, halves up.
fn rounded(value: f32) -> u8 {
    (value.clamp(0.0, 255.0) + 0.5).floor() as u8
}

#[cfg(test)]
mod tests {
    use candle_nn::VarBuilder;

    use super::*;
    use crate::Parameters;
    use crate::gan::cyclegan::{ResNetConfig, SmallConfig};
    use crate::gan::discogan::DiscoganConfig;
    use crate::gan::rdn::RdnConfig;
    use crate::gan::srgan::SrganConfig;
    use crate::gan::srresnet::SrResNetConfig;
    use crate::gan::unet::UnetConfig;
    use crate::gan::{TranslatorConfig, gray_level};

    #[test]
    fn the_shares_of_all_tiles_add_up_to_one() {
        for (length, side, overlap, multiple) in [(100, 32, 8, 4), (33, 32, 8, 1), (64, 20, 12, 4), (31, 32, 8, 1)] {
            let axis = Axis::new(length, side, overlap, multiple);
            assert!(axis.starts.iter().all(|start| start % multiple == 0 && start + axis.side <= length));
            for seams in [Seams::Cut, Seams::Blend] {
                let mut sums = vec![0.0; length];
                for (index, start) in axis.starts.iter().enumerate() {
                    let shares = axis.shares(index, seams);
                    sums[*start..].iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
                }
                assert!(sums.iter().all(|sum: &f32| (sum - 1.0).abs() < 1e-5), "{axis:?} {seams:?} {sums:?}");
            }
        }
    }

    #[test]
    fn a_line_is_mirrored_as_often_as_needed() {
        let line: Vec<usize> = (0..9).map(|at| mirror(at, 3)).collect();
        assert_eq!(line, [0, 1, 2, 1, 0, 1, 2, 1, 0]);
        assert_eq!(mirror(5, 1), 0);
    }

    fn image(width: u32, height: u32) -> RgbImage {
        let mut rng = dl_record::rng(3, "image");
        RgbImage::from_fn(width, height, |_, _| Rgb(std::array::from_fn(|_| rand::RngExt::random(&mut rng))))
    }

    fn translator(name: &str, options: &impl serde::Serialize) -> Translator {
        let vb: VarBuilder = Parameters::fresh(0).frozen(|_| true).builder(&Device::Cpu);
        Translator::new(TranslatorConfig::new(name, options).unwrap(), &vb).unwrap()
    }

    #[test]
    fn tiles_of_networks_that_do_not_look_far_give_the_image_in_one_piece() {
        let srgan = SrganConfig { scale: 2, blocks: 1, channels: 8, ..SrganConfig::default() };
        let srresnet = SrResNetConfig { scale: 3, blocks: 1, channels: 8 };
        let rdn = RdnConfig { scale: 2, blocks: 1, channels: 8, ..RdnConfig::default() };
        for network in [translator("srgan", &srgan), translator("srresnet", &srresnet), translator("rdn", &rdn)] {
            let image = image(61, 47);
            let whole = network.translate(&image, &Tiling { side: 100, ..network.default_tiling() }).unwrap();
            assert_eq!(whole.width() as usize, 61 * network.geometry.scale);
            let least = network.default_tiling().overlap + 1;
            for side in [least.max(33), 45] {
                let tiled = network.translate(&image, &network.tiling(side).unwrap()).unwrap();
                let pairs = whole.as_raw().iter().zip(tiled.as_raw());
                let far = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                assert!(far <= 1, "{}: {far}", network.architecture.name);
            }
            assert!(network.tiling(least - 1).is_err());
            // An overlap that is too small shows, but where fresh weights leave little but the bilinear enlargement.
            let narrow = Tiling { side: 33, overlap: 0, seams: Seams::Cut };
            let differs = network.translate(&image, &narrow).unwrap() != whole;
            assert!(differs || network.architecture.name == "srresnet");
        }
    }

    #[test]
    fn tiles_of_discogan_give_the_image_in_one_piece() {
        for code in [0, 5] {
            let options = DiscoganConfig { steps: 2, channels: 4, code, ..DiscoganConfig::default() };
            let network = translator("discogan", &options);
            let image = image(160, 120);
            let whole = network.translate(&image, &Tiling { side: 200, ..network.default_tiling() }).unwrap();
            let least = network.default_tiling().overlap + 4;
            let tiled = network.translate(&image, &network.tiling(least + 12).unwrap()).unwrap();
            let far = whole.as_raw().iter().zip(tiled.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(far <= 1, "{code}: {far}");
        }
    }

    #[test]
    fn an_image_of_any_size_keeps_it_and_blended_tiles_are_near_the_whole() {
        let small = translator("cyclegan_small", &SmallConfig { channels: 4 });
        let resnet = ResNetConfig { blocks: 1, channels: 4, ..ResNetConfig::default() };
        for network in [small, translator("cyclegan", &resnet)] {
            for (width, height) in [(1, 1), (5, 3), (64, 33)] {
                let image = image(width, height);
                let result = network.translate(&image, &network.default_tiling()).unwrap();
                assert_eq!(result.dimensions(), (width, height));
            }
        }
        let network = translator("cyclegan", &resnet);
        let image = image(160, 128);
        let whole = network.translate(&image, &network.default_tiling()).unwrap();
        let tiled = network.translate(&image, &Tiling { side: 96, overlap: 32, seams: Seams::Blend }).unwrap();
        let pairs = whole.as_raw().iter().zip(tiled.as_raw());
        let mean = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / whole.as_raw().len() as f64;
        assert!(mean > 0.0 && mean < 12.0, "{mean}");
    }

    #[test]
    fn a_result_that_is_too_large_is_refused() {
        let network = translator("srgan", &SrganConfig { scale: 8, blocks: 1, channels: 4, ..SrganConfig::default() });
        let error = network.translate(&RgbImage::new(4000, 3000), &network.default_tiling()).unwrap_err().to_string();
        assert!(error.contains("32000 x 24000 pixels"), "{error}");
    }

    #[test]
    fn a_completed_image_keeps_what_is_known_in_one_piece_and_in_tiles() {
        let options = UnetConfig { steps: 5, channels: 4, inputs: 4, ..UnetConfig::default() };
        let vb: VarBuilder = Parameters::fresh(0).frozen(|_| true).builder(&Device::Cpu);
        let mut config = TranslatorConfig::new("unet", &options).unwrap();
        assert!(Translator::new(config.clone(), &vb).is_err());
        config.task = Some(Task::Completion);
        let network = Translator::new(config, &vb).unwrap();
        let (image, mut mask) = (image(150, 70), GrayImage::new(150, 70));
        assert!(network.translate(&image, &network.default_tiling()).is_err());
        for (x, y) in [(3, 3), (4, 3), (149, 69)] {
            mask.put_pixel(x, y, image::Luma([255]));
        }
        let whole = network.complete(&image, &mask, &network.default_tiling()).unwrap();
        let tiled = network.complete(&image, &mask, &network.tiling(96).unwrap()).unwrap();
        for result in [&whole, &tiled] {
            let changed = result.enumerate_pixels().filter(|(x, y, pixel)| *pixel != image.get_pixel(*x, *y));
            let changed: Vec<(u32, u32)> = changed.map(|(x, y, _)| (x, y)).collect();
            assert_eq!(changed, [(3, 3), (4, 3), (149, 69)]);
        }
        // What was there before does not matter.
        let mut other = image.clone();
        other.put_pixel(3, 3, Rgb([1, 2, 3]));
        assert_eq!(network.complete(&other, &mask, &network.default_tiling()).unwrap(), whole);
        assert!(network.complete(&image, &GrayImage::new(9, 9), &network.default_tiling()).is_err());
    }

    #[test]
    fn a_colorized_image_keeps_its_gray_levels() {
        let options = UnetConfig { steps: 5, channels: 4, inputs: 1, ..UnetConfig::default() };
        let vb: VarBuilder = Parameters::fresh(0).frozen(|_| true).builder(&Device::Cpu);
        let mut config = TranslatorConfig::new("unet", &options).unwrap();
        config.task = Some(Task::Colorization);
        let network = Translator::new(config, &vb).unwrap();
        let image = image(50, 37);
        let result = network.translate(&image, &network.default_tiling()).unwrap();
        for (found, expected) in result.pixels().zip(image.pixels()) {
            assert_eq!(gray_level(found.0), gray_level(expected.0));
        }
    }
}
