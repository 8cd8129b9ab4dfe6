//! A folder of pictures: the class of each is the folder that it is in, as for torchvision's `ImageFolder`.

use std::path::Path;

use anyhow::{Context, Result};
use dl_record::Record;

use super::files::{PICTURE_ENDINGS, as_text, below, relative, want_folder};
use super::{Found, Sample, add_size};

/// Reads the pictures below `folder`, by path. The label is the first folder below it, unless the picture lies in
/// `folder` itself or `labels` is false. The id is the path below `folder`.
/// # Errors
/// When there is no such folder.
pub fn read(folder: &Path, labels: bool) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    want_folder(folder)?;
    let root = folder.to_owned();
    let found = below(folder, &PICTURE_ENDINGS);
    Ok(found.map(move |path| sample(&path?, &root, labels)))
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
