//! What a classifier learns from: images or texts, each with its kind of network.

use anyhow::Result;
use dl_train::fit::{Progress, Task, TrainedModel, Validation};
use dl_train::transfer::{Finding, Folds, Strategy};
use dl_transfer::linear::Logistic;
use serde_json::{Map, Value};

use crate::common::Messages;
use crate::tools::finetune::training::Situation;

/// Makes a model file from the situation of a training and what it has come to.
pub(super) type MakeFile<'a> = Box<dyn Fn(&Situation, &Progress) -> Result<TrainedModel> + Sync + 'a>;

/// Examples of one kind and the networks for them. All that does not depend on the kind is in `path.rs`.
pub(super) trait Learner: Sync + Sized {
    /// A network before training, with its weights.
    type Start: Sync;
    /// Some of the examples.
    type Part;
    /// The training of a network.
    type Task<'a>: Task
    where
        Self: 'a;

    /// The examples to train on.
    fn train(&self) -> &Self::Part;

    /// The examples to validate on.
    fn validation(&self) -> Option<&Self::Part>;

    /// The number of examples of a part, and what they are called.
    fn count(&self, part: &Self::Part) -> (usize, &'static str);

    /// The network for a strategy; `None`: as the options of single layers say.
    fn start(&self, strategy: Option<Strategy>) -> Result<Self::Start>;

    /// What a user should know about a start.
    fn report(&self, start: &Self::Start, strategy: Option<Strategy>, messages: &Messages) -> Result<()>;

    /// Feature extraction: fits the head of `start` by logistic regression. Returns it, and the layer before the head.
    fn fit_head(
        &self,
        start: &Self::Start,
        part: &Self::Part,
        done: &mut dyn FnMut(usize),
    ) -> Result<(Logistic, String)>;

    /// How good a network is.
    fn evaluate(&self, start: &Self::Start, part: &Self::Part) -> Result<Validation>;

    /// The training of `start` on the first of the parts, validated on the second.
    fn task<'a>(
        &'a self,
        start: &'a Self::Start,
        parts: (&'a Self::Part, Option<&'a Self::Part>),
        strategy: Option<Strategy>,
        file: MakeFile<'a>,
    ) -> Result<(Self::Task<'a>, Situation)>;

    /// What shapes the training besides the options: digests of files and records, and what defaults come to.
    fn facts(&self, start: &Self::Start, strategy: Option<Strategy>) -> Result<Map<String, Value>>;

    /// What the model file holds about the training besides the loop's figures.
    fn figures(&self, start: &Self::Start, strategy: Option<Strategy>) -> Result<Map<String, Value>>;

    /// The model file, with what it says about its training.
    fn model(&self, start: &Self::Start, training: Map<String, Value>) -> Result<TrainedModel>;

    /// The same without messages, for trials: the training itself reports what is broken.
    fn quiet(&self) -> Self;

    /// At most `auto::SAMPLE` examples of each class.
    fn sample(&self) -> Self::Part;

    /// The classes of the examples, as the folds of cross-validation divide them.
    fn classes(&self, part: &Self::Part) -> Vec<u32>;

    /// The validation part (`held_out`) or the training part of a run of cross-validation.
    fn fold(&self, part: &Self::Part, folds: &Folds, run: usize, held_out: bool) -> Self::Part;

    /// How well the features of the network suit a sample.
    fn finding(&self, sample: &Self::Part) -> Result<Finding>;
}
