//! Multi-task learning as a [`Method`].

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::{LayerName, Parameters, plain};

use super::{TaskWeights, task_loss};
use crate::classifier::{Batch, Batches};
use crate::fit::{Loss, Validation};
use crate::hits::{fraction, hits};
use crate::method::{Method, Trainee};

/// A task and the class of each example, if it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskTargets {
    /// Name of the task.
    pub name: String,
    /// Number of its classes.
    pub classes: usize,
    /// The class of each example.
    pub targets: Vec<Option<u32>>,
}

/// Examples of several tasks. The class of an example of the batches is its own number
/// ([`Truth::Own`](crate::classifier::Truth)).
pub struct TaskExamples<'a> {
    /// The images.
    pub batches: Batches<'a>,
    /// What is known of them.
    pub tasks: Vec<TaskTargets>,
}

/// One network for several tasks, each with its own part of the scores.
pub struct MultitaskMethod<'a> {
    /// Training examples.
    pub train: TaskExamples<'a>,
    /// Validation examples of the same tasks.
    pub validation: Option<TaskExamples<'a>>,
    /// The layer of all scores.
    pub scores: LayerName,
    /// How the losses become one.
    pub weights: TaskWeights,
    /// What the weights train.
    pub beside: Parameters,
}

/// Examples evaluated together.
const TOGETHER: usize = 64;

impl TaskExamples<'_> {
    /// The scores [n, classes] of each task, and the targets of the examples `rows`.
    fn parts(&self, scores: &Tensor, rows: &[u32]) -> Result<Vec<(Tensor, Vec<Option<u32>>)>> {
        let mut first = 0;
        let part = |task: &TaskTargets| {
            let own = scores.narrow(1, first, task.classes).and_then(|own| own.contiguous()).map_err(plain)?;
            first += task.classes;
            Ok((own, rows.iter().map(|row| task.targets[*row as usize]).collect()))
        };
        self.tasks.iter().map(part).collect()
    }
}

/// Whether the known targets are hit.
fn known_hits(scores: &Tensor, targets: &[Option<u32>]) -> Result<Vec<bool>> {
    let all: Vec<u32> = targets.iter().map(|target| target.unwrap_or(u32::MAX)).collect();
    let hits = hits(scores, &all)?;
    Ok(hits.into_iter().zip(targets).filter(|(_, target)| target.is_some()).map(|(hit, _)| hit).collect())
}

impl Method for MultitaskMethod<'_> {
    type Batch = Batch;

    fn beside(&self) -> Option<&Parameters> {
        Some(&self.beside)
    }

    fn batch(&self, step: usize) -> Result<Batch> {
        self.train.batches.make(step)
    }

    fn loss(&self, network: &Trainee, step: usize, batch: &Batch) -> Result<Loss> {
        let scores = network.outputs(batch, std::slice::from_ref(&self.scores), step)?.remove(0);
        let (mut losses, mut right) = (Vec::new(), Vec::new());
        for (scores, targets) in self.train.parts(&scores, &batch.targets.classes)? {
            losses.push(task_loss(&scores, &targets)?);
            right.extend(known_hits(&scores, &targets)?);
        }
        Ok(Loss { value: self.weights.combine(&losses)?, metrics: vec![("accuracy", fraction(&right))] })
    }

    fn validate(&self, network: &Trainee) -> Result<Option<Validation>> {
        let Some(examples) = &self.validation else { return Ok(None) };
        let mut sums = vec![(0.0, Vec::new()); examples.tasks.len()];
        let all: Vec<usize> = (0..examples.batches.examples().positives().len()).collect();
        for indices in all.chunks(TOGETHER) {
            let (inputs, targets) = examples.batches.plain(0, indices)?;
            if targets.classes.is_empty() {
                continue;
            }
            let scores = network.inferred(&inputs, &self.scores)?;
            for ((scores, targets), (sum, right)) in examples.parts(&scores, &targets.classes)?.iter().zip(&mut sums) {
                let hits = known_hits(scores, targets)?;
                if let Some(loss) = task_loss(scores, targets)? {
                    *sum += f64::from(loss.to_scalar::<f32>().map_err(plain)?) * hits.len() as f64;
                }
                right.extend(hits);
            }
        }
        let known = sums.iter().filter(|(_, right)| !right.is_empty()).count() as f64;
        ensure!(known > 0.0, "no validation image can be decoded");
        let (mut loss, mut accuracy, mut metrics) = (0.0, 0.0, BTreeMap::new());
        for (task, (sum, right)) in examples.tasks.iter().zip(&sums).filter(|(_, (_, right))| !right.is_empty()) {
            loss += sum / right.len() as f64 / known;
            accuracy += fraction(right) / known;
            metrics.insert(format!("accuracy of {}", task.name), fraction(right));
        }
        metrics.insert("accuracy".to_owned(), accuracy);
        Ok(Some(Validation { loss: Some(loss), score: accuracy, metrics }))
    }
}
