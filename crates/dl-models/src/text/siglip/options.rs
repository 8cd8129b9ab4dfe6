//! Options of SigLIP, with the names of Hugging Face's config; the defaults are those of ViT-B/16 at 224 pixels.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::file::limits;
use crate::plain;
use crate::text::config::check_heads;
use crate::text::layers::Activation;

/// Options of both networks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SiglipOptions {
    /// The text network.
    pub text_config: SiglipTextsOptions,
    /// The image network.
    pub vision_config: SiglipImagesOptions,
    /// Whether the image network has a classification head instead of the one that pools by attention.
    pub classifier: bool,
}

/// Options of the text network.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct SiglipTextsOptions {
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
    /// Tokens of every text, padding included.
    pub max_position_embeddings: usize,
    /// Activation of the hidden layer.
    pub hidden_act: Activation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Dropout of the attention probabilities.
    pub attention_dropout: f64,
    /// Dimensions of the shared space; the columns if absent.
    pub projection_size: Option<usize>,
}

impl Default for SiglipTextsOptions {
    fn default() -> Self {
        Self {
            vocab_size: 32000,
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            max_position_embeddings: 64,
            hidden_act: Activation::GeluTanh,
            layer_norm_eps: 1e-6,
            attention_dropout: 0.0,
            projection_size: None,
        }
    }
}

/// Options of the image network.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct SiglipImagesOptions {
    /// Columns, which are the dimensions of the shared space.
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
    /// Side of a patch in pixels. What remains of the image is left out: 384 pixels have 27 patches of 14.
    pub patch_size: usize,
    /// Activation of the hidden layer.
    pub hidden_act: Activation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Dropout of the attention probabilities.
    pub attention_dropout: f64,
    /// Whether it has the head that pools by attention.
    pub vision_use_head: bool,
}

impl Default for SiglipImagesOptions {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 16,
            hidden_act: Activation::GeluTanh,
            layer_norm_eps: 1e-6,
            attention_dropout: 0.0,
            vision_use_head: true,
        }
    }
}

impl SiglipOptions {
    /// Checks that every option is within limits.
    /// # Errors
    /// When an option is out of range, or the networks do not share a space.
    pub(crate) fn check(&self) -> Result<()> {
        self.text_config.check().context("text_config")?;
        self.vision_config.check().context("vision_config")?;
        let (texts, images) = (self.text_config.dimensions(), self.vision_config.hidden_size);
        ensure!(
            self.classifier || texts == images,
            "text_config: projection_size is {texts}; expected hidden_size of vision_config: {images}"
        );
        ensure!(
            self.classifier || self.vision_config.vision_use_head,
            "vision_config: vision_use_head is false, so images have no embedding; only files with a head `classifier` \
             may lack that head"
        );
        Ok(())
    }
}

impl SiglipTextsOptions {
    /// Dimensions of the shared space.
    pub fn dimensions(&self) -> usize {
        self.projection_size.unwrap_or(self.hidden_size)
    }

    fn check(&self) -> Result<()> {
        limits::count("vocab_size", self.vocab_size, limits::MOST_TOKENS)?;
        limits::count("hidden_size", self.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("intermediate_size", self.intermediate_size, limits::MOST_INNER)?;
        limits::count("num_hidden_layers", self.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", self.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("max_position_embeddings", self.max_position_embeddings, limits::MOST_POSITIONS)?;
        limits::count("projection_size", self.dimensions(), limits::MOST_COLUMNS)?;
        limits::share("attention_dropout", self.attention_dropout)?;
        limits::epsilon("layer_norm_eps", self.layer_norm_eps)?;
        check_heads(self.hidden_size, self.num_attention_heads).map_err(plain)
    }
}

impl SiglipImagesOptions {
    /// Patches per side.
    pub(crate) fn patches(&self) -> usize {
        self.image_size / self.patch_size.max(1)
    }

    fn check(&self) -> Result<()> {
        limits::count("hidden_size", self.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("intermediate_size", self.intermediate_size, limits::MOST_INNER)?;
        limits::count("num_hidden_layers", self.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", self.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("image_size", self.image_size, limits::LARGEST_SIDE)?;
        limits::count("patch_size", self.patch_size, limits::LARGEST_SIDE)?;
        let patches = self.patches().pow(2);
        limits::count("the number of patches (image_size / patch_size, squared)", patches, limits::MOST_PATCHES)?;
        ensure!(self.num_channels == 3, "num_channels is {}; expected 3", self.num_channels);
        limits::share("attention_dropout", self.attention_dropout)?;
        limits::epsilon("layer_norm_eps", self.layer_norm_eps)?;
        check_heads(self.hidden_size, self.num_attention_heads).map_err(plain)
    }
}
