//! What training minimizes, and the likelihood of texts.

use anyhow::{Result, ensure};
use candle_core::{DType, Tensor};
use rand_chacha::ChaCha8Rng;

use super::{Bert, Gpt2, TextBatch, TextModel, TextNetwork, Tokens};
use crate::plain;

/// A text for a language model: its tokens between the marks that begin and end texts.
///
/// Cut into parts of at most one token more than the network reads, of which each begins with the last token of the one
/// before: every token but the first mark is predicted exactly once.
/// # Errors
/// When the vocabulary lacks a letter, or the network has no mark that begins a text.
pub fn language_model_parts(model: &TextModel, text: &str) -> Result<Vec<Vec<u32>>> {
    let options = &model.gpt2()?.options;
    let mut ids = begin(model)?;
    ids.extend(model.tokenizer.encode_plain(text)?);
    ids.extend(options.eos_token_id);
    let mut parts = Vec::new();
    let mut first = 0;
    while first + 1 < ids.len() {
        let end = ids.len().min(first + options.n_positions + 1);
        parts.push(ids[first..end].to_vec());
        first = end - 1;
    }
    Ok(parts)
}

/// The mark that begins a text.
fn begin(model: &TextModel) -> Result<Vec<u32>> {
    let begin = model.gpt2()?.options.bos_token_id;
    ensure!(begin.is_some(), "the model has no token that begins a text (bos_token_id)");
    Ok(begin.into_iter().collect())
}

/// The mean over all predicted tokens of -log p, a scalar with gradients: what a GPT-2 learns from `parts`.
///
/// Each part has at least 2 tokens, of which all but the first are predicted. `train`: dropout is on, and draws from it.
/// # Errors
/// When there is no part, or one is too long or too short.
pub fn language_model_loss(gpt2: &Gpt2, parts: &[&[u32]], train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
    let (batch, targets) = next_tokens(parts)?;
    let network: &dyn TextNetwork = gpt2;
    let logits = network.forward_t(&batch, train)?;
    let targets = Tensor::new(targets, logits.device()).map_err(plain)?;
    dl_ops::cross_entropy(&logits, &targets).map_err(plain)
}

/// Of each part the sum of -log p of its tokens after the first, in nats.
/// # Errors
/// As [`language_model_loss`].
pub fn negative_log_likelihoods(gpt2: &Gpt2, parts: &[&[u32]]) -> Result<Vec<f64>> {
    let (batch, targets) = next_tokens(parts)?;
    let network: &dyn TextNetwork = gpt2;
    let logits = network.forward_t(&batch, None)?;
    let of_targets = || {
        let targets = Tensor::new(targets, logits.device())?.unsqueeze(1)?;
        dl_ops::log_softmax(&logits, 1)?.gather(&targets, 1)?.squeeze(1)?.to_dtype(DType::F32)?.to_vec1::<f32>()
    };
    let logarithms = of_targets().map_err(plain)?;
    let mut rest = logarithms.as_slice();
    let sums = batch.lengths.iter().map(|length| {
        let (of_part, others) = rest.split_at(*length);
        rest = others;
        -of_part.iter().map(|logarithm| f64::from(*logarithm)).sum::<f64>()
    });
    Ok(sums.collect())
}

fn next_tokens(parts: &[&[u32]]) -> Result<(TextBatch, Vec<u32>)> {
    ensure!(!parts.is_empty(), "no text to learn from");
    let (mut batch, mut targets) = (TextBatch::default(), Vec::new());
    for part in parts {
        ensure!(part.len() > 1, "a text of {} tokens predicts nothing", part.len());
        batch.push(&Tokens::new(part[..part.len() - 1].to_vec()));
        targets.extend_from_slice(&part[1..]);
    }
    Ok((batch, targets))
}

/// The mean of -log p of each text's class, a scalar with gradients, and the logits [texts, classes]: what a BERT with a
/// head learns. `train`: dropout is on, and draws from it.
/// # Errors
/// When a text is too long, there are not as many classes as texts, or one is none of the head's.
pub fn classifier_loss(
    bert: &Bert,
    batch: &TextBatch,
    classes: &[u32],
    train: Option<&mut ChaCha8Rng>,
) -> Result<(Tensor, Tensor)> {
    let network: &dyn TextNetwork = bert;
    let logits = network.forward_t(batch, train)?;
    let targets = Tensor::new(classes, logits.device()).map_err(plain)?;
    Ok((dl_ops::cross_entropy(&logits, &targets).map_err(plain)?, logits))
}
