//! Any picture file to 8-bit RGB, upright.
//!
//! Every program that opens a picture does it here, so that all of them see the same pixels:
//!
//! - The format is guessed from the content (JPEG, PNG, BMP, GIF, TIFF, WebP, PNM), never from the name.
//! - EXIF orientation is applied: width, height and boxes are those of the upright picture.
//! - Grey becomes equal red, green and blue. 16 bits become 8 by scaling with rounding. A palette is looked up.
//! - Transparent pixels are laid over white.
//! - CMYK becomes (1 - c)(1 - k), as Pillow does; ICC profiles are not applied.
//! - Of an animation, the first frame.
//! - A file that is not all there is an error, never a picture with a grey rest.

use std::fs;
use std::io::Cursor;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage, Rgba};

use super::jpeg;

/// More decoded bytes than this is taken for a file that lies about its size: 10,000 x 10,000 pixels of 16-bit RGBA.
const MOST_BYTES: u64 = 800_000_000;

/// Decodes the picture at `source`, a path or a `data:` URI (base64), to 8-bit RGB, upright. The module's
/// documentation says how other kinds of pixels are converted.
/// # Errors
/// When there is no such file, or it is empty, not a picture, broken, cut off, or larger than 800 MB when decoded. The
/// message is one line and names the source.
pub fn load(source: &str) -> Result<RgbImage> {
    read(source).and_then(|bytes| decode(&bytes)).with_context(|| name(source))
}

/// Width and height of the picture at `source` in pixels, upright, from the file's header: much cheaper than [`load`],
/// and blind to damage further on.
/// # Errors
/// When there is no such file, or its header is not that of a picture.
pub fn dimensions(source: &str) -> Result<(u32, u32)> {
    read(source).and_then(|bytes| upright_dimensions(&mut decoder(&bytes)?)).with_context(|| name(source))
}

/// The source as a message names it: a path whole, a URI by its beginning.
fn name(source: &str) -> String {
    match source.split_once(',') {
        Some((head, data)) if source.starts_with("data:") => format!("{head},... ({} characters)", data.len()),
        _ => source.to_owned(),
    }
}

/// The file of the picture at `source`, a path or a `data:` URI (base64), as it is.
/// # Errors
/// When there is no such file, or it is empty. Whether it is a picture is not looked at.
pub fn bytes(source: &str) -> Result<Vec<u8>> {
    read(source).with_context(|| name(source))
}

fn read(source: &str) -> Result<Vec<u8>> {
    let bytes = match source.strip_prefix("data:") {
        Some(uri) => {
            let (head, data) = uri.split_once(',').context("a data: URI has a comma before its data")?;
            if !head.ends_with(";base64") {
                bail!("only data: URIs in base64 are read (data:image/png;base64,...)");
            }
            STANDARD.decode(data.trim()).context("broken base64")?
        }
        None => fs::read(source).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => anyhow!("no such file"),
            std::io::ErrorKind::IsADirectory => anyhow!("is a folder, not a picture"),
            _ => anyhow!("cannot be read: {error}"),
        })?,
    };
    if bytes.is_empty() {
        bail!("the file is empty");
    }
    Ok(bytes)
}

fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    if reader.format().is_none() {
        bail!("not a picture (JPEG, PNG, BMP, GIF, TIFF, WebP and PNM are read)");
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    reader.into_decoder().map_err(plain)
}

fn upright_dimensions(decoder: &mut impl ImageDecoder) -> Result<(u32, u32)> {
    let (width, height) = decoder.dimensions();
    let turned = matches!(
        decoder.orientation().map_err(plain)?,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    Ok(if turned { (height, width) } else { (width, height) })
}

fn decode(bytes: &[u8]) -> Result<RgbImage> {
    if jpeg::is_jpeg(bytes) && !jpeg::is_whole(bytes) {
        bail!("the JPEG is cut off: its end is missing");
    }
    let mut decoder = decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        bail!("the picture has no pixels ({width} x {height})");
    }
    if decoder.total_bytes() > MOST_BYTES {
        bail!("{width} x {height} pixels are more than are read at once ({} MB)", MOST_BYTES / 1_000_000);
    }
    let orientation = decoder.orientation().map_err(plain)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(plain)?;
    picture.apply_orientation(orientation);
    Ok(if picture.color().has_alpha() { over_white(picture) } else { picture.into_rgb8() })
}

/// colour * alpha + white * (1 - alpha), rounded.
fn over_white(picture: DynamicImage) -> RgbImage {
    let picture = picture.into_rgba8();
    let mut rgb = RgbImage::new(picture.width(), picture.height());
    for (Rgb(to), Rgba([red, green, blue, alpha])) in rgb.pixels_mut().zip(picture.pixels()) {
        let alpha = u32::from(*alpha);
        *to = [red, green, blue].map(|from| ((u32::from(*from) * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    rgb
}

/// The decoder's own words, without the chain of wrappers that repeats them.
fn plain(error: image::ImageError) -> anyhow::Error {
    anyhow!("cannot be decoded: {error}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::codecs::jpeg::JpegEncoder;
    use image::{ImageBuffer, ImageFormat, Luma, LumaA};

    use super::*;

    const QUARTERS: [[u8; 3]; 4] = [[200, 30, 40], [20, 160, 60], [30, 50, 190], [220, 200, 40]];

    fn golden(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/goldens/pictures");
        folder.join(name).display().to_string()
    }

    /// The colours in the middle of the four quarters.
    fn quarters(picture: &RgbImage) -> [[u8; 3]; 4] {
        let (w, h) = picture.dimensions();
        [(w / 4, h / 4), (3 * w / 4, h / 4), (w / 4, 3 * h / 4), (3 * w / 4, 3 * h / 4)]
            .map(|(x, y)| picture.get_pixel(x, y).0)
    }

    #[track_caller]
    fn assert_near(found: [[u8; 3]; 4], wanted: [[u8; 3]; 4]) {
        let far = found.iter().flatten().zip(wanted.iter().flatten()).any(|(a, b)| a.abs_diff(*b) > 2);
        assert!(!far, "{found:?}, want {wanted:?}");
    }

    fn uri(bytes: &[u8]) -> String {
        format!("data:image/any;base64,{}", STANDARD.encode(bytes))
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
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
            let picture = load(&path).unwrap();
            assert_eq!(picture.dimensions(), (48, 32), "{orientation}");
            assert_near(quarters(&picture), QUARTERS);
        }
    }

    #[test]
    fn progressive_palette_grey_and_cmyk_become_rgb_as_pillow_has_it() {
        assert_near(quarters(&load(&golden("progressive.jpg")).unwrap()), QUARTERS);
        assert_near(quarters(&load(&golden("palette.png")).unwrap()), QUARTERS);
        assert_near(quarters(&load(&golden("grey.jpg")).unwrap()), [[82; 3], [107; 3], [60; 3], [188; 3]]);
        let darker = [[160, 24, 32], [16, 128, 48], [24, 40, 152], [176, 160, 32]];
        assert_near(quarters(&load(&golden("cmyk.jpg")).unwrap()), darker);
    }

    #[test]
    fn sixteen_bits_are_scaled_to_eight() {
        let picture =
            ImageBuffer::from_fn(3, 1, |x, _| Rgb([[0, 257, 65535], [32896, 128, 129], [65535, 0, 514]][x as usize]));
        let picture = load(&uri(&encoded(&DynamicImage::ImageRgb16(picture), ImageFormat::Png))).unwrap();
        assert_eq!(picture.as_raw(), &[0, 1, 255, 128, 0, 1, 255, 0, 2]);
        let grey = DynamicImage::ImageLuma16(ImageBuffer::from_pixel(2, 1, Luma([25700])));
        assert_eq!(load(&uri(&encoded(&grey, ImageFormat::Tiff))).unwrap().as_raw(), &[100; 6]);
    }

    #[test]
    fn transparent_pixels_are_laid_over_white() {
        let picture = ImageBuffer::from_fn(3, 1, |x, _| Rgba([100, 0, 200, [0, 51, 255][x as usize]]));
        let picture = load(&uri(&encoded(&DynamicImage::ImageRgba8(picture), ImageFormat::Png))).unwrap();
        assert_eq!(picture.as_raw(), &[255, 255, 255, 224, 204, 244, 100, 0, 200]);
        let grey = DynamicImage::ImageLumaA8(ImageBuffer::from_pixel(1, 1, LumaA([0, 51])));
        assert_eq!(load(&uri(&encoded(&grey, ImageFormat::Png))).unwrap().as_raw(), &[204; 3]);
    }

    #[test]
    fn a_name_says_nothing_about_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ünï code.jpg");
        fs::write(&path, encoded(&noise(5, 4), ImageFormat::Bmp)).unwrap();
        assert_eq!(load(path.to_str().unwrap()).unwrap(), noise(5, 4).into_rgb8());
        assert_eq!(dimensions(path.to_str().unwrap()).unwrap(), (5, 4));
    }

    #[test]
    fn a_picture_cut_off_anywhere_is_an_error_in_every_format() {
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
    fn a_jpeg_is_whole_with_its_last_byte_and_broken_without_it() {
        let mut bytes = Vec::new();
        noise(40, 40).write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 95)).unwrap();
        assert!(jpeg::is_whole(&bytes));
        let mut followed = bytes.clone();
        followed.extend(b"what some cameras append");
        assert!(jpeg::is_whole(&followed));
        for length in 0..bytes.len() {
            assert!(!jpeg::is_whole(&bytes[..length]), "{length}");
        }
    }

    #[test]
    fn what_is_no_picture_is_told_in_one_plain_line() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("empty.jpg"), "").unwrap();
        fs::write(at("text.jpg"), "a letter\n").unwrap();
        for (source, wanted) in [
            (at("empty.jpg"), "empty.jpg: the file is empty"),
            (at("text.jpg"), "text.jpg: not a picture (JPEG, PNG"),
            (at("none.jpg"), "none.jpg: no such file"),
            (at("."), ": is a folder, not a picture"),
            ("data:image/png;base64,@@@@".into(), "data:image/png;base64,... (4 characters): broken base64"),
            ("data:image/png,abc".into(), "only data: URIs in base64 are read"),
        ] {
            for error in [load(&source).unwrap_err(), dimensions(&source).unwrap_err()] {
                let text = format!("{error:#}");
                assert!(text.contains(wanted) && !text.contains('\n'), "{text}");
            }
        }
    }
}
