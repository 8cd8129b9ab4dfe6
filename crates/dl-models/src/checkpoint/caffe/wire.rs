//! A look over protocol buffers before they are decoded: a message of two bytes becomes a structure of some hundred, so
//! a small file of nothing but empty layers would fill the memory.

use anyhow::{Context, Result, bail, ensure};

/// Messages and texts down to [`DEEPEST`] that a network may have: the largest have some thousand.
const MOST: usize = 1 << 18;
/// 32 axes have some hundred bytes.
const LONGEST_SHAPE: usize = 4096;
/// Network, layer, layer of the first form, blob.
const DEEPEST: usize = 3;

/// Fails when a file has more parts than any network.
/// # Errors
/// Also when it is no protocol buffer.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let mut count = 0;
    parts(bytes, 0, &mut count)
}

fn parts(mut bytes: &[u8], depth: usize, count: &mut usize) -> Result<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => bytes = bytes.get(8..).context("a number is cut off")?,
            5 => bytes = bytes.get(4..).context("a number is cut off")?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?)?;
                let (inner, rest) = bytes.split_at_checked(length).context("a part is cut off")?;
                bytes = rest;
                *count += 1;
                // The shape of a blob: each byte becomes eight.
                if depth >= 2 && key >> 3 == 7 && length > LONGEST_SHAPE {
                    *count = MOST + 1;
                    bail!("a shape of {length} bytes");
                }
                ensure!(*count <= MOST, "has more than {MOST} parts");
                let goes_on = match (depth, key >> 3) {
                    // Layers.
                    (0, 2 | 100) => true,
                    // Blobs, and the layer of the first form in one of the second.
                    (1, 1 | 6 | 7) => true,
                    (2, 50) => true,
                    _ => false,
                };
                // A field 1 of a layer may be a text: what is no message there is not looked into.
                if goes_on && depth < DEEPEST {
                    let before = *count;
                    match parts(inner, depth + 1, count) {
                        Err(error) if *count > MOST => return Err(error),
                        Err(_) => *count = before,
                        Ok(()) => {}
                    }
                }
            }
            _ => bail!("a field of an unknown kind"),
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).checked_shl(7 * index as u32).unwrap_or_default();
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Ok(number);
        }
    }
    bail!("a number is cut off")
}
