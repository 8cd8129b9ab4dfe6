//! `dl-data to`: converts records to a dataset.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};
use dl_record::{Record, write_atomically};
use dl_vision::formats::{ImageFiles, coco, voc, yolo};
use dl_vision::picture::dimensions;

use super::names;
use crate::common::{Common, Inputs, Io, Job, Labels, Outcome, counted, each_record, is_image_of, not_an_input};

/// Write records as a dataset in another format
///
/// Records with `error` are skipped and counted; the exit status is then 1.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(Subcommand, Debug)]
enum Format {
    Coco(CocoArgs),
    CocoResults(ResultsArgs),
    Voc(VocArgs),
    Yolo(YoloArgs),
}

/// Write COCO annotations of the ground truth (`objects`)
///
/// Ids that came from a COCO file are kept; other records and objects get new ones. Labels without a category id are
/// numbered after the highest id, sorted by name. A record without width and height fails if its image cannot be read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from voc VOC2007 --split test \\
    | dl-data to coco --output test.json")]
struct CocoArgs {
    /// File to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// COCO file whose image and category ids to use
    #[arg(long, value_name = "ANN.json")]
    truth: Option<PathBuf>,

    /// Labels to number from 1, in this order: a list, @FILE with one per line, or the built-in @imagenet, @coco or
    /// @voc
    #[arg(long, value_name = "LABEL,...|@FILE")]
    labels: Option<Labels>,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

/// Write `detections` as a COCO results list
///
/// The image and category ids come from --truth, or from the records if dl-data from coco wrote them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data to coco-results --truth instances_val.json < found.jsonl \\
    > results.json")]
struct ResultsArgs {
    /// File to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// COCO file whose image and category ids to use [default: those in the records]
    #[arg(long, value_name = "ANN.json")]
    truth: Option<PathBuf>,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

/// Write Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt
///
/// Coordinates are not rounded.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from coco instances_val.json | dl-data to voc signs --split val")]
struct VocArgs {
    /// Folder to write to
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Name of the list in ImageSets/Main
    #[arg(long, value_name = "NAME", default_value = "default")]
    split: String,

    #[command(flatten)]
    images: ImagesArgs,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

/// Write YOLO: images/, labels/*.txt with normalized centers, and data.yaml
///
/// The classes are numbered in the order of --labels; otherwise as in an existing data.yaml, so that splits can be
/// added one by one; otherwise as in the YOLO or COCO files that the records come from; otherwise sorted by name.
/// Objects are clipped to their image; objects outside the image are reported and skipped.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from voc VOC2007 --split train \\
    | dl-data to yolo voc --split train")]
struct YoloArgs {
    /// Folder to write to
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Write to images/NAME and labels/NAME
    #[arg(long, value_name = "NAME")]
    split: Option<String>,

    /// Names of the classes 0, 1, 2, ...: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc
    #[arg(long, value_name = "LABEL,...|@FILE")]
    labels: Option<Labels>,

    /// Write polygons instead of boxes, for objects with a single polygon
    #[arg(long)]
    polygons: bool,

    #[command(flatten)]
    images: ImagesArgs,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args, Clone, Copy, Debug)]
struct ImagesArgs {
    /// What to do with the image files
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Images::Copy)]
    images: Images,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Images {
    /// Copy them
    Copy,
    /// Make symbolic links to them
    Link,
    /// Leave them where they are; write only the annotations
    Leave,
}

impl ImagesArgs {
    fn image_files(self) -> ImageFiles {
        match self.images {
            Images::Copy => ImageFiles::Copy,
            Images::Link => ImageFiles::Link,
            Images::Leave => ImageFiles::Leave,
        }
    }
}

impl Args {
    fn parts(&self) -> (&Common, &Inputs) {
        match &self.format {
            Format::Coco(args) => (&args.common, &args.inputs),
            Format::CocoResults(args) => (&args.common, &args.inputs),
            Format::Voc(args) => (&args.common, &args.inputs),
            Format::Yolo(args) => (&args.common, &args.inputs),
        }
    }

    pub(super) fn common(&self) -> &Common {
        self.parts().0
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (common, inputs) = self.parts();
        let job = Job { common, inputs };
        match &self.format {
            Format::Coco(args) => {
                let mut output = Output::new(args.output.as_deref(), args.truth.as_deref(), inputs)?;
                let mut writer = coco::Writer::new(ids(args.truth.as_deref())?, names(args.labels.as_ref()))?;
                let outcome = write_records(io, job, |record| {
                    output.look_at(record)?;
                    check_size(record)?;
                    writer.write(record)
                })?;
                output.check()?;
                let notes = to_file(io, args.output.as_deref(), |output| writer.finish(output))?;
                report(io, &notes, outcome)
            }
            Format::CocoResults(args) => {
                let mut output = Output::new(args.output.as_deref(), args.truth.as_deref(), inputs)?;
                let mut writer = coco::ResultsWriter::new(ids(args.truth.as_deref())?)?;
                let outcome = write_records(io, job, |record| {
                    output.look_at(record)?;
                    writer.write(record)
                })?;
                output.check()?;
                to_file(io, args.output.as_deref(), |output| writer.finish(output))?;
                Ok(outcome)
            }
            Format::Voc(args) => {
                let config =
                    voc::Config { split: plain_name(&args.split)?.to_owned(), images: args.images.image_files() };
                let mut writer = voc::Writer::new(&args.folder, config)?;
                let outcome = write_records(io, job, |record| writer.write(record))?;
                report(io, &writer.finish()?, outcome)
            }
            Format::Yolo(args) => {
                args.split.as_deref().map(plain_name).transpose()?;
                let config = yolo::Config {
                    split: args.split.clone(),
                    names: names(args.labels.as_ref()).to_vec(),
                    polygons: args.polygons,
                    images: args.images.image_files(),
                };
                let mut writer = yolo::Writer::new(&args.folder, config)?;
                let outcome = write_parts_of_records(io, job, |record| writer.write(record))?;
                report(io, &writer.finish()?, outcome)
            }
        }
    }
}

/// Checks a name that becomes the name of a file or folder.
pub(super) fn plain_name(name: &str) -> Result<&str> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        bail!("\"{name}\" cannot name a split, because it would not be a plain file name");
    }
    Ok(name)
}

/// The file to write, which must not be an input or an image of a record.
struct Output<'a> {
    path: Option<&'a Path>,
    is_image: bool,
}

impl<'a> Output<'a> {
    fn new(path: Option<&'a Path>, truth: Option<&Path>, inputs: &Inputs) -> Result<Self> {
        if let Some(path) = path {
            not_an_input(path, inputs)?;
            if let Some(truth) = truth {
                not_an_input(path, &Inputs { inputs: vec![truth.display().to_string()] })?;
            }
        }
        Ok(Self { path, is_image: false })
    }

    fn look_at(&mut self, record: &Record) -> Result<()> {
        if let Some(path) = self.path {
            self.is_image |= is_image_of(path, record)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        match self.path {
            Some(path) if self.is_image => {
                bail!("{}: is an image of the records; choose another --output", path.display())
            }
            _ => Ok(()),
        }
    }
}

/// Fails when the size of an image can be found neither in the record nor in the image.
fn check_size(record: &Record) -> Result<()> {
    if record.width()?.is_some() && record.height()?.is_some() {
        return Ok(());
    }
    if let Some(image) = record.image()? {
        dimensions(&image).context("the record has no width and height, and its image cannot be read")?;
    }
    Ok(())
}

fn ids(truth: Option<&Path>) -> Result<Option<coco::Ids>> {
    truth.map(coco::Ids::read).transpose()
}

/// Calls `write` with each record that has no error, and counts the others.
fn write_records(io: &mut Io, job: Job, mut write: impl FnMut(&Record) -> Result<()>) -> Result<Outcome> {
    let tally = each_record(io, job, |record, _| write(&record))?;
    if tally.carried > 0 {
        let skipped = counted(tally.carried, "record");
        io.messages.error(format_args!("{skipped} with an error of an earlier program skipped"));
    }
    Ok(Outcome::of(tally.failed + tally.carried))
}

/// As [`write_records`], where `write` returns a reason for each object that it skipped.
fn write_parts_of_records(
    io: &mut Io,
    job: Job,
    mut write: impl FnMut(&Record) -> Result<Vec<String>>,
) -> Result<Outcome> {
    let messages = io.messages.clone();
    let mut is_whole = true;
    let outcome = write_records(io, job, |record| {
        let lost = write(record)?;
        is_whole &= lost.is_empty();
        if job.common.strict && !lost.is_empty() {
            bail!(lost.join("; "));
        }
        let id = record.id()?.unwrap_or_default();
        lost.iter().for_each(|reason| messages.error(format_args!("{id}: {reason}")));
        Ok(())
    })?;
    Ok(if is_whole { outcome } else { Outcome::SomeFailed })
}

/// Calls `write` with the file, which appears once it is complete, or with stdout.
fn to_file<T>(io: &mut Io, file: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let Some(file) = file else { return write(&mut io.output) };
    let mut result = None;
    write_atomically(file, |output| {
        result = Some(write(output)?);
        Ok(())
    })?;
    Ok(result.expect("the file was written"))
}

fn report(io: &Io, notes: &[String], outcome: Outcome) -> Result<Outcome> {
    notes.iter().for_each(|note| io.messages.note(note));
    Ok(outcome)
}
