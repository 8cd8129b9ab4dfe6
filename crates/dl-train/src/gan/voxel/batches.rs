//! Silhouettes with the solids that cast them, and batches of both.

use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};

use crate::sampler::Rounds;
use dl_record::Digest;

/// Pairs of a silhouette and a solid, of one size.
#[derive(Clone, Debug, Default)]
pub struct VoxelShapes {
    side: usize,
    /// [n, side, side], -1 to 1.
    silhouettes: Vec<f32>,
    /// [n, side, side, side], depth by depth.
    voxels: Vec<bool>,
    digest: Digest,
}

impl VoxelShapes {
    /// Pairs of silhouettes of side x side pixels and solids of side x side x side voxels.
    pub fn new(side: usize) -> Self {
        Self { side, ..Self::default() }
    }

    /// Side of a silhouette and of a solid.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Adds a pair.
    /// # Errors
    /// When a length is another.
    pub fn push(&mut self, silhouette: &[f32], voxels: &[bool]) -> Result<()> {
        let area = self.side * self.side;
        ensure!(
            silhouette.len() == area && voxels.len() == area * self.side,
            "a silhouette of {} pixels and {} voxels; expected a side of {}",
            silhouette.len(),
            voxels.len(),
            self.side
        );
        self.silhouettes.extend_from_slice(silhouette);
        self.voxels.extend_from_slice(voxels);
        self.digest.floats(silhouette);
        let words: Vec<f32> = voxels.iter().map(|filled| f32::from(u8::from(*filled))).collect();
        self.digest.floats(&words);
        Ok(())
    }

    /// How many pairs there are.
    pub fn count(&self) -> usize {
        self.silhouettes.len() / (self.side * self.side).max(1)
    }

    /// A fingerprint of the data.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The first `count` silhouettes, or all if there are fewer.
    pub fn first(&self, count: usize) -> &[f32] {
        &self.silhouettes[..count.min(self.count()) * self.side * self.side]
    }

    /// The voxels of the first `count` solids, or of all if there are fewer.
    pub fn first_voxels(&self, count: usize) -> &[bool] {
        &self.voxels[..count.min(self.count()) * self.side.pow(3)]
    }
}

/// A batch.
#[derive(Clone, Debug, PartialEq)]
pub struct VoxelBatch {
    /// [n, 1, side, side], -1 to 1.
    pub silhouettes: Vec<f32>,
    /// [n, side, side, side], 0 or 1.
    pub voxels: Vec<f32>,
}

/// Makes batches.
pub struct VoxelBatches<'a> {
    shapes: &'a VoxelShapes,
    size: usize,
    rounds: Mutex<Rounds>,
}

impl<'a> VoxelBatches<'a> {
    /// Batches of `size` pairs.
    pub fn new(shapes: &'a VoxelShapes, size: usize, seed: u64) -> Self {
        Self { shapes, size, rounds: Mutex::new(Rounds::new(shapes.count(), seed, "shapes")) }
    }

    /// Pairs of a batch.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Batches that show every pair once.
    pub fn epoch(&self) -> usize {
        self.shapes.count().div_ceil(self.size)
    }

    /// Batch number `step`, from 0; it depends only on the seed and the number.
    pub fn make(&self, step: usize) -> VoxelBatch {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let area = self.shapes.side * self.shapes.side;
        let volume = area * self.shapes.side;
        let mut batch = VoxelBatch { silhouettes: Vec::new(), voxels: Vec::new() };
        for place in 0..self.size {
            let index = rounds.at(step * self.size + place);
            batch.silhouettes.extend_from_slice(&self.shapes.silhouettes[index * area..][..area]);
            let voxels = &self.shapes.voxels[index * volume..][..volume];
            batch.voxels.extend(voxels.iter().map(|filled| f32::from(u8::from(*filled))));
        }
        batch
    }
}
