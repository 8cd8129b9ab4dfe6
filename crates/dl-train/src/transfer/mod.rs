//! Transfer: how well the features of a pretrained network suit a task, and what to train.

mod rows;
mod score;
mod strategy;
mod trials;

pub use rows::FeatureRows;
pub use score::{h_score, log_me};
pub use strategy::{Finding, Strategy};
pub use trials::{Folds, Trial, best, try_all};
