//! Linear support vector machines on the features of regions: R-CNN's detectors (Girshick et al. 2014, section 2.3 and
//! appendix B; the authors' `rcnn_train.m`).
//!
//! [`dual`] solves one two-class problem as liblinear's `-s 3` does; [`mining`] keeps, for each class, the negatives
//! that matter.

pub mod dual;
pub mod mining;

pub use dual::{Solution, SvmConfig};
pub use mining::{MiningConfig, SvmTrainer};
