//! Checks protocol buffers before they are decoded: a message of two bytes becomes a structure of a few hundred, so a
//! small file of empty layers could fill the memory.

use anyhow::{Context, Result, bail, ensure};

/// Most messages and strings down to [`DEEPEST`]; the largest networks have a few thousand.
const MOST: usize = 1 << 18;
/// Bytes of a shape; 32 axes take a few hundred.
const LONGEST_SHAPE: usize = 4096;
/// Network, layer, layer of the oldest form, blob.
const DEEPEST: usize = 3;

/// Checks that a file does not have more parts than any network.
/// # Errors
/// When it has more, or is not a protocol buffer.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let mut count = 0;
    parts(bytes, 0, &mut count)
}

fn parts(mut bytes: &[u8], depth: usize, count: &mut usize) -> Result<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => bytes = bytes.get(8..).context("a number is truncated")?,
            5 => bytes = bytes.get(4..).context("a number is truncated")?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?)?;
                let (inner, rest) = bytes.split_at_checked(length).context("a part is truncated")?;
                bytes = rest;
                *count += 1;
                // The shape of a blob: each byte expands to eight.
                if depth >= 2 && key >> 3 == 7 && length > LONGEST_SHAPE {
                    *count = MOST + 1;
                    bail!("a shape has {length} bytes");
                }
                ensure!(*count <= MOST, "has more than {MOST} parts");
                let descends = match (depth, key >> 3) {
                    // Layers.
                    (0, 2 | 100) => true,
                    // Blobs, and the oldest form of a layer within the older one.
                    (1, 1 | 6 | 7) => true,
                    (2, 50) => true,
                    _ => false,
                };
                // Field 1 of a layer may be a string: if it is not a message, it is ignored.
                if descends && depth < DEEPEST {
                    let before = *count;
                    match parts(inner, depth + 1, count) {
                        Err(error) if *count > MOST => return Err(error),
                        Err(_) => *count = before,
                        Ok(()) => {}
                    }
                }
            }
            _ => bail!("a field has an unknown kind"),
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
    bail!("a number is truncated")
}
