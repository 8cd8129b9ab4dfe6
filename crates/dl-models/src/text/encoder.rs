//! The parts that CLIP and SigLIP share, for texts and images: patches and pre-norm blocks, with the tensor names of
//! Hugging Face's `CLIPEncoder` and `SiglipEncoder`.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use dl_ops::{AttentionConfig, Conv2dConfig};

use super::config::check_heads;
use super::layers::{Activation, Attention, LayerNorm, STDEV, TokenLinear};
use crate::network::layers::Fresh;
use crate::network::tally::TallyStep;
use crate::{Conv2d, Pass};

/// Embeds the square patches of an image.
pub(super) struct Patches {
    name: String,
    conv: Conv2d,
}

impl Patches {
    /// For patches of `side` x `side` pixels; `channels` are those of the image and of the result.
    pub(super) fn new(channels: [usize; 2], side: usize, bias: bool, vb: VarBuilder) -> Result<Self> {
        let config = Conv2dConfig { stride: [side; 2], ..Conv2dConfig::default() };
        let (name, fresh) = (vb.prefix(), Fresh::normal(STDEV));
        let conv = match bias {
            true => Conv2d::new(channels, [side; 2], config, fresh, vb)?,
            false => Conv2d::without_bias(channels, [side; 2], config, fresh, vb)?,
        };
        Ok(Self { name, conv })
    }

    /// Maps x [n, channels, h, w] to [n, width, h / side, w / side]; a remainder of the image is left out.
    pub(super) fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let step = || {
            let (width, colors, rows, columns) = self.conv.weight().dims4()?;
            let (images, _, height, x_width) = x.dims4()?;
            let step = TallyStep::new(&self.name, "Conv2d", &[images, width, height / rows, x_width / columns]);
            let weights = std::iter::once(self.conv.weight()).chain(self.conv.bias());
            Ok(step.with(weights).multiplying(colors * rows * columns))
        };
        pass.step(step, || self.conv.forward(x))
    }
}

/// The size of a block: columns, those of its hidden layer, and attention heads.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) inner: usize,
    pub(super) heads: usize,
}

/// The blocks `encoder.layers.0` and so on.
pub(super) fn blocks(
    count: usize,
    size: &Size,
    activation: Activation,
    eps: f64,
    vb: &VarBuilder,
) -> Result<Vec<Block>> {
    check_heads(size.width, size.heads)?;
    let layers = vb.pp("encoder.layers");
    (0..count).map(|index| Block::new(size, activation, eps, layers.pp(index))).collect()
}

/// A block: attention and a hidden layer, each applied to the normalized input and added to it.
pub(super) struct Block {
    attention_norm: LayerNorm,
    query: TokenLinear,
    key: TokenLinear,
    value: TokenLinear,
    attention: Attention,
    output: TokenLinear,
    norm: LayerNorm,
    hidden: Hidden,
}

impl Block {
    fn new(size: &Size, activation: Activation, eps: f64, vb: VarBuilder) -> Result<Self> {
        let Size { width, inner, .. } = *size;
        let linear = |inputs, outputs, path: &str| TokenLinear::new(inputs, outputs, vb.pp(path));
        Ok(Self {
            attention_norm: LayerNorm::new(width, eps, vb.pp("layer_norm1"))?,
            query: linear(width, width, "self_attn.q_proj")?,
            key: linear(width, width, "self_attn.k_proj")?,
            value: linear(width, width, "self_attn.v_proj")?,
            attention: Attention::new(&vb.pp("self_attn")),
            output: linear(width, width, "self_attn.out_proj")?,
            norm: LayerNorm::new(width, eps, vb.pp("layer_norm2"))?,
            hidden: Hidden::new([width, inner], activation, vb.pp("mlp"))?,
        })
    }

    /// Maps the rows x [tokens, width] of all texts or images.
    pub(super) fn run(&self, x: &Tensor, config: &AttentionConfig, dropout: f64, pass: &mut Pass) -> Result<Tensor> {
        let normal = self.attention_norm.forward(x, pass)?;
        let [q, k, v] = [&self.query, &self.key, &self.value].map(|linear| linear.forward(&normal, pass));
        let mixed = self.attention.forward([&q?, &k?, &v?], config, dropout, pass)?;
        let output = self.output.forward(&mixed, pass)?;
        let x = pass.sum(x, &output)?;
        let normal = self.norm.forward(&x, pass)?;
        let hidden = self.hidden.forward(&normal, pass)?;
        pass.sum(&x, &hidden)
    }
}

/// The hidden layer of a block, between two fully connected layers.
pub(super) struct Hidden {
    inner: TokenLinear,
    outer: TokenLinear,
    activation: Activation,
}

impl Hidden {
    pub(super) fn new([width, inner]: [usize; 2], activation: Activation, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            inner: TokenLinear::new(width, inner, vb.pp("fc1"))?,
            outer: TokenLinear::new(inner, width, vb.pp("fc2"))?,
            activation,
        })
    }

    /// Maps rows [n, width] to the same shape.
    pub(super) fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let inner = self.inner.forward(x, pass)?;
        let inner = self.activation.forward(&inner, pass)?;
        self.outer.forward(&inner, pass)
    }
}
