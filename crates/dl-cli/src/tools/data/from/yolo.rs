//! `dl-data from yolo`.

use std::path::PathBuf;

use anyhow::Result;
use dl_vision::formats::yolo;

use super::write;
use crate::common::{Common, Io, Outcome};

/// YOLO: images/, labels/*.txt with normalised centres, and data.yaml or classes.txt
///
/// Both images/SPLIT and SPLIT/images are understood. A line of more than five numbers is a polygon.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from yolo coco128 --split train2017 >train.jsonl")]
pub(super) struct Args {
    /// The folder that holds images and labels
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Splits to read, one after another [default: all there is]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    split: Vec<String>,

    /// Names of the classes 0, 1, 2, ... [default: as data.yaml or classes.txt says]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    names: Vec<String>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        write(io, &self.common, yolo::read(&self.folder, &self.split, &self.names)?)
    }
}
