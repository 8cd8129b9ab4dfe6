//! `dl-data from yolo`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use dl_vision::formats::yolo;

use super::write;
use crate::common::{Common, Io, Outcome};

/// YOLO: images, text files with normalized boxes, and data.yaml or a list of the classes
///
/// The labels of images/a.jpg are in labels/a.txt or beside it; images/SPLIT, SPLIT/images, and the splits that data.yaml,
/// obj.data or SPLIT.txt name are supported. The classes are named by data.yaml, obj.names, classes.txt or notes.json. A
/// line is a box, a box with key points (where data.yaml has kpt_shape), a box with a confidence, or a polygon. A line that
/// cannot be read is reported and left out.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from yolo coco128 --split train2017 > train.jsonl
  dl-data from yolo runs/detect/predict --labels cat,dog --predictions \\
    > found.jsonl")]
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

    /// The lines are what a detector found, with a confidence at the end: write `detections`, not `objects`
    #[arg(long)]
    predictions: bool,

    /// What to do with oriented boxes, a class and four corners or lines of DOTA [default: read four corners as a polygon,
    /// refuse DOTA]
    #[arg(long, value_enum, value_name = "HOW")]
    obb: Option<Obb>,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Obb {
    /// Take the box around the corners
    Box,
    /// Report them and leave them out
    Refuse,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let oriented = self.obb.map(|obb| match obb {
            Obb::Box => yolo::Oriented::Box,
            Obb::Refuse => yolo::Oriented::Refuse,
        });
        let config = yolo::ReadConfig {
            splits: self.split.clone(),
            names: self.names.clone(),
            predictions: self.predictions,
            oriented,
        };
        write(io, &self.common, yolo::read(&self.folder, config)?)
    }
}
