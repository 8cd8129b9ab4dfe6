//! `dl-data to`: records become a dataset.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use dl_record::{Record, write_atomically};
use dl_vision::formats::{Pictures, coco, voc, yolo};

use crate::common::{Common, Inputs, Io, Job, Outcome, each_record, is_image_of, not_an_input};

/// Writes records as a dataset of another format
///
/// Records with `error` are left out, which is said, and makes the exit status 1.
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

/// COCO annotations of the truth (`objects`)
///
/// Ids that came from a COCO file are used again; others are numbered. Labels without a category id are numbered after
/// the highest, by name.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from voc VOC2007 --split test | dl-data to coco --output test.json")]
struct CocoArgs {
    /// The file to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// A COCO file whose ids of pictures and categories are used
    #[arg(long, value_name = "ANN.json")]
    truth: Option<PathBuf>,

    /// Labels to number from 1 in this order
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    labels: Vec<String>,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

/// COCO's result list of what was found (`detections`)
///
/// Ids of pictures and categories are those that the records kept from `from coco`, or those of --truth.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data to coco-results --truth instances_val.json <found.jsonl >results.json")]
struct ResultsArgs {
    /// The file to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The COCO file with the ids of pictures and categories
    #[arg(long, value_name = "ANN.json")]
    truth: Option<PathBuf>,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

/// Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt
///
/// Corners that are not whole pixels are written with their decimals.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from coco instances_val.json | dl-data to voc signs --split val")]
struct VocArgs {
    /// The folder to write to
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Name of the list in ImageSets/Main
    #[arg(long, value_name = "NAME", default_value = "default")]
    split: String,

    #[command(flatten)]
    pictures: PicturesArgs,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

/// YOLO: images/, labels/*.txt with normalised centres, and data.yaml
///
/// The classes are numbered as --names says; else as in a data.yaml that is there, so that splits can be added one by
/// one; else as they were in the YOLO or COCO files that the records come from; else by name. Objects are clipped to their
/// image; those outside of it are reported and left out.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from voc VOC2007 --split train | dl-data to yolo voc --split train")]
struct YoloArgs {
    /// The folder to write to
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Write to images/NAME and labels/NAME
    #[arg(long, value_name = "NAME")]
    split: Option<String>,

    /// Names of the classes 0, 1, 2, ...
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    names: Vec<String>,

    /// Write objects that have one polygon as polygons instead of boxes
    #[arg(long)]
    polygons: bool,

    #[command(flatten)]
    pictures: PicturesArgs,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args, Clone, Copy, Debug)]
struct PicturesArgs {
    /// What to do with the pictures
    #[arg(long, value_enum, default_value_t = Images::Copy)]
    images: Images,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Images {
    /// Copy them
    Copy,
    /// Make symbolic links to them
    Link,
    /// Leave them where they are; write only the truth
    Leave,
}

impl PicturesArgs {
    fn pictures(self) -> Pictures {
        match self.images {
            Images::Copy => Pictures::Copy,
            Images::Link => Pictures::Link,
            Images::Leave => Pictures::Leave,
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
                let mut writer = coco::Writer::new(ids(args.truth.as_deref())?, &args.labels)?;
                let outcome = take(io, job, |record| {
                    output.look_at(record)?;
                    writer.write(record)
                })?;
                output.check()?;
                let notes = to_file(io, args.output.as_deref(), |output| writer.finish(output))?;
                say(io, &notes, outcome)
            }
            Format::CocoResults(args) => {
                let mut output = Output::new(args.output.as_deref(), args.truth.as_deref(), inputs)?;
                let mut writer = coco::ResultsWriter::new(ids(args.truth.as_deref())?)?;
                let outcome = take(io, job, |record| {
                    output.look_at(record)?;
                    writer.write(record)
                })?;
                output.check()?;
                to_file(io, args.output.as_deref(), |output| writer.finish(output))?;
                Ok(outcome)
            }
            Format::Voc(args) => {
                let config =
                    voc::Config { split: plain_name(&args.split)?.to_owned(), pictures: args.pictures.pictures() };
                let mut writer = voc::Writer::new(&args.folder, config)?;
                let outcome = take(io, job, |record| writer.write(record))?;
                say(io, &writer.finish()?, outcome)
            }
            Format::Yolo(args) => {
                args.split.as_deref().map(plain_name).transpose()?;
                let config = yolo::Config {
                    split: args.split.clone(),
                    names: args.names.clone(),
                    polygons: args.polygons,
                    pictures: args.pictures.pictures(),
                };
                let mut writer = yolo::Writer::new(&args.folder, config)?;
                let outcome = take_most(io, job, |record| writer.write(record))?;
                say(io, &writer.finish()?, outcome)
            }
        }
    }
}

/// A name that becomes that of a file or folder.
pub(super) fn plain_name(name: &str) -> Result<&str> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        bail!("\"{name}\" is not a name for a split: it becomes the name of a file");
    }
    Ok(name)
}

/// The file to write, which must be none of those that are read or named by a record.
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
                bail!("{}: is an image of the records; name another --output", path.display())
            }
            _ => Ok(()),
        }
    }
}

fn ids(truth: Option<&Path>) -> Result<Option<coco::Ids>> {
    truth.map(coco::Ids::read).transpose()
}

fn take(io: &mut Io, job: Job, mut work: impl FnMut(&Record) -> Result<()>) -> Result<Outcome> {
    let tally = each_record(io, job, |record, _| work(&record))?;
    if tally.carried > 0 {
        io.messages.error(format_args!("{} records carry an error from before and are left out", tally.carried));
    }
    Ok(Outcome::of(tally.failed + tally.carried))
}

/// As [`take`], where `work` returns what is left out of a record that is written all the same, one reason each.
fn take_most(io: &mut Io, job: Job, mut work: impl FnMut(&Record) -> Result<Vec<String>>) -> Result<Outcome> {
    let messages = io.messages.clone();
    let mut is_whole = true;
    let outcome = take(io, job, |record| {
        let lost = work(record)?;
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

/// Calls `write` with the file, which appears when it is whole, or with stdout.
fn to_file<T>(io: &mut Io, file: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let Some(file) = file else { return write(&mut io.output) };
    let mut result = None;
    write_atomically(file, |output| {
        result = Some(write(output)?);
        Ok(())
    })?;
    Ok(result.expect("the file was written"))
}

fn say(io: &Io, notes: &[String], outcome: Outcome) -> Result<Outcome> {
    notes.iter().for_each(|note| io.messages.note(note));
    Ok(outcome)
}
