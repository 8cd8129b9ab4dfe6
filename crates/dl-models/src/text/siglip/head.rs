//! The head of SigLIP's image network: a trained query attends to all patches (Zhai et al. 2022, Scaling vision
//! transformers, section 2.2).

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_ops::AttentionConfig;

use super::options::SiglipImagesOptions;
use crate::Pass;
use crate::network::tally::TallyStep;
use crate::text::encoder::Hidden;
use crate::text::layers::{Attention, LayerNorm, STDEV, TokenLinear, normal};

/// Pools the patches of each image into one row.
pub(super) struct PoolingHead {
    /// [1, 1, width]
    probe: Tensor,
    /// The weights of queries, keys and values, one below the other: [3 width, width].
    weight: Tensor,
    /// [3 width]
    bias: Tensor,
    name: String,
    attention: Attention,
    output: TokenLinear,
    norm: LayerNorm,
    hidden: Hidden,
    heads: usize,
}

impl PoolingHead {
    /// Builds it from `probe`, `attention` (PyTorch's `MultiheadAttention`), `layernorm` and `mlp`.
    pub(super) fn new(options: &SiglipImagesOptions, vb: VarBuilder) -> Result<Self> {
        let (width, attention) = (options.hidden_size, vb.pp("attention"));
        Ok(Self {
            probe: vb.get_with_hints((1, 1, width), "probe", normal(STDEV))?,
            weight: attention.get_with_hints((3 * width, width), "in_proj_weight", normal(STDEV))?,
            bias: attention.get_with_hints(3 * width, "in_proj_bias", Init::Const(0.0))?,
            name: attention.prefix(),
            attention: Attention::new(&attention),
            output: TokenLinear::new(width, width, attention.pp("out_proj"))?,
            norm: LayerNorm::new(width, options.layer_norm_eps, vb.pp("layernorm"))?,
            hidden: Hidden::new([width, options.intermediate_size], options.hidden_act, vb.pp("mlp"))?,
            heads: options.num_attention_heads,
        })
    }

    /// Pools the rows x [images * tokens, width] to [images, width].
    pub(super) fn forward(&self, x: &Tensor, images: usize, pass: &mut Pass) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let (key, value) = (self.project(1, x, pass)?, self.project(2, x, pass)?);
        let probe = self.project(0, &self.probe.reshape((1, width))?, pass)?;
        // The query is the same for all images.
        let query = pass.pick(&probe, vec![0; images])?;
        let tokens = rows / images.max(1);
        let config = AttentionConfig {
            queries: vec![1; images],
            ..AttentionConfig::within(&vec![tokens; images], width, self.heads, false)
        };
        let mixed = self.attention.forward([&query, &key, &value], &config, 0.0, pass)?;
        let x = self.output.forward(&mixed, pass)?;
        let normal = self.norm.forward(&x, pass)?;
        let hidden = self.hidden.forward(&normal, pass)?;
        pass.sum(&x, &hidden)
    }

    /// The queries, keys or values (`part` 0, 1 or 2) of x [n, width].
    fn project(&self, part: usize, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let width = x.dim(1)?;
        let [weight, bias] = [&self.weight, &self.bias].map(|all| all.narrow(0, part * width, width));
        let (weight, bias) = (weight?, bias?);
        let step = || {
            let step = TallyStep::new(&self.name, "Linear", &[x.dim(0)?, width]).multiplying(width);
            // The trained query is an input of the first part.
            let probe = (part == 0).then_some(&self.probe);
            Ok(step.with([&weight, &bias].into_iter().chain(probe)))
        };
        pass.step(step, || dl_ops::linear(x, &weight, Some(&bias)))
    }
}
