//! `dl-data from voc`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use dl_vision::formats::{IMAGE_ENDINGS, Walk, voc};

use super::{WrittenArgs, write};
use crate::common::{Io, Outcome};

/// Read Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt
///
/// Other layouts are supported: other folder names (annotations/, xml/, labels/; images/, imgs/), one folder per split,
/// or one folder with all files; assumptions about the layout are reported. Boxes [xmin,ymin,xmax,ymax], 1-based and
/// inclusive, become [xmin-1,ymin-1,xmax,ymax]. If a list has a second column (cat_train.txt), only the names with a 1
/// are read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from voc VOC2007 --split trainval > trainval.jsonl")]
pub(super) struct Args {
    /// Folder with annotations and images
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Lists in ImageSets/Main, or folders, to read in this order [default: all annotations, sorted by name]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    split: Vec<String>,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let found = voc::read(&self.folder, &self.split).map_err(|error| self.explained(error))?;
        write(io, &self.written, found)
    }

    /// The error, or a better one for a folder of images alone.
    fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        let has = |endings: &'static [&'static str]| Walk::new(&self.folder, endings).find_first("files").is_ok();
        if has(&["xml"]) || !has(&IMAGE_ENDINGS) {
            return error;
        }
        anyhow!(
            "{}: has images, but no XML files with annotations; to read images alone, use dl-data from folder --no-labels",
            self.folder.display()
        )
    }
}
