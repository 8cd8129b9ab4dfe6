//! Chooses file names for samples, and puts their images beside written annotations.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::Record;
use dl_record::file::{make_inside, open_regular, write_inside};

use super::files;
use crate::picture;

/// What to do with the image files when a dataset is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageFiles {
    /// Copy them, so that the dataset is complete.
    #[default]
    Copy,
    /// Make symbolic links to them.
    Link,
    /// Leave them where they are; write only the annotations.
    Leave,
}

/// Gives every sample a unique file name. Stores 8 bytes per sample.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<u64>,
}

impl Names {
    /// The sample's file name without extension, with `/` between folders: its id without an image extension or, if
    /// that leads out of the folder (`/data/a.jpg`, `../a.jpg`), the last component of it.
    /// # Errors
    /// When the record has no id, or another sample already has the name.
    pub(super) fn name(&mut self, record: &Record) -> Result<String> {
        let id: String = record.require("id", "it names the files that are written")?;
        let mut name = files::without_image_ending(&id);
        if !files::stays_inside(name) {
            name = files::last_part(name);
        }
        if name.is_empty() || !files::stays_inside(name) || name.contains(['\n', '\r', '\0']) {
            bail!("id {id:?} cannot be converted to a file name");
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        if !self.taken.insert(hasher.finish()) {
            bail!("another sample is already written as \"{name}\"; ids must differ in more than folder or extension");
        }
        Ok(name.to_owned())
    }
}

/// An image in the output folder that would be overwritten by another one.
#[derive(Debug)]
pub(super) struct Taken(PathBuf);

impl fmt::Display for Taken {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} exists and is another image; name an empty folder", self.0.display())
    }
}

impl std::error::Error for Taken {}

/// Puts the record's image at `root/inside/name.EXT` and returns its file name there, `name.EXT`. The extension is that
/// of the image's path, or of the content for a `data:` URI. `None` if the record has no image.
///
/// Only files that begin like an image are copied or linked, so that a record cannot fetch other files of the machine,
/// and nothing is written through a symlink inside `root`. An existing file is never replaced by another image: it may
/// belong to a record that is still to come.
/// # Errors
/// When the image does not exist, is not a regular file or not an image, or cannot be written; [`Taken`] if another
/// image has the name.
pub(super) fn place(
    record: &Record,
    root: &Path,
    inside: &Path,
    name: &str,
    image_files: ImageFiles,
) -> Result<Option<String>> {
    let Some(source) = record.image()? else { return Ok(None) };
    if source.starts_with("data:") {
        let mut image = picture::Source::open(&source).context("the image in the data: URI")?;
        let file_name = format!("{name}.{}", image.ending());
        if image_files != ImageFiles::Leave {
            image.dimensions().context("the image in the data: URI")?;
            let below = inside.join(&file_name);
            if !is_same_image(&root.join(&below), &mut image)? {
                write_inside(root, &below, |output| image.copy_to(output))?;
            }
        }
        return Ok(Some(file_name));
    }
    let ending = Path::new(&source).extension().and_then(|ending| ending.to_str());
    let file_name = ending.map_or_else(|| name.to_owned(), |ending| format!("{name}.{ending}"));
    if image_files != ImageFiles::Leave {
        transfer(&source, root, &inside.join(&file_name), image_files)?;
    }
    Ok(Some(file_name))
}

/// Copies the image or creates a link to it.
fn transfer(source: &str, root: &Path, below: &Path, image_files: ImageFiles) -> Result<()> {
    let open = || -> Result<_> {
        let mut image = picture::Source::open(source)?;
        image.dimensions()?;
        Ok((image, Path::new(source).canonicalize()?))
    };
    let (mut image, whole_source) = open().with_context(|| source.to_owned())?;
    let target = root.join(below);
    // A link to the image is not a copy of it.
    let may_stay = image_files == ImageFiles::Link || !target.is_symlink();
    if may_stay && target.canonicalize().is_ok_and(|target| target == whole_source) {
        return Ok(());
    }
    let is_there = is_same_image(&target, &mut image)?;
    match image_files {
        ImageFiles::Link => make_inside(root, below, |path| link(&whole_source, path)),
        ImageFiles::Copy | ImageFiles::Leave if is_there && !target.is_symlink() => Ok(()),
        ImageFiles::Copy | ImageFiles::Leave => write_inside(root, below, |output| image.copy_to(output)),
    }
}

/// Is the same image already at `target`?
/// # Errors
/// [`Taken`] if it is another file, or when it cannot be read.
fn is_same_image(target: &Path, image: &mut picture::Source) -> Result<bool> {
    if !target.is_file() {
        return Ok(false);
    }
    let same = open_regular(target).and_then(|file| {
        if file.metadata()?.len() != image.length() {
            return Ok(false);
        }
        let mut compared = Compared { other: BufReader::new(file), differs: false };
        match image.copy_to(&mut compared) {
            Err(_) if compared.differs => Ok(false),
            done => done.map(|()| true),
        }
    });
    if !same.with_context(|| target.display().to_string())? {
        return Err(Taken(target.to_owned()).into());
    }
    Ok(true)
}

/// Accepts bytes as long as they equal those of a file.
struct Compared {
    other: BufReader<File>,
    differs: bool,
}

impl Write for Compared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let other = self.other.fill_buf()?;
        let length = other.len().min(bytes.len());
        if length == 0 || other[..length] != bytes[..length] {
            self.differs = true;
            return Err(io::Error::other("the files differ"));
        }
        self.other.consume(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, target)
}

#[cfg(windows)]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(source, target)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PIXEL: &[u8] = b"P5 1 1 255\nx";

    fn name(names: &mut Names, id: &str) -> Result<String> {
        names.name(&Record::for_image(id).unwrap())
    }

    #[test]
    fn an_image_copied_onto_itself_is_kept_and_leaves_no_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a.jpg");
        fs::write(&source, PIXEL).unwrap();
        let record = Record::for_image(source.to_str().unwrap()).unwrap();
        for image_files in [ImageFiles::Copy, ImageFiles::Link, ImageFiles::Leave] {
            assert_eq!(place(&record, folder.path(), Path::new(""), "a", image_files).unwrap().unwrap(), "a.jpg");
            assert_eq!(fs::read(&source).unwrap(), PIXEL);
        }
        for image_files in [ImageFiles::Link, ImageFiles::Link, ImageFiles::Copy] {
            place(&record, folder.path(), Path::new("deep"), "b", image_files).unwrap();
            assert_eq!(fs::read(folder.path().join("deep/b.jpg")).unwrap(), PIXEL);
        }
        assert!(!folder.path().join("deep/b.jpg").is_symlink(), "a copy replaced the link");
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn an_image_in_a_uri_gets_the_extension_of_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let uri = "data:anything;base64,UDIgMSAxIDEgMQo=";
        let record = Record::for_image(uri).unwrap();
        assert_eq!(place(&record, folder.path(), Path::new(""), "a", ImageFiles::Copy).unwrap().unwrap(), "a.pbm");
        assert_eq!(fs::read(folder.path().join("a.pbm")).unwrap(), b"P2 1 1 1 1\n");
    }

    #[test]
    fn only_images_are_put_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("secret.txt"), "root:*:20228").unwrap();
        fs::write(at("begins as one.bmp"), "BM, my friend").unwrap();
        fs::create_dir(at("folder")).unwrap();
        let out = folder.path().join("out");
        for source in ["secret.txt", "begins as one.bmp", "folder", "none.png"] {
            for image_files in [ImageFiles::Copy, ImageFiles::Link] {
                let record = Record::for_image(&at(source)).unwrap();
                let error = format!("{:#}", place(&record, &out, Path::new(""), "a", image_files).unwrap_err());
                assert!(error.contains(source), "{error}");
            }
        }
        assert!(!out.exists());
    }

    #[test]
    fn names_stay_inside_the_folder_and_never_clash() {
        let mut names = Names::default();
        for (id, expected) in [
            ("a.jpg", "a"),
            ("train/a.jpg", "train/a"),
            ("/data/b.png", "b"),
            ("../c", "c"),
            ("v1.2", "v1.2"),
            ("ünï code 1.JPEG", "ünï code 1"),
        ] {
            assert_eq!(name(&mut names, id).unwrap(), expected);
        }
        assert!(name(&mut names, "a.png").unwrap_err().to_string().contains("already written as \"a\""));
        for bad in ["", "..", "/", "a/..", "x\ny"] {
            assert!(name(&mut names, bad).is_err(), "{bad}");
        }
    }
}
