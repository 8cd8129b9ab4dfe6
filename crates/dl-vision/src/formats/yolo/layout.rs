//! Finds the images and their label files.
//!
//! Ultralytics' programs expect the labels of `images/train/a.jpg` in `labels/train/a.txt`; labelImg, darknet and CVAT
//! put `a.txt` beside `a.jpg`; a detector's results are in `labels/` beside the images; Roboflow puts oriented boxes
//! into `labelTxt/`. Each image is looked up in all of these places, and so is the image of each label file.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::file::{MOST_LIST_BYTES, decode, is_same, open_regular, read_regular};

use super::line;
use super::names::Description;
use super::paths::{exists, inside};
use crate::formats::files::{IMAGE_ENDINGS, below, entries, has_ending, image_at, without_ending};

/// Names of image folders, and of the label folders that replace them.
const IMAGES: [&str; 5] = ["images", "JPEGImages", "image", "imgs", "img"];
const LABELS: [&str; 4] = ["labels", "Labels", "label", ORIENTED];

/// The folder of oriented boxes.
pub(super) const ORIENTED: &str = "labelTxt";

const LABEL_ENDINGS: [&str; 2] = ["txt", "TXT"];

/// How deep to search for `images/`.
const MOST_DEPTH: usize = 4;

/// Text files beside labels that are not labels.
const LISTS: [&str; 7] = ["classes", "predefined_classes", "train", "val", "valid", "test", "readme"];

/// Names of the validation split.
pub(super) const VALIDATION: [&str; 3] = ["val", "valid", "validation"];

/// Images that are read together.
#[derive(Debug)]
pub(super) enum Part {
    /// All below a folder.
    Folder(PathBuf),
    /// Those that a text file lists.
    List(PathBuf),
}

/// An entry of a part.
#[derive(Debug)]
pub(super) enum Entry {
    Image(PathBuf),
    /// A label file without an image.
    Label(PathBuf),
    /// A reason why something cannot be used.
    Lost(String),
}

impl Part {
    pub(super) fn path(&self) -> &Path {
        let (Self::Folder(path) | Self::List(path)) = self;
        path
    }

    /// The images, then the label files without an image.
    /// # Errors
    /// When the list cannot be read.
    pub(super) fn entries(&self, root: &Path) -> Result<Box<dyn Iterator<Item = Entry>>> {
        let root = root.to_owned();
        let part = match self {
            Self::Folder(part) => part.clone(),
            Self::List(list) => return listed(root, list),
        };
        let images = below(&part, &IMAGE_ENDINGS).map(|path| match path {
            Ok(path) => Entry::Image(path),
            Err(error) => Entry::Lost(format!("{error:#}")),
        });
        let mut folders = vec![part.clone()];
        for folder in in_place_of(&root, &part, &IMAGES, &LABELS) {
            // Some file systems do not distinguish labels/ from Labels/.
            if folder.is_dir() && !folders.iter().any(|known| is_same(known, &folder)) {
                folders.push(folder);
            }
        }
        let labels = folders.into_iter().flat_map(|folder| below(&folder, &["txt"]));
        // Unreadable folders were reported with the images.
        let alone = labels.filter_map(Result::ok).filter(move |path| is_label(&root, path) && !has_image(&root, path));
        Ok(Box::new(images.chain(alone.map(Entry::Label))))
    }
}

/// The images of a list.
fn listed(root: PathBuf, list: &Path) -> Result<Box<dyn Iterator<Item = Entry>>> {
    let text = read_regular(list, MOST_LIST_BYTES).and_then(decode).with_context(|| list.display().to_string())?;
    let place = list.display().to_string();
    let around = list.parent().unwrap_or(&root).to_owned();
    let mut seen = HashSet::new();
    let (mut next, mut number) = (0, 0);
    let mut is_empty = true;
    Ok(Box::new(std::iter::from_fn(move || {
        // Not all lines at once: there may be millions.
        while next < text.len() {
            let line = text[next..].split('\n').next().unwrap_or_default();
            next += line.len() + 1;
            number += 1;
            let line = line.trim();
            is_empty &= line.is_empty();
            // Darknet's paths start at the folder, those of Ultralytics with ./ at the list.
            let found = if line.starts_with("./") { inside(&around, line) } else { None };
            let found = found.or_else(|| inside(&root, line)).filter(|path| path.is_file());
            match found {
                _ if line.is_empty() => {}
                Some(path) if !has_ending(&path, &IMAGE_ENDINGS) => {
                    return Some(Entry::Lost(format!("{place}:{number}: {line} is not an image")));
                }
                Some(path) if seen.insert(path.clone()) => return Some(Entry::Image(path)),
                Some(_) => {}
                None => return Some(Entry::Lost(format!("{place}:{number}: {line} is not in {}", root.display()))),
            }
        }
        std::mem::take(&mut is_empty).then(|| Entry::Lost(format!("{place}: the list is empty")))
    })))
}

/// What to read of a folder.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) parts: Vec<Part>,
    /// Parts of a split that are described but do not exist.
    pub(super) lost: Vec<String>,
    /// Notes for the user.
    pub(super) notes: Vec<String>,
}

/// The parts of a folder, or of the given splits.
/// # Errors
/// When a split does not exist.
pub(super) fn parts(folder: &Path, splits: &[String], description: &Description) -> Result<Parts> {
    let mut folders = Vec::new();
    image_folders(folder, 0, &mut HashSet::new(), &mut folders)?;
    let mut found = Parts::default();
    if splits.is_empty() {
        if folders.is_empty() {
            folders.push(folder.to_owned());
        }
        found.parts = folders.into_iter().map(Part::Folder).collect();
        return Ok(found);
    }
    for split in splits {
        split_parts(folder, split, &folders, description, &mut found)?;
    }
    Ok(found)
}

/// All image folders below `folder`, none inside another.
fn image_folders(folder: &Path, depth: usize, seen: &mut HashSet<PathBuf>, found: &mut Vec<PathBuf>) -> Result<()> {
    // A link may lead back to a parent folder.
    if !seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.to_owned())) {
        return Ok(());
    }
    let mut entries = entries(folder)?;
    entries.reverse();
    entries.retain(|path| path.is_dir());
    let named = |path: &Path, names: &[&str]| {
        path.file_name().is_some_and(|name| names.iter().any(|known| name.eq_ignore_ascii_case(known)))
    };
    found.extend(entries.iter().filter(|path| named(path, &IMAGES)).cloned());
    if depth + 1 < MOST_DEPTH {
        for path in entries.iter().filter(|path| !named(path, &IMAGES) && !named(path, &LABELS)) {
            // Images of a subfolder that cannot be read cannot be used anyway.
            let _ = image_folders(path, depth + 1, seen, found);
        }
    }
    Ok(())
}

/// The part that the description names for the split, as far as it exists; else the usual one.
fn split_parts(
    folder: &Path,
    split: &str,
    images: &[PathBuf],
    description: &Description,
    found: &mut Parts,
) -> Result<()> {
    if split.is_empty() || !Path::new(split).components().all(|part| matches!(part, Component::Normal(_))) {
        bail!("\"{split}\" is not a name of a split");
    }
    let mut names = vec![split];
    if VALIDATION.contains(&split) {
        names.extend(VALIDATION.into_iter().filter(|name| *name != split));
    }
    let usual = usual_part(folder, &names, images);
    let described = |name: &&str| description.splits.iter().find(|(key, _)| key == *name);
    let Some((key, paths)) = names.iter().find_map(described) else {
        let Some(part) = usual else {
            let there = splits_there(images, description);
            bail!(
                "{}: no split \"{split}\": neither images/{split}/ nor {split}/images/ nor {split}.txt, and data.yaml \
                 does not name it{there}",
                folder.display()
            );
        };
        found.parts.push(part);
        return Ok(());
    };
    let mut missing = Vec::new();
    let mut is_any_there = false;
    for path in paths {
        match described_part(folder, path, usual.as_ref()) {
            Some(part) => {
                is_any_there = true;
                found.parts.push(part);
            }
            None => missing.push(path.as_str()),
        }
    }
    let message =
        |path: &str| format!("{}: the split \"{key}\" should be {path}, which is not in this folder", folder.display());
    if is_any_there {
        found.lost.extend(missing.into_iter().map(message));
        return Ok(());
    }
    let message = message(&missing.join(", "));
    let Some(part) = usual else { bail!("{message}; name the folder that contains it") };
    found.notes.push(format!("{message}; reading {} instead", part.path().display()));
    found.parts.push(part);
    Ok(())
}

/// `images/train`, `train/images`, `train.txt` or `train`, for the first name that has one.
fn usual_part(folder: &Path, names: &[&str], images: &[PathBuf]) -> Option<Part> {
    names.iter().find_map(|name| {
        let inside = images.iter().map(|path| path.join(name));
        let around = images.iter().filter(|path| path.parent().is_some_and(|path| path.ends_with(name))).cloned();
        if let Some(path) = inside.chain(around).find(|path| path.is_dir()) {
            return Some(Part::Folder(path));
        }
        let (list, own) = (folder.join(format!("{name}.txt")), folder.join(name));
        if list.is_file() {
            return Some(Part::List(list));
        }
        own.is_dir().then_some(Part::Folder(own))
    })
}

fn splits_there(images: &[PathBuf], description: &Description) -> String {
    let mut names: Vec<String> = description.splits.iter().map(|(name, _)| name.clone()).collect();
    for folder in images {
        let inside = entries(folder).unwrap_or_default();
        let inside = inside.iter().filter(|path| path.is_dir()).filter_map(|path| path.file_name()?.to_str());
        names.extend(inside.map(str::to_owned));
    }
    names.sort();
    names.dedup();
    names.truncate(20);
    if names.is_empty() { String::new() } else { format!("; there are: {}", names.join(", ")) }
}

/// The part that a description names; `None` if it is not in the folder.
fn described_part(folder: &Path, path: &str, usual: Option<&Part>) -> Option<Part> {
    let found = inside(folder, path)?;
    if !found.is_dir() {
        return Some(Part::List(found));
    }
    // `../train/images` of another machine may resolve to the `images` of all splits here.
    if let Some(Part::Folder(usual)) = usual
        && usual.starts_with(&found)
        && !is_same(&folder.join(path), &found)
    {
        return Some(Part::Folder(usual.clone()));
    }
    let images = found.join(IMAGES[0]);
    Some(Part::Folder(if images.is_dir() { images } else { found }))
}

/// The label file of an image, and whether it is in the folder of oriented boxes.
pub(super) fn label_of(root: &Path, image: &Path) -> Option<(PathBuf, bool)> {
    let places = label_places(root, image);
    let found = places.iter().flat_map(|place| LABEL_ENDINGS.map(|ending| place.with_extension(ending)));
    let found = found.into_iter().find(|path| exists(path))?;
    let is_oriented = found.strip_prefix(root).unwrap_or(&found).iter().any(|part| part == ORIENTED);
    Some((found, is_oriented))
}

/// The paths where the label file of an image may be, with the extension of the image.
pub(super) fn label_places(root: &Path, image: &Path) -> Vec<PathBuf> {
    let mut places = in_place_of(root, image, &IMAGES, &LABELS);
    places.push(image.to_owned());
    if let (Some(folder), Some(name)) = (image.parent(), image.file_name()) {
        places.extend(LABELS.map(|labels| folder.join(labels).join(name)));
        // All images in the folder, all labels in labels/.
        places.push(root.join(LABELS[0]).join(image.strip_prefix(root).unwrap_or(image)));
    }
    places
}

/// The paths with another folder in place of the last one of `names` below `root`.
fn in_place_of(root: &Path, path: &Path, names: &[&str], others: &[&str]) -> Vec<PathBuf> {
    let below: Vec<_> = path.strip_prefix(root).unwrap_or(path).iter().collect();
    let is_one = |part: &&std::ffi::OsStr| names.iter().any(|name| part.eq_ignore_ascii_case(name));
    let Some(at) = below.iter().rposition(is_one) else { return Vec::new() };
    let with = |other: &&str| {
        let parts = below.iter().enumerate().map(|(index, part)| if index == at { other.as_ref() } else { *part });
        root.join(parts.collect::<PathBuf>())
    };
    others.iter().map(with).collect()
}

/// Does this label file have an image?
fn has_image(root: &Path, label: &Path) -> bool {
    let mut places = vec![label.to_owned()];
    // labels/a.txt -> images/a.jpg; if labels/ is in the folder of the images, a.jpg
    places.extend(in_place_of(root, label, &LABELS, &IMAGES));
    places.extend(in_place_of(root, label, &LABELS, &[""]));
    let mut places = places.iter().filter(|place| place.parent().is_some_and(Path::is_dir));
    places.any(|place| image_at(&without_ending(place)).is_some())
}

/// Does the text file contain labels, not a list or other text?
fn is_label(root: &Path, path: &Path) -> bool {
    let inside = path.strip_prefix(root).unwrap_or(path).parent().unwrap_or(root);
    let in_labels = inside.iter().any(|part| LABELS.iter().any(|name| part.eq_ignore_ascii_case(name)));
    let is_list = path.file_stem().is_some_and(|stem| LISTS.iter().any(|name| stem.eq_ignore_ascii_case(name)));
    if in_labels && !is_list {
        return true;
    }
    let mut head = Vec::new();
    let read = open_regular(path).map(|file| file.take(4096).read_to_end(&mut head));
    // The reader decodes the file and reports errors; this only detects the kind of text.
    let head = String::from_utf8_lossy(&head);
    read.is_ok() && head.lines().find(|line| !line::is_empty(line)).is_some_and(line::looks_like_a_label)
}

/// The path below the folder, without the folder of images or labels: `images/train/a.jpg` -> `train/a.jpg`.
pub(super) fn id_of(below_root: &str) -> String {
    let mut parts: Vec<&str> = below_root.split('/').collect();
    let folders = &parts[..parts.len() - 1];
    let is_one = |part: &&str| IMAGES.iter().chain(&LABELS).any(|name| part.eq_ignore_ascii_case(name));
    if let Some(index) = folders.iter().rposition(is_one) {
        parts.remove(index);
    }
    parts.join("/")
}
