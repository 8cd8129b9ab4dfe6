//! `dl-data from labelme`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dl_record::file::folder_of;
use dl_vision::formats::labelme;

use super::{WrittenArgs, with_note_of_images, write};
use crate::common::{Io, Outcome};

/// Read labelme: one JSON file per image
///
/// Rectangles become boxes; polygons, circles and masks become masks with bounding boxes. Points and lines are skipped
/// and counted. The other properties of a shape are kept in `labelme`. If an image file does not exist, the copy
/// embedded in the JSON file is used.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from labelme photos > photos.jsonl")]
pub(super) struct Args {
    /// JSON files, or folders with JSON files
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Folder with the images, if they are not beside their JSON files
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let samples = labelme::read(&self.paths, self.images.as_deref())?;
        let images = match (&self.images, self.paths.first()) {
            (Some(images), _) => images.as_path(),
            (None, Some(path)) if path.is_dir() => path.as_path(),
            (None, Some(path)) => folder_of(path),
            (None, None) => Path::new("."),
        };
        write(io, &self.written, with_note_of_images(samples, images))
    }
}
