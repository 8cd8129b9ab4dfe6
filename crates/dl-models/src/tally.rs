//! What a network that is computed at once would compute, step by step, for the table of its layers.

use candle_core::{DType, Device, Result, Tensor};

/// An operation, with what the table says of it.
pub(crate) struct Step {
    /// Its module path; empty where it has none: then it belongs to the next step that has one.
    pub(crate) name: String,
    /// What it computes, PyTorch's name where it has one; empty for an output that hands on what came in.
    pub(crate) kind: String,
    /// The shape of its output; of the batch's one text or picture, once steps have been handed out.
    pub(crate) output: Vec<usize>,
    /// Those that it has of its own. A tied one is the same tensor in two steps.
    pub(crate) weights: Vec<Tensor>,
    /// Of products alone.
    pub(crate) multiply_adds: u64,
    /// Of its output, in f32.
    pub(crate) output_bytes: usize,
}

impl Step {
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

    /// The same with `each` multiply-adds for each number that it gives.
    pub(crate) fn multiplying(self, each: usize) -> Self {
        let numbers: usize = self.output.iter().product();
        Self { multiply_adds: numbers as u64 * each as u64, ..self }
    }
}

/// The steps of one run on one text or picture.
#[derive(Default)]
pub(crate) struct Tally {
    steps: Vec<Step>,
    /// Steps without a name that wait for the next that has one.
    waiting: Vec<Step>,
    /// Has one row been picked for each text or picture?
    picked: bool,
}

impl Tally {
    /// Writes a step down, and gives zeros of its shape that take no memory.
    pub(crate) fn add(&mut self, step: Step) -> Result<Tensor> {
        let zeros = zeros(&step.output)?;
        if step.name.is_empty() {
            self.waiting.push(step);
        } else {
            self.push(step);
        }
        Ok(zeros)
    }

    /// An output that is shown by a name.
    pub(crate) fn show(&mut self, name: &str, x: &Tensor) {
        let is_said = self.waiting.is_empty() && self.steps.last().is_some_and(|last| last.name == name);
        if !is_said {
            self.push(Step { output_bytes: 0, ..Step::new(name, "", x.dims()) });
        }
    }

    /// So many rows of x are picked: from now on a row is a text or a picture, not a token.
    pub(crate) fn pick(&mut self, rows: usize, x: &Tensor) -> Result<Tensor> {
        self.picked = true;
        zeros(&[rows, x.dim(1)?])
    }

    fn push(&mut self, mut step: Step) {
        let kinds: Vec<String> = self.waiting.iter().map(|waiting| waiting.kind.clone()).collect();
        let own = Some(step.kind).filter(|kind| !kind.is_empty());
        step.kind = kinds.into_iter().chain(own).collect::<Vec<_>>().join(" + ");
        step.output_bytes += self.waiting.drain(..).map(|waiting| waiting.output_bytes).sum::<usize>();
        // [tokens, width] stays; of [1, width], [1, tokens, width], [1, channels, height, width] the batch goes.
        if step.output.len() != 2 || self.picked {
            step.output.remove(0);
        }
        self.steps.push(step);
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

/// Zeros that take no memory.
pub(crate) fn zeros(shape: &[usize]) -> Result<Tensor> {
    Tensor::zeros((), DType::F32, &Device::Cpu)?.broadcast_as(shape)
}
