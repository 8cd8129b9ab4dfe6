//! File names for samples, and their pictures put beside a written truth.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Component, Path};

use anyhow::{Context, Result, bail};
use dl_record::{Record, write_atomically};
use tempfile::Builder;

use super::files;
use crate::picture;

/// What becomes of the pictures when a dataset is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pictures {
    /// They are copied, so that the dataset is whole.
    #[default]
    Copy,
    /// Symbolic links to them are made.
    Link,
    /// They stay where they are; only the truth is written.
    Leave,
}

/// Gives every sample a file name of its own. It remembers 8 bytes a sample.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<u64>,
}

impl Names {
    /// The sample's file name without ending, with `/` between folders: its id without the ending of a picture, or,
    /// when that leads out of a folder (`/data/a.jpg`, `../a.jpg`), the last part of it.
    /// # Errors
    /// When the record has no id, or another sample has the name already.
    pub(super) fn name(&mut self, record: &Record) -> Result<String> {
        let id: String = record.require("id", "it names the files that are written")?;
        let stays_inside = |name: &str| {
            !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
        };
        let mut name = files::without_picture_ending(&id);
        if !stays_inside(name) {
            name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        }
        if !stays_inside(name) || name.contains(['\n', '\r', '\0']) {
            bail!("id {id:?} cannot be made a file name");
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        if !self.taken.insert(hasher.finish()) {
            bail!("another sample is already written as \"{name}\"; ids must differ in more than folder or ending");
        }
        Ok(name.to_owned())
    }
}

/// Puts the record's picture at `folder/name.ENDING` and returns its file name there, `name.ENDING`. The ending is the
/// picture's own (of its path, or of the content for a `data:` URI). `None` when the record has no picture.
/// # Errors
/// When there is no such picture, or it cannot be written.
pub(super) fn place(record: &Record, folder: &Path, name: &str, pictures: Pictures) -> Result<Option<String>> {
    let Some(source) = record.image()? else { return Ok(None) };
    if source.starts_with("data:") {
        let bytes = picture::bytes(&source)?;
        let format = image::guess_format(&bytes).context("the picture in the data: URI is of an unknown format")?;
        let file_name = format!("{name}.{}", format.extensions_str().first().copied().unwrap_or("bin"));
        if pictures != Pictures::Leave {
            write_atomically(&folder.join(&file_name), |output| Ok(output.write_all(&bytes)?))?;
        }
        return Ok(Some(file_name));
    }
    let ending = Path::new(&source).extension().and_then(|ending| ending.to_str());
    let file_name = ending.map_or_else(|| name.to_owned(), |ending| format!("{name}.{ending}"));
    if pictures != Pictures::Leave {
        let target = folder.join(&file_name);
        put(Path::new(&source), &target, pictures).with_context(|| format!("{source} -> {}", target.display()))?;
    }
    Ok(Some(file_name))
}

/// Copies or links under a temporary name and renames, so that no half picture is left.
fn put(source: &Path, target: &Path, pictures: Pictures) -> Result<()> {
    let whole_source = source.canonicalize()?;
    if target.canonicalize().is_ok_and(|target| target == whole_source) {
        return Ok(());
    }
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut place = Builder::new();
    place.prefix(".dl-data-");
    let file = if pictures == Pictures::Link {
        place.make_in(folder, |path| link(&whole_source, path))?.into_temp_path()
    } else {
        let path = place.tempfile_in(folder)?.into_temp_path();
        fs::copy(source, &path)?;
        path
    };
    file.persist(target)?;
    Ok(())
}

#[cfg(unix)]
fn link(source: &Path, target: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(source, target)
}

#[cfg(windows)]
fn link(source: &Path, target: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(source, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(names: &mut Names, id: &str) -> Result<String> {
        names.name(&Record::for_image(id).unwrap())
    }

    #[test]
    fn names_stay_inside_the_folder_and_never_clash() {
        let mut names = Names::default();
        for (id, wanted) in [
            ("a.jpg", "a"),
            ("train/a.jpg", "train/a"),
            ("/data/b.png", "b"),
            ("../c", "c"),
            ("v1.2", "v1.2"),
            ("ünï code 1.JPEG", "ünï code 1"),
        ] {
            assert_eq!(name(&mut names, id).unwrap(), wanted);
        }
        assert!(name(&mut names, "a.png").unwrap_err().to_string().contains("already written as \"a\""));
        for bad in ["", "..", "/", "a/..", "x\ny"] {
            assert!(name(&mut names, bad).is_err(), "{bad}");
        }
    }
}
