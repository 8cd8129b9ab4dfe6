//! The description in the file of a generator of voxels.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Checkpoint;
use crate::checkpoint::printable;
use crate::file::{Kind, Provenance, limits};
use crate::gan::config::is_of;

/// The architecture.
pub const VOXEL: &str = "voxel";

/// Everything about a generator of voxels except its weights. Unknown keys are preserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VoxelConfig {
    /// [`Kind::Generator`].
    pub kind: Kind,
    /// [`VOXEL`].
    pub architecture: String,
    /// Side of the silhouette in pixels, and of the grid in voxels: a power of 2 from 8 to 128.
    pub side: usize,
    /// Channels of the first map, doubled by each next one up to eight times.
    pub channels: usize,
    /// Where the weights come from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl VoxelConfig {
    /// A generator of grids of this side.
    pub fn new(side: usize, channels: usize) -> Self {
        Self {
            kind: Kind::Generator,
            architecture: VOXEL.to_owned(),
            side,
            channels,
            provenance: Provenance::default(),
            extra: Map::new(),
        }
    }

    /// Whether a file says that it holds a generator of voxels.
    pub fn is_in(file: &Checkpoint) -> bool {
        is_of(file, VOXEL)
    }

    /// Reads the description in a file.
    /// # Errors
    /// When it is missing or invalid.
    pub fn read(file: &Checkpoint) -> Result<Self> {
        let config: Self = file.config()?.context("has no config")?;
        config.check()?;
        Ok(config)
    }

    /// Checks that every value is valid and within limits.
    /// # Errors
    /// When one is not.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.architecture == VOXEL,
            "generator architecture {} makes no voxels; expected {VOXEL}",
            printable(&self.architecture)
        );
        ensure!(
            self.side.is_power_of_two() && (8..=128).contains(&self.side),
            "a grid of {0} x {0} x {0} voxels; sides of 8, 16, 32, 64 and 128 are supported",
            self.side
        );
        limits::count("channels", self.channels, limits::MOST_CHANNELS)
    }
}
