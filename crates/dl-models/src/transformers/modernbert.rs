//! ModernBERT (Warner et al. 2024, Smarter, better, faster, longer: a modern bidirectional encoder), in the layout of
//! Hugging Face's `ModernBertModel` and `ModernBertForSequenceClassification`.
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | last_hidden_state | tokens, width | after the last norm |
//! | logits | texts, classes | of a network with a head `classifier` |

use anyhow::ensure;
use candle_core::{Device, Result, Tensor};
use candle_nn::{LayerNorm, Linear, Module, VarBuilder};
use candle_transformers::models::modernbert::{Config, ModernBert};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Renamed;
use super::renamed::Source;
use crate::file::limits;
use crate::text::config::check_heads;
use crate::text::{TextBatch, TextConfig, TextLayer, TextNetwork};
use crate::{Halt, LOGITS, Pass, plain};

/// Options, with the names of Hugging Face's config; the defaults are those of ModernBERT base.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Options {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    norm_eps: f64,
    global_attn_every_n_layers: usize,
    local_attention: usize,
    global_rope_theta: f64,
    local_rope_theta: f64,
    classifier_pooling: Pooling,
    hidden_activation: String,
    classifier_activation: String,
    attention_bias: bool,
    classifier_bias: bool,
    mlp_bias: bool,
    norm_bias: bool,
}

/// What the head reads.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pooling {
    /// The first token.
    Cls,
    /// The mean of the tokens.
    Mean,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vocab_size: 50368,
            hidden_size: 768,
            num_hidden_layers: 22,
            num_attention_heads: 12,
            intermediate_size: 1152,
            max_position_embeddings: 8192,
            norm_eps: 1e-5,
            global_attn_every_n_layers: 3,
            local_attention: 128,
            global_rope_theta: 160_000.0,
            local_rope_theta: 10_000.0,
            classifier_pooling: Pooling::Cls,
            hidden_activation: "gelu".into(),
            classifier_activation: "gelu".into(),
            attention_bias: false,
            classifier_bias: false,
            mlp_bias: false,
            norm_bias: false,
        }
    }
}

impl Options {
    fn read(config: &TextConfig) -> anyhow::Result<Self> {
        let mut options: Self = config.options()?;
        // Where files since 2026 state the bases of rotation.
        let theta = |kind: &str| config.option("rope_parameters")?.get(kind)?.get("rope_theta").and_then(Json::as_f64);
        options.global_rope_theta = theta("full_attention").unwrap_or(options.global_rope_theta);
        options.local_rope_theta = theta("sliding_attention").unwrap_or(options.local_rope_theta);
        limits::count("vocab_size", options.vocab_size, limits::MOST_TOKENS)?;
        limits::count("hidden_size", options.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("num_hidden_layers", options.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", options.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("intermediate_size", options.intermediate_size, limits::MOST_INNER)?;
        limits::count("max_position_embeddings", options.max_position_embeddings, limits::MOST_POSITIONS)?;
        limits::count("global_attn_every_n_layers", options.global_attn_every_n_layers, limits::MOST_BLOCKS)?;
        limits::count("local_attention", options.local_attention, limits::MOST_POSITIONS)?;
        limits::epsilon("norm_eps", options.norm_eps)?;
        for (name, theta) in
            [("global_rope_theta", options.global_rope_theta), ("local_rope_theta", options.local_rope_theta)]
        {
            ensure!(theta.is_finite() && theta >= 1.0, "{name} is {theta}; expected 1 or more");
        }
        for (name, activation) in [
            ("hidden_activation", &options.hidden_activation),
            ("classifier_activation", &options.classifier_activation),
        ] {
            let activation = crate::checkpoint::printable(activation);
            ensure!(activation == "gelu", "{name} is \"{activation}\"; only gelu is supported");
        }
        let biases = [
            ("attention_bias", options.attention_bias),
            ("classifier_bias", options.classifier_bias),
            ("mlp_bias", options.mlp_bias),
            ("norm_bias", options.norm_bias),
        ];
        if let Some((name, _)) = biases.into_iter().find(|(_, stated)| *stated) {
            anyhow::bail!("{name} is true, which is not supported");
        }
        check_heads(options.hidden_size, options.num_attention_heads)?;
        ensure!((options.hidden_size / options.num_attention_heads).is_multiple_of(2), "the columns of a head are odd");
        Ok(options)
    }
}

/// Checks the options of a config; returns the tokens of the longest text.
/// # Errors
/// When an option has the wrong type, is out of range, or is not supported.
pub(crate) fn check_modernbert(config: &TextConfig) -> anyhow::Result<usize> {
    Ok(Options::read(config)?.max_position_embeddings)
}

/// Builds the network from Hugging Face's tensors, with or without the prefix `model.`; with a head if the config has
/// labels.
/// # Errors
/// When an option is not supported, or a tensor is missing or has a different shape.
pub(crate) fn modernbert(config: &TextConfig, vb: VarBuilder) -> anyhow::Result<Box<dyn TextNetwork>> {
    let options = Options::read(config)?;
    let probe = "embeddings.tok_embeddings.weight";
    let is_bare = vb.contains_tensor(probe) && !vb.contains_tensor(&format!("model.{probe}"));
    let body = Renamed::builder(&vb, move |name: &str| match name {
        // The embeddings are normalized already; candle takes what there is.
        "model.layers.0.attn_norm.weight" => Source::Absent,
        _ => Source::Named(name.strip_prefix("model.").filter(|_| is_bare).unwrap_or(name).to_owned()),
    });
    let candle = Config {
        vocab_size: options.vocab_size,
        hidden_size: options.hidden_size,
        num_hidden_layers: options.num_hidden_layers,
        num_attention_heads: options.num_attention_heads,
        intermediate_size: options.intermediate_size,
        max_position_embeddings: options.max_position_embeddings,
        layer_norm_eps: options.norm_eps,
        pad_token_id: 0,
        global_attn_every_n_layers: options.global_attn_every_n_layers,
        global_rope_theta: options.global_rope_theta,
        local_attention: options.local_attention,
        local_rope_theta: options.local_rope_theta,
        classifier_config: None,
    };
    let head = config.labels.as_ref().map(|labels| Head::new(&options, labels.len(), &vb)).transpose();
    Ok(Box::new(CandleTexts {
        device: vb.device().clone(),
        body: ModernBert::load(body, &candle).map_err(plain)?,
        head: head.map_err(plain)?,
        options,
    }))
}

struct CandleTexts {
    device: Device,
    body: ModernBert,
    head: Option<Head>,
    options: Options,
}

struct Head {
    dense: Linear,
    norm: LayerNorm,
    classifier: Linear,
}

impl Head {
    fn new(options: &Options, classes: usize, vb: &VarBuilder) -> Result<Self> {
        let width = options.hidden_size;
        Ok(Self {
            dense: candle_nn::linear_no_bias(width, width, vb.pp("head.dense"))?,
            norm: candle_nn::layer_norm_no_bias(width, options.norm_eps, vb.pp("head.norm"))?,
            classifier: candle_nn::linear(width, classes, vb.pp("classifier"))?,
        })
    }

    /// The class scores [1, classes] of pooled tokens [1, width].
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.dense.forward(x)?.gelu_erf()?.apply(&self.norm)?.apply(&self.classifier)
    }
}

impl TextNetwork for CandleTexts {
    fn layers(&self) -> Vec<TextLayer> {
        let last = TextLayer { name: "last_hidden_state".to_owned(), per_token: true };
        let head = self.head.as_ref().map(|_| TextLayer { name: LOGITS.to_owned(), per_token: false });
        std::iter::once(last).chain(head).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn longest(&self) -> usize {
        self.options.max_position_embeddings
    }

    fn run(&self, batch: &TextBatch, pass: &mut Pass) -> std::result::Result<Tensor, Halt> {
        batch.check(self.longest())?;
        if pass.trains() {
            return Err(super::only_infers("modernbert").into());
        }
        let step = || candle_core::bail!("the layers of modernbert are inside candle-transformers");
        let rows = pass.step(step, || {
            // Each text alone: nothing is computed for padding, and no text depends on the batch.
            let texts: Vec<(usize, usize)> = batch.starts().into_iter().zip(batch.lengths.iter().copied()).collect();
            let rows = texts.into_par_iter().map(|(start, length)| {
                let ids = &batch.ids[start..start + length];
                let ids = TextBatch::indices(ids, self.options.vocab_size, "token", &self.device)?.unsqueeze(0)?;
                self.body.forward(&ids, &ids.ones_like()?)?.squeeze(0)
            });
            Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)
        })?;
        let rows = pass.show("last_hidden_state", rows)?;
        let Some(head) = &self.head else { return Ok(rows) };
        let scores = batch.starts().into_iter().zip(&batch.lengths).map(|(start, length)| {
            let pooled = match self.options.classifier_pooling {
                Pooling::Cls => rows.narrow(0, start, 1)?,
                Pooling::Mean => rows.narrow(0, start, *length)?.mean_keepdim(0)?,
            };
            head.forward(&pooled.contiguous()?)
        });
        let scores = Tensor::cat(&scores.collect::<Result<Vec<_>>>()?, 0)?;
        pass.show(LOGITS, scores)
    }
}
