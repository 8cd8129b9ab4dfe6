//! A folder of images whose class is the folder that they are in, as for torchvision's `ImageFolder`.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result};
use dl_record::Record;

use super::files::{self, IMAGE_ENDINGS, as_text, relative, require_folder};
use super::walk::{Unusable, Walk};
use super::{Found, Sample, add_size};

/// Reads the images below `folder`, sorted by path. The label is the first folder below it, unless the image is in
/// `folder` itself or `labels` is false. The id is the path below `folder`. At the end, files skipped because of their
/// extension and classes without images are reported.
/// # Errors
/// When the folder does not exist or has no images.
pub fn read(folder: &Path, labels: bool) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    require_folder(folder)?;
    let root = folder.to_owned();
    let mut walk = Walk::new(folder, &IMAGE_ENDINGS);
    walk.find_first("images")?;
    let mut classes = HashSet::new();
    let mut end: Option<std::vec::IntoIter<Found>> = None;
    Ok(std::iter::from_fn(move || {
        if let Some(end) = &mut end {
            return end.next().map(Ok);
        }
        let Some(found) = walk.next() else {
            let mut found = walk_end(&walk);
            if labels {
                found.extend(empty_classes(&root, &classes, &walk));
            }
            return end.insert(found.into_iter()).next().map(Ok);
        };
        let path = found.as_ref().map_or_else(|bad| Path::new(&bad.path), |path| path.as_path());
        if let Some(class) = path.strip_prefix(&root).ok().and_then(|below| below.iter().next())
            && !classes.contains(class)
        {
            classes.insert(class.to_owned());
        }
        Some(found.map_or_else(|bad| unusable(bad, &root), |path| sample(&path, &root, labels)))
    }))
}

fn sample(path: &Path, root: &Path, labels: bool) -> Result<Found> {
    let id = relative(path, root)?;
    let place = as_text(path)?;
    let mut record = Record::for_image(&place)?;
    record.set_id(&id)?;
    let failure = add_size(&mut record).err();
    if let Some((label, _)) = id.split_once('/').filter(|_| labels) {
        record.set_label(&label.to_owned()).context("the folder's name")?;
    }
    Ok(Sample { place, record, failure, lost: Vec::new() }.into())
}

/// A file whose name is not Unicode gives a failed sample; an unreadable folder has unknown contents and is reported.
pub(super) fn unusable(unusable: Unusable, root: &Path) -> Result<Found> {
    let Unusable { path, reason, is_folder } = unusable;
    if is_folder {
        return Ok(Found::Lost(format!("{path}: {reason}")));
    }
    let root = format!("{}/", files::escaped(root));
    let mut record = Record::default();
    record.set_id(&path.strip_prefix(&root).unwrap_or(&path).to_owned())?;
    Ok(Sample { place: path, record, failure: Some(anyhow::anyhow!(reason)), lost: Vec::new() }.into())
}

/// What a walk over images skipped.
fn walk_end(walk: &Walk) -> Vec<Found> {
    let left_out =
        walk.left_out().map(|text| if walk.has_lost_image() { Found::Lost(text) } else { Found::Note(text) });
    left_out.into_iter().chain(walk.repeated().map(Found::Note)).collect()
}

/// The folders directly below `root` in which no image was found.
fn empty_classes(root: &Path, classes: &HashSet<std::ffi::OsString>, walk: &Walk) -> Vec<Found> {
    let mut folders = files::entries(root).unwrap_or_default();
    folders.reverse();
    folders.retain(|folder| folder.is_dir() && !walk.is_repeated(folder));
    let is_empty = |folder: &&std::path::PathBuf| folder.file_name().is_some_and(|name| !classes.contains(name));
    let lost = |folder: &std::path::PathBuf| {
        Found::Lost(format!("{}: no images in this folder, so the class is empty", files::escaped(folder)))
    };
    folders.iter().filter(is_empty).map(lost).collect()
}
