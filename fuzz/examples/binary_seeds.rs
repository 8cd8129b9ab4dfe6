//! Writes the binary seeds: images of every supported format, and MNIST files.
//!
//!     cargo run -p dl-fuzz --example binary_seeds

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use anyhow::Result;
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::pnm::{PnmEncoder, PnmSubtype, SampleEncoding};
use image::{DynamicImage, Frame, ImageBuffer, ImageEncoder, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};

/// Orientation 6 in little-endian TIFF, as in EXIF.
const EXIF: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

fn main() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let images = corpus.join("image");
    fs::create_dir_all(&images)?;
    let put = |name: &str, bytes: Vec<u8>| fs::write(images.join(name), bytes);
    let rgb = RgbImage::from_fn(5, 4, |x, y| Rgb([(x * 50) as u8, (y * 60) as u8, 90]));
    let deep = ImageBuffer::from_fn(4, 3, |x, y| Rgb([(x * 9000) as u16, (y * 9000) as u16, 77]));
    let clear = ImageBuffer::from_fn(4, 3, |x, y| Rgba([200, 10, 30, (x * 60 + y * 20) as u8]));
    let gray = ImageBuffer::from_fn(9, 2, |x, _| Luma([(x * 25) as u8]));
    let pale = ImageBuffer::from_fn(3, 3, |x, y| LumaA([(x * 80) as u8, (y * 80) as u8]));
    let float = DynamicImage::ImageRgb32F(ImageBuffer::from_fn(3, 2, |x, y| Rgb([x as f32 / 2.0, y as f32, 0.25])));
    let encoded = |image: DynamicImage, format| -> Result<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format)?;
        Ok(bytes.into_inner())
    };
    for (ending, format) in [
        ("jpg", ImageFormat::Jpeg),
        ("png", ImageFormat::Png),
        ("bmp", ImageFormat::Bmp),
        ("tif", ImageFormat::Tiff),
        ("webp", ImageFormat::WebP),
    ] {
        put(&format!("rgb.{ending}"), encoded(rgb.clone().into(), format)?)?;
    }
    put("deep.png", encoded(deep.clone().into(), ImageFormat::Png)?)?;
    put("deep.tif", encoded(deep.into(), ImageFormat::Tiff)?)?;
    put("float.tif", encoded(float, ImageFormat::Tiff)?)?;
    put("gray.tif", encoded(gray.clone().into(), ImageFormat::Tiff)?)?;
    put("gray-alpha.png", encoded(pale.into(), ImageFormat::Png)?)?;
    put("alpha.tif", encoded(clear.clone().into(), ImageFormat::Tiff)?)?;
    put("alpha.bmp", encoded(clear.clone().into(), ImageFormat::Bmp)?)?;
    put("alpha.webp", encoded(clear.clone().into(), ImageFormat::WebP)?)?;
    put("alpha.png", encoded(clear.clone().into(), ImageFormat::Png)?)?;
    put("turned.png", with_chunk(&encoded(rgb.clone().into(), ImageFormat::Png)?, b"eXIf", EXIF))?;
    put("turned.webp", extended_webp(&encoded(rgb.clone().into(), ImageFormat::WebP)?))?;
    put("turned.jpg", turned_jpeg(&encoded(rgb.clone().into(), ImageFormat::Jpeg)?))?;
    for (name, chunky) in [("tiled.tif", true), ("tiled-planar.tif", false)] {
        put(name, tiled_tiff(chunky))?;
    }
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    encoder.set_repeat(Repeat::Infinite)?;
    encoder.encode_frames([Frame::new(clear.clone()), Frame::new(clear)])?;
    drop(encoder);
    put("two-frames.gif", gif)?;
    for (name, subtype) in [
        ("plain.ppm", PnmSubtype::Pixmap(SampleEncoding::Ascii)),
        ("binary.ppm", PnmSubtype::Pixmap(SampleEncoding::Binary)),
        ("any.pam", PnmSubtype::ArbitraryMap),
    ] {
        let mut bytes = Vec::new();
        let encoder = PnmEncoder::new(&mut bytes).with_subtype(subtype);
        encoder.write_image(rgb.as_raw(), rgb.width(), rgb.height(), image::ExtendedColorType::Rgb8)?;
        put(name, bytes)?;
    }
    put("plain.pbm", b"P1\n# a comment\n3 2\n1 0 1\n0 1 0\n".to_vec())?;
    put("binary.pbm", b"P4\n10 2\n\xaa\x80\x55\x40".to_vec())?;
    put("plain.pgm", b"P2 3 2 255\n0 10 20\n30 40 255\n".to_vec())?;
    put("deep.pgm", b"P5 2 1 65535\n\x01\x02\xff\xff".to_vec())?;
    put("uri", b"data:image/x-portable-bitmap;base64,UDEgMSAxIDEK".to_vec())?;
    mnist(&corpus.join("idx"))
}

/// A PNG with another chunk after its header.
fn with_chunk(png: &[u8], kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(content);
    let length = content.len() as u32;
    let chunk = [&length.to_be_bytes(), &kind[..], content, &crc.sum().to_be_bytes()].concat();
    [&png[..33], &chunk, &png[33..]].concat()
}

/// A lossless WebP in the extended format, with EXIF that has JPEG's prefix.
fn extended_webp(webp: &[u8]) -> Vec<u8> {
    let exif = [b"Exif\0\0", EXIF].concat();
    // Flags: EXIF; then the size of the canvas minus one.
    let header = [8, 0, 0, 0, 4, 0, 0, 3, 0, 0];
    let chunk = |kind: &[u8], content: &[u8]| [kind, &(content.len() as u32).to_le_bytes(), content].concat();
    let body = [&b"WEBP"[..], &chunk(b"VP8X", &header), &webp[12..], &chunk(b"EXIF", &exif)].concat();
    chunk(b"RIFF", &body)
}

fn turned_jpeg(jpeg: &[u8]) -> Vec<u8> {
    let exif = [b"Exif\0\0", EXIF].concat();
    let length = (exif.len() + 2) as u16;
    [&jpeg[..2], b"\xff\xe1", &length.to_be_bytes(), &exif, &jpeg[2..]].concat()
}

/// 20 x 17 pixels in tiles of 16 x 16, with interleaved or separate color channels.
fn tiled_tiff(chunky: bool) -> Vec<u8> {
    let (planes, samples) = if chunky { (1, 3) } else { (3, 1) };
    let tiles = 4 * planes;
    let bytes = 256 * samples;
    let numbers = |numbers: Vec<u32>| numbers.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let entries = 11_u16;
    let after = 8 + 2 + 12 * u32::from(entries) + 4;
    let (bits, offsets) = (after, after + 8);
    let counts = offsets + 4 * tiles;
    let data = counts + 4 * tiles;
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let mut file = [&b"II*\0\x08\0\0\0"[..], &entries.to_le_bytes()].concat();
    for (tag, kind, count, value) in [
        (256, 4, 1, 20),
        (257, 4, 1, 17),
        (258, 3, 3, bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (277, 3, 1, 3),
        (284, 3, 1, if chunky { 1 } else { 2 }),
        (322, 4, 1, 16),
        (323, 4, 1, 16),
        (324, 4, tiles, offsets),
        (325, 4, tiles, counts),
    ] {
        file.extend(entry(tag, kind, count, value));
    }
    file.extend([0; 4]);
    file.extend([8, 0, 8, 0, 8, 0, 0, 0]);
    file.extend(numbers((0..tiles).map(|tile| data + tile * bytes).collect()));
    file.extend(numbers(vec![bytes; tiles as usize]));
    file.extend((0..tiles * bytes).map(|at| (at / 7) as u8));
    file
}

/// Two images of 3 x 2 pixels, plain and gzipped.
fn mnist(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let images = [numbers(&[2051, 2, 2, 3]), (0..12).collect()].concat();
    let labels = [numbers(&[2049, 2]), vec![7, 1]].concat();
    let packed = |bytes: &[u8]| -> Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes)?;
        Ok(encoder.finish()?)
    };
    let file = |name: &str, bytes: &[u8]| [format!("%%%% {name}\n").as_bytes(), bytes].concat();
    let join = |files: [Vec<u8>; 2]| files.join(&b'\n');
    fs::write(
        folder.join("plain"),
        join([file("train-images-idx3-ubyte", &images), file("train-labels-idx1-ubyte", &labels)]),
    )?;
    fs::write(
        folder.join("packed"),
        join([
            file("t10k-images-idx3-ubyte.gz", &packed(&images)?),
            file("t10k-labels-idx1-ubyte.gz", &packed(&labels)?),
        ]),
    )?;
    fs::write(
        folder.join("as-downloaded"),
        join([file("train-images.idx3-ubyte", &images), file("train-labels.idx1-ubyte", &labels)]),
    )?;
    Ok(())
}
