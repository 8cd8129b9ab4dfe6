//! Files that are generated from the source and committed: writes them, or checks that they are up to date.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::write_atomically;

/// What to do with generated files.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write the files that differ, and remove those that no longer belong
    Write,
    /// Fail if a file differs
    Check,
}

/// The expected files of a folder.
pub(crate) struct Generated {
    folder: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    remedy: &'static str,
}

impl Generated {
    /// `files` by path relative to `folder`; `remedy` is the command that writes them.
    pub(crate) fn new(folder: PathBuf, files: BTreeMap<String, Vec<u8>>, remedy: &'static str) -> Self {
        Self { folder, files, remedy }
    }

    /// Writes or checks the files.
    /// # Errors
    /// When a file cannot be written or, in a check, differs; the message names it and the remedy.
    pub(crate) fn run(&self, mode: Mode) -> Result<()> {
        for (name, content) in &self.files {
            let path = self.folder.join(name);
            if fs::read(&path).is_ok_and(|found| found == *content) {
                continue;
            }
            match mode {
                Mode::Write => write_atomically(&path, |output| Ok(output.write_all(content)?))?,
                Mode::Check => bail!("{} is stale; run `{}`", path.display(), self.remedy),
            }
        }
        Ok(())
    }

    /// Like [`run`](Self::run), for folders that contain nothing else: other files are removed, or fail the check.
    /// # Errors
    /// As for [`run`](Self::run).
    pub(crate) fn run_alone(&self, mode: Mode) -> Result<()> {
        self.run(mode)?;
        for path in files_below(&self.folder)? {
            let name = path.strip_prefix(&self.folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if self.files.contains_key(&name) {
                continue;
            }
            match mode {
                Mode::Write => fs::remove_file(&path).with_context(|| path.display().to_string())?,
                Mode::Check => bail!("{} does not belong here; run `{}`", path.display(), self.remedy),
            }
        }
        Ok(())
    }
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_names_a_stale_or_misplaced_file_and_writing_fixes_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = BTreeMap::from([("a.txt".to_owned(), b"a".to_vec()), ("deep/b.txt".to_owned(), b"b".to_vec())]);
        let generated = Generated::new(folder.path().to_owned(), files, "make gen");
        let error = |mode| format!("{:#}", generated.run_alone(mode).unwrap_err());
        assert!(error(Mode::Check).ends_with("a.txt is stale; run `make gen`"));
        generated.run_alone(Mode::Write).unwrap();
        generated.run_alone(Mode::Check).unwrap();
        fs::write(folder.path().join("deep/b.txt"), "edited").unwrap();
        assert!(error(Mode::Check).contains("b.txt is stale"));
        fs::write(folder.path().join("deep/c.txt"), "of a program that is gone").unwrap();
        generated.run(Mode::Write).unwrap();
        assert!(error(Mode::Check).contains("c.txt does not belong here"));
        generated.run_alone(Mode::Write).unwrap();
        generated.run_alone(Mode::Check).unwrap();
    }
}
