//! Parts of transformers.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_ops::{AttentionConfig, AttentionDropout, Gelu};
use serde::Deserialize;

use super::TextBatch;
use crate::network::pass::{Run, number};
use crate::network::tally::TallyStep;
use crate::{Pass, Value};

/// Standard deviation of initial weights, in all three papers.
pub(crate) const STDEV: f64 = 0.02;

/// Initialization of weights.
pub(crate) fn normal(stdev: f64) -> Init {
    Init::Randn { mean: 0.0, stdev }
}

/// Layer normalization; `gamma` and `beta` are the names in files from before 2019.
pub(crate) struct LayerNorm {
    name: String,
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    pub(crate) fn new(width: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
        let old = vb.contains_tensor("gamma") && !vb.contains_tensor("weight");
        let [weight, bias] = if old { ["gamma", "beta"] } else { ["weight", "bias"] };
        Ok(Self {
            name: vb.prefix(),
            weight: vb.get_with_hints(width, weight, Init::Const(1.0))?,
            bias: vb.get_with_hints(width, bias, Init::Const(0.0))?,
            eps,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let step = || Ok(TallyStep::new(&self.name, "LayerNorm", x.dims()).with([&self.weight, &self.bias]));
        pass.step(step, || dl_ops::layer_norm(x, &self.weight, &self.bias, self.eps))
    }
}

/// A table [numbers, width] with a vector for each number.
pub(crate) struct Embedding {
    name: String,
    pub(crate) weight: Tensor,
    /// The meaning of the numbers, for errors.
    what: &'static str,
}

impl Embedding {
    pub(crate) fn new(numbers: usize, width: usize, what: &'static str, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints((numbers, width), "weight", normal(STDEV))?;
        Ok(Self { name: vb.prefix(), weight, what })
    }

    fn step(&self, numbers: usize) -> Result<TallyStep> {
        Ok(TallyStep::new(&self.name, "Embedding", &[numbers, self.weight.dim(1)?]).with([&self.weight]))
    }

    pub(crate) fn forward(&self, numbers: &[u32], pass: &mut Pass) -> Result<Tensor> {
        let now = || {
            let indices = TextBatch::indices(numbers, self.weight.dim(0)?, self.what, self.weight.device())?;
            self.weight.index_select(&indices, 0)
        };
        pass.step(|| self.step(numbers.len()), now)
    }

    /// The vectors of all numbers, in order.
    pub(crate) fn all(&self, pass: &mut Pass) -> Result<Tensor> {
        pass.step(|| self.step(self.weight.dim(0)?), || Ok(self.weight.clone()))
    }
}

/// A fully connected layer on rows of tokens; the weight is [outputs, inputs].
pub(crate) struct TokenLinear {
    name: String,
    weight: Tensor,
    bias: Option<Tensor>,
}

impl TokenLinear {
    pub(crate) fn new(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<Self> {
        let without = Self::without_bias(inputs, outputs, vb.clone())?;
        Ok(Self { bias: Some(vb.get_with_hints(outputs, "bias", Init::Const(0.0))?), ..without })
    }

    pub(crate) fn without_bias(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self::tied(&vb.get_with_hints((outputs, inputs), "weight", normal(STDEV))?, &vb))
    }

    /// A layer without bias, with a weight [outputs, inputs] that may be shared with another layer.
    pub(crate) fn tied(weight: &Tensor, vb: &VarBuilder) -> Self {
        Self { name: vb.prefix(), weight: weight.clone(), bias: None }
    }

    /// Maps x [n, inputs] to [n, outputs].
    pub(crate) fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let step = || {
            let (outputs, inputs) = self.weight.dims2()?;
            let step = TallyStep::new(&self.name, "Linear", &[x.dim(0)?, outputs]).multiplying(inputs);
            Ok(step.with(std::iter::once(&self.weight).chain(&self.bias)))
        };
        pass.step(step, || dl_ops::linear(x, &self.weight, self.bias.as_ref()))
    }
}

/// A fully connected layer of GPT-2; the weight is [inputs, outputs].
pub(crate) struct Conv1D {
    name: String,
    weight: Tensor,
    bias: Tensor,
}

impl Conv1D {
    pub(crate) fn new(inputs: usize, outputs: usize, stdev: f64, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            name: vb.prefix(),
            weight: vb.get_with_hints((inputs, outputs), "weight", normal(stdev))?,
            bias: vb.get_with_hints(outputs, "bias", Init::Const(0.0))?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let step = || {
            let (inputs, outputs) = self.weight.dims2()?;
            let step = TallyStep::new(&self.name, "Conv1D", &[x.dim(0)?, outputs]).multiplying(inputs);
            Ok(step.with([&self.weight, &self.bias]))
        };
        pass.step(step, || dl_ops::linear_transposed(x, &self.weight, Some(&self.bias)))
    }
}

/// The activation of the hidden layer of a block, with Hugging Face's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Activation {
    /// Exact GELU.
    #[serde(rename = "gelu")]
    Gelu,
    /// GELU approximated by tanh.
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
    pub(crate) fn forward(self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let kind = match self {
            Self::Gelu | Self::GeluTanh => "GELU",
            Self::QuickGelu => "QuickGELU",
            Self::Relu => "ReLU",
        };
        let now = || match self {
            Self::Gelu => dl_ops::gelu(x, Gelu::Exact),
            Self::GeluTanh => dl_ops::gelu(x, Gelu::Tanh),
            Self::QuickGelu => dl_ops::gelu(x, Gelu::Quick),
            Self::Relu => dl_ops::relu(x),
        };
        pass.step(|| Ok(TallyStep::new("", kind, x.dims())), now)
    }
}

/// Attention, with dropout of the probabilities in training.
pub(crate) struct Attention {
    name: String,
}

impl Attention {
    /// The builder only provides its name; it has no weights.
    pub(crate) fn new(vb: &VarBuilder) -> Self {
        Self { name: vb.prefix() }
    }

    pub(crate) fn forward(
        &self,
        [q, k, v]: [&Tensor; 3],
        config: &AttentionConfig,
        dropout: f64,
        pass: &mut Pass,
    ) -> Result<Tensor> {
        let kept = match pass.randomness() {
            Some(rng) if dropout > 0.0 => Some(AttentionDropout::draw(config, dropout, rng)?),
            _ => None,
        };
        // The products of queries and keys, and of probabilities and values, each take one multiply-add per key for
        // each number.
        let step = || Ok(TallyStep::new(&self.name, "Attention", q.dims()).multiplying(2 * k.dim(0)?));
        pass.step(step, || dl_ops::attention(q, k, v, config, kept))
    }
}

impl Pass<'_> {
    /// The sum of two tensors of one shape.
    pub(crate) fn sum(&mut self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        self.step(|| Ok(TallyStep::new("", "Add", a.dims())), || a + b)
    }

    /// The output `name`, computed from x by `compute`, unless the run starts there or later.
    /// # Errors
    /// As [`show`](Self::show), or when `compute` fails.
    pub(crate) fn stage(
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
    pub(crate) fn drop_out(&mut self, p: f64, x: Tensor) -> Result<Tensor> {
        match self.randomness() {
            Some(rng) => dl_ops::dropout(&x, p, rng),
            None => Ok(x),
        }
    }
}

/// The builder under `prefix`, if the file uses it: `bert.embeddings...` or `embeddings...`. `probe` is a tensor that
/// every file has.
pub(crate) fn below<'a>(vb: &VarBuilder<'a>, prefix: &str, probe: &str) -> VarBuilder<'a> {
    if vb.contains_tensor(probe) { vb.clone() } else { vb.pp(prefix) }
}
