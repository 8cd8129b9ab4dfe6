//! Checks before hours of work that the files of a training run can be written, and that none is overwritten by
//! accident.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::file::{check_writable, folder_of, is_same, open_regular};
use serde_json::{Map, Value};

use crate::common::{Inputs, not_an_input};

/// Longest file name, in bytes, that common file systems allow.
const LONGEST_NAME: usize = 255;

/// Fails when an output cannot be written, is one of the files that the training run reads, or is not a regular file.
pub(crate) fn check(outputs: &[(&str, &Path)], inputs: &Inputs, others: &[Option<&Path>]) -> Result<()> {
    let read: Vec<PathBuf> =
        inputs.inputs.iter().map(PathBuf::from).chain(others.iter().flatten().map(PathBuf::from)).collect();
    for (index, (option, path)) in outputs.iter().enumerate() {
        if *path == Path::new("-") {
            bail!("{option} -: cannot be written to stdout; name a file, or ./- for one of that name");
        }
        if path.file_name().is_some_and(|name| name.len() > LONGEST_NAME) {
            bail!("{option}: {}: the name is too long for a file", path.display());
        }
        // Other files are written beside a model, and it is read again: impossible with a device or a pipe.
        if *option == "--output" && fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            bail!("--output {}: is not a regular file; name a file for the model", path.display());
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
            bail!("{option} {}: would replace the input {}; name another", path.display(), input.display());
        }
        not_an_input(path, inputs).with_context(|| option.to_string())?;
    }
    Ok(())
}

/// The path with its folder resolved; the file need not exist yet.
fn place(path: &Path) -> Option<PathBuf> {
    Some(folder_of(path).canonicalize().ok()?.join(path.file_name()?))
}

/// Fails when a file that the user did not name is a symlink: only links that are named are followed.
pub(crate) fn check_no_link(path: &Path) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        bail!(
            "{}: is a symlink that training would write through; remove it, or name another --output",
            path.display()
        );
    }
    Ok(())
}

/// Fails when the model exists and `force` is not given; `remedy` says what to do.
pub(crate) fn check_new(model: &Path, force: bool, remedy: &str) -> Result<()> {
    if !force && model.is_file() {
        bail!("--output {}: exists; {remedy}", model.display());
    }
    Ok(())
}

/// Endings of files that are not models of ours.
const OTHER_FORMATS: [&str; 10] = ["pth", "pt", "ckpt", "bin", "onnx", "h5", "png", "jpg", "json", "jsonl"];

/// What may happen to the files of an earlier run.
#[derive(Clone, Copy)]
pub(crate) struct Earlier {
    /// `--force`: they are overwritten.
    pub(crate) force: bool,
    /// `--resume`: the training goes on from `last`.
    pub(crate) resume: bool,
}

impl Earlier {
    /// Fails when a training would overwrite the model, its state in `last`, or the log of an earlier run without being
    /// told so; and always when the log would replace something else.
    pub(crate) fn check(self, model: &Path, last: &Path, log: Option<&Path>) -> Result<()> {
        let Self { force, resume } = self;
        if OTHER_FORMATS.iter().any(|ending| model.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending)))
        {
            bail!("--output {}: a model is a .safetensors file; name one", model.display());
        }
        check_new(model, force || resume, "--resume continues an unfinished run, --force overwrites")?;
        if resume && model.is_file() && !last.exists() {
            bail!(
                "--output {}: exists, but {}, from which --resume continues, does not; --force overwrites",
                model.display(),
                last.display()
            );
        }
        if !force && !resume && last.is_file() {
            bail!("{}: exists, the state of an earlier run; --resume continues it, --force overwrites", last.display());
        }
        let Some(log) = log.filter(|log| fs::metadata(log).is_ok_and(|found| found.is_file() && found.len() > 0))
        else {
            return Ok(());
        };
        if !is_log(log) {
            bail!("--log {}: exists and is not a log; name another", log.display());
        }
        if !force && !resume {
            bail!("--log {}: exists; --force overwrites it", log.display());
        }
        Ok(())
    }
}

/// Whether a file's first line is that of a training's log.
fn is_log(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = open_regular(path).map(|file| file.take(1 << 16).read_to_end(&mut head));
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line: Option<Map<String, Value>> = serde_json::from_slice(line).ok();
    // A run may have been killed while it wrote the first line.
    let cut_off = head.starts_with(b"{\"") && !head.contains(&b'\n');
    read.is_ok() && (cut_off || line.is_some_and(|line| line.contains_key("iteration")))
}
