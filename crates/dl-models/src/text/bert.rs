//! BERT (Devlin et al. 2019, BERT: pre-training of deep bidirectional transformers), of any size, and its descendants
//! RoBERTa (Liu et al. 2019), XLM-RoBERTa (Conneau et al. 2020) and DistilBERT (Sanh et al. 2019), in the layout of
//! Hugging Face's `...Model` and `...ForSequenceClassification`.
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | embeddings | tokens, width | word, position and segment, summed and normalized |
//! | encoder.layer.N | tokens, width | after block N; of DistilBERT, transformer.layer.N |
//! | pooler | texts, width | tanh (DistilBERT: ReLU) of a layer on the first token; without a head only of BERT |
//! | logits | texts, classes | of a network with a head `classifier` |

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use dl_ops::AttentionConfig;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::config::TextConfig;
use super::layers::{Activation, Attention, Embedding, LayerNorm, TokenLinear, below};
use super::{TextBatch, TextFreeze, TextLayer, TextNetwork, per_text, per_token, to_the_end};
use crate::file::limits;
use crate::network::pass::number;
use crate::network::tally::TallyStep;
use crate::{Halt, LOGITS, Pass, Value};

/// The networks of this form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BertFamily {
    /// BERT.
    #[default]
    Bert,
    /// RoBERTa and XLM-RoBERTa: places are counted from after the padding, and the pooler belongs to the head.
    Roberta,
    /// DistilBERT: other names, no segments, and a ReLU in the head.
    Distilbert,
}

impl BertFamily {
    /// The family of an architecture.
    pub(crate) fn of(architecture: &str) -> Option<Self> {
        Some(match architecture {
            "bert" => Self::Bert,
            "roberta" | "xlm-roberta" => Self::Roberta,
            "distilbert" => Self::Distilbert,
            _ => return None,
        })
    }

    /// Prefix of the body's tensors in files of a network with a head.
    fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::Roberta => "roberta",
            Self::Distilbert => "distilbert",
        }
    }

    /// The module path of the last layer of the head.
    fn head(self) -> &'static str {
        match self {
            Self::Roberta => "classifier.out_proj",
            Self::Bert | Self::Distilbert => "classifier",
        }
    }

    fn block(self, index: usize) -> String {
        match self {
            Self::Distilbert => format!("transformer.layer.{index}"),
            _ => format!("encoder.layer.{index}"),
        }
    }
}

/// DistilBERT's names of options, each with BERT's.
const DISTILBERT_OPTIONS: [[&str; 2]; 8] = [
    ["dim", "hidden_size"],
    ["n_layers", "num_hidden_layers"],
    ["n_heads", "num_attention_heads"],
    ["hidden_dim", "intermediate_size"],
    ["activation", "hidden_act"],
    ["dropout", "hidden_dropout_prob"],
    ["attention_dropout", "attention_probs_dropout_prob"],
    ["seq_classif_dropout", "classifier_dropout"],
];

/// Options, with the names of Hugging Face's config; the defaults are those of BERT base.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct BertOptions {
    /// Size of the vocabulary.
    pub vocab_size: usize,
    /// Columns.
    pub hidden_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Columns of the hidden layer of a block.
    pub intermediate_size: usize,
    /// Activation of the hidden layer.
    pub hidden_act: Activation,
    /// Dropout on the residual branches.
    pub hidden_dropout_prob: f64,
    /// Dropout of the attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// Dropout before the head [default: `hidden_dropout_prob`].
    pub classifier_dropout: Option<f64>,
    /// Tokens of the longest text.
    pub max_position_embeddings: usize,
    /// Number of segments.
    pub type_vocab_size: usize,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// RoBERTa: the token of padding, after which places are counted [default: 1].
    pub pad_token_id: Option<u32>,
    /// Which network it is; not part of a config.
    #[serde(skip)]
    pub family: BertFamily,
}

impl Default for BertOptions {
    fn default() -> Self {
        Self {
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            classifier_dropout: None,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            pad_token_id: None,
            family: BertFamily::Bert,
        }
    }
}

impl BertOptions {
    /// The options in a config of any network of this form.
    /// # Errors
    /// When an option has the wrong type.
    pub(crate) fn of(config: &TextConfig) -> anyhow::Result<Self> {
        let family = BertFamily::of(&config.architecture).unwrap_or_default();
        let mut config = config.clone();
        if family == BertFamily::Distilbert {
            for [theirs, ours] in DISTILBERT_OPTIONS {
                if let (Some(value), None) = (config.option(theirs).cloned(), config.option(ours)) {
                    config.options.insert(ours.to_owned(), value);
                }
            }
        }
        Ok(Self { family, ..config.options()? })
    }

    /// The place of a text's first token.
    fn first_place(&self) -> usize {
        match self.family {
            BertFamily::Roberta => self.pad_token_id.unwrap_or(1) as usize + 1,
            _ => 0,
        }
    }

    /// Tokens of the longest text.
    pub(crate) fn longest(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.first_place())
    }

    /// Checks that every option is within limits.
    /// # Errors
    /// When an option is out of range.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        limits::count("vocab_size", self.vocab_size, limits::MOST_TOKENS)?;
        limits::count("hidden_size", self.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("num_hidden_layers", self.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", self.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("intermediate_size", self.intermediate_size, limits::MOST_INNER)?;
        limits::count("max_position_embeddings", self.max_position_embeddings, limits::MOST_POSITIONS)?;
        anyhow::ensure!(
            self.longest() > 0,
            "max_position_embeddings is {}, below pad_token_id + 2",
            self.max_position_embeddings
        );
        limits::count("type_vocab_size", self.type_vocab_size, limits::MOST_HEADS)?;
        limits::share("hidden_dropout_prob", self.hidden_dropout_prob)?;
        limits::share("attention_probs_dropout_prob", self.attention_probs_dropout_prob)?;
        limits::share("classifier_dropout", self.classifier_dropout.unwrap_or(0.0))?;
        limits::epsilon("layer_norm_eps", self.layer_norm_eps)
    }
}

/// BERT or one of its descendants.
pub struct Bert {
    words: Embedding,
    places: Embedding,
    segments: Option<Embedding>,
    norm: LayerNorm,
    blocks: Vec<Block>,
    pooler: Option<TokenLinear>,
    head: Option<TokenLinear>,
    options: BertOptions,
}

impl Bert {
    /// Prefix of the body's tensors in files of a network with a head.
    pub(super) fn prefix(&self) -> &'static str {
        self.options.family.prefix()
    }

    /// The module path of the layer that computes the class scores.
    pub fn head(&self) -> &'static str {
        self.options.family.head()
    }

    /// Builds the network from Hugging Face's tensors, with or without the prefix `bert.`. `classes`: adds a
    /// classification head.
    ///
    /// The pooler is omitted if the file has none and no head needs it.
    /// # Errors
    /// When a tensor is missing or has a different shape.
    pub fn new(options: &BertOptions, classes: Option<usize>, vb: VarBuilder) -> Result<Self> {
        let width = options.hidden_size;
        super::config::check_heads(width, options.num_attention_heads)?;
        let family = options.family;
        let body = below(&vb, family.prefix(), "embeddings.word_embeddings.weight");
        let embeddings = body.pp("embeddings");
        let is_stored = body.contains_tensor("embeddings.word_embeddings.weight");
        let pooler = match family {
            BertFamily::Bert if classes.is_some() || !is_stored || body.contains_tensor("pooler.dense.weight") => {
                Some(body.pp("pooler.dense"))
            }
            BertFamily::Roberta if classes.is_some() => Some(vb.pp("classifier.dense")),
            BertFamily::Distilbert if classes.is_some() => Some(vb.pp("pre_classifier")),
            _ => None,
        };
        let head = family.head();
        let segments =
            || Embedding::new(options.type_vocab_size, width, "segment", embeddings.pp("token_type_embeddings"));
        Ok(Self {
            words: Embedding::new(options.vocab_size, width, "token", embeddings.pp("word_embeddings"))?,
            places: Embedding::new(
                options.max_position_embeddings,
                width,
                "place",
                embeddings.pp("position_embeddings"),
            )?,
            segments: if family == BertFamily::Distilbert { None } else { Some(segments()?) },
            norm: LayerNorm::new(width, options.layer_norm_eps, embeddings.pp("LayerNorm"))?,
            blocks: (0..options.num_hidden_layers)
                .map(|index| Block::new(options, body.pp(family.block(index))))
                .collect::<Result<_>>()?,
            pooler: pooler.map(|vb| TokenLinear::new(width, width, vb)).transpose()?,
            head: classes.map(|classes| TokenLinear::new(width, classes, vb.pp(head))).transpose()?,
            options: options.clone(),
        })
    }

    /// The last output that is always the same for a text, when the weights of `frozen` are: no layer before it is
    /// trained or random. `None` if everything is trained, or the frozen part has dropout.
    pub fn last_fixed_layer(&self, frozen: &TextFreeze) -> Option<String> {
        if self.options.hidden_dropout_prob > 0.0 || self.options.attention_probs_dropout_prob > 0.0 {
            return None;
        }
        match frozen {
            TextFreeze::Nothing => None,
            TextFreeze::Body if self.options.family == BertFamily::Bert => {
                self.pooler.as_ref().map(|_| "pooler".to_owned())
            }
            TextFreeze::Body => Some(self.options.family.block(self.blocks.len().saturating_sub(1))),
            TextFreeze::Blocks(0) => Some("embeddings".to_owned()),
            TextFreeze::Blocks(count) => Some(self.options.family.block(count - 1)),
        }
    }

    /// The last output, with gradients, computed from the output `name`, which is x for this batch. The result is bit
    /// for bit that of a run from the texts, if nothing before it is random. With `train`, dropout is on and draws from
    /// the generator.
    /// # Errors
    /// When the output does not exist, or x has the wrong shape.
    pub fn forward_from(
        &self,
        name: &str,
        x: &Tensor,
        batch: &TextBatch,
        train: Option<&mut ChaCha8Rng>,
    ) -> anyhow::Result<Tensor> {
        let network: &dyn TextNetwork = self;
        let layer = network.layer(name)?;
        let rows = if layer.per_token { batch.ids.len() } else { batch.texts() };
        let given = x.dim(0).map_err(crate::plain)?;
        anyhow::ensure!(given == rows, "{name} has {given} rows, the batch expects {rows}");
        to_the_end(self, batch, Pass::new(Vec::new(), train).beginning_at(&layer.name, x.clone()))
    }

    /// Embeds word, position and segment of each token.
    fn embed(&self, batch: &TextBatch, pass: &mut Pass) -> Result<Tensor> {
        let words = self.words.forward(&batch.ids, pass)?;
        let first = self.options.first_place() as u32;
        let segments = self.segments.as_ref().map(|segments| segments.forward(&batch.types, pass)).transpose()?;
        let places: Vec<u32> = batch.positions.iter().map(|place| place + first).collect();
        let places = self.places.forward(&places, pass)?;
        let words = match segments {
            Some(segments) => pass.sum(&words, &segments)?,
            None => words,
        };
        let summed = pass.sum(&words, &places)?;
        let normal = self.norm.forward(&summed, pass)?;
        pass.drop_out(self.options.hidden_dropout_prob, normal)
    }
}

impl TextNetwork for Bert {
    fn layers(&self) -> Vec<TextLayer> {
        let blocks = (0..self.blocks.len()).map(|index| self.options.family.block(index));
        let mut layers = per_token(std::iter::once("embeddings".to_owned()).chain(blocks));
        layers.extend(self.pooler.as_ref().map(|_| per_text("pooler")));
        layers.extend(self.head.as_ref().map(|_| per_text(LOGITS)));
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        let last = self.options.family.block(self.blocks.len().saturating_sub(1));
        vec![("last_hidden_state".into(), last), ("pooler_output".into(), "pooler".into())]
    }

    fn longest(&self) -> usize {
        self.options.longest()
    }

    fn run(&self, batch: &TextBatch, pass: &mut Pass) -> std::result::Result<Tensor, Halt> {
        batch.check(self.longest())?;
        let start = if pass.begins_later() { Value::Before } else { Value::Now(self.embed(batch, pass)?) };
        let mut x = pass.see("embeddings", start)?;
        let heads = self.options.num_attention_heads;
        let config = AttentionConfig::within(&batch.lengths, self.options.hidden_size, heads, false);
        for (index, block) in self.blocks.iter().enumerate() {
            let name = self.options.family.block(index);
            x = pass.stage(&name, &x, |x, pass| block.run(x, &config, &self.options, pass))?;
        }
        let Some(pooler) = &self.pooler else { return Ok(number(&x)?.clone()) };
        let pooled = pass.stage("pooler", &x, |x, pass| {
            let starts: Vec<u32> = batch.starts().into_iter().map(|start| start as u32).collect();
            let first = pass.pick(x, starts)?;
            let pooled = pooler.forward(&first, pass)?;
            match self.options.family {
                BertFamily::Distilbert => Activation::Relu.forward(&pooled, pass),
                _ => pass.step(|| Ok(TallyStep::new("", "Tanh", pooled.dims())), || pooled.tanh()),
            }
        })?;
        let Some(head) = &self.head else { return Ok(number(&pooled)?.clone()) };
        let dropout = self.options.classifier_dropout.unwrap_or(self.options.hidden_dropout_prob);
        let scores = pass.stage(LOGITS, &pooled, |x, pass| {
            let x = pass.drop_out(dropout, x.clone())?;
            head.forward(&x, pass)
        })?;
        Ok(number(&scores)?.clone())
    }
}

/// A block: attention and a hidden layer, each added to its input and then normalized.
struct Block {
    query: TokenLinear,
    key: TokenLinear,
    value: TokenLinear,
    attention: Attention,
    output: TokenLinear,
    attention_norm: LayerNorm,
    inner: TokenLinear,
    outer: TokenLinear,
    norm: LayerNorm,
}

impl Block {
    fn new(options: &BertOptions, vb: VarBuilder) -> Result<Self> {
        let (width, inner) = (options.hidden_size, options.intermediate_size);
        let linear = |inputs, outputs, path: &str| TokenLinear::new(inputs, outputs, vb.pp(path));
        let norm = |path: &str| LayerNorm::new(width, options.layer_norm_eps, vb.pp(path));
        let names = match options.family {
            BertFamily::Distilbert => [
                ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
                ["attention.out_lin", "ffn.lin1", "ffn.lin2"],
                ["attention", "sa_layer_norm", "output_layer_norm"],
            ],
            _ => [
                ["attention.self.query", "attention.self.key", "attention.self.value"],
                ["attention.output.dense", "intermediate.dense", "output.dense"],
                ["attention.self", "attention.output.LayerNorm", "output.LayerNorm"],
            ],
        };
        let [[query, key, value], [output, first, second], [attention, before, after]] = names;
        Ok(Self {
            query: linear(width, width, query)?,
            key: linear(width, width, key)?,
            value: linear(width, width, value)?,
            attention: Attention::new(&vb.pp(attention)),
            output: linear(width, width, output)?,
            attention_norm: norm(before)?,
            inner: linear(width, inner, first)?,
            outer: linear(inner, width, second)?,
            norm: norm(after)?,
        })
    }

    fn run(&self, x: &Tensor, config: &AttentionConfig, options: &BertOptions, pass: &mut Pass) -> Result<Tensor> {
        let [q, k, v] = [self.query.forward(x, pass)?, self.key.forward(x, pass)?, self.value.forward(x, pass)?];
        let mixed = self.attention.forward([&q, &k, &v], config, options.attention_probs_dropout_prob, pass)?;
        let mixed = self.output.forward(&mixed, pass)?;
        let mixed = pass.drop_out(options.hidden_dropout_prob, mixed)?;
        let summed = pass.sum(&mixed, x)?;
        let x = self.attention_norm.forward(&summed, pass)?;
        let inner = self.inner.forward(&x, pass)?;
        let inner = options.hidden_act.forward(&inner, pass)?;
        let outer = self.outer.forward(&inner, pass)?;
        let outer = pass.drop_out(options.hidden_dropout_prob, outer)?;
        let summed = pass.sum(&outer, &x)?;
        self.norm.forward(&summed, pass)
    }
}
