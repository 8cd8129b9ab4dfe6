//! `dl-data from coco`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dl_vision::formats::coco;

use super::write;
use crate::common::{Common, Io, Outcome};

/// COCO: one JSON file with images, categories and annotations
///
/// Boxes [x,y,width,height] become [x,y,x+width,y+height]; polygons and run-length encodings become masks. Ids, polygons
/// and whatever else the file holds are kept in extra fields, which `to coco` writes back.
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
        write(io, &self.common, coco::read(&self.annotations, images)?)
    }
}
