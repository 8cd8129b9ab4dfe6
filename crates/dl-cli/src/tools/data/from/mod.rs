//! `dl-data from`: converts a dataset to records.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Subcommand;
use dl_record::{Record, Writer};
use dl_vision::formats::{Found, Sample};

use crate::common::{Common, Io, Outcome, STRICT};

mod coco;
mod csv;
mod cvat;
mod folder;
mod idx;
mod label_studio;
mod labelme;
mod lines;
mod voc;
mod yolo;

/// Read a dataset and write one record for each image or text
///
/// Images are not decoded; width and height come from the annotation, or from the image header if the annotation lacks
/// them. If an annotation cannot be read, the record of its image has an `error`. Objects that cannot be used are
/// skipped and reported. In both cases the exit status is 1. Images that do not exist get a record too: run dl-data
/// check to find them.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    format: Format,
}

#[derive(Subcommand, Debug)]
enum Format {
    Voc(voc::Args),
    Coco(coco::Args),
    Yolo(yolo::Args),
    Folder(folder::Args),
    Idx(idx::Args),
    Labelme(labelme::Args),
    Cvat(cvat::Args),
    LabelStudio(label_studio::Args),
    Lines(lines::Args),
    Csv(csv::Args),
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        match &self.format {
            Format::Voc(args) => &args.written.common,
            Format::Coco(args) => &args.written.common,
            Format::Yolo(args) => &args.written.common,
            Format::Folder(args) => &args.written.common,
            Format::Idx(args) => &args.written.common,
            Format::Labelme(args) => &args.written.common,
            Format::Cvat(args) => &args.written.common,
            Format::LabelStudio(args) => &args.written.common,
            Format::Lines(args) => &args.written.common,
            Format::Csv(args) => &args.written.common,
        }
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.format {
            Format::Voc(args) => args.run(io),
            Format::Coco(args) => args.run(io),
            Format::Yolo(args) => args.run(io),
            Format::Folder(args) => args.run(io),
            Format::Idx(args) => args.run(io),
            Format::Labelme(args) => args.run(io),
            Format::Cvat(args) => args.run(io),
            Format::LabelStudio(args) => args.run(io),
            Format::Lines(args) => args.run(io),
            Format::Csv(args) => args.run(io),
        }
    }
}

/// Options of every format.
#[derive(clap::Args, Debug)]
struct WrittenArgs {
    /// Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,

    #[command(flatten)]
    common: Common,
}

/// Writes the samples of a reader, and reports what it lost.
fn write(io: &mut Io, args: &WrittenArgs, found: impl Iterator<Item = Result<Found>>) -> Result<Outcome> {
    let WrittenArgs { domain, common } = args;
    if domain.as_ref().is_some_and(String::is_empty) {
        bail!("--domain: the name is empty");
    }
    let mut writer = Writer::new(&mut io.output);
    let (mut failed, mut samples, mut broken) = (0, 0_usize, 0_usize);
    for found in found {
        let before = failed;
        match found? {
            Found::Sample(sample) => {
                let Sample { place, mut record, failure, lost } = *sample;
                for reason in &lost {
                    io.messages.error(format_args!("{place}: {reason}"));
                }
                failed += lost.len();
                if let Some(error) = &failure {
                    let text = format!("{place}: {error:#}");
                    io.messages.error(&text);
                    record.fail(io.messages.tool(), text);
                    failed += 1;
                    broken += 1;
                }
                if let Some(domain) = domain {
                    record.set_domain(domain)?;
                    if let Some(id) = record.id()? {
                        record.set_id(&format!("{domain}/{id}"))?;
                    }
                }
                samples += 1;
                writer.write(&record)?;
                io.messages.bar().inc(1);
            }
            Found::Lost(reason) => {
                io.messages.error(reason);
                failed += 1;
            }
            Found::Note(note) => io.messages.note(note),
        }
        if failed > before && common.strict {
            writer.flush()?;
            bail!(STRICT);
        }
    }
    if samples == 0 && failed == 0 {
        io.messages.error("the dataset has no samples");
        failed = 1;
    } else if samples > 1 && broken == samples {
        io.messages.error(format_args!("none of the {samples} samples could be read"));
    }
    Ok(Outcome::of(failed))
}

/// Adds a note at the end if none of the images exists.
fn with_note_of_images(
    samples: impl Iterator<Item = Result<Found>>,
    folder: &Path,
) -> impl Iterator<Item = Result<Found>> {
    let mut missing = 0_usize;
    let mut one_exists = false;
    let mut samples = samples.fuse();
    std::iter::from_fn(move || {
        let Some(found) = samples.next() else {
            let none_exists = !one_exists && std::mem::take(&mut missing) > 0;
            let text = format!(
                "none of the images is in {}; name the folder that their file names are relative to with --images",
                folder.display()
            );
            return none_exists.then(|| Ok(Found::Note(text)));
        };
        if let Ok(Found::Sample(sample)) = &found
            && !one_exists
            && let Some(image) = image_of(&sample.record)
        {
            one_exists = image.starts_with("data:") || Path::new(&image).exists();
            missing += 1;
        }
        Some(found)
    })
}

fn image_of(record: &Record) -> Option<String> {
    record.image().ok().flatten()
}
