//! Training losses and the likelihood of texts.

use anyhow::{Result, ensure};
use candle_core::{DType, Tensor};
use rand_chacha::ChaCha8Rng;

use super::{Bert, Gpt2, TextBatch, TextModel, TextNetwork, Tokens};
use crate::plain;

/// The tokens of a text for a language model, with start and end tokens.
///
/// They are split into parts of at most one token more than the network reads. Each part begins with the last token of
/// the previous one, so every token except the first is predicted exactly once.
/// # Errors
/// When the vocabulary lacks a character, or the network has no start token.
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

/// The start token.
fn begin(model: &TextModel) -> Result<Vec<u32>> {
    let begin = model.gpt2()?.options.bos_token_id;
    ensure!(begin.is_some(), "the model has no start token (bos_token_id)");
    Ok(begin.into_iter().collect())
}

/// The mean of -log p over all predicted tokens, a scalar with gradients: the loss of a GPT-2 on `parts`.
///
/// Each part has at least 2 tokens, of which all but the first are predicted. With `train`, dropout is on and draws
/// from the generator.
/// # Errors
/// When there are no parts, or one is too long or too short.
pub fn language_model_loss(gpt2: &Gpt2, parts: &[&[u32]], train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
    let (logits, targets) = next_token_scores(gpt2, parts, train)?;
    let targets = Tensor::new(targets, logits.device()).map_err(plain)?;
    dl_ops::cross_entropy(&logits, &targets).map_err(plain)
}

/// The scores [tokens, vocabulary] of the tokens after each token of `parts`, with gradients, and the true ones.
/// # Errors
/// As [`language_model_loss`].
pub fn next_token_scores(gpt2: &Gpt2, parts: &[&[u32]], train: Option<&mut ChaCha8Rng>) -> Result<(Tensor, Vec<u32>)> {
    let (batch, targets) = next_tokens(parts)?;
    let network: &dyn TextNetwork = gpt2;
    Ok((network.forward_t(&batch, train)?, targets))
}

/// For each part, the sum of -log p of its tokens after the first, in nats.
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
    ensure!(!parts.is_empty(), "no texts to train on");
    let (mut batch, mut targets) = (TextBatch::default(), Vec::new());
    for part in parts {
        ensure!(part.len() > 1, "a text of {} tokens is too short to train on; at least 2 are needed", part.len());
        batch.push(&Tokens::new(part[..part.len() - 1].to_vec()));
        targets.extend_from_slice(&part[1..]);
    }
    Ok((batch, targets))
}

/// The mean of -log p of each text's class, a scalar with gradients, and the logits [texts, classes]: the loss of a
/// BERT with a head. With `train`, dropout is on and draws from the generator.
/// # Errors
/// When a text is too long, the numbers of classes and texts differ, or a class is out of range.
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
