//! How near a network comes to the targets of images that it is not trained on.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use dl_metrics::planes::Planes;
use dl_metrics::psnr::psnr;
use dl_models::gan::Translator;
use dl_vision::picture::{Loader, Truncated};
use image::imageops::{FilterType, resize};
use image::{GrayImage, RgbImage};

use super::{PairKind, PairedImages, full_pair};
use crate::fit::Validation;

/// The ratio of two images of equal pixels, in decibels, in a mean.
const EQUAL: f64 = 100.0;

/// Whole images to validate with.
pub struct PairedValidation {
    pairs: Vec<(RgbImage, RgbImage, Option<GrayImage>)>,
    kind: PairKind,
}

impl PairedValidation {
    /// Decodes the images, of which `bytes` may be kept. Holes depend on the seed and the image's number.
    /// # Errors
    /// When there are none, one cannot be decoded, or they need more memory.
    pub fn new(images: &PairedImages, kind: PairKind, bytes: usize, seed: u64) -> Result<Self> {
        ensure!(!images.is_empty(), "no images to validate with");
        let (sources, count) = (images.sources(), images.len());
        let loader = Loader::new(Truncated::Error);
        let (mut pairs, mut used) = (Vec::new(), 0);
        for (index, source) in sources.iter().take(count).enumerate() {
            let image = loader.load(source)?.into_image();
            let (input, mut target, mask) =
                full_pair(kind, &image, &mut dl_record::rng(seed, &format!("validation/{index}")));
            if images.has_targets() {
                let other = loader.load(&sources[count + index])?.into_image();
                let (width, height) = input.dimensions();
                target = if other.dimensions() == (width, height) {
                    other
                } else {
                    resize(&other, width, height, FilterType::CatmullRom)
                };
            }
            used += input.len() + target.len();
            ensure!(used <= bytes, "the images need more than {} MB; give fewer, or raise --cache", bytes / 1_000_000);
            pairs.push((input, target, mask));
        }
        Ok(Self { pairs, kind })
    }

    /// The mean peak signal-to-noise ratio of 8-bit results: of the brightness without a border of `scale` pixels for
    /// super-resolution, as in its papers, and of red, green and blue otherwise.
    /// # Errors
    /// When the network fails, or an image is too small.
    pub fn of(&self, network: &Translator) -> Result<Validation> {
        let tiling = network.default_tiling();
        let mut sum = 0.0;
        for (input, target, mask) in &self.pairs {
            let made = match mask {
                Some(mask) => network.complete(input, mask, &tiling)?,
                None => network.translate(input, &tiling)?,
            };
            let planes = |image: &RgbImage| -> Result<Planes> {
                let planes = Planes::of_rgb(image.as_raw(), image.width() as usize, image.height() as usize)?;
                match self.kind {
                    PairKind::SuperResolution(scale) => planes.luma()?.cropped(scale),
                    _ => Ok(planes),
                }
            };
            let ratio = psnr(&planes(&made)?, &planes(target)?).context("an image to validate with")?;
            sum += ratio.min(EQUAL);
        }
        let score = sum / self.pairs.len() as f64;
        Ok(Validation { loss: None, score, metrics: BTreeMap::from([("psnr".to_owned(), score)]) })
    }
}
