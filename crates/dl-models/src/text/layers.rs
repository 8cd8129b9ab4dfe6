//! Parts of transformers.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_ops::{AttentionConfig, AttentionDropout, Gelu};
use serde::Deserialize;

use super::TextBatch;
use crate::pass::{Run, number};
use crate::{Halt, Pass, Value};

/// Standard deviation of fresh weights, in all three papers.
pub(super) const STDEV: f64 = 0.02;

/// Fresh weights.
pub(super) fn normal(stdev: f64) -> Init {
    Init::Randn { mean: 0.0, stdev }
}

/// Layer normalisation; `gamma` and `beta` are the names of files from before 2019.
pub(super) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    pub(super) fn new(width: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
        let old = vb.contains_tensor("gamma") && !vb.contains_tensor("weight");
        let [weight, bias] = if old { ["gamma", "beta"] } else { ["weight", "bias"] };
        Ok(Self {
            weight: vb.get_with_hints(width, weight, Init::Const(1.0))?,
            bias: vb.get_with_hints(width, bias, Init::Const(0.0))?,
            eps,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}

/// A vector for each number of a table [numbers, width].
pub(super) struct Embedding {
    pub(super) weight: Tensor,
    /// What the numbers are, for errors.
    what: &'static str,
}

impl Embedding {
    pub(super) fn new(numbers: usize, width: usize, what: &'static str, vb: VarBuilder) -> Result<Self> {
        Ok(Self { weight: vb.get_with_hints((numbers, width), "weight", normal(STDEV))?, what })
    }

    pub(super) fn forward(&self, numbers: &[u32]) -> Result<Tensor> {
        let indices = TextBatch::indices(numbers, self.weight.dim(0)?, self.what, self.weight.device())?;
        self.weight.index_select(&indices, 0)
    }
}

/// A fully connected layer of GPT-2: the weight is [inputs, outputs].
pub(super) struct Conv1D {
    weight: Tensor,
    bias: Tensor,
}

impl Conv1D {
    pub(super) fn new(inputs: usize, outputs: usize, stdev: f64, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            weight: vb.get_with_hints((inputs, outputs), "weight", normal(stdev))?,
            bias: vb.get_with_hints(outputs, "bias", Init::Const(0.0))?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::linear_transposed(x, &self.weight, Some(&self.bias))
    }
}

/// The activation between the two layers of a block, by Hugging Face's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Activation {
    /// Exact GELU.
    #[serde(rename = "gelu")]
    Gelu,
    /// GELU by tanh.
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh", alias = "gelu_fast")]
    GeluTanh,
    /// x times the logistic function of 1.702 x.
    #[serde(rename = "quick_gelu")]
    QuickGelu,
    /// ReLU.
    #[serde(rename = "relu")]
    Relu,
}

impl Activation {
    pub(super) fn forward(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Gelu => dl_ops::gelu(x, Gelu::Exact),
            Self::GeluTanh => dl_ops::gelu(x, Gelu::Tanh),
            Self::QuickGelu => dl_ops::gelu(x, Gelu::Quick),
            Self::Relu => dl_ops::relu(x),
        }
    }
}

/// Attention with dropout of the probabilities in training.
pub(super) fn attention(
    [q, k, v]: [&Tensor; 3],
    config: &AttentionConfig,
    dropout: f64,
    pass: &mut Pass,
) -> Result<Tensor> {
    let kept = match pass.randomness() {
        Some(rng) if dropout > 0.0 => Some(AttentionDropout::draw(config, dropout, rng)?),
        _ => None,
    };
    dl_ops::attention(q, k, v, config, kept)
}

impl Pass<'_> {
    /// Here is the output `name`.
    /// # Errors
    /// [`Halt::Done`] when it was the last that was wanted.
    pub(super) fn show(&mut self, name: &str, x: Tensor) -> std::result::Result<Tensor, Halt> {
        if self.wants(name) {
            self.see(name, Value::Now(x.clone()))?;
        }
        Ok(x)
    }

    /// The output `name`, which `compute` makes of x, unless the run begins there or later.
    /// # Errors
    /// As [`show`](Self::show), or when `compute` fails.
    pub(super) fn step(
        &mut self,
        name: &str,
        x: &Value,
        compute: impl FnOnce(&Tensor, &mut Self) -> Result<Tensor>,
    ) -> Run {
        let y = match x {
            Value::Before => Value::Before,
            x => Value::Now(compute(number(x)?, self)?),
        };
        self.see(name, y)
    }

    /// Dropout in training.
    pub(super) fn drop_out(&mut self, p: f64, x: Tensor) -> Result<Tensor> {
        match self.randomness() {
            Some(rng) => dl_ops::dropout(&x, p, rng),
            None => Ok(x),
        }
    }
}

/// The builder below `prefix`, if the file writes it: `bert.embeddings...` or `embeddings...`. `probe` is a tensor that
/// every file has.
pub(super) fn below<'a>(vb: &VarBuilder<'a>, prefix: &str, probe: &str) -> VarBuilder<'a> {
    if vb.contains_tensor(probe) { vb.clone() } else { vb.pp(prefix) }
}
