//! Methods on feature tables: linear heads, transferability scores, and the alignment, weighting and grouping of rows
//! of several domains. Numbers only; networks are in dl-models and dl-train.
//!
//! Matrices are [`Mat`]s of f64 with one sample per row. What is drawn depends on the seed alone, and no result depends
//! on the number of threads.

pub mod adapt;
pub mod affine;
pub mod attributes;
mod binary;
pub mod boost;
mod box_qp;
pub mod complete;
pub mod components;
pub mod coral;
pub mod dictionary;
mod distance;
pub mod domain_classifier;
mod dot;
mod eigen;
pub mod feature_head;
pub mod feature_map;
pub mod gmm;
mod kernel;
mod kernel_map;
pub mod kliep;
pub mod kmeans;
pub mod kmm;
pub mod label_clusters;
mod linalg;
pub mod linear;
mod memory;
mod mixture;
pub mod mlp;
pub mod moments;
pub mod neighbors;
pub mod normalize;
pub mod pca;
mod points;
pub mod prototypes;
mod rbf;
pub mod ridge;
pub mod rows;
pub mod score;
pub mod shift;
mod sigmoid;
pub mod subspace;
pub mod summary;
mod table;
mod weight_summary;
mod whole;

pub use dot::dot;
pub use faer::{Mat, MatRef};
pub use kernel::Kernel;
pub use kernel_map::{KernelMap, Lift};
pub use linalg::{power_of_two, symmetric_eigen};
pub use table::FeatureTable;
pub use weight_summary::WeightSummary;
pub use whole::{WholeFeatures, check_same_network, whole_features};

/// The number at (row, column) of the goldens' matrices, as in their `make.py`: a multiple of 1/64 in [-2, 2).
#[cfg(test)]
pub(crate) fn formula(row: u64, column: u64) -> f64 {
    let mut mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) & 0xffff_ffff;
    mixed ^= mixed >> 13;
    mixed = mixed.wrapping_mul(1_597_334_677) & 0xffff_ffff;
    mixed ^= mixed >> 16;
    (mixed % 256) as f64 / 64.0 - 2.0
}
