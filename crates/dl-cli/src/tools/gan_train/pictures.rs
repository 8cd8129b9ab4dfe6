//! How images become inputs.

use std::str::FromStr;

use anyhow::{Context, Error, Result, anyhow, ensure};
use clap::ValueEnum;
use dl_models::gan::Canvas;
use dl_vision::picture::{Loader, Truncated};
use image::RgbImage;

use crate::common::{ImageArgs, is_gray, numbers};

/// Images that decide whether all are gray.
const LOOKED_AT: usize = 16;
/// Largest side of the first image that is taken as the size.
const SMALL: u32 = 128;

/// Most numbers of a batch of images: half a gigabyte, and many times that in the networks.
const MOST_NUMBERS: usize = 1 << 27;

/// Refuses a batch that is too large; `option` sets the size of its images.
pub(crate) fn check_batch(images: usize, numbers: usize, option: &str) -> Result<()> {
    ensure!(
        images.saturating_mul(numbers) <= MOST_NUMBERS,
        "--batch {images}: the images do not fit in memory; give a smaller --batch or {option}"
    );
    Ok(())
}

/// Options of the images.
#[derive(clap::Args, Debug)]
pub(crate) struct PictureArgs {
    /// Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]
    #[arg(long, value_name = "SIDE|WxH", help_heading = "Network")]
    pub(crate) size: Option<SizeName>,

    /// Colors of the images [default: gray if the first images are, otherwise rgb]
    #[arg(long, value_enum, value_name = "COLORS", help_heading = "Network")]
    pub(crate) colors: Option<Colors>,

    /// Flip half of the images horizontally
    #[arg(long, help_heading = "Training")]
    pub(crate) flip: bool,

    /// Megabytes of memory for decoded images
    #[arg(long, value_name = "MB", default_value_t = 1000, help_heading = "Training")]
    pub(crate) cache: usize,

    #[command(flatten)]
    pub(crate) image: ImageArgs,
}

/// `--size`: [height, width].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SizeName(pub(super) [usize; 2]);

impl FromStr for SizeName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (width, height) = text.split_once('x').unwrap_or((text, text));
        let side = |side: &str| numbers::side(side).context("expected pixels, such as 64 or 96x64");
        Ok(Self([side(height)?, side(width)?]))
    }
}

/// `--colors`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colors {
    /// One channel; colors become their brightness
    Gray,
    /// Three channels
    Rgb,
}

impl Colors {
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

impl PictureArgs {
    /// What is done with images whose files end early.
    pub(crate) fn truncated(&self) -> Truncated {
        self.image.truncated()
    }

    /// Bytes of memory for decoded images.
    pub(crate) fn cache_bytes(&self) -> usize {
        self.cache.saturating_mul(1_000_000)
    }
}

impl PictureArgs {
    /// The shape of the images: as the options say, or else as the first ones look.
    pub(crate) fn canvas(&self, sources: &[String]) -> Result<Canvas> {
        let loader = Loader::new(self.truncated());
        let mut broken = None;
        let mut first: Vec<RgbImage> = Vec::new();
        let needed = if self.size.is_some() && self.colors.is_some() { 0 } else { LOOKED_AT };
        for source in sources.iter().take(needed) {
            match loader.load(source) {
                Ok(image) => first.push(image.into_image()),
                Err(error) => broken = broken.or(Some(error)),
            }
        }
        let unknown = || match &broken {
            Some(error) => anyhow!("none of the first {LOOKED_AT} images can be read; the first: {error:#}"),
            None => anyhow!("there are no images"),
        };
        let colors = match self.colors {
            Some(colors) => colors,
            None if first.is_empty() => return Err(unknown()),
            None if first.iter().all(is_gray) => Colors::Gray,
            None => Colors::Rgb,
        };
        let channels = colors.channels();
        let canvas = |[height, width]: [usize; 2]| Canvas { channels, height, width };
        match self.size {
            Some(SizeName(size)) => Ok(canvas(size)),
            None => {
                let (width, height) = first.first().with_context(|| unknown().to_string())?.dimensions();
                let fits = width.max(height) <= SMALL && width.is_multiple_of(4) && height.is_multiple_of(4);
                Ok(canvas(if fits { [height as usize, width as usize] } else { [64; 2] }))
            }
        }
    }
}
