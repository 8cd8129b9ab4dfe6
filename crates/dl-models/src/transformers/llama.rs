//! Llama (Touvron et al. 2023, LLaMA: open and efficient foundation language models) and what has its layout: Llama 2
//! and 3, TinyLlama, SmolLM2. Read from Hugging Face's `LlamaForCausalLM`, or quantized from [GGUF](super::gguf).
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | logits | texts, vocabulary | of the token after the text |

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::VarBuilder;
use candle_transformers::models::{llama, quantized_llama};
use rayon::prelude::*;

use super::Renamed;
use super::lenient::Lenient;
use super::llama_options::LlamaOptions;
use super::renamed::Source;
use crate::text::{Continuations, LanguageModel, TextBatch, TextConfig, TextLayer, TextNetwork};
use crate::{Halt, LOGITS, Pass, plain};

/// Tokens of a prompt that are computed at once: the memory of attention grows with their product with the text's.
const PART: usize = 256;

/// A Llama.
pub(crate) struct Llama {
    /// A text without tokens.
    empty: State,
    /// Tokens of the vocabulary.
    pub(super) vocabulary: usize,
    /// Tokens of the longest text.
    pub(super) longest: usize,
    /// The start token.
    pub(super) start: Option<u32>,
    /// The tokens that end a text.
    pub(super) ends: Vec<u32>,
    device: Device,
}

/// The weights, which all texts share, with the keys and values of one text.
#[derive(Clone)]
enum State {
    Floats(Arc<llama::Llama>, llama::Cache),
    Quantized(quantized_llama::ModelWeights),
}

/// Checks the options of a config; returns the tokens of the longest text.
/// # Errors
/// When an option has the wrong type, is out of range, or is not supported.
pub(crate) fn check_llama(config: &TextConfig) -> anyhow::Result<usize> {
    Ok(LlamaOptions::read(config)?.longest())
}

/// Builds the network from Hugging Face's tensors, with or without the prefix `model.`.
/// # Errors
/// When an option is not supported, or a tensor is missing or has a different shape.
pub(crate) fn llama(config: &TextConfig, vb: VarBuilder) -> anyhow::Result<Box<dyn LanguageModel>> {
    let options = LlamaOptions::read(config)?;
    let device = vb.device().clone();
    let probe = "embed_tokens.weight";
    let is_bare = vb.contains_tensor(probe) && !vb.contains_tensor(&format!("model.{probe}"));
    let renamed = Renamed::builder(&vb, move |name: &str| {
        Source::Named(name.strip_prefix("model.").filter(|_| is_bare).unwrap_or(name).to_owned())
    });
    // candle panics when a tensor of a block is missing.
    let (lenient, failure) = Lenient::builder(&renamed);
    let candle = options.candle();
    let network = llama::Llama::load(lenient, &candle).map_err(plain)?;
    failure.check().map_err(plain)?;
    let cache = llama::Cache::new(true, DType::F32, &candle, &device).map_err(plain)?;
    Ok(Box::new(Llama {
        empty: State::Floats(Arc::new(network), cache),
        vocabulary: options.vocab_size,
        longest: options.longest(),
        start: options.bos_token_id,
        ends: options.eos_token_id.map(super::llama_options::Ends::all).unwrap_or_default(),
        device,
    }))
}

impl Llama {
    /// A network of quantized weights.
    pub(super) fn quantized(weights: quantized_llama::ModelWeights, config: QuantizedConfig, device: &Device) -> Self {
        let QuantizedConfig { vocabulary, longest, start, ends } = config;
        Self { empty: State::Quantized(weights), vocabulary, longest, start, ends, device: device.clone() }
    }
}

/// What a quantized network is told besides its weights.
pub(super) struct QuantizedConfig {
    pub(super) vocabulary: usize,
    pub(super) longest: usize,
    pub(super) start: Option<u32>,
    pub(super) ends: Vec<u32>,
}

impl TextNetwork for Llama {
    fn layers(&self) -> Vec<TextLayer> {
        vec![TextLayer { name: LOGITS.to_owned(), per_token: false }]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn longest(&self) -> usize {
        self.longest
    }

    fn run(&self, batch: &TextBatch, pass: &mut Pass) -> std::result::Result<Tensor, Halt> {
        batch.check(self.longest)?;
        if pass.trains() {
            return Err(super::only_generates().into());
        }
        let step = || bail!("the layers of llama are inside candle-transformers");
        let logits = pass.step(step, || {
            let starts = batch.starts();
            let texts: Vec<&[u32]> =
                starts.iter().zip(&batch.lengths).map(|(start, length)| &batch.ids[*start..start + length]).collect();
            self.begin(texts.len()).next(&texts)
        })?;
        pass.show(LOGITS, logits)
    }
}

impl LanguageModel for Llama {
    fn start(&self) -> Option<u32> {
        self.start
    }

    fn ends(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    fn begin(&self, texts: usize) -> Box<dyn Continuations + '_> {
        let text = Text { state: self.empty.clone(), length: 0 };
        Box::new(Texts { network: self, texts: vec![text; texts] })
    }
}

/// Each text is computed alone, so that it does not depend on the batch.
struct Texts<'a> {
    network: &'a Llama,
    texts: Vec<Text>,
}

#[derive(Clone)]
struct Text {
    state: State,
    /// Its tokens so far.
    length: usize,
}

impl Text {
    /// Adds tokens; returns the logits [1, vocabulary] of the next one.
    fn add(&mut self, new: &[u32], network: &Llama) -> Result<Tensor> {
        let length = self.length + new.len();
        if new.is_empty() || length > network.longest {
            bail!("a text has {length} tokens, but the network reads at most {}", network.longest);
        }
        let mut logits = None;
        for part in new.chunks(PART) {
            let ids = TextBatch::indices(part, network.vocabulary, "token", &network.device)?.unsqueeze(0)?;
            logits = Some(match &mut self.state {
                State::Floats(weights, cache) => weights.forward(&ids, self.length, cache)?,
                State::Quantized(weights) => weights.forward(&ids, self.length)?,
            });
            self.length += part.len();
        }
        logits.ok_or_else(|| candle_core::Error::Msg("a text has no new tokens".into()))
    }
}

impl Continuations for Texts<'_> {
    fn next(&mut self, new: &[&[u32]]) -> Result<Tensor> {
        if new.len() != self.texts.len() {
            bail!("{} texts to continue, but {} were begun", new.len(), self.texts.len());
        }
        let network = self.network;
        let rows = self.texts.par_iter_mut().zip(new).map(|(text, new)| text.add(new, network));
        Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)
    }

    fn lengths(&self) -> Vec<usize> {
        self.texts.iter().map(|text| text.length).collect()
    }

    fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.texts.retain(|_| keep.next().copied().unwrap_or(true));
    }
}
