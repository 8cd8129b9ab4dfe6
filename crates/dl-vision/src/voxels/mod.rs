//! Voxels: solid shapes on a grid, their files, surfaces and images.

mod binvox;
mod grid;
mod mesh;
mod npy;
mod render;

use std::path::Path;

use anyhow::{Context, Result, bail};
use dl_record::file::read_regular;

pub use grid::VoxelGrid;
pub use mesh::Mesh;
pub use npy::write_npy;
pub use render::isometric;

/// Largest file that is read.
const MOST_BYTES: u64 = 1 << 28;

/// Reads a shape: a NumPy array [depth, height, width] of bytes, booleans or floats (.npy), of which more than 0.5 is
/// filled, or a .binvox file.
/// # Errors
/// When the file cannot be read, or is neither.
pub fn read_voxels(path: &Path) -> Result<VoxelGrid> {
    let in_context = || path.display().to_string();
    let bytes = read_regular(path, MOST_BYTES).with_context(in_context)?;
    let grid = match &bytes {
        bytes if bytes.starts_with(b"\x93NUMPY") => npy::parse(bytes),
        bytes if bytes.starts_with(b"#binvox") => binvox::parse(bytes),
        _ => bail!("{}: is neither a NumPy array (.npy) nor a .binvox file", path.display()),
    };
    grid.with_context(in_context)
}
