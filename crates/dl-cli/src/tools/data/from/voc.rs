//! `dl-data from voc`.

use std::path::PathBuf;

use anyhow::Result;
use dl_vision::formats::voc;

use super::write;
use crate::common::{Common, Io, Outcome};

/// Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt
///
/// The folders may have other names (annotations/, xml/, labels/; images/, imgs/), lie in one folder for each split, or be
/// one folder with all files; what was assumed is reported. Boxes [xmin,ymin,xmax,ymax], 1-based with both ends inside, become [xmin-1,ymin-1,xmax,ymax]. Of a list with a second
/// column (cat_train.txt) only the names with 1 are read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from voc VOC2007 --split trainval >trainval.jsonl")]
pub(super) struct Args {
    /// The folder that holds annotations and images
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Lists in ImageSets/Main, or folders, to read one after another [default: all annotations, by name]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    split: Vec<String>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        write(io, &self.common, voc::read(&self.folder, &self.split)?)
    }
}
