//! Converts decoded samples of any kind to 8-bit RGB, in place if there are enough of them.

use anyhow::{Result, bail};
use image::{ColorType, GrayImage, RgbImage};

/// Converts `samples`, native-endian, to RGB: gray becomes equal red, green and blue, 16 bits are scaled to 8 with
/// rounding, transparent pixels are composited over white.
/// # Errors
/// When the number of samples is wrong, or their kind is one that no decoder here produces.
pub(super) fn to_rgb(samples: Vec<u8>, color: ColorType, width: u32, height: u32) -> Result<RgbImage> {
    let rgb = match color {
        ColorType::Rgb8 => samples,
        ColorType::L8 => converted(samples, |[gray]| [gray; 3]),
        ColorType::La8 => converted(samples, |[gray, alpha]| over_white([gray; 3], alpha)),
        ColorType::Rgba8 => converted(samples, |[red, green, blue, alpha]| over_white([red, green, blue], alpha)),
        ColorType::L16 => converted(samples, |gray: [u8; 2]| [eight(gray); 3]),
        ColorType::La16 => converted(samples, |[g1, g2, a1, a2]| over_white([eight([g1, g2]); 3], eight([a1, a2]))),
        ColorType::Rgb16 => {
            converted(samples, |[r1, r2, g1, g2, b1, b2]| [eight([r1, r2]), eight([g1, g2]), eight([b1, b2])])
        }
        ColorType::Rgba16 => converted(samples, |[r1, r2, g1, g2, b1, b2, a1, a2]| {
            over_white([eight([r1, r2]), eight([g1, g2]), eight([b1, b2])], eight([a1, a2]))
        }),
        other => bail!("samples of the kind {other:?} are not supported; convert the image to 8 or 16 bits"),
    };
    match RgbImage::from_raw(width, height, rgb) {
        Some(image) => Ok(image),
        None => bail!("the decoder gave too few pixels"),
    }
}

/// Converts `samples` as [`to_rgb`] does, but keeps transparency apart: the colors as they are stored, and the alpha of
/// each pixel if the samples have it.
/// # Errors
/// As [`to_rgb`].
pub(super) fn to_rgb_and_alpha(
    samples: Vec<u8>,
    color: ColorType,
    width: u32,
    height: u32,
) -> Result<(RgbImage, Option<GrayImage>)> {
    let depth = usize::from(color.bytes_per_pixel() / color.channel_count());
    let (channels, opaque) = match color {
        ColorType::La8 => (2, ColorType::L8),
        ColorType::La16 => (2, ColorType::L16),
        ColorType::Rgba8 => (4, ColorType::Rgb8),
        ColorType::Rgba16 => (4, ColorType::Rgb16),
        _ => return Ok((to_rgb(samples, color, width, height)?, None)),
    };
    let pixels = || samples.chunks_exact(channels * depth);
    let alpha = pixels().map(|pixel| match pixel[(channels - 1) * depth..] {
        [high_or_low, other] => eight([high_or_low, other]),
        [alpha, ..] => alpha,
        [] => 255,
    });
    let alpha = GrayImage::from_raw(width, height, alpha.collect());
    let colors = pixels().flat_map(|pixel| &pixel[..(channels - 1) * depth]).copied().collect();
    Ok((to_rgb(colors, opaque, width, height)?, alpha))
}

/// color * alpha + white * (1 - alpha), rounded.
pub(super) fn over_white(color: [u8; 3], alpha: u8) -> [u8; 3] {
    let alpha = u32::from(alpha);
    color.map(|from| ((u32::from(from) * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
}

/// Scales 16 bits to 8, rounded.
pub(super) fn scaled(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

fn eight(sample: [u8; 2]) -> u8 {
    scaled(u16::from_ne_bytes(sample))
}

/// Converts pixels of `N` bytes to pixels of 3.
fn converted<const N: usize>(mut samples: Vec<u8>, convert: impl Fn([u8; N]) -> [u8; 3]) -> Vec<u8> {
    let (count, pixel) = (samples.len() / N, |bytes: &[u8]| bytes.try_into().expect("chunks of N bytes"));
    if N < 3 {
        let mut rgb = vec![0; 3 * count];
        for (to, from) in rgb.chunks_exact_mut(3).zip(samples.chunks_exact(N)) {
            to.copy_from_slice(&convert(pixel(from)));
        }
        return rgb;
    }
    // The written part ends before the part still to be read.
    for index in 0..count {
        let color = convert(pixel(&samples[index * N..(index + 1) * N]));
        samples[3 * index..3 * index + 3].copy_from_slice(&color);
    }
    samples.truncate(3 * count);
    samples.shrink_to_fit();
    samples
}
