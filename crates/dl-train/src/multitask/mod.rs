//! Several tasks for one network, each with its own part of the scores, and their losses combined (Caruana 1997; Kendall
//! et al. 2018). An example may have labels of some tasks only.

mod loss;
mod method;
mod weighting;

pub use loss::task_loss;
pub use method::{MultitaskMethod, TaskExamples, TaskTargets};
pub use weighting::TaskWeights;

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/multitask.json");
