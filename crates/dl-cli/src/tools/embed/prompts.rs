//! Features of texts for other programs, computed as the records of a training state.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use clap::ValueEnum;
use dl_models::fingerprint;
use dl_models::gan::FeatureCondition;

use super::networks::Networks;
use super::pool::{self, Pool};

/// The features of each text, by the network at `model` with the options of dl-embed that `condition` states.
pub(crate) fn prompt_features(model: &Path, condition: &FeatureCondition, prompts: &[String]) -> Result<Vec<Vec<f32>>> {
    let own = fingerprint(model, None)?;
    let stated = condition.network.as_deref().unwrap_or(&own);
    let Some(options) = stated.strip_prefix(&own) else {
        bail!("the generator was trained on features of \"{stated}\", not of \"{own}\"");
    };
    let mut pool = None;
    for option in options.split_whitespace() {
        if let Some(name) = option.strip_prefix("pool=") {
            let known = Pool::from_str(name, true).ok();
            pool = Some(known.with_context(|| format!("pool={name}, as the features state, is unknown"))?);
        }
    }
    let layer = condition.feature.parse()?;
    let networks = Networks::open(model, None, &[layer], &Device::Cpu)?;
    let (network, _) = networks.texts.as_ref().context("the model does not read texts")?;
    let tokens = prompts.iter().map(|prompt| {
        let (tokens, _) = network.tokenizer.encode(prompt).with_context(|| format!("--prompt {prompt:?}"))?;
        ensure!(!tokens.ids.is_empty(), "--prompt {prompt:?}: the text has no tokens");
        Ok(tokens)
    });
    let tokens: Vec<_> = tokens.collect::<Result<_>>()?;
    let found = networks.of_texts(pool, &tokens).into_iter();
    let rows = found.map(|matrices| {
        let mut matrices = matrices?;
        if options.split_whitespace().any(|option| option == "normalize") {
            matrices.iter_mut().for_each(pool::normalize);
        }
        Ok(matrices.into_iter().flat_map(|matrix| matrix.data).collect())
    });
    rows.collect()
}
