//! Records the operations of a network without plans, for the table of its layers.

use candle_core::{DType, Device, Result, Tensor};

/// An operation, with its entries in the table.
pub(crate) struct TallyStep {
    /// Module path; if empty, it belongs to the next step that has one.
    pub(crate) name: String,
    /// The operation, with PyTorch's name where it exists; empty if the output is the input.
    pub(crate) kind: String,
    /// The shape of its output; in the result, of the single text or image of the batch.
    pub(crate) output: Vec<usize>,
    /// Its weights. A tied weight is the same tensor in two steps.
    pub(crate) weights: Vec<Tensor>,
    /// Multiply-adds of its products.
    pub(crate) multiply_adds: u64,
    /// Bytes of its output in f32.
    pub(crate) output_bytes: usize,
}

impl TallyStep {
    /// An operation without weights.
    pub(crate) fn new(name: &str, kind: &str, output: &[usize]) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            output: output.to_vec(),
            weights: Vec::new(),
            multiply_adds: 0,
            output_bytes: 4 * output.iter().product::<usize>(),
        }
    }

    /// The same with weights.
    pub(crate) fn with<'a>(self, weights: impl IntoIterator<Item = &'a Tensor>) -> Self {
        Self { weights: weights.into_iter().cloned().collect(), ..self }
    }

    /// The same with `each` multiply-adds per output number.
    pub(crate) fn multiplying(self, each: usize) -> Self {
        let numbers: usize = self.output.iter().product();
        Self { multiply_adds: numbers as u64 * each as u64, ..self }
    }
}

/// The steps of a run on one text or image.
#[derive(Default)]
pub(crate) struct Tally {
    steps: Vec<TallyStep>,
    /// Unnamed steps that wait for the next named one.
    waiting: Vec<TallyStep>,
    /// Whether one row per text or image has been picked.
    picked: bool,
}

impl Tally {
    /// Records a step, and returns zeros of its shape that take no memory.
    pub(crate) fn add(&mut self, step: TallyStep) -> Result<Tensor> {
        let zeros = zeros(&step.output)?;
        if step.name.is_empty() {
            self.waiting.push(step);
        } else {
            self.push(step);
        }
        Ok(zeros)
    }

    /// Records a named output.
    pub(crate) fn show(&mut self, name: &str, x: &Tensor) {
        let is_recorded = self.waiting.is_empty() && self.steps.last().is_some_and(|last| last.name == name);
        if !is_recorded {
            self.push(TallyStep { output_bytes: 0, ..TallyStep::new(name, "", x.dims()) });
        }
    }

    /// Records that rows of x are picked: from now on a row is a text or an image, not a token.
    pub(crate) fn pick(&mut self, rows: usize, x: &Tensor) -> Result<Tensor> {
        self.picked = true;
        zeros(&[rows, x.dim(1)?])
    }

    fn push(&mut self, mut step: TallyStep) {
        let kinds: Vec<String> = self.waiting.iter().map(|waiting| waiting.kind.clone()).collect();
        let own = Some(step.kind).filter(|kind| !kind.is_empty());
        step.kind = kinds.into_iter().chain(own).collect::<Vec<_>>().join(" + ");
        step.output_bytes += self.waiting.drain(..).map(|waiting| waiting.output_bytes).sum::<usize>();
        // [tokens, width] stays; [1, width], [1, tokens, width] and [1, channels, height, width] lose the batch axis.
        if step.output.len() != 2 || self.picked {
            step.output.remove(0);
        }
        self.steps.push(step);
    }

    pub(crate) fn into_steps(self) -> Vec<TallyStep> {
        self.steps
    }
}

/// Zeros that take no memory.
pub(crate) fn zeros(shape: &[usize]) -> Result<Tensor> {
    Tensor::zeros((), DType::F32, &Device::Cpu)?.broadcast_as(shape)
}
