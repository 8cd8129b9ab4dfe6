//! Decodes any image file to 8-bit RGB, upright.
//!
//! All programs open images here, so that all of them see the same pixels:
//!
//! - The format is detected from the content (JPEG, PNG, BMP, GIF, TIFF, WebP, PNM), never from the name.
//! - EXIF orientation is applied: width, height and boxes are those of the upright image.
//! - Gray becomes equal red, green and blue. 16 bits are scaled to 8 with rounding. A palette is looked up.
//! - Transparent pixels are composited over white, unless a loader keeps transparency apart.
//! - CMYK becomes (1 - c)(1 - k), as in Pillow; ICC profiles are not applied.
//! - Of an animation or several pages, the first is read.
//! - A truncated file is an error, never an image padded with gray, unless requested.
//! - Memory is bounded: both for one image, and by how many large images are held at a time.

use std::io::{self, Cursor, Read, Seek};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use image::codecs::jpeg::JpegDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::exif;
use super::jpeg;
use super::pixels::{to_rgb, to_rgb_and_alpha};
use super::source::{Input, Source, name};
use super::tiff::Tiff;

/// An image that needs more bytes than this at once is rejected: its header may be false. This counts the decoder's own
/// buffers, its output, the RGB copy, and for a JPEG the file. 10,000 x 10,000 pixels of 16-bit RGBA are just within
/// the limit.
pub const MOST_BYTES: u64 = 800_000_000;

/// Images that need more bytes than this are opened one at a time by one [`Loader`], however many threads ask.
pub const LARGE_BYTES: u64 = 100_000_000;

/// What to do with a truncated or damaged image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truncated {
    /// Return an error.
    #[default]
    Error,
    /// Decode what is there; the rest is gray, or whatever the decoder makes of it.
    Keep,
}

/// Opens images for all threads of a program.
#[derive(Debug, Default)]
pub struct Loader {
    truncated: Truncated,
    keeps_alpha: bool,
    large: Mutex<()>,
}

/// A decoded image. While a large one is held, the same loader opens no other large one.
#[derive(Debug)]
pub struct Loaded<'a> {
    image: RgbImage,
    alpha: Option<GrayImage>,
    damage: Option<String>,
    turn: Turn<'a>,
}

/// While held, no other large image is opened; a small image blocks nothing.
#[derive(Debug)]
#[must_use]
pub struct Turn<'a>(#[allow(dead_code, reason = "it is held")] Option<MutexGuard<'a, ()>>);

impl<'a> Loaded<'a> {
    /// What is missing or damaged, if that was accepted.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Takes the alpha of each pixel, of the image's size, if the file has it and the loader keeps it.
    pub fn take_alpha(&mut self) -> Option<GrayImage> {
        self.alpha.take()
    }

    /// The pixels, and the guard that blocks the next large image.
    pub fn split(self) -> (RgbImage, Turn<'a>) {
        (self.image, self.turn)
    }

    /// The pixels alone; the next large image may be opened.
    pub fn into_image(self) -> RgbImage {
        self.image
    }
}

impl Deref for Loaded<'_> {
    type Target = RgbImage;

    fn deref(&self) -> &RgbImage {
        &self.image
    }
}

/// Decodes the image at `source`, a path or a `data:` URI (base64), to 8-bit RGB, upright. See the module documentation
/// for the conversions.
/// # Errors
/// When it does not exist, is not a regular file, is empty, not an image, broken, truncated, or needs more than
/// [`MOST_BYTES`]. The message is one line and names the source.
pub fn load(source: &str) -> Result<RgbImage> {
    Ok(Loader::default().load(source)?.into_image())
}

/// Width and height of the image at `source` in pixels, upright, from the file's header: much faster than [`load`], but
/// damage further on is not noticed.
/// # Errors
/// When it does not exist, is not a regular file, or has no valid image header.
pub fn dimensions(source: &str) -> Result<(u32, u32)> {
    Source::open(source).and_then(|mut source| source.dimensions()).with_context(|| name(source))
}

impl Source {
    /// Width and height in pixels, upright, from the header.
    /// # Errors
    /// When the header is broken or gives a size of zero.
    pub fn dimensions(&mut self) -> Result<(u32, u32)> {
        self.input.rewind()?;
        let format = self.format;
        let input = &mut self.input;
        let ((width, height), orientation) = guarded(format, || match format {
            ImageFormat::Jpeg => {
                let header = jpeg::header(input)?;
                Ok((header.size, header.orientation))
            }
            ImageFormat::Tiff => {
                let tiff = Tiff::open(input)?;
                Ok((tiff.size, tiff.orientation))
            }
            _ => {
                let orientation = exif::orientation(input, format);
                input.rewind()?;
                Ok((decoder(input, format)?.dimensions(), orientation))
            }
        })?;
        check_size(width, height)?;
        Ok(if exif::swaps_sides(orientation) { (height, width) } else { (width, height) })
    }
}

impl Loader {
    /// A loader with this treatment of damaged images.
    pub fn new(truncated: Truncated) -> Self {
        Self { truncated, ..Self::default() }
    }

    /// The same, but the colors of transparent pixels stay as they are stored, and [`Loaded::take_alpha`] has their alpha:
    /// for programs that write images. TIFF has none.
    #[must_use]
    pub fn keeping_alpha(self) -> Self {
        Self { keeps_alpha: true, ..self }
    }

    /// Decodes an image like [`load`](load()). A large image waits while another large one is held, so a thread must
    /// not hold two.
    /// # Errors
    /// As [`load`](load()); a damaged image is not an error with [`Truncated::Keep`].
    pub fn load(&self, source: &str) -> Result<Loaded<'_>> {
        let opened = Source::open(source);
        let loaded = opened.and_then(|source| guarded(source.format, || self.decode(source)));
        loaded.with_context(|| name(source))
    }

    fn decode(&self, source: Source) -> Result<Loaded<'_>> {
        match source.format {
            ImageFormat::Jpeg => self.jpeg(source),
            ImageFormat::Tiff => self.tiff(source.input),
            _ => self.other(source),
        }
    }

    fn jpeg(&self, mut source: Source) -> Result<Loaded<'_>> {
        let header = jpeg::header(&mut source.input)?;
        let (width, height) = header.size;
        check_size(width, height)?;
        // The decoder has a copy of the file.
        let file = 2 * source.length;
        let turned = exif::swaps_sides(header.orientation);
        let held = |coefficients| Held { own: file + coefficients, samples: 3, pixels: pixels(header.size), turned };
        let mut turn = self.turn(held(0), header.size)?;
        source.input.rewind()?;
        let mut bytes = Vec::with_capacity(usize::try_from(source.length)?);
        source.input.take(source.length).read_to_end(&mut bytes).context("cannot be read")?;
        let found = jpeg::examine(&bytes);
        if let Some(damage) = found.damage.as_ref().filter(|_| self.truncated == Truncated::Error) {
            bail!("{damage}; use --truncated keep to read what is there");
        }
        if found.coefficients > 0 {
            // Only now is it known that the decoder holds all of them.
            turn = self.turn_after(turn, held(found.coefficients), header.size)?;
        }
        let decoder = JpegDecoder::new(Cursor::new(bytes.as_slice())).map_err(plain)?;
        let color = decoder.color_type();
        let mut samples = vec![0; usize::try_from(decoder.total_bytes())?];
        decoder.read_image(&mut samples).map_err(plain)?;
        drop(bytes);
        let image = upright(to_rgb(samples, color, width, height)?, header.orientation);
        Ok(Loaded { image, alpha: None, damage: found.damage, turn: Turn(turn) })
    }

    fn tiff(&self, input: Box<dyn Input>) -> Result<Loaded<'_>> {
        let mut tiff = Tiff::open(input)?;
        let (size, orientation) = (tiff.size, tiff.orientation);
        check_size(size.0, size.1)?;
        let own = tiff.sample_bytes()?;
        let turned = exif::swaps_sides(orientation);
        let turn = self.turn(Held { own, samples: 3, pixels: pixels(size), turned }, size)?;
        let image = upright(tiff.decode(MOST_BYTES)?, orientation);
        Ok(Loaded { image, alpha: None, damage: None, turn: Turn(turn) })
    }

    fn other(&self, source: Source) -> Result<Loaded<'_>> {
        let Source { mut input, length, format } = source;
        let orientation = exif::orientation(&mut input, format);
        input.rewind()?;
        let decoder = decoder(input, format)?;
        let (size, color, total) = (decoder.dimensions(), decoder.color_type(), decoder.total_bytes());
        check_size(size.0, size.1)?;
        let own = match format {
            ImageFormat::WebP => total.saturating_mul(2).saturating_add(length),
            ImageFormat::Gif | ImageFormat::Pnm => total,
            _ => 0,
        };
        let turned = exif::swaps_sides(orientation);
        // The colors and the alpha of a pixel are copied while its samples are held.
        let apart = if self.keeps_alpha && color.has_alpha() { u64::from(color.bytes_per_pixel()) } else { 0 };
        let samples = u64::from(color.bytes_per_pixel()) + apart;
        let turn = self.turn(Held { own, samples, pixels: pixels(size), turned }, size)?;
        // Row by row, so that the rows before a missing part are kept.
        let by_row = matches!(format, ImageFormat::Png | ImageFormat::Bmp | ImageFormat::Pnm)
            && color.bytes_per_pixel() == color.channel_count();
        let keep = by_row && self.truncated == Truncated::Keep;
        let mut samples = vec![if keep { 128 } else { 0 }; usize::try_from(total)?];
        let damage = match decoder.read_image(&mut samples) {
            Ok(()) => None,
            Err(ImageError::IoError(error)) if keep && error.kind() == io::ErrorKind::UnexpectedEof => {
                Some("the file is truncated: its end is missing".to_owned())
            }
            Err(error) => return Err(plain(error)),
        };
        let (image, alpha) = match self.keeps_alpha {
            true => to_rgb_and_alpha(samples, color, size.0, size.1)?,
            false => (to_rgb(samples, color, size.0, size.1)?, None),
        };
        let alpha = alpha.map(|alpha| {
            let mut alpha = DynamicImage::ImageLuma8(alpha);
            alpha.apply_orientation(orientation);
            alpha.into_luma8()
        });
        Ok(Loaded { image: upright(image, orientation), alpha, damage, turn: Turn(turn) })
    }

    /// Waits until a large image may be opened; rejects one that is too large.
    fn turn(&self, held: Held, size: (u32, u32)) -> Result<Option<MutexGuard<'_, ()>>> {
        self.turn_after(None, held, size)
    }

    fn turn_after<'a>(
        &'a self,
        turn: Option<MutexGuard<'a, ()>>,
        held: Held,
        (width, height): (u32, u32),
    ) -> Result<Option<MutexGuard<'a, ()>>> {
        let bytes = held.bytes();
        if bytes > MOST_BYTES {
            let (needed, most) = (bytes / 1_000_000, MOST_BYTES / 1_000_000);
            bail!("{width} x {height} pixels are too many ({needed} MB of memory; at most {most} are allowed)");
        }
        // Poisoning does not matter: the mutex protects no data.
        let wait = || self.large.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(turn.or_else(|| (bytes > LARGE_BYTES).then(wait)))
    }
}

/// The memory needed for an image.
#[derive(Clone, Copy)]
struct Held {
    /// Bytes of the decoder and of the file.
    own: u64,
    /// Bytes per decoded pixel.
    samples: u64,
    pixels: u64,
    /// Whether a rotated copy is made.
    turned: bool,
}

impl Held {
    /// The most bytes at any time: decoding, converting to RGB, rotating.
    fn bytes(self) -> u64 {
        let a_pixel = |bytes: u64| self.pixels.saturating_mul(bytes);
        let converting = a_pixel(if self.samples < 3 { self.samples + 3 } else { self.samples });
        let turning = if self.turned { a_pixel(6) } else { 0 };
        self.own.saturating_add(converting.max(turning))
    }
}

fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

fn check_size(width: u32, height: u32) -> Result<()> {
    if width == 0 || height == 0 {
        bail!("the image has no pixels ({width} x {height})");
    }
    Ok(())
}

fn decoder<'a>(input: impl Input + 'a, format: ImageFormat) -> Result<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::with_format(input, format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    reader.into_decoder().map_err(plain)
}

fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

/// The decoder's own message, without the chain of wrappers that repeats it.
fn plain(error: ImageError) -> anyhow::Error {
    anyhow!("cannot be decoded: {error}")
}

/// Runs a decoder; one that panics has met an unsupported kind of file.
fn guarded<T>(format: ImageFormat, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let name = format!("{format:?}").to_uppercase();
        bail!("cannot be decoded: this kind of {name} is not supported; convert it, for example to PNG")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};

    use super::*;

    const QUARTERS: [[u8; 3]; 4] = [[200, 30, 40], [20, 160, 60], [30, 50, 190], [220, 200, 40]];

    fn golden(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/goldens/images");
        folder.join(name).display().to_string()
    }

    /// The colors in the middle of the four quarters.
    fn quarters(image: &RgbImage) -> [[u8; 3]; 4] {
        let (w, h) = image.dimensions();
        [(w / 4, h / 4), (3 * w / 4, h / 4), (w / 4, 3 * h / 4), (3 * w / 4, 3 * h / 4)]
            .map(|(x, y)| image.get_pixel(x, y).0)
    }

    #[track_caller]
    fn assert_near(found: [[u8; 3]; 4], expected: [[u8; 3]; 4]) {
        let far = found.iter().flatten().zip(expected.iter().flatten()).any(|(a, b)| a.abs_diff(*b) > 2);
        assert!(!far, "{found:?}, expected {expected:?}");
    }

    #[test]
    fn transparency_is_kept_apart_if_requested() {
        let loader = Loader::default().keeping_alpha();
        let encoded = |image: DynamicImage| {
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, ImageFormat::Png).unwrap();
            uri(bytes.get_ref())
        };
        let four = ImageBuffer::from_fn(2, 1, |x, _| Rgba([10_u8, 20, 30, if x == 0 { 0 } else { 200 }]));
        let wide = ImageBuffer::from_fn(2, 1, |x, _| LumaA([1000_u16, if x == 0 { 0 } else { 65535 }]));
        for (image, color, last) in [(four.into(), [10, 20, 30], 200), (wide.into(), [4; 3], 255)] {
            let mut loaded = loader.load(&encoded(image)).unwrap();
            let alpha = loaded.take_alpha().unwrap();
            assert_eq!([alpha.get_pixel(0, 0).0, alpha.get_pixel(1, 0).0], [[0], [last]]);
            assert_eq!(loaded.get_pixel(0, 0).0, color);
        }
        let opaque: DynamicImage = ImageBuffer::from_pixel(1, 1, Rgb([1_u8, 2, 3])).into();
        assert!(loader.load(&encoded(opaque)).unwrap().take_alpha().is_none());
    }

    fn uri(bytes: &[u8]) -> String {
        format!("data:image/any;base64,{}", STANDARD.encode(bytes))
    }

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn noise(width: u32, height: u32) -> DynamicImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 37 + y * 91) as u8, (x * x + y) as u8, (y * 53) as u8]))
            .into()
    }

    #[test]
    fn exif_orientation_is_applied_to_pixels_and_dimensions() {
        for orientation in 2..=8 {
            let path = golden(&format!("orientation{orientation}.jpg"));
            assert_eq!(dimensions(&path).unwrap(), (48, 32), "{orientation}");
            let image = load(&path).unwrap();
            assert_eq!(image.dimensions(), (48, 32), "{orientation}");
            assert_near(quarters(&image), QUARTERS);
        }
    }

    #[test]
    fn progressive_palette_gray_and_cmyk_become_rgb_as_in_pillow() {
        assert_near(quarters(&load(&golden("progressive.jpg")).unwrap()), QUARTERS);
        assert_near(quarters(&load(&golden("palette.png")).unwrap()), QUARTERS);
        assert_near(quarters(&load(&golden("gray.jpg")).unwrap()), [[82; 3], [107; 3], [60; 3], [188; 3]]);
        let darker = [[160, 24, 32], [16, 128, 48], [24, 40, 152], [176, 160, 32]];
        assert_near(quarters(&load(&golden("cmyk.jpg")).unwrap()), darker);
    }

    #[test]
    fn sixteen_bits_are_scaled_to_eight() {
        let image =
            ImageBuffer::from_fn(3, 1, |x, _| Rgb([[0, 257, 65535], [32896, 128, 129], [65535, 0, 514]][x as usize]));
        let image = load(&uri(&encoded(&DynamicImage::ImageRgb16(image), ImageFormat::Png))).unwrap();
        assert_eq!(image.as_raw(), &[0, 1, 255, 128, 0, 1, 255, 0, 2]);
        let gray = DynamicImage::ImageLuma16(ImageBuffer::from_pixel(2, 1, Luma([25700])));
        assert_eq!(load(&uri(&encoded(&gray, ImageFormat::Tiff))).unwrap().as_raw(), &[100; 6]);
    }

    #[test]
    fn transparent_pixels_are_composited_over_white() {
        let image = ImageBuffer::from_fn(3, 1, |x, _| Rgba([100, 0, 200, [0, 51, 255][x as usize]]));
        let image = load(&uri(&encoded(&DynamicImage::ImageRgba8(image), ImageFormat::Png))).unwrap();
        assert_eq!(image.as_raw(), &[255, 255, 255, 224, 204, 244, 100, 0, 200]);
        let gray = DynamicImage::ImageLumaA8(ImageBuffer::from_pixel(1, 1, LumaA([0, 51])));
        assert_eq!(load(&uri(&encoded(&gray, ImageFormat::Png))).unwrap().as_raw(), &[204; 3]);
    }

    #[test]
    fn the_format_does_not_depend_on_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ünï code.jpg");
        fs::write(&path, encoded(&noise(5, 4), ImageFormat::Bmp)).unwrap();
        assert_eq!(load(path.to_str().unwrap()).unwrap(), noise(5, 4).into_rgb8());
        assert_eq!(dimensions(path.to_str().unwrap()).unwrap(), (5, 4));
    }

    #[test]
    fn an_image_truncated_anywhere_is_an_error_in_every_format() {
        use ImageFormat::{Bmp, Gif, Jpeg, Png, Pnm, Tiff, WebP};
        let progressive = fs::read(golden("progressive.jpg")).unwrap();
        let formats = [Bmp, Gif, Jpeg, Png, Pnm, Tiff, WebP].map(|format| encoded(&noise(64, 48), format));
        for bytes in formats.iter().chain([&progressive]) {
            load(&uri(bytes)).unwrap();
            for part in [1, 10, 50, 90, 97] {
                let text = load(&uri(&bytes[..bytes.len() * part / 100])).unwrap_err().to_string();
                assert!(text.starts_with("data:image/any;base64,... ("), "{text}");
            }
        }
    }

    #[test]
    fn large_images_take_turns_and_small_ones_do_not_wait() {
        let loader = Loader::default();
        let small = Held { own: 0, samples: 3, pixels: 1000, turned: false };
        let large = Held { own: LARGE_BYTES, ..small };
        let turn = loader.turn(large, (1, 1)).unwrap();
        assert!(turn.is_some() && loader.large.try_lock().is_err());
        assert!(loader.turn(small, (1, 1)).unwrap().is_none());
        drop(turn);
        assert!(loader.large.try_lock().is_ok());
        let error = loader.turn(Held { own: MOST_BYTES, ..small }, (20, 50)).unwrap_err().to_string();
        assert!(error.starts_with("20 x 50 pixels are too many (800 MB of memory"), "{error}");
    }

    #[test]
    fn all_memory_held_at_once_is_counted() {
        let bytes = |own, samples, turned| Held { own, samples, pixels: 100, turned }.bytes();
        assert_eq!(bytes(0, 3, false), 300);
        assert_eq!(bytes(0, 8, false), 800, "converted to RGB in place");
        assert_eq!(bytes(0, 1, false), 400, "gray, and RGB beside it");
        assert_eq!(bytes(50, 3, true), 650, "rotated");
    }

    #[test]
    fn what_is_not_an_image_is_reported_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("empty.jpg"), "").unwrap();
        fs::write(at("text.jpg"), "a letter\n").unwrap();
        for (source, expected) in [
            (at("empty.jpg"), "empty.jpg: the file is empty"),
            (at("text.jpg"), "text.jpg: not an image (JPEG, PNG"),
            (at("none.jpg"), "none.jpg: no such file"),
            (at("."), ": is a folder, not a file"),
            ("data:image/png;base64,@@@@".into(), "data:image/png;base64,... (4 characters): invalid base64"),
            ("data:image/png,abc".into(), "only base64 data: URIs are supported"),
        ] {
            for error in [load(&source).unwrap_err(), dimensions(&source).unwrap_err()] {
                let text = format!("{error:#}");
                assert!(text.contains(expected) && !text.contains('\n'), "{text}");
            }
        }
    }
}
