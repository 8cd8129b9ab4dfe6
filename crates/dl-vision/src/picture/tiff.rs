//! TIFF, a format with many variants: those that can be shown in 8 bits without guessing are supported, the others are
//! rejected with a message.
//!
//! Of several pages, the first is read. Floats are read if they are from 0 to 1. Colors that are already multiplied by
//! their alpha (ExtraSamples 1) are not multiplied again.

use std::io::{BufRead, Seek};

use anyhow::{Result, anyhow, bail};
use image::RgbImage;
use image::metadata::Orientation;
use tiff::ColorType;
use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::pixels::{over_white, scaled};

/// A TIFF file whose first directory has been read.
pub(super) struct Tiff<R: BufRead + Seek> {
    decoder: Decoder<R>,
    /// Width and height as stored.
    pub(super) size: (u32, u32),
    pub(super) orientation: Orientation,
}

/// The kind of the color channels.
#[derive(Clone, Copy)]
struct Kind {
    channels: usize,
    is_cmyk: bool,
    alpha: Alpha,
}

#[derive(Clone, Copy, PartialEq)]
enum Alpha {
    None,
    /// The colors are not multiplied by it.
    Separate,
    /// The colors are multiplied by it.
    Associated,
}

impl<R: BufRead + Seek> Tiff<R> {
    /// # Errors
    /// When the header or the first directory is broken.
    pub(super) fn open(input: R) -> Result<Self> {
        let mut decoder = Decoder::new(input).map_err(plain)?;
        let size = decoder.dimensions().map_err(plain)?;
        let found = decoder.find_tag_unsigned::<u8>(Tag::Orientation);
        let orientation = found.ok().flatten().and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
        Ok(Self { decoder, size, orientation })
    }

    /// Bytes of all samples, and of one pixel.
    /// # Errors
    /// When the samples are of an unsupported kind.
    pub(super) fn sample_bytes(&mut self) -> Result<u64> {
        let pixels = u64::from(self.size.0) * u64::from(self.size.1);
        let color = self.color()?;
        let bits = u64::from(color.bit_depth()) * kind(color, &self.extra_samples())?.channels as u64;
        Ok(pixels.saturating_mul(bits).div_ceil(8))
    }

    /// Decodes to RGB, in the stored orientation. The samples must have at most `most` bytes.
    /// # Errors
    /// When they have more, are broken, or are of an unsupported kind.
    pub(super) fn decode(mut self, most: u64) -> Result<RgbImage> {
        let color = self.color()?;
        let kind = kind(color, &self.extra_samples())?;
        let mut limits = Limits::default();
        limits.decoding_buffer_size = usize::try_from(most).unwrap_or(usize::MAX);
        limits.intermediate_buffer_size = limits.decoding_buffer_size;
        limits.ifd_value_size = limits.decoding_buffer_size;
        let mut decoder = self.decoder.with_limits(limits);
        let mut samples = DecodingResult::U8(Vec::new());
        let layout = decoder.read_image_to_buffer(&mut samples).map_err(plain)?;
        if samples.as_buffer(0).as_bytes().len() < layout.complete_len {
            bail!("cannot be decoded: its planes are too large");
        }
        let depth = usize::from(color.bit_depth());
        let plane = Plane { size: self.size, kind, depth, layout };
        match samples {
            DecodingResult::U8(samples) if depth == 8 => plane.to_rgb(samples.len(), |index| samples[index]),
            DecodingResult::U8(samples) if depth < 8 => plane.of_bits(&samples),
            DecodingResult::U16(samples) if depth == 16 => plane.to_rgb(samples.len(), |index| scaled(samples[index])),
            DecodingResult::F16(samples) => {
                check_range(samples.iter().map(|sample| sample.to_f64()))?;
                plane.to_rgb(samples.len(), |index| eight(samples[index].to_f64()))
            }
            DecodingResult::F32(samples) => {
                check_range(samples.iter().map(|sample| f64::from(*sample)))?;
                plane.to_rgb(samples.len(), |index| eight(samples[index].into()))
            }
            DecodingResult::F64(samples) => {
                check_range(samples.iter().copied())?;
                plane.to_rgb(samples.len(), |index| eight(samples[index]))
            }
            DecodingResult::I8(_) | DecodingResult::I16(_) | DecodingResult::I32(_) | DecodingResult::I64(_) => {
                bail!("signed samples of {depth} bits are not supported; {CONVERT}")
            }
            _ => bail!("samples of {depth} bits are not supported; {CONVERT}"),
        }
    }

    fn color(&mut self) -> Result<ColorType> {
        // 3 is a palette, which the decoder does not report.
        if let Ok(Some(3)) = self.decoder.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation) {
            bail!("a TIFF with a palette is not supported; {CONVERT}");
        }
        self.decoder.colortype().map_err(plain)
    }

    fn extra_samples(&mut self) -> Vec<u16> {
        self.decoder.find_tag_unsigned_vec(Tag::ExtraSamples).ok().flatten().unwrap_or_default()
    }
}

const CONVERT: &str = "convert it to gray or RGB of 8 or 16 bits";

fn kind(color: ColorType, extra_samples: &[u16]) -> Result<Kind> {
    let alpha = match extra_samples.first() {
        Some(1) => Alpha::Associated,
        Some(2) => Alpha::Separate,
        _ => Alpha::None,
    };
    let kind = |channels, alpha| Kind { channels, is_cmyk: false, alpha };
    Ok(match color {
        ColorType::Gray(_) => kind(1, Alpha::None),
        ColorType::GrayA(_) => kind(2, if alpha == Alpha::None { Alpha::Separate } else { alpha }),
        ColorType::Multiband { num_samples: 2, .. } if alpha != Alpha::None => kind(2, alpha),
        ColorType::RGB(_) => kind(3, Alpha::None),
        ColorType::RGBA(_) => kind(4, if alpha == Alpha::None { Alpha::Separate } else { alpha }),
        ColorType::CMYK(_) => Kind { channels: 4, is_cmyk: true, alpha: Alpha::None },
        ColorType::Multiband { num_samples, .. } => bail!("{num_samples} bands are not supported; {CONVERT}"),
        other => bail!("colors of the kind {other:?} are not supported; {CONVERT}"),
    })
}

/// The layout of the samples.
struct Plane {
    size: (u32, u32),
    kind: Kind,
    depth: usize,
    layout: BufferLayoutPreference,
}

impl Plane {
    fn to_rgb(&self, length: usize, sample: impl Fn(usize) -> u8) -> Result<RgbImage> {
        let Kind { channels, is_cmyk, alpha } = self.kind;
        let pixels = self.size.0 as usize * self.size.1 as usize;
        let is_planar = self.layout.planes > 1;
        let stride = self.layout.plane_stride.map_or(0, |stride| stride.get() / (self.depth / 8));
        let needed = if is_planar { stride * (channels - 1) + pixels } else { pixels * channels };
        if length < needed {
            bail!("cannot be decoded: it has too few samples");
        }
        let mut rgb = vec![0; 3 * pixels];
        for (index, to) in rgb.chunks_exact_mut(3).enumerate() {
            let at =
                |channel: usize| sample(if is_planar { channel * stride + index } else { index * channels + channel });
            let color = if channels < 3 { [at(0); 3] } else { [at(0), at(1), at(2)] };
            let color = match alpha {
                _ if is_cmyk => of_cmyk(color, at(3)),
                Alpha::None => color,
                Alpha::Separate => over_white(color, at(channels - 1)),
                Alpha::Associated => color.map(|premultiplied| premultiplied.saturating_add(255 - at(channels - 1))),
            };
            to.copy_from_slice(&color);
        }
        RgbImage::from_raw(self.size.0, self.size.1, rgb).ok_or_else(|| anyhow!("it has too few pixels"))
    }

    /// Gray of fewer than 8 bits, with rows padded to whole bytes.
    fn of_bits(&self, samples: &[u8]) -> Result<RgbImage> {
        let row = (self.size.0 as usize * self.depth).div_ceil(8);
        if self.kind.channels != 1 || samples.len() < row * self.size.1 as usize || 8 % self.depth != 0 {
            bail!("samples of {} bits are not supported; {CONVERT}", self.depth);
        }
        let most = (1_u16 << self.depth) - 1;
        Ok(RgbImage::from_fn(self.size.0, self.size.1, |x, y| {
            let bit = x as usize * self.depth;
            let byte = u16::from(samples[y as usize * row + bit / 8]);
            let value = byte >> (8 - self.depth - bit % 8) & most;
            image::Rgb([(value * 255 / most) as u8; 3])
        }))
    }
}

fn of_cmyk(color: [u8; 3], key: u8) -> [u8; 3] {
    let light = 1.0 - f32::from(key) / 255.0;
    color.map(|ink| ((255.0 - f32::from(ink)) * light) as u8)
}

fn check_range(samples: impl Iterator<Item = f64>) -> Result<()> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for sample in samples {
        if !sample.is_finite() {
            bail!("it has samples that are not finite numbers; {CONVERT}");
        }
        (least, most) = (least.min(sample), most.max(sample));
    }
    if least < 0.0 || most > 1.0 {
        bail!("its samples are floats from {least} to {most}, but only 0 to 1 is supported; {CONVERT}");
    }
    Ok(())
}

fn eight(sample: f64) -> u8 {
    (sample * 255.0).round() as u8
}

/// The decoder's own message.
fn plain(error: tiff::TiffError) -> anyhow::Error {
    anyhow!("cannot be decoded: {error}")
}
