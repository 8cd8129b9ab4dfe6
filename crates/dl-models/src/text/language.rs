//! Language models: networks that continue texts token by token.

use candle_core::{Result, Tensor};

use super::{Cache, Gpt2, TextNetwork};

/// A network that continues texts.
pub trait LanguageModel: TextNetwork {
    /// The token that begins a text, if the network has one.
    fn start(&self) -> Option<u32>;

    /// Whether this token ends a text.
    fn ends(&self, token: u32) -> bool;

    /// Begins this number of texts, without any tokens.
    fn begin(&self, texts: usize) -> Box<dyn Continuations + '_>;
}

/// Texts in progress, with what the network has computed for their tokens.
pub trait Continuations {
    /// The logits [texts, vocabulary] of the next token of each text. `new` has the tokens that each text does not have
    /// yet, at least one; they are added to it.
    /// # Errors
    /// When the number of texts differs, a token is out of range, or a text gets too long for the network.
    fn next(&mut self, new: &[&[u32]]) -> Result<Tensor>;

    /// The number of tokens of each text.
    fn lengths(&self) -> Vec<usize>;

    /// Drops the texts for which `keep` is false.
    fn retain(&mut self, keep: &[bool]);
}

impl LanguageModel for Gpt2 {
    fn start(&self) -> Option<u32> {
        self.options.bos_token_id
    }

    fn ends(&self, token: u32) -> bool {
        self.options.eos_token_id == Some(token)
    }

    fn begin(&self, texts: usize) -> Box<dyn Continuations + '_> {
        Box::new(Gpt2Texts { network: self, cache: Cache::new(texts) })
    }
}

struct Gpt2Texts<'a> {
    network: &'a Gpt2,
    cache: Cache,
}

impl Continuations for Gpt2Texts<'_> {
    fn next(&mut self, new: &[&[u32]]) -> Result<Tensor> {
        self.network.next(new, &mut self.cache)
    }

    fn lengths(&self) -> Vec<usize> {
        self.cache.lengths()
    }

    fn retain(&mut self, keep: &[bool]) {
        self.cache.retain(keep);
    }
}
