//! Distillation: a student network is trained to answer as a teacher does (Hinton et al. 2015), or to have its features
//! (Romero et al. 2015, FitNets).

mod bias;
mod hint;
mod loss;
mod method;

pub use bias::class_bias;
pub use hint::Hint;
pub use loss::DistillConfig;
pub use method::{DistillMethod, FeatureHint};

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/distill.json");
