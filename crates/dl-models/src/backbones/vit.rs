//! Vision transformers in the layout of Hugging Face: ViT (Dosovitskiy et al. 2021, An image is worth 16x16 words) and
//! DINOv2 (Oquab et al. 2024, DINOv2: learning robust visual features without supervision), also with registers (Darcet
//! et al. 2024, Vision transformers need registers).
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | embeddings | images, tokens, width | a class token, registers if any, and the patches, with their places |
//! | encoder.layer.N | images, tokens, width | after block N |
//! | layernorm | images, tokens, width | normalized |
//! | pooled | images, columns | what the head reads, if there is one |
//! | logits | images, classes | of a network with a head `classifier` |
//!
//! The head of ViT reads the class token, that of DINOv2 the class token beside the mean of the patches.

use anyhow::{Context, ensure};
use candle_core::{Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use dl_ops::{AttentionConfig, Conv2dConfig};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::places;
use crate::file::limits;
use crate::network::pass::number;
use crate::network::tally::TallyStep;
use crate::text::config::check_heads;
use crate::text::layers::{Activation, Attention, LayerNorm, STDEV, TokenLinear, normal};
use crate::{Backbone, Conv2d, Fresh, LOGITS, ModelConfig, Pass, Run, Value};

/// The output before the head.
const POOLED: &str = "pooled";

/// The two families, which differ in tensor names, the scales of branches, and the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VitFamily {
    /// Hugging Face's `ViTModel` and `ViTForImageClassification`.
    Vit,
    /// Hugging Face's `Dinov2Model`, `Dinov2WithRegistersModel` and their `...ForImageClassification`.
    Dinov2,
}

/// Options, with the names of Hugging Face's config; the defaults are those of ViT-B/16 and DINOv2 small.
#[derive(Clone, Debug, Deserialize)]
pub struct VitOptions {
    /// Columns.
    pub hidden_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Columns of the hidden layer of a block.
    pub intermediate_size: Option<usize>,
    /// The same as a multiple of `hidden_size`.
    pub mlp_ratio: usize,
    /// Activation of the hidden layer.
    pub hidden_act: Activation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Side of the input in pixels, for which places are stored.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Color channels.
    pub num_channels: usize,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether the hidden layer is a SwiGLU, which is not supported.
    pub use_swiglu_ffn: bool,
    /// Additional tokens.
    pub num_register_tokens: usize,
    /// Whether it has a classification head.
    pub classifier: bool,
}

impl VitFamily {
    /// The options that a config may state, with their defaults.
    pub(crate) fn defaults(self) -> Map<String, Json> {
        let (width, heads, side, patch, eps) = match self {
            Self::Vit => (768, 12, 224, 16, 1e-12),
            Self::Dinov2 => (384, 6, 518, 14, 1e-6),
        };
        let defaults = json!({
            "hidden_size": width, "num_hidden_layers": 12, "num_attention_heads": heads, "intermediate_size": null,
            "mlp_ratio": 4, "hidden_act": "gelu", "layer_norm_eps": eps, "image_size": side, "patch_size": patch,
            "num_channels": 3, "qkv_bias": true, "use_swiglu_ffn": false, "num_register_tokens": 0, "classifier": true,
        });
        defaults.as_object().cloned().unwrap_or_default()
    }
}

impl VitOptions {
    /// The options in a config.
    /// # Errors
    /// When one has the wrong type or is out of range.
    pub(crate) fn read(family: VitFamily, config: &ModelConfig) -> anyhow::Result<Self> {
        let mut all = family.defaults();
        all.extend(config.options.clone());
        let options: Self = serde_json::from_value(Json::Object(all))
            .with_context(|| format!("options of the architecture {}", config.architecture))?;
        options.check().context("options")?;
        Ok(options)
    }

    fn check(&self) -> anyhow::Result<()> {
        limits::count("hidden_size", self.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("num_hidden_layers", self.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", self.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("mlp_ratio", self.mlp_ratio, limits::MOST_HEADS)?;
        limits::count("intermediate_size", self.inner(), limits::MOST_INNER)?;
        limits::count("image_size", self.image_size, limits::LARGEST_SIDE)?;
        limits::count("patch_size", self.patch_size, limits::LARGEST_SIDE)?;
        let registers = self.num_register_tokens;
        ensure!(
            registers <= limits::MOST_HEADS,
            "num_register_tokens is {registers}; up to {} work",
            limits::MOST_HEADS
        );
        let patches = (self.image_size / self.patch_size).pow(2);
        limits::count("the number of patches (image_size / patch_size, squared)", patches, limits::MOST_PATCHES)?;
        ensure!(self.num_channels == 3, "num_channels is {}; expected 3", self.num_channels);
        ensure!(!self.use_swiglu_ffn, "use_swiglu_ffn: a SwiGLU, as in DINOv2 giant, is not supported");
        limits::epsilon("layer_norm_eps", self.layer_norm_eps)
    }

    fn inner(&self) -> usize {
        self.intermediate_size.unwrap_or(self.hidden_size.saturating_mul(self.mlp_ratio))
    }
}

/// A vision transformer.
pub struct Vit {
    family: VitFamily,
    patches: Conv2d,
    /// [1, 1, width]
    class: Tensor,
    /// [1, registers, width]
    registers: Option<Tensor>,
    /// [1, 1 + patches, width]
    places: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Option<TokenLinear>,
    options: VitOptions,
}

impl Vit {
    /// Builds the network from Hugging Face's tensors, without the prefix `vit.` or `dinov2.`.
    /// # Errors
    /// When a tensor is missing or has a different shape.
    pub fn new(family: VitFamily, options: &VitOptions, classes: usize, vb: VarBuilder) -> Result<Self> {
        let (width, patch) = (options.hidden_size, options.patch_size);
        check_heads(width, options.num_attention_heads)?;
        if !options.image_size.is_multiple_of(patch) {
            bail!("an image of {} pixels cannot be divided into patches of {patch}", options.image_size);
        }
        let embeddings = vb.pp("embeddings");
        let config = Conv2dConfig { stride: [patch; 2], ..Conv2dConfig::default() };
        let projection = embeddings.pp("patch_embeddings.projection");
        let patches = Conv2d::new([3, width], [patch; 2], config, Fresh::normal(STDEV), projection)?;
        let start = |shape: (usize, usize, usize), name: &str| embeddings.get_with_hints(shape, name, normal(STDEV));
        let registers = match options.num_register_tokens {
            0 => None,
            count => Some(start((1, count, width), "register_tokens")?),
        };
        let sources = if family == VitFamily::Dinov2 { 2 } else { 1 };
        Ok(Self {
            family,
            patches,
            class: start((1, 1, width), "cls_token")?,
            registers,
            places: start((1, 1 + (options.image_size / patch).pow(2), width), "position_embeddings")?,
            blocks: (0..options.num_hidden_layers)
                .map(|index| Block::new(family, options, vb.pp(format!("encoder.layer.{index}"))))
                .collect::<Result<_>>()?,
            norm: LayerNorm::new(width, options.layer_norm_eps, vb.pp("layernorm"))?,
            head: match options.classifier {
                true => Some(TokenLinear::new(sources * width, classes, vb.pp("classifier"))?),
                false => None,
            },
            options: options.clone(),
        })
    }

    /// The tokens [n, tokens, width] of x [n, 3, h, w].
    fn embed(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let (images, _, height, width) = x.dims4()?;
        let (patch, columns) = (self.options.patch_size, self.options.hidden_size);
        if height == 0 || width == 0 || !height.is_multiple_of(patch) || !width.is_multiple_of(patch) {
            bail!("an image is {width} x {height} pixels, but the network reads multiples of {patch}");
        }
        let grid = [height / patch, width / patch];
        let step = || {
            let step = TallyStep::new(
                "embeddings.patch_embeddings.projection",
                "Conv2d",
                &[images, columns, grid[0], grid[1]],
            );
            let weights = std::iter::once(self.patches.weight()).chain(self.patches.bias());
            Ok(step.with(weights).multiplying(3 * patch * patch))
        };
        // [n, width, rows, columns] -> [n, rows * columns, width]
        let patches = pass.step(step, || self.patches.forward(x))?.flatten_from(2)?.transpose(1, 2)?;
        let registers = self.options.num_register_tokens;
        let shape = [images, 1 + registers + grid[0] * grid[1], columns];
        let step = || {
            let step = TallyStep::new("embeddings.position_embeddings", "Concat", &shape);
            Ok(step.with([&self.class, &self.places].into_iter().chain(&self.registers)))
        };
        pass.step(step, || {
            let side = self.options.image_size / patch;
            let of_patches = self.places.narrow(1, 1, side * side)?;
            let of_patches = match grid == [side; 2] {
                true => of_patches,
                // As transformers does it: smoothed only for networks with registers.
                false => places::resized(&of_patches.squeeze(0)?, side, grid, registers > 0)?.unsqueeze(0)?,
            };
            let patches = patches.contiguous()?.broadcast_add(&of_patches)?;
            let class = (&self.class + self.places.narrow(1, 0, 1)?)?;
            let for_each = |x: &Tensor| x.broadcast_as((images, x.dim(1)?, columns))?.contiguous();
            match &self.registers {
                Some(registers) => Tensor::cat(&[&for_each(&class)?, &for_each(registers)?, &patches], 1),
                None => Tensor::cat(&[&for_each(&class)?, &patches], 1),
            }
        })
    }

    /// What the head reads of the normalized tokens [n, tokens, width]: [n, width], or [n, 2 width] for DINOv2.
    fn pooled(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let (images, tokens, columns) = x.dims3()?;
        let shape = if self.family == VitFamily::Dinov2 { [images, 2 * columns] } else { [images, columns] };
        let now = || {
            let class = x.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?;
            if self.family == VitFamily::Vit {
                return Ok(class);
            }
            let before = 1 + self.options.num_register_tokens;
            Tensor::cat(&[class, x.narrow(1, before, tokens - before)?.mean(1)?], 1)
        };
        pass.step(|| Ok(TallyStep::new("", "Pool", &shape)), now)
    }
}

impl Backbone for Vit {
    fn layers(&self) -> Vec<String> {
        let blocks = (0..self.blocks.len()).map(|index| format!("encoder.layer.{index}"));
        let last: &[&str] = if self.head.is_some() { &["layernorm", POOLED, LOGITS] } else { &["layernorm"] };
        let last = last.iter().map(|name| (*name).to_owned());
        std::iter::once("embeddings".to_owned()).chain(blocks).chain(last).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        vec![("last_hidden_state".into(), "layernorm".into())]
    }

    fn plans(&self) -> bool {
        false
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = pass.stage("embeddings", x, |x, pass| self.embed(x, pass))?;
        for (index, block) in self.blocks.iter().enumerate() {
            let heads = self.options.num_attention_heads;
            x = pass.stage(&format!("encoder.layer.{index}"), &x, |x, pass| block.run(x, heads, pass))?;
        }
        let x = pass.stage("layernorm", &x, |x, pass| {
            let rows = self.norm.forward(&x.flatten_to(1)?, pass)?;
            rows.reshape(x.shape())
        })?;
        match &self.head {
            Some(head) => {
                let x = pass.stage(POOLED, &x, |x, pass| self.pooled(x, pass))?;
                pass.stage(LOGITS, &x, |x, pass| head.forward(x, pass))
            }
            None => Ok(Value::Now(number(&x)?.clone())),
        }
    }
}

/// A block: attention and a hidden layer, each applied to the normalized input, scaled in DINOv2, and added to it.
struct Block {
    attention_norm: LayerNorm,
    query: TokenLinear,
    key: TokenLinear,
    value: TokenLinear,
    attention: Attention,
    output: TokenLinear,
    norm: LayerNorm,
    inner: TokenLinear,
    outer: TokenLinear,
    activation: Activation,
    /// The name and the factors [width] of the attention's branch, and of the hidden layer's.
    scales: Option<[(String, Tensor); 2]>,
}

impl Block {
    fn new(family: VitFamily, options: &VitOptions, vb: VarBuilder) -> Result<Self> {
        let (width, inner) = (options.hidden_size, options.inner());
        let [before, after, first, second] = match family {
            VitFamily::Vit => ["layernorm_before", "layernorm_after", "intermediate.dense", "output.dense"],
            VitFamily::Dinov2 => ["norm1", "norm2", "mlp.fc1", "mlp.fc2"],
        };
        let norm = |path: &str| LayerNorm::new(width, options.layer_norm_eps, vb.pp(path));
        let projection = |path: &str| match options.qkv_bias {
            true => TokenLinear::new(width, width, vb.pp(path)),
            false => TokenLinear::without_bias(width, width, vb.pp(path)),
        };
        let scale = |path: &str| {
            let vb = vb.pp(path);
            Ok::<_, candle_core::Error>((vb.prefix(), vb.get_with_hints(width, "lambda1", Init::Const(1.0))?))
        };
        Ok(Self {
            attention_norm: norm(before)?,
            query: projection("attention.attention.query")?,
            key: projection("attention.attention.key")?,
            value: projection("attention.attention.value")?,
            attention: Attention::new(&vb.pp("attention.attention")),
            output: TokenLinear::new(width, width, vb.pp("attention.output.dense"))?,
            norm: norm(after)?,
            inner: TokenLinear::new(width, inner, vb.pp(first))?,
            outer: TokenLinear::new(inner, width, vb.pp(second))?,
            activation: options.hidden_act,
            scales: match family {
                VitFamily::Vit => None,
                VitFamily::Dinov2 => Some([scale("layer_scale1")?, scale("layer_scale2")?]),
            },
        })
    }

    /// Maps x [n, tokens, width] to the same shape.
    fn run(&self, x: &Tensor, heads: usize, pass: &mut Pass) -> Result<Tensor> {
        let (images, tokens, width) = x.dims3()?;
        let config = AttentionConfig::within(&vec![tokens; images], width, heads, false);
        let rows = x.flatten_to(1)?;
        let normal = self.attention_norm.forward(&rows, pass)?;
        let [q, k, v] = [&self.query, &self.key, &self.value].map(|linear| linear.forward(&normal, pass));
        let mixed = self.attention.forward([&q?, &k?, &v?], &config, 0.0, pass)?;
        let output = self.output.forward(&mixed, pass)?;
        let output = self.scaled(0, output, pass)?;
        let rows = pass.sum(&rows, &output)?;
        let normal = self.norm.forward(&rows, pass)?;
        let inner = self.inner.forward(&normal, pass)?;
        let inner = self.activation.forward(&inner, pass)?;
        let outer = self.outer.forward(&inner, pass)?;
        let outer = self.scaled(1, outer, pass)?;
        pass.sum(&rows, &outer)?.reshape(x.shape())
    }

    fn scaled(&self, branch: usize, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let Some(scales) = &self.scales else { return Ok(x) };
        let (name, scale) = &scales[branch];
        pass.step(|| Ok(TallyStep::new(name, "LayerScale", x.dims()).with([scale])), || x.broadcast_mul(scale))
    }
}
