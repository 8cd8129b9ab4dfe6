//! Texts as numbers.

use candle_core::{Device, Result, Tensor, bail};

/// A text as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Each token's number in the vocabulary.
    pub ids: Vec<u32>,
    /// Which of two texts each token belongs to, 0 or 1 (BERT's segments).
    pub types: Vec<u32>,
}

impl Tokens {
    /// One text.
    pub fn new(ids: Vec<u32>) -> Self {
        Self { types: vec![0; ids.len()], ids }
    }
}

/// Texts, the tokens of one after those of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextBatch {
    /// Of each token its number in the vocabulary.
    pub ids: Vec<u32>,
    /// Of each token its segment.
    pub types: Vec<u32>,
    /// Of each token its place in its text.
    pub positions: Vec<u32>,
    /// Number of tokens of each text.
    pub lengths: Vec<usize>,
}

impl TextBatch {
    /// These texts.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a Tokens>) -> Self {
        let mut batch = Self::default();
        texts.into_iter().for_each(|text| batch.push(text));
        batch
    }

    /// One more text.
    pub fn push(&mut self, text: &Tokens) {
        self.push_masked(text, &[]);
    }

    /// One more text, without the tokens whose `mask` is false: the others keep their places. This is what an attention
    /// mask says; what a network gives for a token that nobody sees has no meaning, and is not computed.
    pub fn push_masked(&mut self, text: &Tokens, mask: &[bool]) {
        let before = self.ids.len();
        for (place, id) in text.ids.iter().enumerate() {
            if mask.get(place).copied().unwrap_or(true) {
                self.ids.push(*id);
                self.types.push(text.types.get(place).copied().unwrap_or(0));
                self.positions.push(place as u32);
            }
        }
        self.lengths.push(self.ids.len() - before);
    }

    /// Number of texts.
    pub fn texts(&self) -> usize {
        self.lengths.len()
    }

    /// Of each text the row of its first token.
    pub fn starts(&self) -> Vec<usize> {
        let mut next = 0;
        let starts = self.lengths.iter().map(|length| {
            next += length;
            next - length
        });
        starts.collect()
    }

    /// Numbers below `limit` as a tensor.
    pub(super) fn indices(numbers: &[u32], limit: usize, what: &str, device: &Device) -> Result<Tensor> {
        if let Some(wrong) = numbers.iter().find(|number| **number as usize >= limit) {
            bail!("{what} {wrong} is beyond the network's {limit}");
        }
        Tensor::new(numbers, device)
    }

    /// Fails when a text is longer than `longest`, or has no token.
    pub(super) fn check(&self, longest: usize) -> Result<()> {
        match self.lengths.iter().find(|length| **length == 0 || **length > longest) {
            Some(0) => bail!("a text has no tokens"),
            Some(length) => bail!("a text has {length} tokens, the network reads {longest}"),
            None => Ok(()),
        }
    }
}
