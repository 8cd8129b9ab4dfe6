//! Patrick Min's .binvox files: a header of text, and runs of equal voxels.

use anyhow::{Context, Result, bail, ensure};

use super::VoxelGrid;
use super::grid::LARGEST_SIDE;

/// Parses a file. Its order is x, z, y with y up; here y goes down.
/// # Errors
/// When it is damaged.
pub(super) fn parse(bytes: &[u8]) -> Result<VoxelGrid> {
    let mut rest = bytes;
    let mut sides = None;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').context("the header has no end")?;
        let line = String::from_utf8_lossy(&rest[..end]).trim().to_owned();
        rest = &rest[end + 1..];
        if let Some(dim) = line.strip_prefix("dim ") {
            let parsed: Vec<usize> = dim.split_whitespace().map(str::parse).collect::<Result<_, _>>().context("dim")?;
            sides = Some(parsed);
        }
        if line == "data" {
            break;
        }
    }
    // dim: depth (x), width (z), height (y).
    let Some([x_side, z_side, y_side]) = sides.as_deref().and_then(|sides| <[usize; 3]>::try_from(sides).ok()) else {
        bail!("the header has no dim of three sides")
    };
    ensure!(
        [x_side, y_side, z_side].iter().all(|side| (1..=LARGEST_SIDE).contains(side)),
        "a grid of {x_side} x {y_side} x {z_side} voxels; sides of 1 to {LARGEST_SIDE} are supported"
    );
    let mut filled = vec![false; x_side * y_side * z_side];
    let mut at = 0;
    for run in rest.as_chunks::<2>().0 {
        let [value, count] = *run;
        for place in at..at + usize::from(count) {
            ensure!(place < filled.len(), "has more voxels than its dim");
            let (x, z, y) = (place / (z_side * y_side), place / y_side % z_side, place % y_side);
            filled[(z * y_side + (y_side - 1 - y)) * x_side + x] = value != 0;
        }
        at += usize::from(count);
    }
    ensure!(at == filled.len(), "has {at} voxels, its dim {}", filled.len());
    VoxelGrid::new([z_side, y_side, x_side], filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_and_runs_are_those_of_the_format() {
        // 2 x 3 x 4 voxels (x, z, y): the first 4 are the column at x = 0, z = 0, from the bottom up.
        let mut bytes = b"#binvox 1\ndim 2 3 4\ntranslate 0 0 0\nscale 1\ndata\n".to_vec();
        bytes.extend([1, 1, 0, 3, 0, 19, 1, 1]);
        let grid = parse(&bytes).unwrap();
        assert_eq!((grid.size(), grid.count()), ([3, 4, 2], 2));
        assert!(grid.is_filled([0, 3, 0]) && grid.is_filled([2, 0, 1]));
        assert!(parse(&bytes[..bytes.len() - 2]).unwrap_err().to_string().contains("has 23 voxels, its dim 24"));
        bytes.extend([1, 1]);
        assert!(parse(&bytes).unwrap_err().to_string().contains("more voxels"));
        assert!(parse(b"#binvox 1\ndata\n").is_err() && parse(b"#binvox 1").is_err());
    }
}
