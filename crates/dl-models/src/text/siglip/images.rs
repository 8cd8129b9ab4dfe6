//! The image network of SigLIP, a [`Backbone`].
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | vision_model.embeddings | images, patches, width | the patches and their places, summed |
//! | vision_model.encoder.layers.N | images, patches, width | after block N |
//! | vision_model.post_layernorm | images, patches, width | normalized |
//! | image_embeds | images, width | pooled by attention |
//!
//! With a head `classifier`, as in Hugging Face's `SiglipForImageClassification`, the last is replaced by two:
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | pooled | images, width | the mean of the patches; `image_embeds` means this then |
//! | logits | images, classes | of the head |

use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;
use dl_ops::AttentionConfig;

use super::head::PoolingHead;
use super::options::{SiglipImagesOptions, SiglipOptions};
use crate::network::pass::number;
use crate::network::tally::TallyStep;
use crate::text::encoder::{Block, Patches, Size, blocks};
use crate::text::layers::{Embedding, LayerNorm, TokenLinear};
use crate::{Backbone, LOGITS, Pass, Run, Value};

const EMBEDDINGS: &str = "vision_model.embeddings";
const NORMALIZED: &str = "vision_model.post_layernorm";
const EMBEDS: &str = "image_embeds";
const POOLED: &str = "pooled";

/// The image network.
pub struct SiglipImages {
    patches: Patches,
    places: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Head,
    options: SiglipImagesOptions,
}

/// What comes after the patches.
enum Head {
    Pooling(Box<PoolingHead>),
    Classifier(TokenLinear),
}

impl SiglipImages {
    /// Builds the network from `vision_model...`; if the options say so, with a head `classifier` for `classes`.
    /// # Errors
    /// When a tensor is missing or has a different shape.
    pub fn new(options: &SiglipOptions, classes: usize, vb: &VarBuilder) -> Result<Self> {
        let (is_classifier, options) = (options.classifier, &options.vision_config);
        let (width, body) = (options.hidden_size, vb.pp("vision_model"));
        let size = Size { width, inner: options.intermediate_size, heads: options.num_attention_heads };
        let embeddings = body.pp("embeddings");
        let places = options.patches().pow(2);
        Ok(Self {
            patches: Patches::new([3, width], options.patch_size, true, embeddings.pp("patch_embedding"))?,
            places: Embedding::new(places, width, "place", embeddings.pp("position_embedding"))?,
            blocks: blocks(options.num_hidden_layers, &size, options.hidden_act, options.layer_norm_eps, &body)?,
            norm: LayerNorm::new(width, options.layer_norm_eps, body.pp("post_layernorm"))?,
            head: match is_classifier {
                true => Head::Classifier(TokenLinear::new(width, classes, vb.pp("classifier"))?),
                false => Head::Pooling(Box::new(PoolingHead::new(options, body.pp("head"))?)),
            },
            options: options.clone(),
        })
    }

    /// [channels, height, width] of its input images.
    pub(crate) fn input(&self) -> [usize; 3] {
        [self.options.num_channels, self.options.image_size, self.options.image_size]
    }

    /// The tokens [n, patches, width] of x [n, 3, side, side].
    fn embed(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let (images, _, height, width) = x.dims4()?;
        let side = self.options.image_size;
        if [height, width] != [side; 2] {
            bail!("an image is {width} x {height} pixels, but the network reads {side} x {side}");
        }
        // [n, width, rows, columns] -> [n, rows * columns, width]
        let patches = self.patches.forward(x, pass)?.flatten_from(2)?.transpose(1, 2)?;
        let places = self.places.all(pass)?;
        let shape = [images, patches.dim(1)?, self.options.hidden_size];
        let step = || Ok(TallyStep::new("", "Add", &shape));
        pass.step(step, || patches.contiguous()?.broadcast_add(&places.unsqueeze(0)?))
    }

    /// Runs `compute` on the rows of x [n, patches, width]; the result has the shape of x.
    fn rows(x: &Tensor, compute: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        compute(&x.flatten_to(1)?)?.reshape(x.shape())
    }

    fn run_block(&self, block: &Block, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let (images, tokens, width) = x.dims3()?;
        let heads = self.options.num_attention_heads;
        let config = AttentionConfig::within(&vec![tokens; images], width, heads, false);
        Self::rows(x, |rows| block.run(rows, &config, self.options.attention_dropout, pass))
    }
}

impl Backbone for SiglipImages {
    fn layers(&self) -> Vec<String> {
        let blocks = (0..self.blocks.len()).map(|index| format!("vision_model.encoder.layers.{index}"));
        let last: &[&str] = match self.head {
            Head::Pooling(_) => &[NORMALIZED, EMBEDS],
            Head::Classifier(_) => &[NORMALIZED, POOLED, LOGITS],
        };
        std::iter::once(EMBEDDINGS.to_owned()).chain(blocks).chain(last.iter().map(|name| (*name).to_owned())).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        match self.head {
            Head::Pooling(_) => Vec::new(),
            Head::Classifier(_) => vec![(EMBEDS.into(), POOLED.into())],
        }
    }

    fn plans(&self) -> bool {
        false
    }

    fn has_class_token(&self) -> bool {
        false
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = pass.stage(EMBEDDINGS, x, |x, pass| self.embed(x, pass))?;
        for (index, block) in self.blocks.iter().enumerate() {
            let name = format!("vision_model.encoder.layers.{index}");
            x = pass.stage(&name, &x, |x, pass| self.run_block(block, x, pass))?;
        }
        let x = pass.stage(NORMALIZED, &x, |x, pass| Self::rows(x, |rows| self.norm.forward(rows, pass)))?;
        match &self.head {
            Head::Pooling(head) => {
                let x = pass.stage(EMBEDS, &x, |x, pass| head.forward(&x.flatten_to(1)?, x.dim(0)?, pass))?;
                Ok(Value::Now(number(&x)?.clone()))
            }
            Head::Classifier(head) => {
                let mean = |x: &Tensor, pass: &mut Pass| {
                    let step = || Ok(TallyStep::new("", "Pool", &[x.dim(0)?, x.dim(2)?]));
                    pass.step(step, || x.mean(1))
                };
                let x = pass.stage(POOLED, &x, mean)?;
                pass.stage(LOGITS, &x, |x, pass| head.forward(x, pass))
            }
        }
    }
}
