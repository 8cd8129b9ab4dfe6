//! Images of numbers from -1 to 1.

use std::io::Cursor;

use anyhow::{Context, Result};
use dl_models::gan::Canvas;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, GrayAlphaImage, GrayImage, ImageEncoder, Rgb, RgbImage, RgbaImage};

/// An 8-bit image with its channels interleaved.
pub(crate) struct Pixels {
    canvas: Canvas,
    bytes: Vec<u8>,
}

impl Pixels {
    /// [channels, height, width], -1 to 1 -> [height, width, channels], 0 to 255, rounded.
    pub(crate) fn of(numbers: &[f32], canvas: Canvas) -> Self {
        let area = canvas.height * canvas.width;
        let mut bytes = vec![0; numbers.len()];
        for (channel, numbers) in numbers.chunks_exact(area).enumerate() {
            for (place, number) in numbers.iter().enumerate() {
                // A cast saturates.
                bytes[place * canvas.channels + channel] = ((number + 1.0) / 2.0 * 255.0 + 0.5).floor() as u8;
            }
        }
        Self { canvas, bytes }
    }

    /// The same as an image.
    pub(crate) fn into_image(self) -> Option<DynamicImage> {
        let Self { canvas: Canvas { channels, height, width }, bytes } = self;
        let (width, height) = (width as u32, height as u32);
        match channels {
            1 => GrayImage::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
            2 => GrayAlphaImage::from_raw(width, height, bytes).map(DynamicImage::ImageLumaA8),
            3 => RgbImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
            _ => RgbaImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgba8),
        }
    }
}

/// [channels, height, width], -1 to 1, as an 8-bit RGB image; alpha is left out.
pub(crate) fn rgb_of(numbers: &[f32], canvas: Canvas) -> RgbImage {
    let pixels = Pixels::of(numbers, canvas);
    RgbImage::from_fn(canvas.width as u32, canvas.height as u32, |x, y| {
        let place = (y as usize * canvas.width + x as usize) * canvas.channels;
        let of = |channel: usize| pixels.bytes[place + if canvas.channels < 3 { 0 } else { channel }];
        Rgb([of(0), of(1), of(2)])
    })
}

/// The bytes of a PNG file.
pub(super) fn png(pixels: &Pixels) -> Result<Vec<u8>> {
    let color = match pixels.canvas.channels {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    };
    let mut file = Cursor::new(Vec::new());
    let (width, height) = (pixels.canvas.width as u32, pixels.canvas.height as u32);
    PngEncoder::new(&mut file).write_image(&pixels.bytes, width, height, color).context("cannot be encoded as PNG")?;
    Ok(file.into_inner())
}
