//! `dl-data from label-studio`.

use std::path::PathBuf;

use anyhow::Result;
use dl_record::file::folder_of;
use dl_vision::formats::label_studio;

use super::{WrittenArgs, with_note_of_images, write};
use crate::common::{Io, Outcome};

/// Read Label Studio: one JSON file with tasks for images or texts
///
/// Polygons, ellipses and rotated rectangles become masks with bounding boxes; a choice becomes the label; brush
/// strokes and keypoints are skipped and counted. If a task has several annotations, the one marked as ground truth is
/// read, otherwise the first.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from label-studio project.json --images upload > project.jsonl")]
pub(super) struct Args {
    /// File exported by Label Studio as JSON
    #[arg(value_name = "FILE.json")]
    tasks: PathBuf,

    /// Folder with the images [default: the folder of FILE.json]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    /// Read the last prediction of each task into `detections`
    #[arg(long)]
    predictions: bool,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let images = self.images.as_deref().unwrap_or_else(|| folder_of(&self.tasks));
        let samples = label_studio::read(&self.tasks, images, self.predictions)?;
        write(io, &self.written, with_note_of_images(samples, images))
    }
}
