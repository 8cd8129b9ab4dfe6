//! Texts from a GPT-2, token by token, with what was computed for the earlier ones kept.

use anyhow::{Result, ensure};
use candle_core::DType;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::{Cache, TextModel};
use crate::plain;

/// How the next token is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0: always the likeliest token.
    pub temperature: f64,
    /// Among the so many likeliest tokens.
    pub top_k: Option<usize>,
    /// Among the likeliest tokens whose probabilities reach this sum (Holtzman et al. 2020, nucleus sampling).
    pub top_p: f64,
    /// At most so many tokens after the prompt.
    pub max_tokens: usize,
    /// Put the mark that begins texts before each prompt, also where the model's tokenizer puts none.
    pub bos: bool,
    /// A text ends before the first of these that it would contain after its prompt.
    pub stop: Vec<String>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0, max_tokens: 100, bos: false, stop: Vec::new() }
    }
}

impl Sampling {
    /// Fails when a number makes no sense.
    /// # Errors
    /// Words for the user.
    pub fn check(&self) -> Result<()> {
        ensure!(self.temperature >= 0.0 && self.temperature.is_finite(), "the temperature must not be below 0");
        ensure!(self.top_p > 0.0 && self.top_p <= 1.0, "top-p must be above 0, up to 1");
        ensure!(self.top_k != Some(0), "top-k must be above 0");
        ensure!(self.stop.iter().all(|stop| !stop.is_empty()), "an empty text to stop at would stop at once");
        Ok(())
    }

    /// A token drawn by these logits. The likeliest comes first, equals by their number.
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
        // The nucleus: as few as reach the sum, at least one.
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

/// A text to be continued, and what its draws come from.
pub struct Prompt {
    /// The beginning; may be empty.
    pub text: String,
    /// Its own generator: the result does not depend on the texts beside it.
    pub rng: ChaCha8Rng,
}

/// One text on its way.
struct Growing {
    index: usize,
    /// Tokens after the mark that begins a text.
    ids: Vec<u32>,
    /// Of these the prompt's.
    given: usize,
    /// Tokens that the network does not know yet.
    new: Vec<u32>,
    rng: ChaCha8Rng,
}

/// Continues each prompt until the mark that ends texts, a text to stop at, `max_tokens`, or the longest text that the
/// network reads; gives each prompt with its continuation.
///
/// What stands before a prompt is what the model's tokenizer puts there, which is nothing for GPT-2; `sampling.bos` puts
/// the mark that begins texts. An empty prompt has it in any case, since something must be continued.
///
/// A prompt that cannot be continued (letters that the vocabulary lacks, too long) is an error of its own.
/// # Errors
/// When the model is no GPT-2, or `sampling` makes no sense.
pub fn generate(model: &TextModel, prompts: Vec<Prompt>, sampling: &Sampling) -> Result<Vec<Result<String>>> {
    sampling.check()?;
    let gpt2 = model.gpt2()?;
    let mark = gpt2.options.bos_token_id;
    ensure!(!sampling.bos || mark.is_some(), "the model has no token that begins a text (bos_token_id)");
    let marked = sampling.bos || begins_with_mark(model);
    let mut written: Vec<Result<String>> = Vec::with_capacity(prompts.len());
    let mut growing = Vec::new();
    for (index, prompt) in prompts.into_iter().enumerate() {
        let Prompt { text, rng } = prompt;
        let ids = model.tokenizer.encode_plain(&text);
        let needs_mark = marked || ids.as_ref().is_ok_and(Vec::is_empty);
        let begin: Vec<u32> = mark.filter(|_| needs_mark).into_iter().collect();
        match ids {
            Err(error) => written.push(Err(error)),
            Ok(ids) if ids.is_empty() && mark.is_none() => {
                let none = "the prompt is empty, and the model has no token that begins a text (bos_token_id)";
                written.push(Err(anyhow::anyhow!(none)));
            }
            Ok(ids) if begin.len() + ids.len() > gpt2.options.n_positions => {
                let longest = gpt2.options.n_positions - begin.len();
                written.push(Err(anyhow::anyhow!("the prompt has {} tokens, the network reads {longest}", ids.len())));
            }
            Ok(ids) => {
                written.push(Ok(text));
                let new = [begin, ids.clone()].concat();
                growing.push(Growing { index, given: ids.len(), ids, new, rng });
            }
        }
    }
    if sampling.max_tokens == 0 {
        return Ok(written);
    }
    let mut cache = Cache::new(growing.len());
    while !growing.is_empty() {
        let new: Vec<&[u32]> = growing.iter().map(|text| text.new.as_slice()).collect();
        let logits = gpt2.next(&new, &mut cache).and_then(|logits| logits.to_dtype(DType::F32)?.to_vec2::<f32>());
        let known = cache.lengths();
        let mut keep = Vec::with_capacity(growing.len());
        for ((text, logits), known) in growing.iter_mut().zip(logits.map_err(plain)?).zip(known) {
            let token = sampling.draw(&logits, &mut text.rng);
            let ended = Some(token) == gpt2.options.eos_token_id;
            if !ended {
                text.ids.push(token);
                text.new = vec![token];
            }
            let stopped = if ended { None } else { stop_of(model, text, &sampling.stop)? };
            let full = known >= gpt2.options.n_positions || text.ids.len() - text.given >= sampling.max_tokens;
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
        cache.retain(&keep);
        let mut keep = keep.into_iter();
        growing.retain(|_| keep.next().unwrap_or(false));
    }
    Ok(written)
}

/// Does the model's tokenizer begin a text with the mark: by its `tokenizer_config.json` or its own template?
fn begins_with_mark(model: &TextModel) -> bool {
    let stated = model.config.option("add_bos_token").and_then(Value::as_bool);
    let templated = || {
        let (tokens, _) = model.tokenizer.encode("").ok()?;
        Some(*tokens.ids.first()? == model.config.option("bos_token_id")?.as_u64()? as u32)
    };
    stated.or_else(templated).unwrap_or(false)
}

/// What was written after the prompt. A token may be part of a letter, so the prompt is decoded too.
fn continuation(model: &TextModel, text: &Growing) -> Result<String> {
    let whole = model.tokenizer.decode(&text.ids)?;
    let prompt = model.tokenizer.decode(&text.ids[..text.given])?;
    match whole.strip_prefix(prompt.as_str()) {
        Some(rest) => Ok(rest.to_owned()),
        None => model.tokenizer.decode(&text.ids[text.given..]),
    }
}

/// What was written as far as the first text to stop at, if there is one in it.
fn stop_of(model: &TextModel, text: &Growing, stops: &[String]) -> Result<Option<String>> {
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

    /// Shares of 4000 draws.
    fn shares(sampling: &Sampling, logits: &[f32]) -> Vec<f64> {
        let mut counts = vec![0.0; logits.len()];
        let mut rng = dl_record::rng(0, "draws");
        for _ in 0..4000 {
            counts[sampling.draw(logits, &mut rng) as usize] += 1.0 / 4000.0;
        }
        counts
    }

    fn close(found: &[f64], wanted: [f64; 4]) {
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 0.03 && (wanted > 0.0 || *found == 0.0), "{found} {wanted}");
        }
    }

    #[test]
    fn draws_follow_the_softmax_cut_as_asked() {
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
    fn numbers_that_make_no_sense_are_refused() {
        let usual = Sampling::default();
        assert!(Sampling { temperature: -1.0, ..usual.clone() }.check().is_err());
        assert!(Sampling { top_p: 0.0, ..usual.clone() }.check().is_err());
        assert!(Sampling { top_k: Some(0), ..usual.clone() }.check().is_err());
        assert!(Sampling { stop: vec![String::new()], ..usual }.check().is_err());
    }
}
