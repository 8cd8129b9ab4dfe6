//! `dl-data from yolo`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use dl_vision::formats::yolo;

use super::super::names;
use super::{WrittenArgs, write};
use crate::common::{Io, Labels, Outcome};

/// Read YOLO: images, text files with normalized boxes, and data.yaml or a list of class names
///
/// The labels of images/a.jpg are in labels/a.txt or beside the image. Splits are images/SPLIT, SPLIT/images, or those
/// that data.yaml, obj.data or SPLIT.txt define. The class names come from data.yaml, obj.names, classes.txt or
/// notes.json. A line in a text file is a box, a box with keypoints (if data.yaml has kpt_shape), a box with a
/// confidence, or a polygon. A line that cannot be read is reported and skipped.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from yolo coco128 --split train2017 > train.jsonl
  dl-data from yolo runs/detect/predict --labels cat,dog --predictions \\
    > found.jsonl")]
pub(super) struct Args {
    /// Folder with images and labels
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Splits to read, in this order [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    split: Vec<String>,

    /// Names of the classes 0, 1, 2, ...: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc
    /// [default: those that the dataset states]
    #[arg(long, value_name = "LABEL,...|@FILE")]
    labels: Option<Labels>,

    /// Read the output of a detector, with a confidence at the end of each line, into `detections` instead of `objects`
    #[arg(long)]
    predictions: bool,

    /// What to do with oriented boxes (a class and four corners per line, or DOTA's format) [default: read four corners
    /// as a polygon; refuse DOTA's format]
    #[arg(long, value_enum, value_name = "HOW")]
    obb: Option<Obb>,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Obb {
    /// Use the bounding box of the corners
    Box,
    /// Report and skip them
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
            names: names(self.labels.as_ref()).to_vec(),
            predictions: self.predictions,
            oriented,
        };
        write(io, &self.written, yolo::read(&self.folder, config)?)
    }
}
