//! The text network of SigLIP.
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | text_model.embeddings | tokens, width | token and position, summed |
//! | text_model.encoder.layers.N | tokens, width | after block N |
//! | text_model.final_layer_norm | tokens, width | normalized |
//! | text_embeds | texts, dimensions | of the last token, through the head |
//!
//! Every token sees every other one, and the tokenizer pads each text to the longest length: the network was trained
//! without a mask, so that the padding is part of the text, and the last token is usually padding.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use dl_ops::AttentionConfig;

use super::options::SiglipTextsOptions;
use crate::text::encoder::{Block, Size, blocks};
use crate::text::layers::{Embedding, LayerNorm, TokenLinear};
use crate::text::{TextBatch, TextLayer, TextNetwork, per_text, per_token};
use crate::{Halt, Pass};

/// The text network.
pub struct SiglipTexts {
    words: Embedding,
    places: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: TokenLinear,
    options: SiglipTextsOptions,
}

impl SiglipTexts {
    /// Builds the network from `text_model...`.
    /// # Errors
    /// When a tensor is missing or has a different shape.
    pub fn new(options: &SiglipTextsOptions, vb: &VarBuilder) -> Result<Self> {
        let (width, body) = (options.hidden_size, vb.pp("text_model"));
        let size = Size { width, inner: options.intermediate_size, heads: options.num_attention_heads };
        let places = options.max_position_embeddings;
        Ok(Self {
            words: Embedding::new(options.vocab_size, width, "token", body.pp("embeddings.token_embedding"))?,
            places: Embedding::new(places, width, "place", body.pp("embeddings.position_embedding"))?,
            blocks: blocks(options.num_hidden_layers, &size, options.hidden_act, options.layer_norm_eps, &body)?,
            norm: LayerNorm::new(width, options.layer_norm_eps, body.pp("final_layer_norm"))?,
            head: TokenLinear::new(width, options.dimensions(), body.pp("head"))?,
            options: options.clone(),
        })
    }
}

impl TextNetwork for SiglipTexts {
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
        let config = AttentionConfig::within(&batch.lengths, self.options.hidden_size, heads, false);
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.run(&x, &config, self.options.attention_dropout, pass)?;
            x = pass.show(&format!("text_model.encoder.layers.{index}"), x)?;
        }
        let normal = self.norm.forward(&x, pass)?;
        let x = pass.show("text_model.final_layer_norm", normal)?;
        let starts = batch.starts().into_iter().zip(&batch.lengths);
        let ends = pass.pick(&x, starts.map(|(start, length)| (start + length - 1) as u32).collect())?;
        let embeds = self.head.forward(&ends, pass)?;
        pass.show("text_embeds", embeds)
    }
}
