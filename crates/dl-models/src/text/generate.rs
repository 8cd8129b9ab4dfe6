//! Generates text with a language model, token by token, caching the results for earlier tokens.

use anyhow::{Result, ensure};
use candle_core::DType;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::TextModel;
use crate::plain;

/// How the next token is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Divisor of the logits; 0 always takes the likeliest token.
    pub temperature: f64,
    /// Choose among this number of likeliest tokens.
    pub top_k: Option<usize>,
    /// Choose among the likeliest tokens whose probabilities reach this sum (nucleus sampling, Holtzman et al. 2020).
    pub top_p: f64,
    /// Maximum number of tokens after the prompt.
    pub max_tokens: usize,
    /// Put the start token before each prompt, even if the model's tokenizer does not.
    pub bos: bool,
    /// A text ends before the first occurrence of one of these after its prompt.
    pub stop: Vec<String>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0, max_tokens: 100, bos: false, stop: Vec::new() }
    }
}

impl Sampling {
    /// Checks that every value is valid.
    /// # Errors
    /// When a value is out of range.
    pub fn check(&self) -> Result<()> {
        ensure!(self.temperature >= 0.0 && self.temperature.is_finite(), "the temperature must not be below 0");
        ensure!(self.top_p > 0.0 && self.top_p <= 1.0, "top-p must be above 0 and at most 1");
        ensure!(self.top_k != Some(0), "top-k must be above 0");
        ensure!(self.stop.iter().all(|stop| !stop.is_empty()), "a stop text must not be empty");
        Ok(())
    }

    /// Draws a token from these logits. Tokens are ordered by likelihood, ties by id.
    fn draw(&self, logits: &[f32], rng: &mut ChaCha8Rng) -> u32 {
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        let logit = |token: u32| logits[token as usize];
        let likeliest = |a: &u32, b: &u32| logit(*b).total_cmp(&logit(*a)).then(a.cmp(b));
        if self.temperature == 0.0 {
            return order.into_iter().min_by(likeliest).unwrap_or(0);
        }
        order.sort_unstable_by(likeliest);
        order.truncate(self.top_k.unwrap_or(usize::MAX));
        let largest = f64::from(order.first().map_or(0.0, |token| logit(*token)));
        let powers = order.iter().map(|token| ((f64::from(logit(*token)) - largest) / self.temperature).exp());
        let powers: Vec<f64> = powers.collect();
        let enough = self.top_p * powers.iter().sum::<f64>();
        // The nucleus: the fewest tokens that reach the sum, at least one.
        let (mut count, mut total) = (0, 0.0);
        while count < powers.len() && (count == 0 || total < enough) {
            total += powers[count];
            count += 1;
        }
        let mut at = rng.random::<f64>() * total;
        for (token, power) in order.iter().zip(&powers[..count]) {
            at -= power;
            if at < 0.0 {
                return *token;
            }
        }
        order[count - 1]
    }
}

/// A text to be continued, with its random generator.
pub struct Prompt {
    /// The beginning, which may be empty.
    pub text: String,
    /// Its own generator, so that the result does not depend on the other texts.
    pub rng: ChaCha8Rng,
}

/// A text in progress.
struct InProgress {
    index: usize,
    /// Tokens after the start token.
    ids: Vec<u32>,
    /// Number of these from the prompt.
    given: usize,
    /// Tokens not in the cache yet.
    new: Vec<u32>,
    rng: ChaCha8Rng,
}

/// Continues each prompt until the end token, a stop text, `max_tokens`, or the longest supported text; returns each
/// prompt with its continuation.
///
/// A prompt is preceded by what the model's tokenizer adds, which is nothing for GPT-2; `sampling.bos` adds the start
/// token. An empty prompt always has it, since there must be something to continue.
///
/// A prompt that cannot be continued (too long, or with characters that the vocabulary lacks) gives its own error.
/// # Errors
/// When the model is not a language model, or `sampling` is invalid.
pub fn generate(model: &TextModel, prompts: Vec<Prompt>, sampling: &Sampling) -> Result<Vec<Result<String>>> {
    sampling.check()?;
    let network = model.language_model()?;
    let (mark, longest) = (network.start(), network.longest());
    ensure!(!sampling.bos || mark.is_some(), "the model has no start token (bos_token_id)");
    let marked = sampling.bos || begins_with_mark(model);
    let mut written: Vec<Result<String>> = Vec::with_capacity(prompts.len());
    let mut in_progress = Vec::new();
    for (index, prompt) in prompts.into_iter().enumerate() {
        let Prompt { text, rng } = prompt;
        let ids = model.tokenizer.encode_plain(&text);
        let needs_mark = marked || ids.as_ref().is_ok_and(Vec::is_empty);
        let begin: Vec<u32> = mark.filter(|_| needs_mark).into_iter().collect();
        match ids {
            Err(error) => written.push(Err(error)),
            Ok(ids) if ids.is_empty() && mark.is_none() => {
                let none = "the prompt is empty, and the model has no start token (bos_token_id)";
                written.push(Err(anyhow::anyhow!(none)));
            }
            Ok(ids) if begin.len() + ids.len() > longest => {
                let longest = longest - begin.len();
                written.push(Err(anyhow::anyhow!(
                    "the prompt has {} tokens, but the network reads at most {longest}",
                    ids.len()
                )));
            }
            Ok(ids) => {
                written.push(Ok(text));
                let new = [begin, ids.clone()].concat();
                in_progress.push(InProgress { index, given: ids.len(), ids, new, rng });
            }
        }
    }
    if sampling.max_tokens == 0 {
        return Ok(written);
    }
    let mut texts = network.begin(in_progress.len());
    while !in_progress.is_empty() {
        let new: Vec<&[u32]> = in_progress.iter().map(|text| text.new.as_slice()).collect();
        let logits = texts.next(&new).and_then(|logits| logits.to_dtype(DType::F32)?.to_vec2::<f32>());
        let known = texts.lengths();
        let mut keep = Vec::with_capacity(in_progress.len());
        for ((text, logits), known) in in_progress.iter_mut().zip(logits.map_err(plain)?).zip(known) {
            let token = sampling.draw(&logits, &mut text.rng);
            let ended = network.ends(token);
            if !ended {
                text.ids.push(token);
                text.new = vec![token];
            }
            let stopped = if ended { None } else { stop_of(model, text, &sampling.stop)? };
            let full = known >= longest || text.ids.len() - text.given >= sampling.max_tokens;
            let goes_on = !ended && stopped.is_none() && !full;
            if !goes_on && text.ids.len() > text.given {
                let continuation = match stopped {
                    Some(continuation) => continuation,
                    None => continuation(model, text)?,
                };
                if let Ok(written) = &mut written[text.index] {
                    written.push_str(&continuation);
                }
            }
            keep.push(goes_on);
        }
        texts.retain(&keep);
        let mut keep = keep.into_iter();
        in_progress.retain(|_| keep.next().unwrap_or(false));
    }
    Ok(written)
}

/// Whether the model's tokenizer adds the start token, according to its `tokenizer_config.json` or its template.
fn begins_with_mark(model: &TextModel) -> bool {
    let stated = model.config.option("add_bos_token").and_then(Value::as_bool);
    let templated = || {
        let (tokens, _) = model.tokenizer.encode("").ok()?;
        Some(*tokens.ids.first()? == model.config.option("bos_token_id")?.as_u64()? as u32)
    };
    stated.or_else(templated).unwrap_or(false)
}

/// The text after the prompt. A token may be part of a character, so the prompt is decoded, too.
fn continuation(model: &TextModel, text: &InProgress) -> Result<String> {
    let whole = model.tokenizer.decode(&text.ids)?;
    let prompt = model.tokenizer.decode(&text.ids[..text.given])?;
    match whole.strip_prefix(prompt.as_str()) {
        Some(rest) => Ok(rest.to_owned()),
        None => model.tokenizer.decode(&text.ids[text.given..]),
    }
}

/// The text up to the first stop text, if it contains one.
fn stop_of(model: &TextModel, text: &InProgress, stops: &[String]) -> Result<Option<String>> {
    if stops.is_empty() {
        return Ok(None);
    }
    let written = continuation(model, text)?;
    let first = stops.iter().filter_map(|stop| written.find(stop.as_str())).min();
    Ok(first.map(|end| written[..end].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frequencies in 4000 draws.
    fn shares(sampling: &Sampling, logits: &[f32]) -> Vec<f64> {
        let mut counts = vec![0.0; logits.len()];
        let mut rng = dl_record::rng(0, "draws");
        for _ in 0..4000 {
            counts[sampling.draw(logits, &mut rng) as usize] += 1.0 / 4000.0;
        }
        counts
    }

    fn close(found: &[f64], expected: [f64; 4]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 0.03 && (expected > 0.0 || *found == 0.0), "{found} {expected}");
        }
    }

    #[test]
    fn draws_follow_the_truncated_softmax() {
        // Probabilities 0.4, 0.1, 0.3, 0.2.
        let logits = [0.4_f32, 0.1, 0.3, 0.2].map(f32::ln);
        let usual = Sampling::default();
        close(&shares(&usual, &logits), [0.4, 0.1, 0.3, 0.2]);
        close(&shares(&Sampling { top_k: Some(2), ..usual.clone() }, &logits), [4.0 / 7.0, 0.0, 3.0 / 7.0, 0.0]);
        close(&shares(&Sampling { top_p: 0.75, ..usual.clone() }, &logits), [4.0 / 9.0, 0.0, 3.0 / 9.0, 2.0 / 9.0]);
        close(&shares(&Sampling { top_p: 0.01, ..usual.clone() }, &logits), [1.0, 0.0, 0.0, 0.0]);
        close(&shares(&Sampling { temperature: 0.0, ..usual.clone() }, &logits), [1.0, 0.0, 0.0, 0.0]);
        // Squares of the probabilities, to the sum 0.3.
        let sharp = Sampling { temperature: 0.5, ..usual };
        close(&shares(&sharp, &logits), [0.16 / 0.3, 0.01 / 0.3, 0.09 / 0.3, 0.04 / 0.3]);
    }

    #[test]
    fn invalid_numbers_are_an_error() {
        let usual = Sampling::default();
        assert!(Sampling { temperature: -1.0, ..usual.clone() }.check().is_err());
        assert!(Sampling { top_p: 0.0, ..usual.clone() }.check().is_err());
        assert!(Sampling { top_k: Some(0), ..usual.clone() }.check().is_err());
        assert!(Sampling { stop: vec![String::new()], ..usual }.check().is_err());
    }
}
