//! `dl-data from cvat`.

use std::path::PathBuf;

use anyhow::Result;
use dl_record::file::folder_of;
use dl_vision::formats::cvat;

use super::{WrittenArgs, with_note_of_images, write};
use crate::common::{Io, Outcome};

/// Read CVAT for images 1.1: one XML file with images, boxes, polygons and masks
///
/// Polygons, ellipses, masks and rotated boxes become masks with bounding boxes; points, lines and skeletons are
/// skipped and counted. The attributes of a shape are kept in `attributes`. If an image has exactly one tag, it becomes
/// the label.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from cvat annotations.xml --images images > task.jsonl")]
pub(super) struct Args {
    /// Annotation file
    #[arg(value_name = "ANN.xml")]
    annotations: PathBuf,

    /// Folder that the image file names are relative to [default: the folder of ANN.xml]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let images = self.images.as_deref().unwrap_or_else(|| folder_of(&self.annotations));
        let samples = cvat::read(&self.annotations, images)?;
        write(io, &self.written, with_note_of_images(samples, images))
    }
}
