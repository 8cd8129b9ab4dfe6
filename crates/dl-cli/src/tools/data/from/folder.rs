//! `dl-data from folder`.

use std::path::PathBuf;

use anyhow::Result;
use dl_vision::formats::folder;

use super::{WrittenArgs, write};
use crate::common::{Io, Outcome};

/// Read images from folders, one folder per class, or from a single folder
///
/// The label is the name of the folder directly below DIR that contains the image, at any depth. Images directly in DIR
/// get no label. Names that begin with a dot are skipped; files without an image extension are counted and reported.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from folder imagenette/train > train.jsonl")]
pub(super) struct Args {
    /// Folder to read
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Do not set labels: the folders are not classes
    #[arg(long)]
    no_labels: bool,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        write(io, &self.written, folder::read(&self.folder, !self.no_labels)?)
    }
}
