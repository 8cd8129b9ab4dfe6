//! Solids from silhouettes: a generator that makes voxels of an image, with the depth as channels of two-dimensional maps
//! (Richter and Roth 2018, Matryoshka networks, section 3: voxel tubes), trained against a discriminator as 3D-GAN (Wu et
//! al. 2016).

mod config;
mod generator;
mod network;

pub use config::{VOXEL, VoxelConfig};
pub use generator::VoxelGenerator;
