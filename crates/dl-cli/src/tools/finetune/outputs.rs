//! Before hours of work: the files of a training can be written, and nothing is lost by it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_models::detection::rcnn::RcnnHeads;
use dl_record::file::{check_writable, is_same};

use crate::common::Inputs;

/// Fails when a file that is to be written cannot be, or is one that the training reads.
pub(super) fn check(outputs: &[(&str, &Path)], inputs: &Inputs, others: &[Option<&Path>]) -> Result<()> {
    let read: Vec<PathBuf> = inputs.inputs.iter().map(PathBuf::from).chain(others.iter().flatten().map(PathBuf::from)).collect();
    for (index, (option, path)) in outputs.iter().enumerate() {
        check_writable(path).with_context(|| option.to_string())?;
        if !path.is_file() {
            continue;
        }
        if let Some(input) = read.iter().find(|input| is_same(path, input)) {
            bail!("{option} {}: the training reads this file ({}); name another", path.display(), input.display());
        }
        if let Some((other, _)) = outputs[..index].iter().find(|(_, other)| is_same(path, other)) {
            bail!("{option} {}: is the file of {other}; name another", path.display());
        }
    }
    Ok(())
}

/// Fails when there is a model already that nobody asked to overwrite.
pub(super) fn check_new(model: &Path, force: bool) -> Result<()> {
    if !force && model.is_file() {
        bail!("--model {}: exists; --resume continues a training that was broken off, --force overwrites", model.display());
    }
    Ok(())
}

/// The model file of R-CNN's heads, if it is there, must be one that a part can be added to.
pub(super) fn check_heads(model: &Path, part: &str, force: bool) -> Result<()> {
    if !model.exists() {
        return Ok(());
    }
    let heads = RcnnHeads::load(model)?;
    let is_there = if part == "svm" { heads.svm.is_some() } else { heads.bbox.is_some() };
    if is_there && !force {
        bail!("--model {}: has its {part} part already; --force replaces it", model.display());
    }
    Ok(())
}
