//! `dl-data from`: a dataset becomes records.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Subcommand;
use dl_record::Writer;
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

/// Reads a dataset and writes one record for each image or text
///
/// Images are not decoded; width and height come from the annotation or, where it does not have them, from the image's
/// header. An image whose annotation cannot be read gives a record with `error`; objects that are left out are reported,
/// and the exit status is 1. An image that is missing gives its record all the same: `dl-data check` finds it.
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
            Format::Voc(args) => &args.common,
            Format::Coco(args) => &args.common,
            Format::Yolo(args) => &args.common,
            Format::Folder(args) => &args.common,
            Format::Idx(args) => &args.common,
            Format::Labelme(args) => &args.common,
            Format::Cvat(args) => &args.common,
            Format::LabelStudio(args) => &args.common,
            Format::Lines(args) => &args.common,
            Format::Csv(args) => &args.common,
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

/// The folder that a file lies in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes what a reader found, and reports what it lost.
fn write(io: &mut Io, common: &Common, found: impl Iterator<Item = Result<Found>>) -> Result<Outcome> {
    let mut writer = Writer::new(&mut io.output);
    let mut failed = 0;
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
                }
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
    Ok(Outcome::of(failed))
}
