//! Globs that the shell left alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use dl_vision::formats::{IMAGE_ENDINGS, Unusable, Walk, escaped};
use glob::{MatchOptions, Pattern};

use super::kind::GLOB;

/// The paths that a glob matches, sorted, as in a shell. `**` descends as a named folder does, so that it ends even where
/// folders link to each other.
pub(in crate::common) struct Matches {
    whole: Pattern,
    /// The patterns between the slashes.
    parts: Vec<Pattern>,
    /// Paths and how many parts they match, the last first.
    open: Vec<(PathBuf, usize)>,
    walk: Option<Walk>,
}

impl Matches {
    pub(in crate::common) fn new(glob: &str) -> Result<Self> {
        let pattern = |text: &str| Pattern::new(text).map_err(|error| anyhow!("{glob}: not a glob: {error}"));
        let names: Vec<&str> = glob.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let (root, base) = match glob {
            _ if glob.starts_with('/') => ("/", "/"),
            _ if glob.starts_with("./") => ("", "."),
            _ => ("", ""),
        };
        Ok(Self {
            whole: pattern(&format!("{root}{}", names.join("/")))?,
            parts: names.into_iter().map(pattern).collect::<Result<_>>()?,
            open: vec![(PathBuf::from(base), 0)],
            walk: None,
        })
    }

    /// Opens the entries of a folder that match the next part.
    fn open(&mut self, folder: PathBuf, at: usize) -> Result<(), Unusable> {
        let Some(part) = self.parts.get(at) else { return Ok(()) };
        if part.as_str() == "**" {
            // `**` at the end stands for folders, of which the images are taken.
            let endings: &[&str] = if at + 1 == self.parts.len() { &IMAGE_ENDINGS } else { &[] };
            self.walk = Some(Walk::new(here(&folder), endings));
            return Ok(());
        }
        if !part.as_str().contains(GLOB) {
            let path = folder.join(part.as_str());
            if path.exists() {
                self.open.push((path, at + 1));
            }
            return Ok(());
        }
        let cannot = |error: std::io::Error| Unusable {
            path: escaped(&folder),
            reason: format!("cannot be read: {error}"),
            is_folder: true,
        };
        let is_hidden = |name: &OsString| name.as_encoded_bytes().starts_with(b".") && !part.as_str().starts_with('.');
        let mut names = Vec::new();
        for entry in here(&folder).read_dir().map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            if !is_hidden(&name) && part.matches(&escaped(Path::new(&name))) {
                names.push(name);
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        let is_last = at + 1 == self.parts.len();
        let paths = names.into_iter().map(|name| folder.join(name)).filter(|path| is_last || path.is_dir());
        self.open.extend(paths.map(|path| (path, at + 1)));
        Ok(())
    }
}

/// The folder to read for an empty relative path.
fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

impl Iterator for Matches {
    type Item = Result<PathBuf, Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        loop {
            if let Some(walk) = &mut self.walk {
                for found in walk.by_ref() {
                    let path = match &found {
                        Ok(path) => path,
                        Err(bad) => Path::new(&bad.path),
                    };
                    let path = path.strip_prefix(".").unwrap_or(path);
                    if self.whole.matches_path_with(path, options) || matches!(&found, Err(bad) if bad.is_folder) {
                        let path = path.to_owned();
                        return Some(found.map(|_| path));
                    }
                }
                self.walk = None;
            }
            let (path, at) = self.open.pop()?;
            if at == self.parts.len() {
                return Some(Ok(path));
            }
            if let Err(unusable) = self.open(path, at) {
                return Some(Err(unusable));
            }
        }
    }
}
