//! The orientation in an image's EXIF data, wherever the format stores it.
//!
//! | format | where |
//! | --- | --- |
//! | JPEG | APP1 segments |
//! | PNG | the eXIf chunk, or a text chunk as ImageMagick writes it, before or after the pixels |
//! | WebP | the EXIF chunk |
//!
//! Several programs put JPEG's `Exif\0\0` before the block in the other formats too. A broken block, or one with an
//! invalid orientation, is ignored: the image is then used as stored.

use std::io::{BufRead, Read, Result, Seek, SeekFrom};

use flate2::read::ZlibDecoder;
use image::ImageFormat;
use image::metadata::Orientation;

/// The largest block that is read. EXIF in a JPEG has at most 64 KiB.
const MOST_BYTES: u64 = 1 << 20;

/// The orientation of a PNG or WebP file; other formats store it elsewhere or not at all.
pub(super) fn orientation(input: &mut (impl BufRead + Seek), format: ImageFormat) -> Orientation {
    let found = match format {
        ImageFormat::Png => of_png(input),
        ImageFormat::WebP => of_webp(input),
        _ => Ok(None),
    };
    found.ok().flatten().unwrap_or(Orientation::NoTransforms)
}

/// Does it swap width and height?
pub(super) fn swaps_sides(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The orientation in a block of EXIF, which is a TIFF file without an image.
pub(super) fn of_block(block: &[u8]) -> Option<Orientation> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let big = match block.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = [*block.get(at)?, *block.get(at + 1)?];
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let long = |at: usize| {
        let (one, two) = (u32::from(short(at)?), u32::from(short(at + 2)?));
        Some(if big { one << 16 | two } else { two << 16 | one })
    };
    let directory = long(4)? as usize;
    let count = usize::from(short(directory)?);
    let entries = (0..count).map(|index| directory + 2 + 12 * index);
    for entry in entries {
        if short(entry)? != 0x0112 {
            continue;
        }
        let value = match short(entry + 2)? {
            1 => u32::from(*block.get(entry + 8)?),
            3 => short(entry + 8)?.into(),
            4 => long(entry + 8)?,
            _ => return None,
        };
        return Orientation::from_exif(u8::try_from(value).ok()?);
    }
    None
}

fn of_png(input: &mut (impl BufRead + Seek)) -> Result<Option<Orientation>> {
    input.seek(SeekFrom::Start(8))?;
    let mut in_text = None;
    let mut head = [0; 8];
    // A truncated file is used as far as it goes.
    while input.read_exact(&mut head).is_ok() {
        let [l0, l1, l2, l3, kind @ ..] = head;
        let length = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
        let is_metadata = matches!(&kind, b"eXIf" | b"tEXt" | b"zTXt" | b"iTXt") && length <= MOST_BYTES;
        if !is_metadata {
            if &kind == b"IEND" {
                break;
            }
            input.seek(SeekFrom::Current(length as i64 + 4))?;
            continue;
        }
        let chunk = read(input, length)?;
        input.seek(SeekFrom::Current(4))?;
        let found = if &kind == b"eXIf" { of_block(&chunk) } else { of_text(&kind, &chunk) };
        match (&kind, found) {
            (b"eXIf", Some(found)) => return Ok(Some(found)),
            (_, Some(found)) => in_text = in_text.or(Some(found)),
            _ => {}
        }
    }
    Ok(in_text)
}

/// ImageMagick's "Raw profile type exif": a line with the kind, one with the length, and the block as hexadecimal
/// digits.
fn of_text(kind: &[u8; 4], chunk: &[u8]) -> Option<Orientation> {
    let zero = chunk.iter().position(|byte| *byte == 0)?;
    let (keyword, rest) = (&chunk[..zero], &chunk[zero + 1..]);
    if !matches!(keyword, b"Raw profile type exif" | b"Raw profile type APP1") {
        return None;
    }
    let (is_packed, text) = match kind {
        b"tEXt" => (false, rest),
        b"zTXt" => (true, rest.get(1..)?),
        _ => {
            // Two flags, then a language and a translation, each terminated by a zero.
            let mut parts = rest.get(2..)?.splitn(3, |byte| *byte == 0);
            (rest[0] == 1, parts.nth(2)?)
        }
    };
    let mut unpacked = Vec::new();
    let text = if is_packed {
        // Data before an error suffices if it includes the tag.
        let _ = ZlibDecoder::new(text).take(4 * MOST_BYTES).read_to_end(&mut unpacked);
        &unpacked
    } else {
        text
    };
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(2);
    let mut digits = words.by_ref().flatten().map_while(|digit| char::from(*digit).to_digit(16));
    let mut block = Vec::new();
    while let (Some(high), Some(low)) = (digits.next(), digits.next()) {
        block.push((high * 16 + low) as u8);
    }
    of_block(&block)
}

fn of_webp(input: &mut (impl BufRead + Seek)) -> Result<Option<Orientation>> {
    input.seek(SeekFrom::Start(12))?;
    let mut head = [0; 8];
    while input.read_exact(&mut head).is_ok() {
        let [kind @ .., l0, l1, l2, l3] = head;
        let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        if &kind == b"EXIF" && length <= MOST_BYTES {
            return Ok(of_block(&read(input, length)?));
        }
        input.seek(SeekFrom::Current((length + length % 2) as i64))?;
    }
    Ok(None)
}

fn read(input: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
