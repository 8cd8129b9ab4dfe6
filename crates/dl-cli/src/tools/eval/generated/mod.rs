//! Metrics of generated samples, on features or predicted classes.

pub(super) mod duplicates;
pub(super) mod fid;
pub(super) mod inception_score;
pub(super) mod kid;
pub(super) mod modes;
pub(super) mod precision_recall;
mod sets;
pub(super) mod two_sample;
