//! Transfer: how well the features of a pretrained network suit a task, and what to train.

mod rows;
mod strategy;
mod trials;

pub use rows::FeatureRows;
pub use strategy::{Finding, Strategy};
pub use trials::{Folds, Trial, best, try_all};
