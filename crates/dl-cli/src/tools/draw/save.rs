//! Writing a drawing to a file, in the format of the file's extension.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use dl_record::write_atomically;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};
use plotters::prelude::SVGBackend;

use super::canvas::Canvas;
use super::fonts::{FontArgs, report_missing};
use crate::common::{ImageFile, Inputs, Messages, is_marked, not_an_input};

/// The most pixels of a drawing that is larger than its image.
pub(super) const MOST_PIXELS: u64 = 1 << 26;

/// The format of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jpg,
    Png,
    Svg,
}

impl Kind {
    /// The format of the path's extension; PNG for a device or a pipe without one, and for /dev/stdout.
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

/// Something that can be drawn both on an image and as SVG.
pub(super) trait Chart {
    /// Draws it.
    fn draw<B: plotters::prelude::DrawingBackend>(&self, backend: B) -> Result<()>;
}

/// Writes the chart, of `size` = (width, height) in pixels, to a .png, .jpg or .svg file. An SVG names its fonts, so that
/// the viewer chooses them.
pub(super) fn save_chart(
    path: &Path,
    size: (u32, u32),
    fonts: &FontArgs,
    messages: &Messages,
    chart: &impl Chart,
) -> Result<()> {
    check_size(size.0.into(), size.1.into())?;
    match Kind::of(path) {
        Some(Kind::Svg) => {
            let mut text = String::new();
            chart.draw(SVGBackend::with_string(&mut text, size))?;
            write_atomically(path, |output| Ok(output.write_all(text.as_bytes())?))
        }
        Some(kind) => {
            let (mut image, fonts) = (RgbImage::from_pixel(size.0, size.1, Rgb([255; 3])), fonts.open()?);
            chart.draw(Canvas { image: &mut image, fonts: &fonts })?;
            save(&image, kind, path)?;
            report_missing(&fonts, messages);
            Ok(())
        }
        None => bail!("{}: a chart is a .png, .jpg or .svg file", path.display()),
    }
}

/// Refuses an output that is the input file.
pub(super) fn not_a_file(output: &Path, input: &Path) -> Result<()> {
    not_an_input(output, &Inputs { inputs: vec![input.display().to_string()] })
}

/// Refuses a drawing that would take too much memory.
pub(super) fn check_size(width: u64, height: u64) -> Result<()> {
    if width.saturating_mul(height) > MOST_PIXELS {
        bail!(
            "the drawing would have {width} x {height} pixels, more than {} million; make it smaller",
            MOST_PIXELS >> 20
        );
    }
    Ok(())
}

/// The bytes of an image file.
pub(super) fn encoded(image: &RgbImage, kind: Kind) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match kind {
        Kind::Jpg => JpegEncoder::new_with_quality(&mut bytes, 92).encode_image(image)?,
        Kind::Png => image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?,
        Kind::Svg => bail!("an image is a .png or .jpg file"),
    }
    Ok(bytes)
}

/// The comment in a drawing's file.
const MARK: &str = "drawn by dl-draw";

/// The bytes of an image file with a comment by which [`is_drawing`] recognizes it.
pub(super) fn marked(bytes: Vec<u8>, kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Jpg => crate::common::marked(bytes, ImageFile::Jpg, MARK),
        Kind::Png => crate::common::marked(bytes, ImageFile::Png, MARK),
        Kind::Svg => bytes,
    }
}

/// Whether a file has the comment of a drawing.
pub(super) fn is_drawing(path: &Path) -> bool {
    is_marked(path, MARK)
}

/// Writes an image, atomically.
pub(super) fn save(image: &RgbImage, kind: Kind, path: &Path) -> Result<()> {
    let bytes = encoded(image, kind)?;
    write_atomically(path, |output| Ok(output.write_all(&bytes)?))
}

/// plotters' errors borrow from the chart, which [`anyhow::Error`] cannot.
pub(super) fn chart_error(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the chart cannot be drawn: {error}")
}
