//! Image files as they occur: with holes, rotated by EXIF in several formats, TIFFs of many kinds, and malicious
//! files.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ran, root, run};

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("images ü ").tempdir().unwrap()
}

fn noise(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 37 + y * 91) as u8, (x * x + y) as u8, (y * 53) as u8]))
}

fn encoded(image: RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn line(id: &str, image: &Path) -> String {
    json!({"id": id, "image": image}).to_string() + "\n"
}

/// Writes the file and opens it with a program. Returns the record, with its size or its error.
fn opened(folder: &Path, name: &str, bytes: &[u8], more: &[&str]) -> (Value, Ran) {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let ran = run("dl-propose", &[&["sliding-window", "--max", "1"], more].concat(), &line(name, &path));
    (ran.records().remove(0), ran)
}

/// The pixels of the file as seen by the programs.
fn pixels(folder: &Path, name: &str, bytes: &[u8]) -> Result<RgbImage, String> {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let drawn = folder.join("drawn");
    let args =
        ["boxes", "--show", "objects", "--zoom", "1", "--format", "png", "--output-dir", drawn.to_str().unwrap()];
    let ran = run("dl-draw", &args, &line(name, &path));
    let record = ran.records().remove(0);
    match record["error"]["message"].as_str() {
        Some(message) => Err(message.to_owned()),
        None => Ok(image::open(record["drawing"].as_str().unwrap()).unwrap().to_rgb8()),
    }
}

#[test]
fn a_jpeg_with_a_hole_is_an_error_although_it_has_an_end_marker() {
    let folder = folder();
    let sequential = encoded(noise(96, 80), ImageFormat::Jpeg);
    let progressive = fs::read(root().join("testdata/goldens/images/progressive.jpg")).unwrap();
    for (name, whole) in [("sequential", &sequential), ("progressive", &progressive)] {
        // Four bytes into the data of the first scan, after the header of one with three components.
        let hole_at = whole.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap() + 14 + 4;
        let closed = [&whole[..hole_at], &[0xFF, 0xD9]].concat();
        let is_marker = |pair: &[u8]| pair[0] == 0xFF && pair[1] != 0;
        let scan = whole[hole_at..].windows(2).position(is_marker).unwrap();
        let hole = [&whole[..hole_at], &whole[hole_at + scan * 3 / 4..]].concat();
        for (what, bytes) in [("whole", whole.clone()), ("closed", closed), ("hole", hole)] {
            let file = format!("{name}-{what}.jpg");
            let (record, ran) = opened(folder.path(), &file, &bytes, &[]);
            let (kept, keeping) = opened(folder.path(), &file, &bytes, &["--truncated", "keep"]);
            keeping.expect(0);
            assert!(kept["width"].is_number(), "{kept}");
            let check = run("dl-data", &["check"], &line(&file, &folder.path().join(&file)));
            if what == "whole" {
                ran.expect(0);
                check.expect(0);
                continue;
            }
            let message = record["error"]["message"].as_str().unwrap();
            assert!(message.contains("part of its image data is missing; use --truncated keep"), "{message}");
            ran.expect(1);
            check.expect(1);
        }
    }
    let cut = &sequential[..sequential.len() * 6 / 10];
    let (_, ran) = opened(folder.path(), "cut.jpg", cut, &["--truncated", "keep"]);
    let text = ran.expect(0).stderr;
    assert!(
        text.contains("cut.jpg: the JPEG is truncated: its end is missing; decoded what is there (--truncated keep)"),
        "{text}"
    );
    let png = encoded(noise(96, 80), ImageFormat::Png);
    let png = &png[..png.len() / 2];
    opened(folder.path(), "cut.png", png, &[]).1.expect(1);
    assert!(opened(folder.path(), "cut.png", png, &["--truncated", "keep"]).1.expect(0).stderr.contains("truncated"));
}

/// An EXIF block with an orientation.
fn block(orientation: u16) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    bytes.extend(orientation.to_le_bytes());
    bytes.extend([0; 6]);
    bytes
}

fn prefixed(orientation: u16) -> Vec<u8> {
    [&b"Exif\0\0"[..], &block(orientation)].concat()
}

/// ImageMagick's form of a profile.
fn profile(orientation: u16) -> Vec<u8> {
    let digits: String = prefixed(orientation).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\nexif\n      {}\n{}\n{}\n", digits.len() / 2, &digits[..40], &digits[40..]).into_bytes()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A PNG with another chunk before or after its pixels.
fn png_with(kind: &[u8; 4], contents: &[u8], behind: bool) -> Vec<u8> {
    let png = encoded(noise(64, 48), ImageFormat::Png);
    let at = if behind { png.len() - 12 } else { 33 };
    let body = [&kind[..], contents].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&body);
    let length = (contents.len() as u32).to_be_bytes();
    [&png[..at], &length, &body, &crc.sum().to_be_bytes(), &png[at..]].concat()
}

fn webp_with(exif: &[u8]) -> Vec<u8> {
    let plain = encoded(noise(64, 48), ImageFormat::WebP);
    let mut exif = exif.to_vec();
    let length = exif.len() as u32;
    exif.resize(exif.len().next_multiple_of(2), 0);
    let header = b"VP8X\x0a\0\0\0\x08\0\0\0\x3f\0\0\x2f\0\0";
    let size = (4 + header.len() + plain.len() - 12 + 8 + exif.len()) as u32;
    [b"RIFF", &size.to_le_bytes()[..], b"WEBP", header, &plain[12..], b"EXIF", &length.to_le_bytes(), &exif].concat()
}

fn jpeg_with(segments: &[&[u8]]) -> Vec<u8> {
    let plain = encoded(noise(64, 48), ImageFormat::Jpeg);
    let mut bytes = plain[..2].to_vec();
    for segment in segments {
        bytes.extend([0xFF, 0xE1]);
        bytes.extend((segment.len() as u16 + 2).to_be_bytes());
        bytes.extend(*segment);
    }
    [&bytes, &plain[2..]].concat()
}

#[test]
fn exif_orientation_is_applied_wherever_a_format_stores_it() {
    let folder = folder();
    let text = |keyword: &str, rest: &[u8]| [keyword.as_bytes(), b"\0", rest].concat();
    let raw = "Raw profile type exif";
    let turned = [
        ("a.webp", webp_with(&block(6))),
        ("b.webp", webp_with(&prefixed(8))),
        ("a.png", png_with(b"eXIf", &block(6), false)),
        ("b.png", png_with(b"eXIf", &prefixed(5), true)),
        ("c.png", png_with(b"tEXt", &text(raw, &profile(6)), false)),
        ("d.png", png_with(b"zTXt", &text(raw, &[&[0], &packed(&profile(7))[..]].concat()), true)),
        ("e.png", png_with(b"iTXt", &text(raw, &[b"\0\0\0\0", &profile(6)[..]].concat()), false)),
        ("a.jpg", jpeg_with(&[&prefixed(6)])),
        ("b.jpg", jpeg_with(&[b"http://ns.adobe.com/xap/1.0/\0<x/>", &prefixed(8)])),
        ("c.jpg", jpeg_with(&[b"Exif\0\0MM", &prefixed(6)])),
    ];
    let upright = [
        ("none.webp", webp_with(b"Exif\0\0")),
        ("zero.webp", webp_with(&block(0))),
        ("nine.png", png_with(b"eXIf", &block(9), false)),
        ("three.png", png_with(b"eXIf", &block(3), false)),
        ("far.png", png_with(b"eXIf", b"II*\0\xff\xff\xff\xff\x01\0", false)),
        ("short.jpg", jpeg_with(&[&prefixed(6)[..16]])),
        ("other.png", png_with(b"tEXt", &text("Comment", &profile(6)), false)),
        ("digits.png", png_with(b"tEXt", &text(raw, b"\nexif\n  12\nxyz"), false)),
    ];
    for (files, size) in [(&turned[..], [48, 64]), (&upright, [64, 48])] {
        for (name, bytes) in files {
            let (record, ran) = opened(folder.path(), name, bytes, &[]);
            ran.expect(0);
            assert_eq!(json!([record["width"], record["height"]]), json!(size), "{name}");
        }
    }
    // The header alone gives the same.
    for record in run("dl-data", &["from", "folder", folder.path().to_str().unwrap()], "").expect(0).records() {
        let is_turned = turned.iter().any(|(name, _)| record["id"] == **name);
        assert_eq!(record["width"], if is_turned { 48 } else { 64 }, "{record}");
    }
}

/// A TIFF of one strip or tile per plane: tags of (number, type, values), and the data.
fn tiff(tags: &[(u16, u16, &[u32])], data: &[u8]) -> Vec<u8> {
    let width_of = |kind: u16| if kind == 3 { 2 } else { 4 };
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((tags.len() as u16).to_le_bytes());
    let mut extra = 8 + 2 + 12 * tags.len() + 4;
    let mut behind = Vec::new();
    for (number, kind, values) in tags {
        let contents: Vec<u8> =
            values.iter().flat_map(|value| value.to_le_bytes()[..width_of(*kind)].to_vec()).collect();
        bytes.extend(number.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend((values.len() as u32).to_le_bytes());
        if contents.len() <= 4 {
            bytes.extend(contents.iter().chain(&[0; 4]).take(4));
        } else {
            bytes.extend((extra as u32).to_le_bytes());
            extra += contents.len();
            behind.extend(contents);
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(behind);
    assert!(bytes.len() <= DATA_AT as usize);
    bytes.resize(DATA_AT as usize, 0);
    bytes.extend(data);
    bytes
}

const DATA_AT: u32 = 512;

/// Two pixels in a row: `photometric` interpretation, bits per sample, number of samples, their format, and the kind of the extra one.
fn two_pixels(photometric: u32, bits: u32, samples: u32, format: u32, extra: Option<u32>, data: &[u8]) -> Vec<u8> {
    let (all_bits, all_formats) = (vec![bits; samples as usize], vec![format; samples as usize]);
    let length = [data.len() as u32];
    let (photometric, samples, extra) = ([photometric], [samples], extra.map(|extra| [extra]));
    let mut tags: Vec<(u16, u16, &[u32])> = vec![
        (256, 4, &[2]),
        (257, 4, &[1]),
        (258, 3, &all_bits),
        (259, 3, &[1]),
        (262, 3, &photometric),
        (273, 4, &[DATA_AT]),
        (277, 3, &samples),
        (278, 4, &[1]),
        (279, 4, &length),
    ];
    let extra: Option<&[u32; 1]> = extra.as_ref();
    if let Some(extra) = extra {
        tags.push((338, 3, extra));
    }
    tags.push((339, 3, &all_formats));
    tiff(&tags, data)
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn tiffs_of_every_kind_are_read_or_rejected_with_a_reason() {
    let folder = folder();
    let read = [
        ("gray float", two_pixels(1, 32, 1, 3, None, &floats(&[0.0, 0.6])), [[0, 0, 0], [153, 153, 153]]),
        (
            "gray double",
            two_pixels(1, 64, 1, 3, None, &[0.2_f64, 1.0].map(f64::to_le_bytes).concat()),
            [[51; 3], [255; 3]],
        ),
        (
            "color float",
            two_pixels(2, 32, 3, 3, None, &floats(&[0.0, 0.2, 1.0, 0.4, 0.6, 0.8])),
            [[0, 51, 255], [102, 153, 204]],
        ),
        ("premultiplied", two_pixels(2, 8, 4, 1, Some(1), &[51, 0, 0, 51, 0, 0, 0, 0]), [[255, 204, 204], [255; 3]]),
        ("separate alpha", two_pixels(2, 8, 4, 1, Some(2), &[255, 0, 0, 51, 9, 9, 9, 0]), [[255, 204, 204], [255; 3]]),
        ("gray with alpha", two_pixels(1, 8, 2, 1, Some(1), &[51, 51, 0, 255]), [[255; 3], [0; 3]]),
        ("extra", two_pixels(2, 8, 4, 1, Some(0), &[10, 20, 30, 0, 40, 50, 60, 0]), [[10, 20, 30], [40, 50, 60]]),
        ("16 bits", two_pixels(1, 16, 1, 1, None, &[0, 0, 0xFF, 0xFF]), [[0; 3], [255; 3]]),
        ("white is 0", two_pixels(0, 8, 1, 1, None, &[0, 200]), [[255; 3], [55; 3]]),
        ("one bit", two_pixels(1, 1, 1, 1, None, &[0b0100_0000]), [[0; 3], [255; 3]]),
        ("one bit, white is 0", two_pixels(0, 1, 1, 1, None, &[0b0100_0000]), [[255; 3], [0; 3]]),
        ("four bits", two_pixels(1, 4, 1, 1, None, &[0x1F]), [[17; 3], [255; 3]]),
        ("CMYK", two_pixels(5, 8, 4, 1, None, &[0, 0, 0, 0, 255, 0, 0, 0]), [[255; 3], [0, 255, 255]]),
    ];
    for (name, bytes, expected) in read {
        let image =
            pixels(folder.path(), &format!("{name}.tif"), &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!([image.get_pixel(0, 0).0, image.get_pixel(1, 0).0], expected, "{name}");
    }
    let refused = [
        (
            "large floats",
            two_pixels(1, 32, 1, 3, None, &floats(&[0.0, 255.0])),
            "floats from 0 to 255, but only 0 to 1",
        ),
        ("negative", two_pixels(1, 32, 1, 3, None, &floats(&[-0.5, 1.0])), "floats from -0.5 to 1"),
        ("nan", two_pixels(1, 32, 1, 3, None, &floats(&[f32::NAN, 1.0])), "not finite"),
        ("signed", two_pixels(1, 16, 1, 2, None, &[0, 0, 1, 0]), "signed samples of 16 bits"),
        ("32 bits", two_pixels(1, 32, 1, 1, None, &[0; 8]), "samples of 32 bits"),
        ("palette", two_pixels(3, 8, 1, 1, None, &[0, 1]), "palette"),
        ("bands", two_pixels(1, 8, 5, 1, None, &[0; 10]), "5 bands"),
        ("tiled planar", tiled_planar(), "cannot be decoded"),
    ];
    for (name, bytes, expected) in refused {
        let error = pixels(folder.path(), &format!("{name}.tif"), &bytes).unwrap_err();
        assert!(error.contains(expected) && !error.contains("fault"), "{name}: {error}");
    }
}

/// Three planes, each in tiles that extend past the image: Pillow and libtiff read it.
fn tiled_planar() -> Vec<u8> {
    let tile = 32 * 32;
    let offsets: Vec<u32> = (0..12).map(|index| DATA_AT + index * tile).collect();
    let lengths = vec![tile; 12];
    let tags: [(u16, u16, &[u32]); 12] = [
        (256, 4, &[50]),
        (257, 4, &[40]),
        (258, 3, &[8, 8, 8]),
        (259, 3, &[1]),
        (262, 3, &[2]),
        (277, 3, &[3]),
        (284, 3, &[2]),
        (322, 3, &[32]),
        (323, 3, &[32]),
        (324, 4, &offsets),
        (325, 4, &lengths),
        (339, 3, &[1, 1, 1]),
    ];
    tiff(&tags, &vec![7; 12 * tile as usize])
}

/// A PNG with this header.
fn png_of(width: u32, height: u32, color: u8) -> Vec<u8> {
    let mut body = b"IHDR".to_vec();
    body.extend(width.to_be_bytes());
    body.extend(height.to_be_bytes());
    body.extend([8, color, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&body);
    let image = packed(&[0; 1000]);
    let mut data = flate2::Crc::new();
    data.update(&[b"IDAT", &image[..]].concat());
    let (length, sum) = ((image.len() as u32).to_be_bytes(), data.sum().to_be_bytes());
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d", &body[..], &crc.sum().to_be_bytes(), &length, b"IDAT", &image, &sum].concat()
}

#[test]
fn an_image_over_the_memory_limit_fails_alone() {
    let folder = folder();
    let mut jpeg = encoded(noise(8, 8), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    let mut gif =
        b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;".to_vec();
    gif.extend([0; 64]);
    let mut stream = line("first", &root().join("testdata/goldens/images/gray.jpg"));
    let files: [(&str, Vec<u8>); 7] = [
        ("gray.png", png_of(28_000, 28_000, 0)),
        ("color.png", png_of(20_000, 20_000, 2)),
        ("huge.jpg", jpeg),
        ("huge.gif", gif),
        ("huge.ppm", b"P6 60000 60000 255\nxyz".to_vec()),
        ("text.pgm", b"P2 4000000000 4000000000 255\n1 2 3".to_vec()),
        ("huge.tif", {
            let mut bytes = two_pixels(1, 8, 1, 1, None, &[0, 0]);
            bytes[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
            bytes[30..34].copy_from_slice(&60_000_u32.to_le_bytes());
            bytes
        }),
    ];
    for (name, bytes) in &files {
        fs::write(folder.path().join(name), bytes).unwrap();
        stream += &line(name, &folder.path().join(name));
    }
    stream += &line("last", &root().join("testdata/goldens/images/gray.jpg"));
    let ran = run("dl-propose", &["sliding-window", "--max", "1", "--threads", "3"], &stream).expect(1);
    let records = ran.records();
    assert_eq!(records.len(), files.len() + 2);
    for (record, (name, _)) in records[1..].iter().zip(&files) {
        let message = record["error"]["message"].as_str().unwrap_or_else(|| panic!("{name} is read"));
        assert!(record["id"] == *name && !message.contains("fault"), "{message}");
    }
    assert!(records[1]["error"]["message"].as_str().unwrap().contains("too many (3136 MB of memory"));
    assert!(records[0].get("error").is_none() && records.last().unwrap().get("error").is_none());
}

#[cfg(unix)]
#[test]
fn devices_pipes_and_folders_fail_alone() {
    let folder = folder();
    let fifo = folder.path().join("fifo.png");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let good = root().join("testdata/goldens/images/gray.jpg");
    let bad = [("fifo", fifo.as_path()), ("zero", Path::new("/dev/zero")), ("folder", folder.path())];
    let mut stream = line("first", &good);
    bad.iter().for_each(|(id, path)| stream += &line(id, path));
    stream += &line("last", &good);
    let programs: [(&str, &[&str]); 3] = [
        ("dl-propose", &["sliding-window", "--max", "1"]),
        ("dl-data", &["check", "--fix"]),
        ("dl-data", &["check", "--fix", "--headers"]),
    ];
    for (tool, args) in programs {
        let records = run(tool, args, &stream).expect(1).records();
        let failed: Vec<_> = records.iter().filter(|record| record.get("error").is_some()).collect();
        assert_eq!((records.len(), failed.len()), (5, 3), "{tool} {args:?}");
        assert!(failed.iter().all(|record| record["error"]["message"].as_str().unwrap().contains("not a file")));
    }
    let out = folder.path().join("out");
    let args = ["to", "voc", out.to_str().unwrap()];
    run("dl-data", &args, &stream).expect(1);
    assert_eq!(fs::read_dir(out.join("JPEGImages")).unwrap().count(), 2);
}

#[cfg(unix)]
#[test]
fn only_images_are_copied_or_linked_and_nothing_through_a_link() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("home")).unwrap();
    fs::write(at("home/.bashrc"), "mine").unwrap();
    fs::write(at("secret.txt"), "root:*:20228").unwrap();
    let image = root().join("testdata/goldens/images/gray.jpg");
    for format in ["voc", "yolo"] {
        for rule in ["copy", "link"] {
            let out = at(&format!("{format}-{rule}"));
            let images = out.join(if format == "voc" { "JPEGImages" } else { "images" });
            fs::create_dir_all(&images).unwrap();
            std::os::unix::fs::symlink(at("home"), images.join("way")).unwrap();
            let record = |id: &str, image: &Path| {
                json!({"id": id, "image": image, "width": 48, "height": 32, "objects": []}).to_string() + "\n"
            };
            let stream = [
                record("folder", &at("home")),
                record("text", &at("secret.txt")),
                record("way/.bashrc", &image),
                record("deep/good", &image),
                record(&"long".repeat(100), &image),
            ];
            let args = ["to", format, out.to_str().unwrap(), "--images", rule];
            let ran = run("dl-data", &args, &stream.concat()).expect(1);
            let found: Vec<_> = fs::read_dir(&images).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(images.join("deep/good.jpg").exists());
            assert_eq!(fs::read_dir(at("home")).unwrap().count(), 1, "{}", ran.stderr);
            assert_eq!(fs::read_to_string(at("home/.bashrc")).unwrap(), "mine");
        }
    }
}
