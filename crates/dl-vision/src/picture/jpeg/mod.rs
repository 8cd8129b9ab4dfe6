//! Checks that a JPEG is complete.
//!
//! The decoder, like a browser, silently fills missing data with gray. A detector must not be trained or evaluated on
//! that, so the markers (ITU T.81, annex B) and the entropy-coded blocks are checked first. The blocks matter because a
//! file with a hole, or one that a repair program has closed, still ends with its end marker.

mod bits;
mod scan;

use std::io::{BufRead, Seek, SeekFrom};

use anyhow::{Context, Result, bail};
use image::metadata::Orientation;

use super::exif;
use scan::Walk;

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const HUFFMAN_TABLES: u8 = 0xC4;
const RESTART_INTERVAL: u8 = 0xDD;

const CUT_OFF: &str = "the JPEG is truncated: its end is missing";
const DAMAGED: &str = "the JPEG is damaged: part of its image data is missing";

/// The result of checking a JPEG.
pub(super) struct Findings {
    /// What is missing, as a message; `None` if it is complete, or its coding cannot be checked.
    pub(super) damage: Option<String>,
    /// Bytes of coefficients that the decoder holds at once; 0 if it decodes row by row.
    pub(super) coefficients: u64,
}

/// Checks the whole file.
pub(super) fn examine(bytes: &[u8]) -> Findings {
    let mut walk = Walk::default();
    let damage = damage(bytes, &mut walk).map(str::to_owned);
    Findings { damage, coefficients: walk.coefficients() }
}

fn damage(bytes: &[u8], walk: &mut Walk) -> Option<&'static str> {
    let mut at = 2;
    let mut seen_scan = false;
    while let Some((marker, after)) = next_marker(bytes, at) {
        at = after;
        if marker == END_OF_IMAGE {
            return if !seen_scan {
                Some(CUT_OFF)
            } else if walk.is_complete() {
                None
            } else {
                Some(DAMAGED)
            };
        }
        if stands_alone(marker) {
            continue;
        }
        let Some(length) = bytes.get(after..after + 2) else { return Some(CUT_OFF) };
        at += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
        let Some(segment) = bytes.get(after + 2..at) else { return Some(CUT_OFF) };
        match marker {
            HUFFMAN_TABLES => walk.tables(segment),
            RESTART_INTERVAL => walk.restart_interval(segment),
            START_OF_SCAN => {
                seen_scan = true;
                let Ok(used) = walk.scan(segment, &bytes[at..]) else {
                    let ends = contains_end(&bytes[at..]);
                    return Some(if ends { DAMAGED } else { CUT_OFF });
                };
                at += used;
            }
            _ if is_frame(marker) => walk.frame(marker, segment),
            _ => {}
        }
    }
    Some(CUT_OFF)
}

/// Whether an end marker follows, whatever comes before it.
fn contains_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == [0xFF, END_OF_IMAGE])
}

/// TEM, RSTn and SOI stand alone; the others begin a segment with a length.
fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=START_OF_IMAGE)
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, HUFFMAN_TABLES | 0xC8 | 0xCC)
}

/// The next marker at or after `from`, and where its segment begins. `FF 00` is a byte of a scan, `FF FF` is padding.
fn next_marker(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(from..)?;
    let pairs = rest.iter().zip(rest.iter().skip(1));
    let (offset, (_, marker)) =
        pairs.enumerate().find(|(_, (first, second))| **first == 0xFF && !matches!(second, 0x00 | 0xFF))?;
    Some((*marker, from + offset + 2))
}

/// The data before the first scan.
pub(super) struct Header {
    /// Width and height as stored.
    pub(super) size: (u32, u32),
    pub(super) orientation: Orientation,
}

/// Reads up to the first scan, and only the segments that matter.
/// # Errors
/// When the file ends before, or has no frame header.
pub(super) fn header(input: &mut (impl BufRead + Seek)) -> Result<Header> {
    const ENDS: &str = "the JPEG's header is truncated";
    let mut size = None;
    // Of several EXIF segments, the first valid one counts.
    let mut orientation = None;
    input.seek(SeekFrom::Start(2))?;
    loop {
        let marker = read_marker(input).context(ENDS)?;
        if stands_alone(marker) {
            continue;
        }
        if marker == END_OF_IMAGE {
            break;
        }
        let mut length = [0; 2];
        input.read_exact(&mut length).context(ENDS)?;
        let length = u16::from_be_bytes(length).saturating_sub(2);
        if marker == START_OF_SCAN {
            break;
        }
        if !is_frame(marker) && marker != 0xE1 {
            input.seek(SeekFrom::Current(length.into()))?;
            continue;
        }
        let mut segment = vec![0; length.into()];
        input.read_exact(&mut segment).context(ENDS)?;
        if is_frame(marker) {
            if let Some(&[_, h1, h2, w1, w2]) = segment.first_chunk() {
                let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                size.get_or_insert((side(w1, w2), side(h1, h2)));
            }
        } else if let Some(block) = segment.strip_prefix(b"Exif\0").and_then(|rest| rest.get(1..)) {
            orientation = orientation.or_else(|| exif::of_block(block));
        }
    }
    match size {
        Some(size) => Ok(Header { size, orientation: orientation.unwrap_or(Orientation::NoTransforms) }),
        None => bail!("the JPEG has no frame header"),
    }
}

fn read_marker(input: &mut impl BufRead) -> std::io::Result<u8> {
    let mut byte = [0];
    let mut before = 0;
    loop {
        input.read_exact(&mut byte)?;
        if before == 0xFF && !matches!(byte[0], 0x00 | 0xFF) {
            return Ok(byte[0]);
        }
        before = byte[0];
    }
}

#[cfg(test)]
mod tests;
