//! How much each task counts.

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use dl_models::plain;

/// How the losses of the tasks become one.
#[derive(Clone, Debug)]
pub enum TaskWeights {
    /// The sum of weight times loss.
    Fixed(Vec<f64>),
    /// The sum of 1/2 exp(-s) loss + s/2, with a trained s for each task, [1] each: the logarithm of the variance of
    /// its noise (Kendall et al. 2018, section 3.2, with the factor 1/2 for every kind of loss).
    Uncertainty(Vec<Tensor>),
}

impl TaskWeights {
    /// Trained weights that begin at s = 0: `task.NAME.log_variance` under the builder's prefix, best without weight
    /// decay.
    /// # Errors
    /// When a tensor has another shape.
    pub fn uncertainty(tasks: &[&str], vb: &VarBuilder) -> Result<Self> {
        let variance = |task: &&str| {
            let vb = vb.pp("task").pp(task);
            vb.get_with_hints(1, "log_variance", Init::Const(0.0)).map_err(plain)
        };
        tasks.iter().map(variance).collect::<Result<_>>().map(Self::Uncertainty)
    }

    /// One loss, a scalar, of the scalar losses of all tasks, in order. A task without a loss, because the batch has no
    /// label of it, counts for nothing, and its s has no gradient.
    /// # Errors
    /// When there are not as many losses as weights, or no task has one.
    pub fn combine(&self, losses: &[Option<Tensor>]) -> Result<Tensor> {
        let tasks = match self {
            Self::Fixed(weights) => weights.len(),
            Self::Uncertainty(variances) => variances.len(),
        };
        ensure!(tasks == losses.len(), "{} losses for the weights of {tasks} tasks", losses.len());
        let weighted = |task: usize, loss: &Tensor| -> candle_core::Result<Tensor> {
            match self {
                Self::Fixed(weights) => loss * weights[task],
                Self::Uncertainty(variances) => {
                    let variance = variances[task].reshape(())?;
                    ((variance.neg()?.exp()? * loss)? + variance)? * 0.5
                }
            }
        };
        let with_loss = losses.iter().enumerate().filter_map(|(task, loss)| Some((task, loss.as_ref()?)));
        let parts = with_loss.map(|(task, loss)| weighted(task, loss));
        let sum = parts.reduce(|a, b| a? + b?);
        sum.context("no example of the batch has a label of any task")?.map_err(plain)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::{GOLDEN, task_loss};
    use super::*;
    use crate::golden::{case, check_with, input, weights};

    /// Three tasks on one batch, of which the last has no labels.
    fn check(name: &str, uncertain: bool) {
        let heads = [("plate", 3, 100), ("pictogram", 4, 120), ("color", 2, 140)];
        let mut all: Vec<(String, u64, Vec<usize>, f64)> = Vec::new();
        for (task, classes, first) in heads {
            all.push((format!("task.{task}.weight"), first, vec![classes, 5], 0.5));
            all.push((format!("task.{task}.bias"), first + 10, vec![classes], 0.5));
            if uncertain {
                all.push((format!("task.{task}.log_variance"), first + 15, vec![1], 0.5));
            }
        }
        let all: Vec<_> =
            all.iter().map(|(name, first, shape, scale)| (name.as_str(), *first, &**shape, *scale)).collect();
        let weights = weights(&all);
        let vb = weights.builder(&Device::Cpu);
        let tasks = heads.map(|(task, classes, _)| (task, classes));
        let task_weights = match uncertain {
            true => TaskWeights::uncertainty(&tasks.map(|(task, _)| task), &vb).unwrap(),
            false => TaskWeights::Fixed(vec![1.0, 0.25, 3.0]),
        };
        let x = input(0, &[4, 5], 1.0);
        let targets = [[Some(0), Some(2), None, Some(1)], [None, Some(3), Some(0), None], [None; 4]];
        let scores = |(task, classes): (&str, usize)| {
            let weight = vb.get((classes, 5), &format!("task.{task}.weight")).unwrap();
            let bias = vb.get(classes, &format!("task.{task}.bias")).unwrap();
            dl_ops::linear(&x, &weight, Some(&bias)).unwrap()
        };
        let losses = tasks.map(scores).into_iter().zip(&targets);
        let losses: Vec<_> = losses.map(|(scores, targets)| task_loss(&scores, targets).unwrap()).collect();
        check_with(&task_weights.combine(&losses).unwrap(), &[("x", &x)], &weights, &case(GOLDEN, name));
    }

    #[test]
    fn combined_losses_and_gradients_are_those_of_torch() {
        check("fixed", false);
        check("uncertainty", true);
    }

    #[test]
    fn a_batch_without_labels_and_other_numbers_of_tasks_are_refused() {
        let error =
            |losses: &[Option<Tensor>]| TaskWeights::Fixed(vec![1.0; 2]).combine(losses).unwrap_err().to_string();
        assert_eq!(error(&[None, None]), "no example of the batch has a label of any task");
        assert_eq!(error(&[None]), "1 losses for the weights of 2 tasks");
    }
}
