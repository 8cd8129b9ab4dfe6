//! The frozen part of a BERT without dropout: its features are computed once per text.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use candle_core::Tensor;
use dl_models::plain;
use dl_models::text::{Bert, TextBatch, TextNetwork};

use super::LabeledText;

/// Texts computed together.
const TOGETHER: usize = 32;

/// The features of texts at a layer, by the index of the text.
pub(super) struct FrozenEncoder<'a> {
    bert: &'a Bert,
    /// The layer.
    pub(super) layer: String,
    /// One row per token; otherwise one per text.
    per_token: bool,
    /// Most bytes to keep.
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    rows: HashMap<usize, Tensor>,
    bytes: usize,
}

impl<'a> FrozenEncoder<'a> {
    /// Features at `layer` of `bert`; at most `most` bytes are kept.
    pub(super) fn new(bert: &'a Bert, layer: &str, most: usize) -> Result<Self> {
        let network: &dyn TextNetwork = bert;
        let layer = network.layer(layer)?;
        Ok(Self { bert, layer: layer.name, per_token: layer.per_token, most, kept: Mutex::default() })
    }

    /// The rows of the given texts, without gradients: [tokens, width] or [texts, width].
    pub(super) fn of(&self, texts: &[LabeledText], indices: &[usize]) -> Result<Tensor> {
        let mut rows: Vec<Option<Tensor>> = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            indices.iter().map(|index| kept.rows.get(index).cloned()).collect()
        };
        let missing: Vec<usize> = (0..indices.len()).filter(|place| rows[*place].is_none()).collect();
        let network: &dyn TextNetwork = self.bert;
        for places in missing.chunks(TOGETHER) {
            let batch = TextBatch::new(places.iter().map(|place| &texts[indices[*place]].tokens));
            let output = network.features(&batch, &[&self.layer], None)?;
            let output = output.first().context("one layer has one output")?.detach();
            let mut first = 0;
            for (place, length) in places.iter().zip(&batch.lengths) {
                let count = if self.per_token { *length } else { 1 };
                // A copy, since a view would keep the whole output in memory.
                let row = output.narrow(0, first, count).and_then(|row| row.copy()).map_err(plain)?;
                first += count;
                self.keep(indices[*place], &row);
                rows[*place] = Some(row);
            }
        }
        let rows: Vec<Tensor> = rows.into_iter().flatten().collect();
        Tensor::cat(&rows, 0).map_err(plain)
    }

    fn keep(&self, index: usize, row: &Tensor) {
        let bytes = row.elem_count() * row.dtype().size_in_bytes();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes <= self.most && kept.rows.insert(index, row.clone()).is_none() {
            kept.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use dl_models::Parameters;
    use dl_models::text::{BertOptions, Tokens};

    use super::*;

    fn texts() -> Vec<LabeledText> {
        let text = |index: u32| {
            let ids = (0..3 + index % 4).map(|place| (index * 7 + place * 5) % 20).collect();
            LabeledText { tokens: Tokens::new(ids), class: index % 2, weight: 1.0 }
        };
        (0..40).map(text).collect()
    }

    fn bert() -> Bert {
        let options = BertOptions {
            vocab_size: 20,
            hidden_size: 8,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 12,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            max_position_embeddings: 8,
            ..BertOptions::default()
        };
        Bert::new(&options, Some(2), Parameters::fresh(0).builder(&Device::Cpu)).unwrap()
    }

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn scores_from_kept_features_are_the_same_bits() {
        let (bert, texts) = (bert(), texts());
        for layer in ["embeddings", "encoder.layer.0", "encoder.layer.1", "pooler"] {
            for most in [0, 2000, usize::MAX] {
                let frozen = FrozenEncoder::new(&bert, layer, most).unwrap();
                for indices in [&[3, 1, 4, 1][..], &[5, 9, 2, 6, 3], &(0..40).collect::<Vec<_>>(), &[31, 4]] {
                    let batch = TextBatch::new(indices.iter().map(|index| &texts[*index].tokens));
                    let mut draws = [dl_record::rng(0, "a"), dl_record::rng(0, "a")];
                    let network: &dyn TextNetwork = &bert;
                    let whole = network.forward_t(&batch, Some(&mut draws[0])).unwrap();
                    let rows = frozen.of(&texts, indices).unwrap();
                    let from = bert.forward_from(layer, &rows, &batch, Some(&mut draws[1])).unwrap();
                    assert!(numbers(&whole) == numbers(&from), "{layer} {most} {indices:?}");
                }
                assert!(frozen.kept.lock().unwrap().bytes <= most);
            }
        }
    }

    #[test]
    fn kept_features_are_reused_and_bounded() {
        let (bert, texts) = (bert(), texts());
        let frozen = FrozenEncoder::new(&bert, "pooler", 10 * 8 * 4).unwrap();
        let all: Vec<usize> = (0..40).collect();
        let first = frozen.of(&texts, &all).unwrap();
        assert_eq!(frozen.kept.lock().unwrap().rows.len(), 10);
        let zeros = first.narrow(0, 0, 1).unwrap().zeros_like().unwrap();
        frozen.kept.lock().unwrap().rows.insert(4, zeros);
        let again = numbers(&frozen.of(&texts, &all).unwrap());
        for (index, (a, b)) in numbers(&first).chunks(8).zip(again.chunks(8)).enumerate() {
            assert_eq!(a == b, index != 4, "{index}");
        }
    }
}
