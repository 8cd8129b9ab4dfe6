//! File names for samples, and their pictures put beside a written truth.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Component, Path};

use anyhow::{Context, Result, bail};
use dl_record::Record;
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
            write(&folder.join(&file_name), &bytes)?;
        }
        return Ok(Some(file_name));
    }
    let ending = Path::new(&source).extension().and_then(|ending| ending.to_str());
    let file_name = ending.map_or_else(|| name.to_owned(), |ending| format!("{name}.{ending}"));
    if pictures != Pictures::Leave {
        let target = folder.join(&file_name);
        transfer(Path::new(&source), &target, pictures).with_context(|| format!("{source} -> {}", target.display()))?;
    }
    Ok(Some(file_name))
}

/// Writes a file of the dataset under a temporary name and renames it, so that no half file is left. Unlike
/// [`write_atomically`](dl_record::write_atomically) it does not wait for the disk, which would take most of the time
/// for the thousands of small files of a dataset.
pub(super) fn write(target: &Path, contents: &[u8]) -> Result<()> {
    put(target, |path| fs::write(path, contents)).with_context(|| format!("{}: cannot be written", target.display()))
}

/// Copies the picture or makes a link to it.
fn transfer(source: &Path, target: &Path, pictures: Pictures) -> Result<()> {
    let whole_source = source.canonicalize()?;
    // A link to the picture is no copy of it.
    let is_there = pictures == Pictures::Link || !target.is_symlink();
    if is_there && target.canonicalize().is_ok_and(|target| target == whole_source) {
        return Ok(());
    }
    put(target, |path| match pictures {
        Pictures::Link => link(&whole_source, path),
        Pictures::Copy | Pictures::Leave => fs::copy(source, path).map(drop),
    })
}

/// Makes a file by `make` under a temporary name and renames it.
fn put(target: &Path, make: impl Fn(&Path) -> std::io::Result<()>) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let file = Builder::new().prefix(".dl-data-").make_in(folder, |path| make(path))?;
    Ok(file.into_temp_path().persist(target)?)
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
    fn a_picture_put_onto_itself_stays_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a.jpg");
        write(&source, b"pixels").unwrap();
        let record = Record::for_image(source.to_str().unwrap()).unwrap();
        for pictures in [Pictures::Copy, Pictures::Link, Pictures::Leave] {
            assert_eq!(place(&record, folder.path(), "a", pictures).unwrap().unwrap(), "a.jpg");
            assert_eq!(fs::read(&source).unwrap(), b"pixels");
        }
        for pictures in [Pictures::Link, Pictures::Link, Pictures::Copy] {
            place(&record, &folder.path().join("deep"), "b", pictures).unwrap();
            assert_eq!(fs::read(folder.path().join("deep/b.jpg")).unwrap(), b"pixels");
        }
        assert!(!folder.path().join("deep/b.jpg").is_symlink(), "a copy took the place of the link");
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn a_picture_in_a_uri_gets_the_ending_of_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let uri = "data:anything;base64,UDIgMSAxIDEgMQo=";
        let record = Record::for_image(uri).unwrap();
        assert_eq!(place(&record, folder.path(), "a", Pictures::Copy).unwrap().unwrap(), "a.pbm");
        assert_eq!(fs::read(folder.path().join("a.pbm")).unwrap(), b"P2 1 1 1 1\n");
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
