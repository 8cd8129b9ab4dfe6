//! Finds the files of a VOC folder.
//!
//! | layout | annotations | images |
//! | --- | --- | --- |
//! | VOC's own | `Annotations/a.xml` | `JPEGImages/a.jpg` |
//! | other names, in any case | `annots/a.xml`, `labels/`, `xml/`, ... | `images/a.jpg`, `imgs/`, ... |
//! | one folder per split | `train/annotations/a.xml`, `annotations/train/a.xml` | `train/images/a.jpg`, ... |
//! | all in one (Roboflow) | `train/a.xml` | `train/a.jpg` |

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::file::{MOST_LIST_BYTES, decode, read_regular};

use crate::formats::files::{
    self, IMAGE_ENDINGS, escaped, find_named, image_at, last_part, without_ending, without_image_ending,
};
use crate::formats::walk::Walk;

const ANNOTATIONS: [&str; 8] = ["annotations", "annotation", "annots", "annot", "xml", "xmls", "labels", "ann"];
const IMAGES: [&str; 8] = ["jpegimages", "images", "image", "imgs", "img", "pictures", "photos", "pngimages"];
/// Folders with lists.
const LISTS: [&str; 3] = ["ImageSets/Main", "ImageSets", "."];

pub(super) struct Layout {
    /// The folder that the user named.
    pub(super) root: PathBuf,
    /// The folder of annotations; the root if there are several.
    pub(super) annotations: PathBuf,
    /// The image folders directly below the root.
    images: Vec<PathBuf>,
    /// Folders with the images of one folder of annotations: the most recently used one.
    folders: (PathBuf, Vec<PathBuf>),
}

/// The samples to read.
pub(super) enum Part {
    /// The lines of a list.
    List(PathBuf, std::vec::IntoIter<String>),
    /// The annotations below a folder.
    Folder(Walk),
}

impl Layout {
    /// # Errors
    /// When there are no annotations.
    pub(super) fn find(root: &Path) -> Result<Self> {
        let mut folders = named(root, &ANNOTATIONS);
        folders.sort_by_key(|folder| folder.file_name().is_none_or(|name| name != "Annotations"));
        let first = folders.into_iter().find(|folder| annotations_below(folder).is_ok());
        let is_alone = first.is_none() && root.file_name().is_some_and(|name| is_one_of(name, &ANNOTATIONS));
        let layout = Self {
            root: root.to_owned(),
            annotations: first.unwrap_or_else(|| root.to_owned()),
            images: named(root, &IMAGES),
            folders: (PathBuf::new(), Vec::new()),
        };
        let found = annotations_below(&layout.annotations).map(|mut walk| walk.next().transpose().ok().flatten());
        let found = found.with_context(|| {
            format!(
                "{}: not a VOC folder: it has no Annotations/ with XML files (beside JPEGImages/ and ImageSets/Main/)",
                root.display()
            )
        })?;
        if is_alone && layout.images.is_empty() && found.is_some_and(|path| image_at(&without_ending(&path)).is_none())
        {
            bail!(
                "{}: this is the annotation folder of a VOC folder; name the folder that contains it and the images",
                root.display()
            );
        }
        Ok(layout)
    }

    /// A note about the assumed layout, unless it is VOC's own.
    pub(super) fn note(&self) -> Option<String> {
        let images = &self.images;
        let is = |path: &Path, name: &str| path.file_name().is_some_and(|found| found == name);
        if self.annotations == self.root {
            return Some(format!("{}: no Annotations/ there; reading all XML files below it", self.root.display()));
        }
        let standard = is(&self.annotations, "Annotations") && images.first().is_none_or(|path| is(path, "JPEGImages"));
        let images = images.first().unwrap_or(&self.root);
        (!standard).then(|| {
            format!("reading annotations from {}, images from {}", self.annotations.display(), images.display())
        })
    }

    /// The samples of the given splits, or all samples.
    /// # Errors
    /// When a split is neither a list nor a folder.
    pub(super) fn parts(&self, splits: &[String]) -> Result<Vec<Part>> {
        if splits.is_empty() {
            return Ok(vec![Part::Folder(annotations_below(&self.annotations)?)]);
        }
        splits.iter().map(|split| self.part(split)).collect()
    }

    fn part(&self, split: &str) -> Result<Part> {
        let lists = LISTS.map(|folder| self.root.join(folder).join(format!("{split}.txt")));
        if let Some(path) = lists.iter().find(|path| path.exists()) {
            let text = read_regular(path, MOST_LIST_BYTES).and_then(decode);
            let text = text.with_context(|| path.display().to_string())?;
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            return Ok(Part::List(path.clone(), lines.into_iter()));
        }
        for folder in [self.root.join(split), self.annotations.join(split)] {
            if folder.is_dir()
                && let Ok(walk) = annotations_below(&folder)
            {
                return Ok(Part::Folder(walk));
            }
        }
        let mut known: Vec<String> = Vec::new();
        for folder in LISTS {
            let mut lists = files::entries(&self.root.join(folder)).unwrap_or_default();
            lists.retain(|path| files::has_ending(path, &["txt"]));
            known.extend(lists.iter().map(|path| escaped(Path::new(path.file_stem().unwrap_or_default()))));
        }
        for folder in [&self.root, &self.annotations] {
            let is_split = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default();
                let others = [&ANNOTATIONS[..], &IMAGES, &["imagesets"]];
                path.is_dir() && !others.iter().any(|names| is_one_of(name, names))
            };
            let folders = files::entries(folder).unwrap_or_default();
            known.extend(
                folders
                    .iter()
                    .filter(|path| is_split(path))
                    .filter_map(|path| Some(escaped(Path::new(path.file_name()?)))),
            );
        }
        known.sort();
        known.dedup();
        let known = if known.is_empty() {
            "there are no splits".to_owned()
        } else {
            format!("the splits are: {}", known.join(", "))
        };
        bail!("{}: no such file, nor a folder {split}/ with XML files; {known}", lists[0].display())
    }

    /// The annotation for a name in a list, which may be the path of an image.
    pub(super) fn annotation(&self, name: &str) -> Option<PathBuf> {
        let stem = without_image_ending(name);
        let mut names = [name, stem, last_part(stem)].into_iter().filter(|name| !name.is_empty());
        names.find_map(|name| {
            let path = self.annotations.join(format!("{name}.xml"));
            (files::stays_inside(name) && path.exists()).then_some(path)
        })
    }

    /// The path that the annotation of a name should have.
    pub(super) fn expected_path(&self, name: &str) -> PathBuf {
        self.annotations.join(format!("{name}.xml"))
    }

    /// The id of an annotation: its path without extension and without the names of annotation folders.
    pub(super) fn name(&self, annotation: &Path) -> Result<String> {
        let below = annotation.strip_prefix(&self.annotations).unwrap_or(annotation);
        let folders = below.parent().unwrap_or(Path::new(""));
        let folders: PathBuf = folders.iter().filter(|part| !is_one_of(part, &ANNOTATIONS)).collect();
        files::relative(&folders.join(below.file_stem().unwrap_or_default()), Path::new(""))
    }

    /// The image of an annotation: the one with its own name; else the one that the annotation names; else the path
    /// that it should have.
    pub(super) fn image(&mut self, annotation: &Path, stated: Option<&str>) -> PathBuf {
        let stem = annotation.file_stem().unwrap_or_default();
        let folders = self.folders_of_images(annotation);
        let by_stem = |stem: &Path| folders.iter().find_map(|folder| image_at(&folder.join(stem)));
        if let Some(found) = by_stem(Path::new(stem)) {
            return found;
        }
        if let Some(stated) = stated.filter(|stated| !stated.is_empty()) {
            let other_ending = || by_stem(Path::new(without_image_ending(last_part(stated))));
            if let Some(found) = find_named(folders, stated).or_else(other_ending) {
                return found;
            }
        }
        let mut name = stem.to_owned();
        name.push(".jpg");
        folders.first().map_or_else(|| annotation.with_extension("jpg"), |folder| folder.join(name))
    }

    /// The same for a name in a list that has no annotation.
    pub(super) fn image_of_name(&mut self, name: &str) -> PathBuf {
        let annotation = self.expected_path(name);
        self.image(&annotation, None)
    }

    /// The folders that may contain images without an annotation.
    pub(super) fn image_roots(&self) -> Vec<PathBuf> {
        if self.images.is_empty() { vec![self.root.clone()] } else { self.images.clone() }
    }

    /// The folder that contains the annotation folder, and the path from there to the annotation.
    fn around(&self, annotation: &Path) -> (PathBuf, PathBuf) {
        let folder = annotation.parent().unwrap_or(annotation);
        let below: Vec<_> = folder.strip_prefix(&self.root).unwrap_or(Path::new("")).iter().collect();
        match below.iter().position(|part| is_one_of(part, &ANNOTATIONS)) {
            Some(at) => {
                let prefix = below[..at].iter().fold(self.root.clone(), |path, part| path.join(part));
                (prefix, below[at + 1..].iter().collect())
            }
            None => (self.root.clone(), below.iter().collect()),
        }
    }

    /// The folders that may contain the image of an annotation; at least one.
    fn folders_of_images(&mut self, annotation: &Path) -> &[PathBuf] {
        let beside = annotation.parent().unwrap_or(annotation);
        if self.folders.0 != beside {
            self.folders = (beside.to_owned(), self.look_for_images(annotation, beside));
        }
        &self.folders.1
    }

    fn look_for_images(&self, annotation: &Path, beside: &Path) -> Vec<PathBuf> {
        let (prefix, rest) = self.around(annotation);
        let images = named(&prefix, &IMAGES);
        let mut folders: Vec<PathBuf> = images.iter().map(|folder| folder.join(&rest)).collect();
        folders.retain(|folder| folder.is_dir());
        let at = if self.annotations == self.root { 0 } else { folders.len() };
        folders.splice(at..at, holds_image(beside).then(|| beside.to_owned()));
        folders.extend(images);
        folders.extend(Some(prefix.join(&rest)).filter(|folder| holds_image(folder)));
        if folders.is_empty() {
            let is_one_folder = self.annotations == self.root;
            folders.push(if is_one_folder { beside.to_owned() } else { prefix.join("JPEGImages").join(&rest) });
        }
        let mut seen = HashSet::new();
        // Paths that differ in a trailing slash are equal.
        folders.retain(|folder| seen.insert(folder.components().collect::<PathBuf>()));
        folders
    }
}

/// Is an image directly in this folder?
fn holds_image(folder: &Path) -> bool {
    let mut entries = folder.read_dir().into_iter().flatten().flatten();
    entries.any(|entry| files::has_ending(Path::new(&entry.file_name()), &IMAGE_ENDINGS))
}

/// Iterates over the annotations below a folder; there is at least one.
fn annotations_below(folder: &Path) -> Result<Walk> {
    let mut walk = Walk::new(folder, &["xml"]);
    walk.find_first("XML files")?;
    Ok(walk)
}

/// The folders in `folder` with one of these names, in the order of the names.
fn named(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    let mut found = files::entries(folder).unwrap_or_default();
    found.reverse();
    let rank = |path: &Path| {
        let name = path.file_name()?.to_str()?.to_lowercase();
        names.iter().position(|known| *known == name)
    };
    found.retain(|path| rank(path).is_some() && path.is_dir());
    found.sort_by_key(|path| rank(path));
    found
}

fn is_one_of(name: &std::ffi::OsStr, names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}
