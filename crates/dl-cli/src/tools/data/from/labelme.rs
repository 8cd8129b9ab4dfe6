//! `dl-data from labelme`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dl_vision::formats::labelme;

use super::{folder_of, with_note_of_images, write};
use crate::common::{Common, Io, Outcome};

/// labelme: one JSON file an image
///
/// Rectangles become boxes; polygons, circles and masks become masks with the box around them. Points and lines are
/// counted and left out. What else a shape holds is kept in "labelme". Where an image is not there, the one inside the
/// JSON file is taken.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from labelme photos >photos.jsonl")]
pub(super) struct Args {
    /// JSON files, or folders of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Where images are that do not lie beside their JSON file
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    #[command(flatten)]
    pub(super) common: Common,
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
        write(io, &self.common, with_note_of_images(samples, images))
    }
}
