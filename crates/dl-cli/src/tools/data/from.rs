//! `dl-data from`: a dataset becomes records.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;
use dl_record::Writer;
use dl_vision::formats::{Sample, coco, folder, idx, voc, yolo};

use crate::common::{Common, Io, Outcome, STRICT};

/// Reads a dataset and writes one record for each picture
///
/// Pictures are not decoded; width and height come from the truth or, where it does not tell, from the picture's
/// header. A picture whose truth cannot be read gives a record with `error`. A picture that is missing gives its record
/// all the same: `dl-data check` finds it.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(Subcommand, Debug)]
enum Format {
    Voc(VocArgs),
    Coco(CocoArgs),
    Yolo(YoloArgs),
    Folder(FolderArgs),
    Idx(IdxArgs),
}

/// Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt
///
/// Boxes [xmin,ymin,xmax,ymax], 1-based with both ends inside, become [xmin-1,ymin-1,xmax,ymax]. Of a list with a second
/// column (cat_train.txt) only the names with 1 are read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from voc VOC2007 --split trainval >trainval.jsonl")]
struct VocArgs {
    /// The folder that holds Annotations and JPEGImages
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Lists in ImageSets/Main to read, one after another [default: all annotations, by name]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    split: Vec<String>,

    #[command(flatten)]
    common: Common,
}

/// COCO: one JSON file with images, categories and annotations
///
/// Boxes [x,y,width,height] become [x,y,x+width,y+height]; polygons and run-length encodings become masks. Ids, polygons
/// and whatever else the file holds are kept in extra fields, which `to coco` writes back.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from coco annotations/instances_val2014.json --images val2014 >val.jsonl")]
struct CocoArgs {
    /// The annotations
    #[arg(value_name = "ANN.json")]
    annotations: PathBuf,

    /// The folder that the pictures' file names are relative to [default: that of ANN.json]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// YOLO: images/, labels/*.txt with normalised centres, and data.yaml or classes.txt
///
/// Both images/SPLIT and SPLIT/images are understood. A line of more than five numbers is a polygon.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from yolo coco128 --split train2017 >train.jsonl")]
struct YoloArgs {
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
    common: Common,
}

/// Pictures in folders, one for each class, or just pictures
///
/// The label is the name of the first folder below DIR. Pictures in DIR itself have none.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from folder imagenette/train >train.jsonl")]
struct FolderArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The folders are not classes: no labels
    #[arg(long)]
    no_labels: bool,

    #[command(flatten)]
    common: Common,
}

/// IDX: the files of MNIST and its kin, plain or gzipped
///
/// The pictures go into the records as data: URIs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from idx mnist --split train >train.jsonl")]
struct IdxArgs {
    /// The folder that holds SPLIT-images-idx3-ubyte and SPLIT-labels-idx1-ubyte
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The split: train, or test (t10k)
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: String,

    /// Names of the labels 0, 1, 2, ... [default: the numbers]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    names: Vec<String>,

    #[command(flatten)]
    common: Common,
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        match &self.format {
            Format::Voc(args) => &args.common,
            Format::Coco(args) => &args.common,
            Format::Yolo(args) => &args.common,
            Format::Folder(args) => &args.common,
            Format::Idx(args) => &args.common,
        }
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let common = self.common();
        match &self.format {
            Format::Voc(args) => write(io, common, voc::read(&args.folder, &args.split)?),
            Format::Coco(args) => {
                let beside = args.annotations.parent().filter(|folder| !folder.as_os_str().is_empty());
                let images = args.images.as_deref().or(beside).unwrap_or(Path::new("."));
                write(io, common, coco::read(&args.annotations, images)?)
            }
            Format::Yolo(args) => write(io, common, yolo::read(&args.folder, &args.split, &args.names)?),
            Format::Folder(args) => write(io, common, folder::read(&args.folder, !args.no_labels)?),
            Format::Idx(args) => write(io, common, idx::read(&args.folder, &args.split, &args.names)?),
        }
    }
}

fn write(io: &mut Io, common: &Common, samples: impl Iterator<Item = Result<Sample>>) -> Result<Outcome> {
    let mut writer = Writer::new(&mut io.output);
    let mut failed = 0;
    for sample in samples {
        let Sample { place, mut record, failure } = sample?;
        if let Some(error) = &failure {
            let text = format!("{place}: {error:#}");
            io.messages.error(&text);
            record.fail(io.messages.tool(), text);
            failed += 1;
        }
        writer.write(&record)?;
        io.messages.bar().inc(1);
        if failure.is_some() && common.strict {
            writer.flush()?;
            bail!(STRICT);
        }
    }
    Ok(Outcome::of(failed))
}
