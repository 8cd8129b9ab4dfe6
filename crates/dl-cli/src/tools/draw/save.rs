//! A drawing into a file, by the file's ending.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use dl_record::write_atomically;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};
use plotters::prelude::SVGBackend;

use super::canvas::Canvas;
use crate::common::{Inputs, not_an_input};

/// The most pixels of a drawing that is larger than the image it shows.
pub(super) const MOST_PIXELS: u64 = 1 << 26;

/// The format of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jpg,
    Png,
    Svg,
}

impl Kind {
    /// What the path's ending says; PNG for a device or a pipe without one, and for /dev/stdout wherever it leads.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let Some(ending) = path.extension() else {
            let pipe = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
            return (pipe || path.starts_with("/dev")).then_some(Self::Png);
        };
        let is = |known: &str| ending.eq_ignore_ascii_case(known);
        match () {
            () if is("jpg") || is("jpeg") => Some(Self::Jpg),
            () if is("png") => Some(Self::Png),
            () if is("svg") => Some(Self::Svg),
            () => None,
        }
    }
}

/// Something that can be drawn on a picture as well as on an SVG.
pub(super) trait Chart {
    /// Draws it.
    fn draw<B: plotters::prelude::DrawingBackend>(&self, backend: B) -> Result<()>;
}

/// Writes the chart, of `size` = (width, height) in pixels, to a .png, .jpg or .svg file.
pub(super) fn save_chart(path: &Path, size: (u32, u32), chart: &impl Chart) -> Result<()> {
    check_size(size.0.into(), size.1.into())?;
    match Kind::of(path) {
        Some(Kind::Svg) => {
            let mut text = String::new();
            chart.draw(SVGBackend::with_string(&mut text, size))?;
            write_atomically(path, |output| Ok(output.write_all(text.as_bytes())?))
        }
        Some(kind) => {
            let mut picture = RgbImage::from_pixel(size.0, size.1, Rgb([255; 3]));
            chart.draw(Canvas(&mut picture))?;
            save(&picture, kind, path)
        }
        None => bail!("{}: a chart is a .png, .jpg or .svg file", path.display()),
    }
}

/// Refuses an output that is the file that is read.
pub(super) fn not_a_file(output: &Path, input: &Path) -> Result<()> {
    not_an_input(output, &Inputs { inputs: vec![input.display().to_string()] })
}

/// Refuses a drawing that would take memory without bound.
pub(super) fn check_size(width: u64, height: u64) -> Result<()> {
    if width.saturating_mul(height) > MOST_PIXELS {
        bail!(
            "the drawing would have {width} x {height} pixels, more than {} million; make it smaller",
            MOST_PIXELS >> 20
        );
    }
    Ok(())
}

/// The file of a picture.
pub(super) fn encoded(picture: &RgbImage, kind: Kind) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match kind {
        Kind::Jpg => JpegEncoder::new_with_quality(&mut bytes, 92).encode_image(picture)?,
        Kind::Png => picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?,
        Kind::Svg => bail!("an image is a .png or .jpg file"),
    }
    Ok(bytes)
}

/// Writes a picture, atomically.
pub(super) fn save(picture: &RgbImage, kind: Kind, path: &Path) -> Result<()> {
    let bytes = encoded(picture, kind)?;
    write_atomically(path, |output| Ok(output.write_all(&bytes)?))
}

/// plotters' errors do not live long enough for [`anyhow::Error`].
pub(super) fn told(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the chart cannot be drawn: {error}")
}
