//! Transfer: how well the features of a pretrained network suit a task, and what should learn.

mod score;
mod strategy;

pub use score::{h_score, log_me};
pub use strategy::{Finding, Strategy};
