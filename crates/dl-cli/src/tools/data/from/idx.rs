//! `dl-data from idx`.

use std::path::PathBuf;

use anyhow::Result;
use dl_vision::formats::idx;

use super::write;
use crate::common::{Common, Io, Outcome};

/// IDX: the files of MNIST, Fashion-MNIST and EMNIST as they are downloaded, plain or gzipped
///
/// The images go into the records as data: URIs. EMNIST's are turned upright and named by its mapping file.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from idx mnist --split train >train.jsonl")]
pub(super) struct Args {
    /// The folder that holds SPLIT-images-idx3-ubyte and SPLIT-labels-idx1-ubyte, or raw/ with them
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The split: train, or test (t10k); letters-train where several of EMNIST's are there
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: String,

    /// Names of the labels 0, 1, 2, ... [default: the mapping file's, or the numbers]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    names: Vec<String>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        write(io, &self.common, idx::read(&self.folder, &self.split, &self.names)?)
    }
}
