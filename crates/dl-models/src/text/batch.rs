//! Tokenized texts, and batches of them.

use candle_core::{Device, Result, Tensor, bail};

/// A tokenized text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The id of each token in the vocabulary.
    pub ids: Vec<u32>,
    /// Which of two texts each token belongs to, 0 or 1 (BERT's segments).
    pub types: Vec<u32>,
}

impl Tokens {
    /// A single text.
    pub fn new(ids: Vec<u32>) -> Self {
        Self { types: vec![0; ids.len()], ids }
    }
}

/// A batch of texts, with their tokens concatenated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextBatch {
    /// The id of each token.
    pub ids: Vec<u32>,
    /// The segment of each token.
    pub types: Vec<u32>,
    /// The position of each token in its text.
    pub positions: Vec<u32>,
    /// The number of tokens of each text.
    pub lengths: Vec<usize>,
}

impl TextBatch {
    /// A batch of these texts.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a Tokens>) -> Self {
        let mut batch = Self::default();
        texts.into_iter().for_each(|text| batch.push(text));
        batch
    }

    /// Adds a text.
    pub fn push(&mut self, text: &Tokens) {
        self.push_masked(text, &[]);
    }

    /// Adds a text without the tokens whose `mask` is false: the others keep their positions. This equals an attention
    /// mask; outputs for masked tokens have no meaning and are not computed.
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

    /// The row of each text's first token.
    pub fn starts(&self) -> Vec<usize> {
        let mut next = 0;
        let starts = self.lengths.iter().map(|length| {
            next += length;
            next - length
        });
        starts.collect()
    }

    /// Converts numbers to a tensor, checking that each is below `limit`.
    pub(crate) fn indices(numbers: &[u32], limit: usize, what: &str, device: &Device) -> Result<Tensor> {
        if let Some(wrong) = numbers.iter().find(|number| **number as usize >= limit) {
            bail!("{what} {wrong} is out of range; the network has {limit}");
        }
        Tensor::new(numbers, device)
    }

    /// Checks that no text is empty or longer than `longest`.
    pub(crate) fn check(&self, longest: usize) -> Result<()> {
        match self.lengths.iter().find(|length| **length == 0 || **length > longest) {
            Some(0) => bail!("a text has no tokens"),
            Some(length) => bail!("a text has {length} tokens, but the network reads at most {longest}"),
            None => Ok(()),
        }
    }
}
