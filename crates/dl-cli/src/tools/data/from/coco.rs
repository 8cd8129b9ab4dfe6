//! `dl-data from coco`.

use std::path::PathBuf;

use anyhow::Result;
use dl_record::file::folder_of;
use dl_vision::formats::coco;

use super::{WrittenArgs, with_note_of_images, write};
use crate::common::{Io, Outcome};

/// Read COCO: one JSON file with images, categories and annotations
///
/// Boxes [x,y,width,height] become [x,y,x+width,y+height]; polygons and run-length encodings become masks. Ids,
/// polygons and everything else in the file are kept in extra fields, which `to coco` writes back. An annotation that
/// cannot be used is reported and skipped. If several categories in use share a name, their labels include the
/// category id.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from coco annotations/instances_val2014.json --images val2014 \\
    > val.jsonl")]
pub(super) struct Args {
    /// Annotation file
    #[arg(value_name = "ANN.json")]
    annotations: PathBuf,

    /// Folder that the image file names are relative to [default: the folder of ANN.json]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let images = self.images.as_deref().unwrap_or_else(|| folder_of(&self.annotations));
        let samples = coco::read(&self.annotations, images)?;
        write(io, &self.written, with_note_of_images(samples, images))
    }
}
