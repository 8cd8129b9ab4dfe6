//! GPT-2 (Radford et al. 2019, Language models are unsupervised multitask learners), of any size, in the layout of
//! Hugging Face's `GPT2LMHeadModel`: the weights of its `Conv1D` layers are [inputs, outputs].
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | embeddings | tokens, width | word and position, summed |
//! | h.N | tokens, width | after block N |
//! | ln_f | tokens, width | the last block's output, normalized |
//! | logits | tokens, vocabulary | of the next token |

use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;
use dl_ops::AttentionConfig;
use serde::Deserialize;

use super::layers::{Activation, Attention, Conv1D, Embedding, LayerNorm, STDEV, TokenLinear, below};
use super::{TextBatch, TextLayer, TextNetwork, Tokens, per_token};
use crate::file::limits;
use crate::{Halt, LOGITS, Pass};

/// Options, with the names of Hugging Face's config; the defaults are those of the smallest GPT-2.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Gpt2Options {
    /// Size of the vocabulary.
    pub vocab_size: usize,
    /// Tokens of the longest text.
    pub n_positions: usize,
    /// Columns.
    pub n_embd: usize,
    /// Blocks.
    pub n_layer: usize,
    /// Attention heads.
    pub n_head: usize,
    /// Columns of the hidden layer of a block [default: 4 times `n_embd`].
    pub n_inner: Option<usize>,
    /// Activation of the hidden layer.
    pub activation_function: Activation,
    /// Dropout on the residual branches.
    pub resid_pdrop: f64,
    /// Dropout of the embeddings.
    pub embd_pdrop: f64,
    /// Dropout of the attention probabilities.
    pub attn_pdrop: f64,
    /// Epsilon of the layer norms.
    pub layer_norm_epsilon: f64,
    /// Whether the last layer's weight is that of the embedding.
    pub tie_word_embeddings: bool,
    /// Whether products of queries and keys are divided by the square root of the columns of a head.
    pub scale_attn_weights: bool,
    /// Whether they are also divided by the block's number, from 1.
    pub scale_attn_by_inverse_layer_idx: bool,
    /// The start token.
    pub bos_token_id: Option<u32>,
    /// The end token.
    pub eos_token_id: Option<u32>,
}

impl Default for Gpt2Options {
    fn default() -> Self {
        Self {
            vocab_size: 50257,
            n_positions: 1024,
            n_embd: 768,
            n_layer: 12,
            n_head: 12,
            n_inner: None,
            activation_function: Activation::GeluTanh,
            resid_pdrop: 0.1,
            embd_pdrop: 0.1,
            attn_pdrop: 0.1,
            layer_norm_epsilon: 1e-5,
            tie_word_embeddings: true,
            scale_attn_weights: true,
            scale_attn_by_inverse_layer_idx: false,
            bos_token_id: Some(50256),
            eos_token_id: Some(50256),
        }
    }
}

impl Gpt2Options {
    /// Checks that every option is within limits.
    /// # Errors
    /// When an option is out of range.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        limits::count("vocab_size", self.vocab_size, limits::MOST_TOKENS)?;
        limits::count("n_positions", self.n_positions, limits::MOST_POSITIONS)?;
        limits::count("n_embd", self.n_embd, limits::MOST_COLUMNS)?;
        limits::count("n_layer", self.n_layer, limits::MOST_BLOCKS)?;
        limits::count("n_head", self.n_head, limits::MOST_HEADS)?;
        limits::count("n_inner", self.n_inner.unwrap_or(1), limits::MOST_INNER)?;
        limits::share("resid_pdrop", self.resid_pdrop)?;
        limits::share("embd_pdrop", self.embd_pdrop)?;
        limits::share("attn_pdrop", self.attn_pdrop)?;
        limits::epsilon("layer_norm_epsilon", self.layer_norm_epsilon)
    }
}

/// GPT-2.
pub struct Gpt2 {
    words: Embedding,
    places: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: TokenLinear,
    /// Its options.
    pub options: Gpt2Options,
}

impl Gpt2 {
    /// Prefix of the body's tensors in files of a network with a head.
    pub(super) const PREFIX: &'static str = "transformer";

    /// Builds the network from Hugging Face's tensors, with or without the prefix `transformer.`.
    /// # Errors
    /// When a tensor is missing or has a different shape.
    pub fn new(options: &Gpt2Options, vb: VarBuilder) -> Result<Self> {
        let width = options.n_embd;
        super::config::check_heads(width, options.n_head)?;
        let body = below(&vb, Self::PREFIX, "wte.weight");
        let words = Embedding::new(options.vocab_size, width, "token", body.pp("wte"))?;
        let head = vb.pp("lm_head");
        let head = if options.tie_word_embeddings {
            TokenLinear::tied(&words.weight, &head)
        } else {
            TokenLinear::without_bias(width, options.vocab_size, head)?
        };
        Ok(Self {
            places: Embedding::new(options.n_positions, width, "place", body.pp("wpe"))?,
            blocks: (0..options.n_layer)
                .map(|index| Block::new(options, index, body.pp(format!("h.{index}"))))
                .collect::<Result<_>>()?,
            norm: LayerNorm::new(width, options.layer_norm_epsilon, body.pp("ln_f"))?,
            words,
            head,
            options: options.clone(),
        })
    }

    /// The logits [texts, vocabulary] of the next token of each text. `new` has each text's tokens that are not in
    /// `cache` yet, at least one; they are added to it.
    /// # Errors
    /// When the number of texts differs from the cache's, or one gets too long for the network.
    pub fn next(&self, new: &[&[u32]], cache: &mut Cache) -> Result<Tensor> {
        if new.len() != cache.texts.len() {
            bail!("{} texts to continue, but the cache has {}", new.len(), cache.texts.len());
        }
        let mut batch = TextBatch::default();
        for (new, known) in new.iter().zip(&cache.texts) {
            batch.push(&Tokens::new(new.to_vec()));
            let longest = self.options.n_positions;
            if new.is_empty() || known.length + new.len() > longest {
                bail!("a text has {} tokens, but the network reads at most {longest}", known.length + new.len());
            }
        }
        let places = cache.texts.iter().zip(&batch.lengths);
        batch.positions = places
            .flat_map(|(known, length)| (known.length..known.length + length).map(|place| place as u32))
            .collect();
        let mut pass = Pass::new(Vec::new(), None);
        let mut x = self.embed(&batch, &mut pass)?;
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.run_cached(&x, index, &batch.lengths, cache, &self.options, &mut pass)?;
        }
        for (known, length) in cache.texts.iter_mut().zip(&batch.lengths) {
            known.length += length;
        }
        let lasts: Vec<u32> =
            batch.starts().iter().zip(&batch.lengths).map(|(start, length)| (start + length - 1) as u32).collect();
        let last = pass.pick(&x, lasts)?;
        let normal = self.norm.forward(&last, &mut pass)?;
        self.head.forward(&normal, &mut pass)
    }

    fn embed(&self, batch: &TextBatch, pass: &mut Pass) -> Result<Tensor> {
        let words = self.words.forward(&batch.ids, pass)?;
        let places = self.places.forward(&batch.positions, pass)?;
        let summed = pass.sum(&words, &places)?;
        pass.drop_out(self.options.embd_pdrop, summed)
    }
}

/// The cache of the texts that a GPT-2 continues: the keys and values of every block.
#[derive(Clone, Debug)]
pub struct Cache {
    texts: Vec<Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    length: usize,
    /// Keys and values [tokens, width] of each block.
    blocks: Vec<[Tensor; 2]>,
}

impl Cache {
    /// An empty cache for `texts` texts.
    pub fn new(texts: usize) -> Self {
        Self { texts: vec![Known::default(); texts] }
    }

    /// Drops the texts for which `keep` is false.
    pub fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.texts.retain(|_| keep.next().copied().unwrap_or(true));
    }

    /// The number of cached tokens of each text.
    pub fn lengths(&self) -> Vec<usize> {
        self.texts.iter().map(|known| known.length).collect()
    }
}

impl TextNetwork for Gpt2 {
    fn layers(&self) -> Vec<TextLayer> {
        let blocks = (0..self.blocks.len()).map(|index| format!("h.{index}"));
        per_token(std::iter::once("embeddings".to_owned()).chain(blocks).chain(["ln_f".into(), LOGITS.into()]))
    }

    fn aliases(&self) -> Vec<(String, String)> {
        vec![("last_hidden_state".into(), "ln_f".into())]
    }

    fn longest(&self) -> usize {
        self.options.n_positions
    }

    fn run(&self, batch: &TextBatch, pass: &mut Pass) -> std::result::Result<Tensor, Halt> {
        batch.check(self.longest())?;
        let mut x = self.embed(batch, pass)?;
        x = pass.show("embeddings", x)?;
        for (index, block) in self.blocks.iter().enumerate() {
            x = block.run(&x, &batch.lengths, &self.options, pass)?;
            x = pass.show(&format!("h.{index}"), x)?;
        }
        let normal = self.norm.forward(&x, pass)?;
        let x = pass.show("ln_f", normal)?;
        let logits = self.head.forward(&x, pass)?;
        pass.show(LOGITS, logits)
    }
}

/// A block: attention and a hidden layer, each applied to the normalized input and added to it.
struct Block {
    attention_norm: LayerNorm,
    qkv: Conv1D,
    attention: Attention,
    output: Conv1D,
    norm: LayerNorm,
    inner: Conv1D,
    outer: Conv1D,
    scale: f64,
}

impl Block {
    fn new(options: &Gpt2Options, index: usize, vb: VarBuilder) -> Result<Self> {
        let width = options.n_embd;
        let inner = options.n_inner.unwrap_or(4 * width);
        // Radford et al., section 2.3: residual branches start smaller with more blocks.
        let residual = STDEV / (2.0 * options.n_layer as f64).sqrt();
        let norm = |path: &str| LayerNorm::new(width, options.layer_norm_epsilon, vb.pp(path));
        let conv = |inputs, outputs, stdev, path: &str| Conv1D::new(inputs, outputs, stdev, vb.pp(path));
        let mut scale = 1.0;
        if options.scale_attn_weights {
            scale /= ((width / options.n_head) as f64).sqrt();
        }
        if options.scale_attn_by_inverse_layer_idx {
            scale /= (index + 1) as f64;
        }
        Ok(Self {
            attention_norm: norm("ln_1")?,
            qkv: conv(width, 3 * width, STDEV, "attn.c_attn")?,
            attention: Attention::new(&vb.pp("attn")),
            output: conv(width, width, residual, "attn.c_proj")?,
            norm: norm("ln_2")?,
            inner: conv(width, inner, STDEV, "mlp.c_fc")?,
            outer: conv(inner, width, residual, "mlp.c_proj")?,
            scale,
        })
    }

    fn config(&self, queries: &[usize], keys: &[usize], options: &Gpt2Options) -> AttentionConfig {
        let (queries, keys) = (queries.to_vec(), keys.to_vec());
        AttentionConfig { heads: options.n_head, scale: self.scale, causal: true, queries, keys }
    }

    /// Queries, keys and values [tokens, width] as columns of one matrix.
    fn parts(&self, x: &Tensor, pass: &mut Pass) -> Result<[Tensor; 3]> {
        let normal = self.attention_norm.forward(x, pass)?;
        let qkv = self.qkv.forward(&normal, pass)?;
        let width = qkv.dim(1)? / 3;
        let part = |index| qkv.narrow(1, index * width, width);
        Ok([part(0)?, part(1)?, part(2)?])
    }

    fn run(&self, x: &Tensor, lengths: &[usize], options: &Gpt2Options, pass: &mut Pass) -> Result<Tensor> {
        let [q, k, v] = self.parts(x, pass)?;
        let config = self.config(lengths, lengths, options);
        let mixed = self.attention.forward([&q, &k, &v], &config, options.attn_pdrop, pass)?;
        self.finish(x, &mixed, options, pass)
    }

    /// The same for rows that continue the cached texts, with the keys and values of block `index`.
    fn run_cached(
        &self,
        x: &Tensor,
        index: usize,
        lengths: &[usize],
        cache: &mut Cache,
        options: &Gpt2Options,
        pass: &mut Pass,
    ) -> Result<Tensor> {
        let [q, k, v] = self.parts(x, pass)?;
        let (mut start, mut keys) = (0, Vec::with_capacity(lengths.len()));
        for (known, length) in cache.texts.iter_mut().zip(lengths) {
            let new = [&k, &v].map(|x| x.narrow(0, start, *length)?.contiguous());
            let [new_keys, new_values] = new;
            let [new_keys, new_values] = [new_keys?, new_values?];
            match known.blocks.get_mut(index) {
                Some([old_keys, old_values]) => {
                    *old_keys = Tensor::cat(&[&*old_keys, &new_keys], 0)?;
                    *old_values = Tensor::cat(&[&*old_values, &new_values], 0)?;
                }
                None => known.blocks.push([new_keys, new_values]),
            }
            keys.push(known.length + length);
            start += length;
        }
        let all = |part: usize| {
            let texts: Vec<&Tensor> = cache.texts.iter().map(|known| &known.blocks[index][part]).collect();
            Tensor::cat(&texts, 0)
        };
        let mixed = dl_ops::attention(&q, &all(0)?, &all(1)?, &self.config(lengths, &keys, options), None)?;
        self.finish(x, &mixed, options, pass)
    }

    fn finish(&self, x: &Tensor, mixed: &Tensor, options: &Gpt2Options, pass: &mut Pass) -> Result<Tensor> {
        let output = self.output.forward(mixed, pass)?;
        let output = pass.drop_out(options.resid_pdrop, output)?;
        let x = pass.sum(x, &output)?;
        let normal = self.norm.forward(&x, pass)?;
        let inner = self.inner.forward(&normal, pass)?;
        let inner = options.activation_function.forward(&inner, pass)?;
        let outer = self.outer.forward(&inner, pass)?;
        let outer = pass.drop_out(options.resid_pdrop, outer)?;
        pass.sum(&x, &outer)
    }
}
