//! Schedules, samplers, losses, hard negative mining, box regression and training loops.

pub mod adversarial;
pub mod box_regression;
pub mod classifier;
pub mod contrast;
pub mod data;
pub mod detection;
pub mod disentangle;
pub mod distill;
pub mod episodes;
pub mod fit;
pub mod gan;
#[cfg(test)]
mod golden;
pub mod hits;
pub mod intake;
pub mod method;
pub mod mlp;
pub mod multitask;
pub mod regions;
pub mod sampler;
pub mod schedule;
pub mod spool;
pub mod svm;
pub mod table;
pub mod text;
pub mod transfer;

/// The number at (row, column) of the goldens' matrices, as in their `make.py`: a multiple of 1/64 in [-2, 2).
#[cfg(test)]
pub(crate) fn formula(row: u64, column: u64) -> f64 {
    let mut mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) & 0xffff_ffff;
    mixed ^= mixed >> 13;
    mixed = mixed.wrapping_mul(1_597_334_677) & 0xffff_ffff;
    mixed ^= mixed >> 16;
    (mixed % 256) as f64 / 64.0 - 2.0
}
