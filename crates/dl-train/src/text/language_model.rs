//! A language model as a [`Task`].

use std::collections::BTreeMap;

use anyhow::Result;
use dl_models::Parameters;
use dl_models::text::{TextModel, loss};

use super::Deal;
use crate::distill::DistillConfig;
use crate::fit::{Loss, MakeModel, Parameter, Progress, Task, TrainedModel, Validation, weights};
use crate::hits::{fraction, hits};

/// A GPT trained to predict texts.
pub struct LanguageModelTask<'a> {
    model: &'a TextModel,
    parameters: &'a Parameters,
    train: &'a [Vec<u32>],
    deal: Deal,
    validation: &'a [Vec<u32>],
    weight_decay: f64,
    seed: u64,
    teacher: Option<(&'a TextModel, DistillConfig)>,
    file: MakeModel<'a>,
}

/// Parts of texts evaluated together.
const TOGETHER: usize = 64;

impl<'a> LanguageModelTask<'a> {
    /// Trains `model` on `train` and validates it on `validation`, which may be empty: parts of texts, see
    /// [`loss::language_model_parts`]. A step takes `batch` parts, dealt by `seed`, which also seeds dropout. `file` makes
    /// the model file.
    pub fn new(
        model: &'a TextModel,
        parameters: &'a Parameters,
        [train, validation]: [&'a [Vec<u32>]; 2],
        batch: usize,
        weight_decay: f64,
        seed: u64,
        file: MakeModel<'a>,
    ) -> Self {
        let deal = Deal::new(train.len(), batch, seed);
        Self { model, parameters, train, deal, validation, weight_decay, seed, teacher: None, file }
    }

    /// The same, but the model also follows a teacher with the same vocabulary.
    pub fn following(self, teacher: &'a TextModel, config: DistillConfig) -> Self {
        Self { teacher: Some((teacher, config)), ..self }
    }

    /// Mean negative log-likelihood per token of these parts, in nats.
    /// # Errors
    /// When the model cannot read them.
    pub fn likelihood(model: &TextModel, parts: &[Vec<u32>]) -> Result<f64> {
        let (mut nats, mut tokens) = (0.0, 0);
        for parts in parts.chunks(TOGETHER) {
            let parts: Vec<&[u32]> = parts.iter().map(Vec::as_slice).collect();
            nats += loss::negative_log_likelihoods(model.gpt2()?, &parts)?.iter().sum::<f64>();
            tokens += parts.iter().map(|part| part.len() - 1).sum::<usize>();
        }
        Ok(nats / tokens.max(1) as f64)
    }
}

impl Task for LanguageModelTask<'_> {
    type Batch = Vec<usize>;
    type Shared = ();

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        weights(self.parameters, self.weight_decay, &|_| 1.0)
    }

    fn batch(&self, step: usize) -> Result<Vec<usize>> {
        Ok(self.deal.of(step))
    }

    fn loss(&self, step: usize, _: usize, batch: &Vec<usize>, (): &mut ()) -> Result<Loss> {
        let parts: Vec<&[u32]> = batch.iter().map(|index| self.train[*index].as_slice()).collect();
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let Some((teacher, config)) = &self.teacher else {
            let value = loss::language_model_loss(self.model.gpt2()?, &parts, Some(&mut rng))?;
            return Ok(Loss { value, metrics: Vec::new() });
        };
        let (own, targets) = loss::next_token_scores(self.model.gpt2()?, &parts, Some(&mut rng))?;
        let (theirs, _) = loss::next_token_scores(teacher.gpt2()?, &parts, None)?;
        let value = config.loss(&own, &theirs, Some(&targets))?;
        Ok(Loss { value, metrics: vec![("accuracy", fraction(&hits(&own, &targets)?))] })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        if self.validation.is_empty() {
            return Ok(None);
        }
        let loss = Self::likelihood(self.model, self.validation)?;
        let metrics = BTreeMap::from([("perplexity".to_owned(), loss.exp())]);
        Ok(Some(Validation { loss: Some(loss), score: -loss, metrics }))
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
