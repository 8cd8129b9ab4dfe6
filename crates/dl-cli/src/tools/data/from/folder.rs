//! `dl-data from folder`.

use std::path::PathBuf;

use anyhow::Result;
use dl_vision::formats::folder;

use super::write;
use crate::common::{Common, Io, Outcome};

/// Images in folders, one for each class, or just images
///
/// The label is the name of the first folder below DIR. Images in DIR itself have none. Names that begin with a dot are
/// skipped; files with other endings than images have are counted and reported.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from folder imagenette/train >train.jsonl")]
pub(super) struct Args {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The folders are not classes: no labels
    #[arg(long)]
    no_labels: bool,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        write(io, &self.common, folder::read(&self.folder, !self.no_labels)?)
    }
}
