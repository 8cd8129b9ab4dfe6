//! Linear support vector machines on the features of regions: R-CNN's detectors (Girshick et al. 2014, section 2.3 and
//! appendix B; the authors' `rcnn_train.m`).
//!
//! [`mining`] keeps, for each class, the negatives that matter; [`dl_transfer::linear::svm`] solves each problem.

pub mod mining;

pub use mining::{MiningConfig, SvmTrainer};
