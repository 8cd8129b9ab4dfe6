//! A chart into a file, by the file's ending.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use dl_record::write_atomically;
use image::{Rgb, RgbImage};
use plotters::prelude::SVGBackend;

use super::boxes::save;
use super::canvas::Canvas;

/// Something that can be drawn on a picture as well as on an SVG.
pub(super) trait Chart {
    /// Draws it.
    fn draw<B: plotters::prelude::DrawingBackend>(&self, backend: B) -> Result<()>;
}

/// Writes the chart, of `size` = (width, height) in pixels, to a .png, .jpg or .svg file.
pub(super) fn save_chart(path: &Path, size: (u32, u32), chart: &impl Chart) -> Result<()> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => {
            let mut text = String::new();
            chart.draw(SVGBackend::with_string(&mut text, size))?;
            write_atomically(path, |output| Ok(output.write_all(text.as_bytes())?))
        }
        Some("png" | "jpg" | "jpeg") => {
            let mut picture = RgbImage::from_pixel(size.0, size.1, Rgb([255; 3]));
            chart.draw(Canvas(&mut picture))?;
            save(&picture, path)
        }
        _ => bail!("{}: a chart is a .png, .jpg or .svg file", path.display()),
    }
}

/// plotters' errors do not live long enough for [`anyhow::Error`].
pub(super) fn told(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the chart cannot be drawn: {error}")
}
