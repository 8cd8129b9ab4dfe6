//! Common to all training on texts: reading records, holding some out, describing the model file.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use dl_models::text::{TextFreeze, TextModel};
use dl_models::{Checkpoint, ModelFile};
use dl_record::Digest;
use dl_record::Record;
use dl_train::sampler::Rounds;
use serde_json::{Value, json};

use super::no_record;
use crate::common::{Common, Inputs, Io, Job, Tally, digest, each_record};

/// Training and validation texts.
pub(super) struct Texts<T> {
    pub(super) train: Vec<T>,
    pub(super) validation: Vec<T>,
    pub(super) tally: Tally,
    /// Digest of the training texts.
    pub(super) digest: Digest,
    /// Digest of the validation texts.
    pub(super) validation_digest: Digest,
}

/// Where texts are read from.
pub(super) struct Source<'a> {
    pub(super) common: &'a Common,
    pub(super) inputs: &'a Inputs,
    pub(super) val: Option<&'a Path>,
    pub(super) val_fraction: Option<f64>,
}

impl Source<'_> {
    /// Reads all records; `take` converts each to an example.
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
        let [mut digest, mut validation_digest] = [Digest::default(); 2];
        let (mut train, tally) = read(io, self.inputs, &mut digest)?;
        let mut validation = Vec::new();
        if let Some(path) = self.val {
            let inputs = Inputs { inputs: vec![path.display().to_string()] };
            validation = read(io, &inputs, &mut validation_digest)?.0;
            ensure!(!validation.is_empty(), "--val {}: no validation record", path.display());
        }
        if let Some(fraction) = self.val_fraction {
            let held_out = (fraction * train.len() as f64).round() as usize;
            ensure!(
                held_out > 0 && held_out < train.len(),
                "--val-fraction {fraction} of {} texts leaves one side empty",
                train.len()
            );
            let mut order = Rounds::new(train.len(), self.common.seed, "val-share");
            let mut is_held_out = vec![false; train.len()];
            (0..held_out).for_each(|place| is_held_out[order.at(place)] = true);
            let pick = |held_out: bool| {
                let texts = train.iter().zip(&is_held_out).filter(|(_, is_held_out)| **is_held_out == held_out);
                texts.map(|(text, _)| text.clone()).collect::<Vec<T>>()
            };
            (train, validation) = (pick(false), pick(true));
        }
        if train.is_empty() {
            return Err(no_record(&tally));
        }
        Ok(Texts { train, validation, tally, digest, validation_digest })
    }
}

/// The record's text.
pub(super) fn text_of(record: &Record) -> Result<String> {
    record.require("text", "it is what the network reads")
}

/// The digests of a model's files, so that training resumes only from the same start.
pub(super) fn start_digest(path: &Path) -> Result<Vec<String>> {
    Checkpoint::open(path)?.files().iter().map(|file| Ok(digest(file)?.1)).collect()
}

/// The origin of the weights, for the config of the new model.
pub(super) fn source(model: &TextModel, path: &Path) -> Value {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    json!({"initialized_from": name, "its_source": model.config.provenance.source})
}

/// Freezes nothing, all up to a layer, or all but the last blocks.
pub(super) fn freeze(path: &Path, up_to: Option<&str>, trainable: Option<usize>) -> Result<TextFreeze> {
    if up_to.is_none() && trainable.is_none() {
        return Ok(TextFreeze::Nothing);
    }
    // Opened for the names and number of its layers.
    let model = ModelFile::open_text(path, &candle_core::Device::Cpu)?;
    let network = model.network.texts();
    match (up_to, trainable) {
        (Some(layer), _) => TextFreeze::up_to(network, layer).with_context(|| format!("--freeze {layer}")),
        (None, Some(count)) => {
            TextFreeze::all_but_last(network, count).with_context(|| format!("--trainable-layers {count}"))
        }
        (None, None) => Ok(TextFreeze::Nothing),
    }
}
