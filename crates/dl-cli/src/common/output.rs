//! An output must not replace an input that is still being read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use dl_record::Record;
use dl_record::file::is_same;
use dl_vision::formats::{IMAGE_ENDINGS, has_ending};

use super::Inputs;
use super::inputs::Matches;

/// Refuses an output file that is one of the inputs: a named file or image, an image in a named folder or matched by a
/// glob, or the file that the shell opened as stdin.
/// # Errors
/// When the output is an input; the message names both.
pub(crate) fn not_an_input(output: &Path, inputs: &Inputs) -> Result<()> {
    // A terminal, a pipe or /dev/null can be read and written at the same time.
    if !output.is_file() {
        return Ok(());
    }
    let stdin = ["-".to_owned()];
    let named = if inputs.inputs.is_empty() { &stdin[..] } else { &inputs.inputs };
    match named.iter().find(|input| reads(input, output)) {
        Some(input) if input == "-" => {
            bail!("{}: would replace the file on stdin; choose another output", output.display())
        }
        Some(input) => {
            bail!("{}: would replace the input {input}; choose another output", output.display())
        }
        None => Ok(()),
    }
}

/// The inputs named on the command line, none of which a written image may replace.
pub(crate) struct Originals {
    files: HashSet<PathBuf>,
    /// Folders and globs.
    others: Inputs,
}

impl Originals {
    pub(crate) fn of(inputs: &Inputs) -> Self {
        let (files, others): (Vec<_>, Vec<_>) =
            inputs.inputs.iter().cloned().partition(|input| Path::new(input).is_file());
        let files = files.iter().filter_map(|input| Path::new(input).canonicalize().ok()).collect();
        Self { files, others: Inputs { inputs: others } }
    }

    /// # Errors
    /// When the output is one of them.
    pub(crate) fn check(&self, output: &Path) -> Result<()> {
        if output.canonicalize().is_ok_and(|output| self.files.contains(&output)) {
            bail!("{}: would replace an input; name another --output-dir", output.display());
        }
        not_an_input(output, &self.others)
    }
}

/// Whether an output file is the image of a record.
/// # Errors
/// When the record's `image` is not a string.
pub(crate) fn is_image_of(output: &Path, record: &Record) -> Result<bool> {
    Ok(record.image()?.is_some_and(|image| is_same(output, Path::new(&image))))
}

fn reads(input: &str, output: &Path) -> bool {
    let path = Path::new(input);
    if input == "-" {
        return is_same(Path::new("/dev/stdin"), output);
    }
    if path.is_dir() {
        let both = (path.canonicalize(), output.canonicalize());
        let inside = matches!(both, (Ok(folder), Ok(file)) if file.starts_with(&folder));
        return inside && has_ending(output, &IMAGE_ENDINGS);
    }
    if path.exists() {
        return is_same(path, output);
    }
    Matches::new(input).is_ok_and(|matches| matches.flatten().any(|path| is_same(&path, output)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_output_that_is_an_input_under_any_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a.jsonl", "b.jsonl", "c.png", "d.json"] {
            fs::write(at(name), "").unwrap();
        }
        let check = |output: &str, input: &str| {
            let input = at(input).display().to_string();
            not_an_input(&at(output), &Inputs { inputs: vec![at("b.jsonl").display().to_string(), input] })
        };
        for (output, input) in [("a.jsonl", "a.jsonl"), ("./a.jsonl", "a.jsonl"), ("a.jsonl", "a.*"), ("c.png", ".")] {
            let error = check(output, input).unwrap_err().to_string();
            assert!(error.contains("would replace the input"), "{error}");
        }
        for (output, input) in [("a.jsonl", "none"), ("d.json", "."), ("new.png", "."), ("a.jsonl", "d.*")] {
            check(output, input).unwrap();
        }
    }
}
