//! `dl-data from label-studio`.

use std::path::PathBuf;

use anyhow::Result;
use dl_vision::formats::label_studio;

use super::{folder_of, with_note_of_images, write};
use crate::common::{Common, Io, Outcome};

/// Label Studio: one JSON file with tasks, of images or texts
///
/// Polygons, ellipses and rotated rectangles become masks with the box around them; a choice becomes the label; brush
/// strokes and key points are counted and left out. Of several annotations of a task the first is read, or the one that
/// is marked as the truth.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from label-studio project.json --images upload >project.jsonl")]
pub(super) struct Args {
    /// The export, as JSON
    #[arg(value_name = "FILE.json")]
    tasks: PathBuf,

    /// The folder with the images [default: that of FILE.json]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    /// Read the last prediction of each task, as detections
    #[arg(long)]
    predictions: bool,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let images = self.images.as_deref().unwrap_or_else(|| folder_of(&self.tasks));
        let samples = label_studio::read(&self.tasks, images, self.predictions)?;
        write(io, &self.common, with_note_of_images(samples, images))
    }
}
