//! Walks through untrusted folders; all programs use this.
//!
//! Links are followed, since datasets are often built from them, but no folder is entered twice, so links to a parent
//! folder, or two folders that link to each other, end. What cannot be read is returned with the reason, and the walk
//! continues.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use super::files::{escaped, has_ending};

/// Extensions of images that no reader here decodes: skipping one is a loss, unlike skipping a README.
const OTHER_IMAGES: [&str; 16] =
    ["arw", "avif", "cr2", "cr3", "dng", "exr", "hdr", "heic", "heif", "j2k", "jp2", "jxl", "nef", "psd", "svg", "tga"];
/// How many extensions are counted separately.
const MOST_ENDINGS: usize = 64;

/// Something below a folder that cannot be used.
#[derive(Debug)]
pub struct Unusable {
    /// Its path; bytes that are not Unicode are written `\xff`.
    pub path: String,
    /// The reason.
    pub reason: String,
    /// Is it a folder, whose contents are then unknown?
    pub is_folder: bool,
}

/// All files below a folder with one of the given extensions, in any case, sorted by name folder by folder; all paths
/// are Unicode. Names that begin with a dot are skipped. Only the folders on the way to the current file are held in
/// memory, and 16 bytes for each folder entered.
#[derive(Debug)]
pub struct Walk {
    root: PathBuf,
    /// The root without links; `None` before the walk begins.
    real_root: Option<PathBuf>,
    endings: &'static [&'static str],
    open: Vec<Level>,
    entered: HashSet<Identity>,
    found: VecDeque<Result<PathBuf, Unusable>>,
    left_out: BTreeMap<String, usize>,
    lost_image: bool,
    repeated: BTreeMap<PathBuf, PathBuf>,
}

#[derive(Debug)]
struct Level {
    folder: PathBuf,
    /// Sorted by name in reverse.
    names: Vec<(OsString, Kind)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A link to a folder.
    Link,
}

impl Walk {
    /// A walk below `folder`; over all files if `endings` is empty.
    pub fn new(folder: &Path, endings: &'static [&'static str]) -> Self {
        Self {
            root: folder.to_owned(),
            real_root: None,
            endings,
            open: Vec::new(),
            entered: HashSet::new(),
            found: VecDeque::new(),
            left_out: BTreeMap::new(),
            lost_image: false,
            repeated: BTreeMap::new(),
        }
    }

    /// Walks to the first file, which `next` will return.
    /// # Errors
    /// When the file does not exist; the message lists the files that do.
    pub fn find_first(&mut self, what: &str) -> Result<()> {
        let mut before = VecDeque::new();
        for found in self.by_ref() {
            let is_folder = matches!(&found, Err(unusable) if unusable.is_folder);
            before.push_back(found);
            if !is_folder {
                self.found = before;
                return Ok(());
            }
        }
        let root = escaped(&self.root);
        if let Some(Err(Unusable { path, reason, .. })) = before.pop_front() {
            if path == root {
                bail!("{path}: {reason}");
            }
            bail!("{root}: no {what} in this folder; {path}: {reason}");
        }
        match self.left_out() {
            Some(left_out) => bail!("{root}: no {what} in this folder; {left_out}"),
            None => bail!("{root}: no {what} in this folder"),
        }
    }

    /// A message about the files skipped so far because of their extension.
    pub fn left_out(&self) -> Option<String> {
        let mut counts: Vec<(&String, usize)> = self.left_out.iter().map(|(ending, count)| (ending, *count)).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let files = match counts.iter().map(|(_, count)| count).sum::<usize>() {
            0 => return None,
            1 => "1 file with another extension skipped".to_owned(),
            sum => format!("{sum} files with other extensions skipped"),
        };
        let more = if counts.len() > 8 { ", ..." } else { "" };
        let counts: Vec<String> = counts.iter().take(8).map(|(ending, count)| format!("{ending} ({count})")).collect();
        Some(format!("{files}: {}{more}", counts.join(", ")))
    }

    /// Was an image skipped because of its extension?
    pub fn has_lost_image(&self) -> bool {
        self.lost_image
    }

    /// A message about the links not followed so far.
    pub fn repeated(&self) -> Option<String> {
        let (link, target) = self.repeated.first_key_value()?;
        let others = match self.repeated.len() - 1 {
            0 => String::new(),
            others => format!(", and {others} more like it"),
        };
        Some(format!("{} leads to {}, which is read only once{others}", escaped(link), escaped(target)))
    }

    /// Was this folder skipped because it is read under another name?
    pub(super) fn is_repeated(&self, folder: &Path) -> bool {
        self.repeated.contains_key(folder)
    }

    /// Opens a folder, unless it is read anyway.
    fn enter(&mut self, folder: PathBuf, kind: Kind) -> Result<(), Unusable> {
        let cannot = |folder: &Path, reason: String| Unusable { path: escaped(folder), reason, is_folder: true };
        let is_link = kind == Kind::Link;
        if is_link
            && let Ok(target) = folder.canonicalize()
            && self.is_read_anyway(&target)
        {
            self.repeated.insert(folder, target);
            return Ok(());
        }
        let identity = identity(&folder).map_err(|error| cannot(&folder, format!("cannot be read: {error}")))?;
        if !self.entered.insert(identity) {
            let target = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            self.repeated.insert(folder, target);
            return Ok(());
        }
        match names(&folder) {
            Ok(names) => self.open.push(Level { folder, names }),
            Err(error) => return Err(cannot(&folder, format!("cannot be read: {error}"))),
        }
        Ok(())
    }

    /// Is the target of a link above the root, or below it where the walk reaches it?
    fn is_read_anyway(&self, target: &Path) -> bool {
        let Some(root) = &self.real_root else { return false };
        if root.starts_with(target) {
            return true;
        }
        let is_hidden = |part: Component| part.as_os_str().as_encoded_bytes().starts_with(b".");
        target.strip_prefix(root).is_ok_and(|below| !below.components().any(is_hidden))
    }

    /// Counts a file with another extension.
    fn count_skipped(&mut self, path: &Path) {
        let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy().to_lowercase()));
        self.lost_image |= has_ending(path, &OTHER_IMAGES);
        let mut ending = ending.unwrap_or_else(|| "without extension".to_owned());
        if ending.chars().count() > 12 || (self.left_out.len() >= MOST_ENDINGS && !self.left_out.contains_key(&ending))
        {
            "others".clone_into(&mut ending);
        }
        *self.left_out.entry(ending).or_default() += 1;
    }
}

impl Iterator for Walk {
    type Item = Result<PathBuf, Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(found) = self.found.pop_front() {
            return Some(found);
        }
        if self.real_root.is_none() {
            self.real_root = Some(self.root.canonicalize().unwrap_or_else(|_| self.root.clone()));
            if let Err(unusable) = self.enter(self.root.clone(), Kind::Folder) {
                return Some(Err(unusable));
            }
        }
        loop {
            let level = self.open.last_mut()?;
            let Some((name, kind)) = level.names.pop() else {
                self.open.pop();
                continue;
            };
            let path = level.folder.join(name);
            let is_wanted = self.endings.is_empty() || has_ending(&path, self.endings);
            if kind == Kind::File && !is_wanted {
                self.count_skipped(&path);
                continue;
            }
            if path.to_str().is_none() {
                let is_folder = kind != Kind::File;
                let rename = if is_folder { "rename the folder to read its contents" } else { "rename the file" };
                let reason = format!("the name is not Unicode and cannot be stored in a record; {rename}");
                return Some(Err(Unusable { path: escaped(&path), reason, is_folder }));
            }
            if kind == Kind::File {
                return Some(Ok(path));
            }
            if let Err(unusable) = self.enter(path, kind) {
                return Some(Err(unusable));
            }
        }
    }
}

/// The entries of a folder, sorted by name in reverse.
fn names(folder: &Path) -> std::io::Result<Vec<(OsString, Kind)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push((name, kind(&entry)));
        }
    }
    names.sort_unstable_by(|a, b| b.0.cmp(&a.0));
    Ok(names)
}

fn kind(entry: &DirEntry) -> Kind {
    match entry.file_type() {
        Ok(found) if found.is_dir() => Kind::Folder,
        Ok(found) if found.is_symlink() && entry.path().is_dir() => Kind::Link,
        _ => Kind::File,
    }
}

/// Identifies a folder under all its names.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(unix)]
fn identity(folder: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(folder)?;
    Ok((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(folder: &Path) -> std::io::Result<Identity> {
    folder.canonicalize()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn paths(root: &Path) -> Vec<String> {
        let found = Walk::new(root, &["png"]).map(|found| found.map_err(|unusable| unusable.path));
        found.map(|path| path.unwrap().strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn folders_that_link_to_each_other_are_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["root/a", "root/b/c", "root/.store", "out/deep"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["root/a/1.png", "root/b/c/2.PNG", "root/.store/3.png", "out/4.png", "out/deep/5.png", "above.png"]
        {
            fs::write(at(name), "").unwrap();
        }
        symlink(".", at("root/a/self")).unwrap();
        symlink("../..", at("root/a/up")).unwrap();
        symlink("../b", at("root/a/other")).unwrap();
        symlink("../a", at("root/b/other")).unwrap();
        symlink(".store", at("root/seen")).unwrap();
        symlink(at("out"), at("root/w")).unwrap();
        symlink(at("out/deep"), at("root/x")).unwrap();
        symlink(at("root/x"), at("out/back")).unwrap();
        assert_eq!(paths(&at("root")), ["a/1.png", "b/c/2.PNG", "seen/3.png", "w/4.png", "w/back/5.png"]);
        let mut walk = Walk::new(&at("root"), &["png"]);
        assert_eq!(walk.by_ref().count(), 5);
        assert!(walk.repeated().unwrap().ends_with("and 5 more like it"), "{:?}", walk.repeated());
    }
}
