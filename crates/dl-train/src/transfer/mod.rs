//! Transfer: how well the features of a pretrained network suit a task, and what should learn.

mod rows;
mod score;
mod strategy;

pub use rows::Rows;
pub use score::{h_score, log_me};
pub use strategy::{Finding, Strategy};
