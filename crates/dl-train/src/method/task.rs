//! A method as a [`Task`].

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::{Tensor, Var};
use dl_models::Parameters;

use super::Trainee;
use crate::fit::{Loss, MakeModel, Parameter, Progress, RateFactor, Task, TrainedModel, Validation, buffers, weights};

/// How a network is trained: the batches, the loss, and what is trained beside the network.
pub trait Method: Sync {
    /// What a step learns from.
    type Batch: Send;

    /// Weights that are trained together with the network but are not written to its model file: those of a domain
    /// classifier or a projection head.
    fn beside(&self) -> Option<&Parameters> {
        None
    }

    /// Constants that a resumed run needs, by name.
    fn frozen(&self) -> BTreeMap<String, Tensor> {
        BTreeMap::new()
    }

    /// The batch of a step, from 0, as in [`Task::batch`].
    /// # Errors
    /// The error ends the training run.
    fn batch(&self, step: usize) -> Result<Self::Batch>;

    /// The loss of a step.
    /// # Errors
    /// The error ends the training run.
    fn loss(&self, network: &Trainee, step: usize, batch: &Self::Batch) -> Result<Loss>;

    /// How good the network is on validation data; `None` if there is none.
    /// # Errors
    /// The error ends the training run.
    fn validate(&self, network: &Trainee) -> Result<Option<Validation>> {
        let _ = network;
        Ok(None)
    }

    /// Whether the model file is that of the best validation, as in [`Task::keeps_best`].
    fn keeps_best(&self) -> bool {
        true
    }
}

/// A network that is trained by a method.
pub struct NetworkTask<'a, M> {
    /// The network.
    pub network: Trainee<'a>,
    /// Its weights.
    pub parameters: &'a Parameters,
    /// How it is trained.
    pub method: M,
    /// Factor on the learning rate of a weight of the network, by its name.
    pub factor: RateFactor<'a>,
    /// Factor on the learning rate of what is trained beside it.
    pub factor_beside: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Makes the model file.
    pub file: MakeModel<'a>,
}

impl<M: Method> Task for NetworkTask<'_, M> {
    type Batch = M::Batch;
    type Shared = ();

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        let own = weights(self.parameters, self.weight_decay, &self.factor);
        let beside = self.method.beside();
        let beside = beside.map(|parameters| weights(parameters, self.weight_decay, &|_| self.factor_beside));
        own.into_iter().chain(beside.into_iter().flatten()).collect()
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        buffers(self.parameters)
    }

    fn frozen(&self) -> BTreeMap<String, Tensor> {
        self.method.frozen()
    }

    fn batch(&self, step: usize) -> Result<M::Batch> {
        self.method.batch(step)
    }

    fn loss(&self, step: usize, _: usize, batch: &M::Batch, (): &mut ()) -> Result<Loss> {
        self.method.loss(&self.network, step, batch)
    }

    fn validate(&self) -> Result<Option<Validation>> {
        self.method.validate(&self.network)
    }

    fn keeps_best(&self) -> bool {
        self.method.keeps_best()
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
