//! Boxes, masks, images, dataset formats and region proposals. Nothing here depends on tensors, so the programs that
//! need no network build in seconds and start in milliseconds.

pub mod boxes;
pub mod formats;
pub mod labels;
pub mod masks;
pub mod picture;
pub mod proposals;
pub mod voxels;
mod wide;
