//! Training of generators of voxels from silhouettes.

mod batches;
mod task;

pub use batches::{VoxelBatch, VoxelBatches, VoxelShapes};
pub use task::{VoxelPlayers, VoxelTask};
