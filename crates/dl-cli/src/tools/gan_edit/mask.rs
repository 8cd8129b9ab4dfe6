//! The pixels that are missing in an image.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use dl_models::gan::is_missing;
use dl_record::Record;
use image::{GrayImage, Luma, RgbImage};

use super::edit::EditArgs;
use crate::common::{Images, numbers};

/// The field of a record's mask.
const FIELD: &str = "mask";

#[derive(clap::Args, Debug)]
pub(super) struct CompleteArgs {
    /// Image of the size of all images, white where pixels are missing
    #[arg(long, value_name = "FILE", help_heading = "Missing pixels")]
    mask: Option<PathBuf>,

    /// Rectangle that is missing in all images, in pixels; may be given several times
    #[arg(long = "box", value_name = "X1,Y1,X2,Y2", value_parser = rectangle, help_heading = "Missing pixels")]
    boxes: Vec<[f64; 4]>,

    #[command(flatten)]
    pub(super) edit: EditArgs,
}

fn rectangle(text: &str) -> Result<[f64; 4]> {
    let corners: Result<Vec<f64>> = text.split(',').map(|number| numbers::finite(number.trim())).collect();
    let expected = "expected four numbers, such as 10,20,60,50: left, top, right, bottom";
    let corners: [f64; 4] = corners.ok().and_then(|corners| corners.try_into().ok()).context(expected)?;
    ensure!(corners[0] < corners[2] && corners[1] < corners[3], expected);
    Ok(corners)
}

/// Finds the missing pixels of each image.
pub(super) struct Masks {
    /// The mask of all images, and its file.
    of_all: Option<(String, GrayImage)>,
    boxes: Vec<[f64; 4]>,
}

impl CompleteArgs {
    /// # Errors
    /// When --mask cannot be read.
    pub(super) fn masks(&self, images: &Images) -> Result<Masks> {
        let open = |path: &PathBuf| -> Result<(String, GrayImage)> {
            let name = path.display().to_string();
            let image = images.load(&name).with_context(|| format!("--mask {name}"))?;
            Ok((name, mask_of(&image)))
        };
        Ok(Masks { of_all: self.mask.as_ref().map(open).transpose()?, boxes: self.boxes.clone() })
    }
}

/// An image as a mask: the brightness decides.
fn mask_of(image: &RgbImage) -> GrayImage {
    let mut mask = GrayImage::new(image.width(), image.height());
    for (mask, pixel) in mask.pixels_mut().zip(image.pixels()) {
        *mask = Luma([dl_models::gan::gray_level(pixel.0)]);
    }
    mask
}

impl Masks {
    /// White where a pixel of the record's image is missing: by --mask, --box, the record's `mask`, or because it is
    /// transparent.
    /// # Errors
    /// When nothing says what is missing, a mask has another size than the image, or a box lies outside it.
    pub(super) fn of(
        &self,
        record: &Record,
        image: &RgbImage,
        alpha: Option<&GrayImage>,
        images: &Images,
    ) -> Result<GrayImage> {
        let (width, height) = image.dimensions();
        let mut missing = GrayImage::new(width, height);
        let mut known = false;
        let mut add = |mask: &GrayImage, name: &str| -> Result<()> {
            ensure!(
                mask.dimensions() == (width, height),
                "{name}: the mask has {} x {} pixels, the image {width} x {height}",
                mask.width(),
                mask.height()
            );
            for (missing, mask) in missing.pixels_mut().zip(mask.pixels()) {
                if is_missing(mask.0[0]) {
                    missing.0[0] = 255;
                }
            }
            known = true;
            Ok(())
        };
        if let Some((name, mask)) = &self.of_all {
            add(mask, &format!("--mask {name}"))?;
        }
        if let Some(source) = record.get::<String>(FIELD)? {
            let mask = images.load(&source).context("\"mask\"")?;
            add(&mask_of(&mask), "\"mask\"")?;
        }
        if let Some(alpha) = alpha {
            let mut transparent = alpha.clone();
            transparent.pixels_mut().for_each(|pixel| pixel.0[0] = 255 - pixel.0[0]);
            add(&transparent, "the transparent pixels")?;
        }
        for [x1, y1, x2, y2] in &self.boxes {
            let inside = |at: u32, low: f64, high: f64| (low..high).contains(&(f64::from(at) + 0.5));
            let mut any = false;
            for (x, y, pixel) in missing.enumerate_pixels_mut() {
                if inside(x, *x1, *x2) && inside(y, *y1, *y2) {
                    (pixel.0[0], any) = (255, true);
                }
            }
            ensure!(any, "--box {x1},{y1},{x2},{y2}: lies outside the image of {width} x {height} pixels");
            known = true;
        }
        if !known {
            bail!(
                "nothing says which pixels are missing; give --mask, --box, a field \"mask\" with an image, or an image \
                 with transparent pixels"
            );
        }
        Ok(missing)
    }
}
