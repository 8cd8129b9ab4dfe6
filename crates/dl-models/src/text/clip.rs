//! CLIP (Radford et al. 2021, Learning transferable visual models from natural language supervision): an image network
//! and a text network, whose last outputs share one space. The layout is that of Hugging Face's `CLIPModel`.
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | text_model.embeddings | tokens, width | token and position, summed |
//! | text_model.encoder.layers.N | tokens, width | after block N |
//! | text_model.final_layer_norm | tokens, width | normalized |
//! | text_embeds | texts, dimensions | of the end token, projected |
//! | vision_model.pre_layrnorm | images, 1 + patches, width | a class vector and the patches, normalized |
//! | vision_model.encoder.layers.N | images, 1 + patches, width | after block N |
//! | vision_model.post_layernorm | images, width | the class vector, normalized |
//! | image_embeds, logits | images, dimensions | projected |
//!
//! The image network is a [`Backbone`], so dl-embed uses it like any other; a new head replaces its projection.

use anyhow::Context;
use candle_core::{Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use dl_ops::AttentionConfig;
use serde::Deserialize;

use super::encoder::{Block, Patches, Size, blocks};
use super::layers::{Activation, Embedding, LayerNorm, TokenLinear, normal};
use super::{TextBatch, TextLayer, TextNetwork, per_text, per_token};
use crate::file::limits;
use crate::network::tally::TallyStep;
use crate::{Backbone, Halt, LOGITS, Pass, Run, Value};

/// Options, with the names of Hugging Face's config; the defaults are those of ViT-B/32.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ClipOptions {
    /// The text network.
    pub text_config: ClipTextsOptions,
    /// The image network.
    pub vision_config: ClipImagesOptions,
    /// Dimensions of the shared space.
    pub projection_dim: usize,
    /// Initial logarithm of the scale.
    pub logit_scale_init_value: f64,
}

impl Default for ClipOptions {
    fn default() -> Self {
        Self {
            text_config: ClipTextsOptions::default(),
            vision_config: ClipImagesOptions::default(),
            projection_dim: 512,
            // ln(1 / 0.07)
            logit_scale_init_value: 2.6592,
        }
    }
}

/// Options of the text network.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ClipTextsOptions {
    /// Size of the vocabulary.
    pub vocab_size: usize,
    /// Columns.
    pub hidden_size: usize,
    /// Columns of the hidden layer of a block.
    pub intermediate_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Tokens of the longest text.
    pub max_position_embeddings: usize,
    /// Activation of the hidden layer.
    pub hidden_act: Activation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Dropout of the attention probabilities.
    pub attention_dropout: f64,
    /// The end token. The id 2, which files from before 2023 have, means the largest id of each text.
    pub eos_token_id: u32,
}

impl Default for ClipTextsOptions {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            attention_dropout: 0.0,
            eos_token_id: 49407,
        }
    }
}

/// Options of the image network.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ClipImagesOptions {
    /// Columns.
    pub hidden_size: usize,
    /// Columns of the hidden layer of a block.
    pub intermediate_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Color channels.
    pub num_channels: usize,
    /// Side of the input in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Activation of the hidden layer.
    pub hidden_act: Activation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Dropout of the attention probabilities.
    pub attention_dropout: f64,
}

impl Default for ClipImagesOptions {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            attention_dropout: 0.0,
        }
    }
}

impl ClipOptions {
    /// Checks that every option is within limits.
    /// # Errors
    /// When an option is out of range.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        limits::count("projection_dim", self.projection_dim, limits::MOST_COLUMNS)?;
        anyhow::ensure!(self.logit_scale_init_value.is_finite(), "logit_scale_init_value is not finite");
        self.text_config.check().context("text_config")?;
        self.vision_config.check().context("vision_config")
    }
}

impl ClipTextsOptions {
    fn check(&self) -> anyhow::Result<()> {
        limits::count("vocab_size", self.vocab_size, limits::MOST_TOKENS)?;
        limits::count("hidden_size", self.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("intermediate_size", self.intermediate_size, limits::MOST_INNER)?;
        limits::count("num_hidden_layers", self.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", self.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("max_position_embeddings", self.max_position_embeddings, limits::MOST_POSITIONS)?;
        limits::share("attention_dropout", self.attention_dropout)?;
        limits::epsilon("layer_norm_eps", self.layer_norm_eps)
    }
}

impl ClipImagesOptions {
    fn check(&self) -> anyhow::Result<()> {
        limits::count("hidden_size", self.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("intermediate_size", self.intermediate_size, limits::MOST_INNER)?;
        limits::count("num_hidden_layers", self.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", self.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("image_size", self.image_size, limits::LARGEST_SIDE)?;
        limits::count("patch_size", self.patch_size, limits::LARGEST_SIDE)?;
        let patches = (self.image_size / self.patch_size).pow(2);
        limits::count("the number of patches (image_size / patch_size, squared)", patches, limits::MOST_PATCHES)?;
        anyhow::ensure!(self.num_channels == 3, "num_channels is {}; expected 3", self.num_channels);
        limits::share("attention_dropout", self.attention_dropout)?;
        limits::epsilon("layer_norm_eps", self.layer_norm_eps)
    }
}

/// Both networks.
pub struct Clip {
    /// The text network.
    pub texts: ClipTexts,
    /// The image network.
    pub images: ClipImages,
    /// Logarithm of the factor on the cosines, a scalar.
    pub logit_scale: Tensor,
}

impl Clip {
    /// Builds the network from Hugging Face's tensors.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &ClipOptions, vb: VarBuilder) -> Result<Self> {
        let start = Init::Const(options.logit_scale_init_value);
        Ok(Self {
            texts: ClipTexts::new(options, vb.clone())?,
            images: ClipImages::new(options, options.projection_dim, vb.clone())?,
            logit_scale: vb.get_with_hints((), "logit_scale", start)?,
        })
    }

    /// The scaled cosines [images, texts] of image and text embeddings [n, dimensions], with gradients.
    /// # Errors
    /// When the shapes do not match.
    pub fn similarity(&self, images: &Tensor, texts: &Tensor) -> Result<Tensor> {
        self.compare(images, texts, &mut Pass::new(Vec::new(), None))
    }

    fn compare(&self, images: &Tensor, texts: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let step = || {
            let step = TallyStep::new("logits_per_image", "CosineSimilarity", &[images.dim(0)?, texts.dim(0)?]);
            Ok(step.with([&self.logit_scale]).multiplying(images.dim(1)?))
        };
        let now = || {
            let unit = |x: &Tensor| x.broadcast_div(&x.sqr()?.sum_keepdim(1)?.sqrt()?);
            let cosines = dl_ops::linear(&unit(images)?, &unit(texts)?, None)?;
            cosines.broadcast_mul(&self.logit_scale.exp()?)
        };
        pass.step(step, now)
    }

    /// The steps of both networks for one text and one image, and of comparing their embeddings.
    pub(crate) fn tally(&self, text: &TextBatch, image: &Tensor) -> std::result::Result<Vec<TallyStep>, Halt> {
        let mut of_text = Pass::tally();
        let text = self.texts.run(text, &mut of_text)?;
        let mut of_image = Pass::tally();
        let image = self.images.embeds(image, &mut of_image)?;
        self.compare(&image, &text, &mut of_image)?;
        Ok(of_text.into_steps().into_iter().chain(of_image.into_steps()).collect())
    }
}

/// The text network.
pub struct ClipTexts {
    words: Embedding,
    places: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    projection: TokenLinear,
    options: ClipTextsOptions,
}

impl ClipTexts {
    /// Builds the network from `text_model...` and `text_projection.weight`.
    /// # Errors
    /// When a tensor is missing or has a different shape.
    pub fn new(options: &ClipOptions, vb: VarBuilder) -> Result<Self> {
        let (projected, options) = (options.projection_dim, &options.text_config);
        let width = options.hidden_size;
        let size = Size { width, inner: options.intermediate_size, heads: options.num_attention_heads };
        let body = vb.pp("text_model");
        let places = options.max_position_embeddings;
        Ok(Self {
            words: Embedding::new(options.vocab_size, width, "token", body.pp("embeddings.token_embedding"))?,
            places: Embedding::new(places, width, "place", body.pp("embeddings.position_embedding"))?,
            blocks: blocks(options.num_hidden_layers, &size, options.hidden_act, options.layer_norm_eps, &body)?,
            norm: LayerNorm::new(width, options.layer_norm_eps, body.pp("final_layer_norm"))?,
            projection: TokenLinear::without_bias(width, projected, vb.pp("text_projection"))?,
            options: options.clone(),
        })
    }

    /// The row of each text's end token.
    fn ends(&self, batch: &TextBatch) -> Vec<u32> {
        let texts = batch.starts().into_iter().zip(&batch.lengths);
        let ends = texts.map(|(start, length)| {
            let ids = &batch.ids[start..start + length];
            let end = match self.options.eos_token_id {
                2 => ids.iter().max().and_then(|largest| ids.iter().position(|id| id == largest)),
                end => ids.iter().position(|id| *id == end),
            };
            (start + end.unwrap_or(0)) as u32
        });
        ends.collect()
    }
}

impl TextNetwork for ClipTexts {
    fn layers(&self) -> Vec<TextLayer> {
        let blocks = (0..self.blocks.len()).map(|index| format!("text_model.encoder.layers.{index}"));
        let first = std::iter::once("text_model.embeddings".to_owned());
        let mut layers = per_token(first.chain(blocks).chain(["text_model.final_layer_norm".to_owned()]));
        layers.push(per_text("text_embeds"));
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        vec![("last_hidden_state".into(), "text_model.final_layer_norm".into())]
    }

    fn longest(&self) -> usize {
        self.options.max_position_embeddings
    }

    fn run(&self, batch: &TextBatch, pass: &mut Pass) -> std::result::Result<Tensor, Halt> {
        batch.check(self.longest())?;
        let words = self.words.forward(&batch.ids, pass)?;
        let places = self.places.forward(&batch.positions, pass)?;
        let x = pass.sum(&words, &places)?;
        let mut x = pass.show("text_model.embeddings", x)?;
        let heads = self.options.num_attention_heads;
        let config = AttentionConfig::within(&batch.lengths, self.options.hidden_size, heads, true);
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.run(&x, &config, self.options.attention_dropout, pass)?;
            x = pass.show(&format!("text_model.encoder.layers.{index}"), x)?;
        }
        let normal = self.norm.forward(&x, pass)?;
        let x = pass.show("text_model.final_layer_norm", normal)?;
        let ends = pass.pick(&x, self.ends(batch))?;
        let projected = self.projection.forward(&ends, pass)?;
        pass.show("text_embeds", projected)
    }
}

/// The image network.
pub struct ClipImages {
    patches: Patches,
    /// [width]
    class: Tensor,
    places: Embedding,
    before: LayerNorm,
    blocks: Vec<Block>,
    after: LayerNorm,
    projection: TokenLinear,
    options: ClipImagesOptions,
}

impl ClipImages {
    /// Builds the network from `vision_model...` and `visual_projection.weight`, which has `outputs` rows.
    /// # Errors
    /// When a tensor is missing or has a different shape.
    pub fn new(options: &ClipOptions, outputs: usize, vb: VarBuilder) -> Result<Self> {
        let options = &options.vision_config;
        let (width, patch) = (options.hidden_size, options.patch_size);
        if patch == 0 || !options.image_size.is_multiple_of(patch) {
            bail!("an image of {} pixels cannot be divided into patches of {patch}", options.image_size);
        }
        let size = Size { width, inner: options.intermediate_size, heads: options.num_attention_heads };
        let body = vb.pp("vision_model");
        let embeddings = body.pp("embeddings");
        let places = 1 + (options.image_size / patch).pow(2);
        Ok(Self {
            patches: Patches::new([3, width], patch, false, embeddings.pp("patch_embedding"))?,
            class: embeddings.get_with_hints(width, "class_embedding", normal((width as f64).powf(-0.5)))?,
            places: Embedding::new(places, width, "place", embeddings.pp("position_embedding"))?,
            // The name is misspelled in the files.
            before: LayerNorm::new(width, options.layer_norm_eps, body.pp("pre_layrnorm"))?,
            blocks: blocks(options.num_hidden_layers, &size, options.hidden_act, options.layer_norm_eps, &body)?,
            after: LayerNorm::new(width, options.layer_norm_eps, body.pp("post_layernorm"))?,
            projection: TokenLinear::without_bias(width, outputs, vb.pp("visual_projection"))?,
            options: options.clone(),
        })
    }

    fn embed(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let (images, _, height, width) = x.dims4()?;
        let side = self.options.image_size;
        if [height, width] != [side; 2] {
            bail!("an image is {width} x {height} pixels, but the network reads {side} x {side}");
        }
        // [n, width, rows, columns] -> [n, rows * columns, width]
        let patches = self.patches.forward(x, pass)?.flatten_from(2)?.transpose(1, 2)?;
        let columns = self.options.hidden_size;
        let shape = [images, 1 + patches.dim(1)?, columns];
        let step =
            || Ok(TallyStep::new("vision_model.embeddings.class_embedding", "Concat", &shape).with([&self.class]));
        let rows = pass.step(step, || {
            let class = self.class.reshape((1, 1, columns))?.broadcast_as((images, 1, columns))?.contiguous()?;
            Tensor::cat(&[&class, &patches.contiguous()?], 1)
        })?;
        let places = self.places.all(pass)?;
        let step = || Ok(TallyStep::new("", "Add", &shape));
        pass.step(step, || rows.broadcast_add(&places.unsqueeze(0)?))?.flatten_to(1)
    }
}

impl ClipImages {
    /// [channels, height, width] of its input images.
    pub(crate) fn input(&self) -> [usize; 3] {
        [self.options.num_channels, self.options.image_size, self.options.image_size]
    }

    /// The embeddings [n, dimensions] of x [n, 3, side, side].
    fn embeds(&self, x: &Tensor, pass: &mut Pass) -> std::result::Result<Tensor, Halt> {
        let images = x.dim(0)?;
        let embedded = self.embed(x, pass)?;
        let mut x = self.before.forward(&embedded, pass)?;
        let tokens = x.dim(0)? / images.max(1);
        let by_image = |x: &Tensor| x.reshape((images, tokens, self.options.hidden_size));
        pass.show("vision_model.pre_layrnorm", by_image(&x)?)?;
        let heads = self.options.num_attention_heads;
        let config = AttentionConfig::within(&vec![tokens; images], self.options.hidden_size, heads, false);
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.run(&x, &config, self.options.attention_dropout, pass)?;
            pass.show(&format!("vision_model.encoder.layers.{index}"), by_image(&x)?)?;
        }
        let class = pass.pick(&x, (0..images).map(|image| (image * tokens) as u32).collect())?;
        let normal = self.after.forward(&class, pass)?;
        let class = pass.show("vision_model.post_layernorm", normal)?;
        let projected = self.projection.forward(&class, pass)?;
        pass.show("image_embeds", projected)
    }
}

impl Backbone for ClipImages {
    fn layers(&self) -> Vec<String> {
        let blocks = (0..self.blocks.len()).map(|index| format!("vision_model.encoder.layers.{index}"));
        let last = ["vision_model.post_layernorm", "image_embeds", LOGITS];
        let first = std::iter::once("vision_model.pre_layrnorm".to_owned());
        first.chain(blocks).chain(last.map(str::to_owned)).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn plans(&self) -> bool {
        false
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let Value::Now(x) = x else { return Err(anyhow::anyhow!("CLIP does not support plans").into()) };
        let projected = self.embeds(x, pass)?;
        pass.see(LOGITS, Value::Now(projected))
    }
}
