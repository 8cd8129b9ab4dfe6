//! Classifiers, regressors and distances on features.

mod dot;
mod feature_head;
mod feature_map;
mod linear_head;
mod lpips;
mod parts;
mod probabilities;
pub mod rcnn;

pub use dot::dot;
pub use feature_head::FeatureHeadFile;
pub use feature_map::FeatureMapFile;
pub use linear_head::LinearHead;
pub use lpips::{Lpips, LpipsDistance};
pub use probabilities::probabilities;
