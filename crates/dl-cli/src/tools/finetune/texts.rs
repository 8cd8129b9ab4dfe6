//! What the trainings on texts have in common: reading records, putting some aside, words for the model file.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_models::Checkpoint;
use dl_models::text::{TextFreeze, TextModel};
use dl_record::Record;
use dl_train::Digest;
use dl_train::sampler::Rounds;
use serde_json::{Value, json};

use crate::common::{Common, Inputs, Io, Job, Tally, each_record};
use crate::tools::model::digest;

/// Texts with what is learned of each.
pub(super) struct Texts<T> {
    pub(super) learned: Vec<T>,
    pub(super) judged: Vec<T>,
    pub(super) tally: Tally,
    /// Of what is learned from.
    pub(super) digest: Digest,
    /// Of what is judged by.
    pub(super) judged_digest: Digest,
}

/// Where texts come from.
pub(super) struct Source<'a> {
    pub(super) common: &'a Common,
    pub(super) inputs: &'a Inputs,
    pub(super) val: Option<&'a Path>,
    pub(super) val_share: Option<f64>,
}

impl Source<'_> {
    /// Reads all records; `take` makes of each what is learned.
    pub(super) fn read<T: Clone>(&self, io: &mut Io, mut take: impl FnMut(&Record) -> Result<T>) -> Result<Texts<T>> {
        let mut read = |io: &mut Io, inputs: &Inputs, digest: &mut Digest| -> Result<(Vec<T>, Tally)> {
            let mut all = Vec::new();
            let tally = each_record(io, Job { common: self.common, inputs }, |record, _| {
                all.push(take(&record)?);
                for field in ["text", "label"] {
                    digest.text(record.raw(field).unwrap_or_default());
                }
                Ok(())
            })?;
            Ok((all, tally))
        };
        let [mut of_learned, mut of_judged] = [Digest::default(); 2];
        let (mut learned, tally) = read(io, self.inputs, &mut of_learned)?;
        let mut judged = Vec::new();
        if let Some(path) = self.val {
            let inputs = Inputs { inputs: vec![path.display().to_string()] };
            judged = read(io, &inputs, &mut of_judged)?.0;
            ensure!(!judged.is_empty(), "--val {}: no record to judge by", path.display());
        }
        if let Some(share) = self.val_share {
            let aside = (share * learned.len() as f64).round() as usize;
            ensure!(aside > 0 && aside < learned.len(), "--val-share {share} of {} texts leaves none", learned.len());
            let mut order = Rounds::new(learned.len(), self.common.seed, "val-share");
            let mut is_aside = vec![false; learned.len()];
            (0..aside).for_each(|place| is_aside[order.at(place)] = true);
            let pick = |wanted: bool| {
                let texts = learned.iter().zip(&is_aside).filter(|(_, aside)| **aside == wanted);
                texts.map(|(text, _)| text.clone()).collect::<Vec<T>>()
            };
            (learned, judged) = (pick(false), pick(true));
        }
        if learned.is_empty() {
            bail!("no record to learn from ({} failed here, {} before)", tally.failed, tally.carried);
        }
        Ok(Texts { learned, judged, tally, digest: of_learned, judged_digest: of_judged })
    }
}

/// The record's text.
pub(super) fn text_of(record: &Record) -> Result<String> {
    record.require("text", "it is what the network reads")
}

/// The fingerprint of a model's files, so that a training goes on only from the same start.
pub(super) fn start_digest(path: &Path) -> Result<Vec<String>> {
    Checkpoint::open(path)?.files().iter().map(|file| Ok(digest(file)?.1)).collect()
}

/// What was initialised from what, for the config of the new model.
pub(super) fn source(model: &TextModel, path: &Path) -> Value {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    json!({"initialised_from": name, "its_source": model.config.source})
}

/// `none`, or up to a layer, or all but the last blocks.
pub(super) fn freeze(path: &Path, up_to: Option<&str>, trainable: Option<usize>) -> Result<TextFreeze> {
    if up_to.is_none() && trainable.is_none() {
        return Ok(TextFreeze::Nothing);
    }
    // The names and number of its layers.
    let model = TextModel::open(path, &candle_core::Device::Cpu)?;
    let network = model.network.texts();
    match (up_to, trainable) {
        (Some(layer), _) => TextFreeze::up_to(network, layer).with_context(|| format!("--freeze {layer}")),
        (None, Some(count)) => {
            TextFreeze::all_but_last(network, count).with_context(|| format!("--trainable-layers {count}"))
        }
        (None, None) => Ok(TextFreeze::Nothing),
    }
}
