//! The inputs that are mutated, and that are run unchanged before every loop.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::Target;

/// Longer files only make cases slower.
const LONGEST: u64 = 1 << 16;

/// The seeds of a target, by path.
pub struct Seeds(pub(crate) Vec<(PathBuf, Vec<u8>)>);

impl Seeds {
    /// Reads `fuzz/corpus/TARGET` and the other folders that the target names, relative to the repository's `root`.
    /// # Errors
    /// When a folder cannot be read, or contains no seeds.
    pub fn read(root: &Path, target: &Target) -> Result<Self> {
        let mut seeds = Vec::new();
        let own = format!("fuzz/corpus/{}", target.name);
        for folder in [own.as_str()].iter().chain(target.seeds) {
            let folder = root.join(folder);
            let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
            for entry in entries {
                let path = entry?.path();
                let found = fs::metadata(&path)?;
                let is_script = path.extension().is_some_and(|ending| ending == "py");
                if found.is_file() && found.len() <= LONGEST && !is_script {
                    seeds.push((path.clone(), fs::read(&path)?));
                }
            }
        }
        ensure!(!seeds.is_empty(), "{}: no seeds", target.name);
        seeds.sort();
        Ok(Self(seeds))
    }

    /// These files, in this order.
    /// # Errors
    /// When one cannot be read.
    pub fn of(files: &[PathBuf]) -> Result<Self> {
        let read = |path: &PathBuf| Ok((path.clone(), fs::read(path).with_context(|| path.display().to_string())?));
        files.iter().map(read).collect::<Result<_>>().map(Self)
    }
}
