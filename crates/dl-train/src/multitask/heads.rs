//! The classifiers of all tasks.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_models::{Fresh, Linear, plain};

/// A linear classifier for each task, on the same features.
#[derive(Clone, Debug)]
pub struct TaskHeads(Vec<Linear>);

impl TaskHeads {
    /// Heads on features [n, `inputs`] for the tasks: names and numbers of classes. Their weights are
    /// `task.NAME.weight` [classes, inputs] and `task.NAME.bias` under the builder's prefix.
    /// # Errors
    /// When there are no tasks, two have the same name, one has fewer than 2 classes, or a tensor has another shape.
    pub fn new(inputs: usize, tasks: &[(&str, usize)], vb: &VarBuilder) -> Result<Self> {
        ensure!(!tasks.is_empty(), "no tasks to train");
        let mut names = BTreeSet::new();
        let mut heads = Vec::with_capacity(tasks.len());
        for (name, classes) in tasks {
            ensure!(names.insert(*name), "task \"{name}\" is named twice");
            ensure!(*classes > 1, "task \"{name}\" has {classes} classes; at least 2 are needed");
            let head = Linear::new(inputs, *classes, Fresh::torch(inputs), vb.pp("task").pp(name));
            heads.push(head.map_err(plain)?);
        }
        Ok(Self(heads))
    }

    /// Class scores [n, classes] of each task, in order, of features [n, inputs] f32.
    /// # Errors
    /// When the features have another width.
    pub fn forward(&self, features: &Tensor) -> Result<Vec<Tensor>> {
        self.0.iter().map(|head| head.forward(features).map_err(plain)).collect()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use dl_models::Parameters;

    use super::*;

    #[test]
    fn tasks_without_names_of_their_own_or_classes_are_refused() {
        let parameters = Parameters::fresh(0);
        let error = |tasks: &[(&str, usize)]| {
            TaskHeads::new(3, tasks, &parameters.builder(&Device::Cpu)).unwrap_err().to_string()
        };
        assert_eq!(error(&[]), "no tasks to train");
        assert_eq!(error(&[("plate", 2), ("plate", 3)]), "task \"plate\" is named twice");
        assert_eq!(error(&[("plate", 1)]), "task \"plate\" has 1 classes; at least 2 are needed");
    }
}
