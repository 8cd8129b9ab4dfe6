//! Is all of a JPEG there?
//!
//! The decoder, like a browser, paints what is missing in grey and says nothing. A detector must not be trained or
//! scored on that, so the markers are walked first (ITU T.81, annex B).

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// Do these bytes begin as a JPEG does?
pub(super) fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, START_OF_IMAGE, 0xFF])
}

/// Does the JPEG reach its end-of-image marker? A thumbnail's own end marker, inside a segment, does not count.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    let mut seen_scan = false;
    while let Some((marker, after)) = next_marker(bytes, at) {
        at = after;
        match marker {
            END_OF_IMAGE => return seen_scan,
            // TEM and RSTn stand alone; the rest begin a segment that tells its length.
            0x01 | 0xD0..=0xD7 => {}
            _ => {
                let Some(length) = bytes.get(after..after + 2) else { return false };
                seen_scan |= marker == START_OF_SCAN;
                at += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
    false
}

/// The next marker at or after `from`, and where its segment begins. `FF 00` is a byte of a scan, `FF FF` is filling.
fn next_marker(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(from..)?;
    let pairs = rest.iter().zip(rest.iter().skip(1));
    let (offset, (_, marker)) =
        pairs.enumerate().find(|(_, (first, second))| **first == 0xFF && !matches!(second, 0x00 | 0xFF))?;
    Some((*marker, from + offset + 2))
}
