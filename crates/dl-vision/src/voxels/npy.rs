//! NumPy's arrays of three dimensions.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};

use super::VoxelGrid;

/// Parses an array [depth, height, width] of booleans, bytes or floats, of which more than 0.5 is filled.
/// # Errors
/// When it is something else.
pub(super) fn parse(bytes: &[u8]) -> Result<VoxelGrid> {
    let damaged = "the file is damaged";
    let version = *bytes.get(6).context(damaged)?;
    let (start, length) = match version {
        1 => (10_usize, u16::from_le_bytes(bytes.get(8..10).context(damaged)?.try_into()?) as usize),
        2 | 3 => (12, u32::from_le_bytes(bytes.get(8..12).context(damaged)?.try_into()?) as usize),
        other => bail!("version {other} of NumPy's format is not supported"),
    };
    let end = start.checked_add(length).context(damaged)?;
    let header = String::from_utf8_lossy(bytes.get(start..end).context(damaged)?);
    let value = |key: &str| -> Result<&str> {
        let at = header.find(&format!("'{key}':")).with_context(|| format!("its header has no {key}"))?;
        Ok(header[at + key.len() + 3..].trim_start())
    };
    ensure!(
        value("fortran_order")?.starts_with("False"),
        "arrays in Fortran's order are not supported; copy it with order=\"C\""
    );
    let shape = value("shape")?;
    let shape = shape.split_once('(').and_then(|(_, rest)| rest.split_once(')')).context(damaged)?.0;
    let sides: Vec<usize> =
        shape.split(',').map(str::trim).filter(|side| !side.is_empty()).map(str::parse).collect::<Result<_, _>>()?;
    let [depth, height, width] = sides[..] else {
        bail!("the array has {} dimensions; expected [depth, height, width]", sides.len())
    };
    let data = &bytes[end..];
    let kind = value("descr")?;
    let filled: Vec<bool> = match kind.split('\'').nth(1).unwrap_or("") {
        "|b1" | "|u1" | "|i1" | "?" => data.iter().map(|byte| *byte != 0).collect(),
        "<f4" => data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes) > 0.5).collect(),
        "<f8" => data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes) > 0.5).collect(),
        other => bail!("numbers of type {other} are not supported; expected bool, uint8, float32 or float64"),
    };
    VoxelGrid::new([depth, height, width], filled)
}

/// Writes the grid as an array [depth, height, width] of bytes, 0 or 1. The header is a Python literal, in which a comment
/// may follow.
/// # Errors
/// When `output` fails.
pub fn write_npy(grid: &VoxelGrid, comment: Option<&str>, output: &mut dyn Write) -> Result<()> {
    let [depth, height, width] = grid.size();
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({depth}, {height}, {width}), }}");
    if let Some(comment) = comment {
        header = format!("{header} # {comment}");
    }
    // The numbers begin at a multiple of 64 bytes.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header = format!("{header:<width$}\n", width = length - 1);
    output.write_all(b"\x93NUMPY\x01\x00")?;
    output.write_all(&(length as u16).to_le_bytes())?;
    output.write_all(header.as_bytes())?;
    output.write_all(&grid.filled().iter().map(|filled| u8::from(*filled)).collect::<Vec<_>>())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::grid::tests::boxes;
    use super::*;

    #[test]
    fn an_array_that_was_written_is_read_and_others_are_refused() {
        let mut bytes = Vec::new();
        write_npy(&boxes(), Some("three boxes"), &mut bytes).unwrap();
        assert_eq!(bytes.len() % 64, 120 % 64);
        assert_eq!(parse(&bytes).unwrap(), boxes());
        let changed = |from: &[u8], to: &[u8]| {
            let mut bytes = bytes.clone();
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            bytes[at..at + to.len()].copy_from_slice(to);
            parse(&bytes).unwrap_err().to_string()
        };
        assert!(changed(b"False", b"True ").contains("Fortran"));
        assert!(changed(b"(4, 5, 6)", b"(4, 5, 7)").contains("120 voxels are not 7 x 5 x 4"));
        assert!(changed(b"(4, 5, 6)", b"(20,   6)").contains("2 dimensions"));
        assert!(changed(b"|u1", b"<i8").contains("type <i8"));
        assert!(parse(&bytes[..8]).is_err() && parse(&bytes[..40]).is_err());
    }
}
