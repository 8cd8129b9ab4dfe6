//! `dl-data from idx`.

use std::path::PathBuf;

use anyhow::Result;
use dl_vision::formats::idx;

use super::super::names;
use super::{WrittenArgs, write};
use crate::common::{Io, Labels, Outcome};

/// Read IDX: the files of MNIST, Fashion-MNIST and EMNIST as downloaded, plain or gzipped
///
/// The images are stored in the records as data: URIs. EMNIST images are rotated upright, and their labels come from
/// the mapping file.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from idx mnist --split train > train.jsonl")]
pub(super) struct Args {
    /// Folder with SPLIT-images-idx3-ubyte and SPLIT-labels-idx1-ubyte, directly or in raw/
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Split to read: train or test (t10k), or letters-train and so on if the folder has several EMNIST datasets
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: String,

    /// Names of the classes 0, 1, 2, ...: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc
    /// [default: those of the mapping file, or the numbers]
    #[arg(long, value_name = "LABEL,...|@FILE")]
    labels: Option<Labels>,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        write(io, &self.written, idx::read(&self.folder, &self.split, names(self.labels.as_ref()))?)
    }
}
