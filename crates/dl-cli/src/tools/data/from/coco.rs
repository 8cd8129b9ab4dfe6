//! `dl-data from coco`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dl_record::Record;
use dl_vision::formats::Found;
use dl_vision::formats::coco;

use super::write;
use crate::common::{Common, Io, Outcome};

/// COCO: one JSON file with images, categories and annotations
///
/// Boxes [x,y,width,height] become [x,y,x+width,y+height]; polygons and run-length encodings become masks. Ids, polygons
/// and whatever else the file holds are kept in extra fields, which `to coco` writes back. An annotation that cannot be
/// used is reported and left out. Several categories in use that have one name get their ids into the labels.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from coco annotations/instances_val2014.json --images val2014 >val.jsonl")]
pub(super) struct Args {
    /// The annotations
    #[arg(value_name = "ANN.json")]
    annotations: PathBuf,

    /// The folder that the pictures' file names are relative to [default: that of ANN.json]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let beside = self.annotations.parent().filter(|folder| !folder.as_os_str().is_empty());
        let images = self.images.as_deref().or(beside).unwrap_or(Path::new("."));
        let samples = coco::read(&self.annotations, images)?;
        write(io, &self.common, with_note_of_images(samples, images))
    }
}

/// Adds a note at the end if not one of the images is there.
fn with_note_of_images(
    samples: impl Iterator<Item = Result<Found>>,
    folder: &Path,
) -> impl Iterator<Item = Result<Found>> {
    let mut missing = 0_usize;
    let mut is_one_there = false;
    let mut samples = samples.fuse();
    std::iter::from_fn(move || {
        let Some(found) = samples.next() else {
            let none = !is_one_there && std::mem::take(&mut missing) > 0;
            let text = format!(
                "not one of the images is in {}; name the folder that their file names are relative to with --images",
                folder.display()
            );
            return none.then(|| Ok(Found::Note(text)));
        };
        if let Ok(Found::Sample(sample)) = &found
            && !is_one_there
            && let Some(image) = image_of(&sample.record)
        {
            is_one_there = Path::new(&image).exists();
            missing += 1;
        }
        Some(found)
    })
}

fn image_of(record: &Record) -> Option<String> {
    record.image().ok().flatten()
}
