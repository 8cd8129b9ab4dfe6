//! Before hours of work: the files of a training can be written, and nothing is lost by it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_models::detection::rcnn::RcnnHeads;
use dl_record::file::{check_writable, is_same};

use crate::common::{Inputs, not_an_input};

/// Bytes of a name that file systems take.
const LONGEST_NAME: usize = 255;

/// Fails when a file that is to be written cannot be, is one that the training reads, or is a model that would be no file.
pub(super) fn check(outputs: &[(&str, &Path)], inputs: &Inputs, others: &[Option<&Path>]) -> Result<()> {
    let read: Vec<PathBuf> =
        inputs.inputs.iter().map(PathBuf::from).chain(others.iter().flatten().map(PathBuf::from)).collect();
    for (index, (option, path)) in outputs.iter().enumerate() {
        if path.file_name().is_some_and(|name| name.len() > LONGEST_NAME) {
            bail!("{option}: {}: the name is too long for a file", path.display());
        }
        // Others are written beside a model, and it is read again: nothing that can be done with a device or a pipe.
        if *option == "--model" && fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            bail!("--model {}: is not a regular file; name a file for the model", path.display());
        }
        check_writable(path).with_context(|| option.to_string())?;
        let same = |other: &Path| is_same(path, other) || place(path).is_some_and(|own| place(other) == Some(own));
        if let Some((other, _)) = outputs[..index].iter().find(|(_, other)| same(other)) {
            bail!("{option} {}: is the file of {other}; name another", path.display());
        }
        if !path.is_file() {
            continue;
        }
        if let Some(input) = read.iter().find(|input| is_same(path, input)) {
            bail!("{option} {}: the training reads this file ({}); name another", path.display(), input.display());
        }
        not_an_input(path, inputs).with_context(|| option.to_string())?;
    }
    Ok(())
}

/// The path by the real name of its folder, also that of a file that does not exist yet.
fn place(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(folder.canonicalize().ok()?.join(path.file_name()?))
}

/// Fails when a file whose name the user did not give is a symlink: only those that are named are followed.
pub(super) fn check_no_link(path: &Path) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        bail!(
            "{}: is a symlink, and the training would write there; remove it, or name another --model",
            path.display()
        );
    }
    Ok(())
}

/// Fails when there is a model already that nobody asked to overwrite; `remedy` is what to do about it.
pub(super) fn check_new(model: &Path, force: bool, remedy: &str) -> Result<()> {
    if !force && model.is_file() {
        bail!("--model {}: exists; {remedy}", model.display());
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
