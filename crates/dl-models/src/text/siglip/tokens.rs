//! How SigLIP's texts become tokens: in lower case, padded to one length. Files of tokenizers may leave both to the
//! program that reads them.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};
use tokenizers::normalizers::{Lowercase, Sequence};
use tokenizers::{NormalizerWrapper, PaddingDirection, PaddingParams, PaddingStrategy, Tokenizer};

use crate::checkpoint::printable;
use crate::text::TextConfig;

/// Makes a tokenizer pad to `longest` tokens, as its file says from then on. `beside` is the `tokenizer_config.json` in
/// the folder of a tokenizer that is not ours; such a one may lack the lower case of the training. Returns whether it
/// changed.
/// # Errors
/// When nothing says what pads a text.
pub(in crate::text) fn complete(
    inner: &mut Tokenizer,
    longest: usize,
    config: &TextConfig,
    beside: Option<&Map<String, Value>>,
) -> Result<bool> {
    let before = inner.get_padding().cloned();
    let pad_id = padding(inner, config, beside)?;
    let is_right = |params: &PaddingParams| {
        let is_fixed = matches!(params.strategy, PaddingStrategy::Fixed(length) if length == longest);
        is_fixed && params.pad_id == pad_id && matches!(params.direction, PaddingDirection::Right)
    };
    let mut changed = false;
    if !before.as_ref().is_some_and(is_right) {
        let pad_token = inner.id_to_token(pad_id).unwrap_or_default();
        let strategy = PaddingStrategy::Fixed(longest);
        inner.with_padding(Some(PaddingParams { strategy, pad_id, pad_token, ..PaddingParams::default() }));
        changed = true;
    }
    let keeps_case = |stated: &Map<String, Value>| stated.get("do_lower_case") == Some(&Value::Bool(false));
    if beside.is_some_and(|stated| !keeps_case(stated)) && !inner.get_normalizer().is_some_and(lowercases) {
        let rest = inner.get_normalizer().cloned();
        let steps = std::iter::once(NormalizerWrapper::Lowercase(Lowercase)).chain(rest);
        let steps = Sequence::new(steps.collect());
        inner.with_normalizer(Some(steps)).map_err(|error| anyhow!("its normalizer cannot be changed: {error}"))?;
        changed = true;
    }
    Ok(changed)
}

/// The token that pads: what the tokenizer's config names, or else its file, the network's config, or the two families'
/// own.
fn padding(inner: &Tokenizer, config: &TextConfig, beside: Option<&Map<String, Value>>) -> Result<u32> {
    let named = beside.and_then(|stated| stated.get("pad_token")).and_then(|token| match token {
        Value::Object(token) => token.get("content")?.as_str(),
        token => token.as_str(),
    });
    if let Some(token) = named {
        return inner.token_to_id(token).with_context(|| {
            format!("tokenizer_config.json: the pad_token \"{}\" is not in the vocabulary", printable(token))
        });
    }
    if let Some(params) = inner.get_padding() {
        return Ok(params.pad_id);
    }
    let stated = config.option("text_config").and_then(|texts| texts.get("pad_token_id")).and_then(Value::as_u64);
    if let Some(id) = stated {
        return u32::try_from(id).with_context(|| format!("text_config: pad_token_id is {id}"));
    }
    match ["</s>", "<pad>"].into_iter().find_map(|token| inner.token_to_id(token)) {
        Some(id) => Ok(id),
        None => bail!("no pad_token in its tokenizer_config.json, and no </s> or <pad> in its vocabulary"),
    }
}

fn lowercases(normalizer: &NormalizerWrapper) -> bool {
    match normalizer {
        NormalizerWrapper::Lowercase(_) => true,
        NormalizerWrapper::BertNormalizer(bert) => bert.lowercase,
        NormalizerWrapper::Sequence(steps) => steps.as_ref().iter().any(lowercases),
        _ => false,
    }
}
