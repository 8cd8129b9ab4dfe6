//! `dl-draw boxes`: an annotated image per record.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ValueEnum;
use dl_record::Record;
use dl_record::file::write_inside;

use super::annotate::{Options, drawn};
use super::fonts::report_missing;
use super::pass::pass_on;
use super::save::{Kind, encoded, is_drawing, marked};
use crate::common::{Common, FileNames, Inputs, Io, Job, Originals, Outcome, is_image_of, map_batches};

/// Draw each record's boxes on its image
///
/// The drawing of the record with the id `street/7` is DIR/street/7.jpg; its path is stored in the record's field
/// `drawing`. If two drawings would have the same name, the second becomes `7-2.jpg`. An existing file
/// is replaced only if dl-draw boxes has drawn it. Records pass through to stdout, unless it is a terminal.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw boxes --output-dir drawn found.jsonl > drawn.jsonl
  dl-data from voc testdata/signs --split test \\
    | dl-draw boxes --output-dir drawn > drawn.jsonl
  dl-propose selective-search photo.jpg \\
    | dl-draw boxes --show proposals --output-dir drawn > drawn.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Folder for the drawings; created if it does not exist
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,

    /// Enlarge images N times before drawing [default: enlarge small images to about 640 pixels]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    zoom: Option<u32>,

    /// Format of the drawings
    #[arg(long, value_enum, default_value_t = Format::Jpg)]
    format: Format,

    #[command(flatten)]
    options: Options,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// Smaller files
    Jpg,
    /// Lossless
    Png,
}

impl Format {
    fn kind(self) -> Kind {
        match self {
            Self::Jpg => Kind::Jpg,
            Self::Png => Kind::Png,
        }
    }

    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Jpg => &["jpg", "jpeg"],
            Self::Png => &["png"],
        }
    }
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        if self.output_dir.exists() && !self.output_dir.is_dir() {
            bail!("--output-dir {}: is a file, not a folder; choose another", self.output_dir.display());
        }
        pass_on(io, None);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let images = self.options.images(&io.messages);
        let originals = Originals::of(&self.inputs);
        let (mut names, mut renamed) = (FileNames::default(), 0_usize);
        let (fonts, mut threshold) = (self.options.fonts()?, self.options.threshold());
        let outcome = map_batches(
            io,
            job,
            2 * self.common.thread_count(),
            |record| self.options.scored(record),
            |records, scored| {
                let zoom = |longer| f64::from(self.zoom.unwrap_or(enlargement(longer)));
                let drawings = drawn(records, &scored, &mut threshold, |record, least| {
                    let drawing =
                        encoded(&self.options.annotate(record, &images, zoom, least, &fonts)?, self.format.kind())?;
                    Ok(marked(drawing, self.format.kind()))
                });
                let mut write = |record: &mut Record, drawing: Result<Vec<u8>>| {
                    let drawing = drawing?;
                    let (name, other) = self.name(record, &mut names, &originals)?;
                    write_inside(&self.output_dir, &name, |output| Ok(output.write_all(&drawing)?))?;
                    renamed += usize::from(other);
                    record.set("drawing", &self.output_dir.join(name).display().to_string())
                };
                records.iter_mut().zip(drawings).map(|(record, drawing)| write(record, drawing)).collect()
            },
        )?;
        threshold.report(&io.messages);
        report_missing(&fonts, &io.messages);
        if renamed > 0 {
            io.messages.note(format_args!(
                "{renamed} drawings end in -2, -3, ... because their name was taken; see the field drawing"
            ));
        }
        Ok(outcome)
    }

    /// The path of a record's drawing, inside the folder whatever the record's id is, and whether a number was added.
    fn name(&self, record: &Record, names: &mut FileNames, originals: &Originals) -> Result<(PathBuf, bool)> {
        let Some(id) = record.id()?.or(record.image()?) else { bail!("the record has neither id nor image") };
        let (name, renamed) = names.take(&id, self.format.endings())?;
        let path = self.output_dir.join(&name);
        if is_image_of(&path, record)? {
            bail!("{}: the drawing would replace the image; name another --output-dir", path.display());
        }
        originals.check(&path)?;
        // It may be the image of another record, even of one that has not been read yet.
        if path.is_file() && !is_drawing(&path) {
            bail!("{}: exists and is not a drawing of dl-draw boxes; name another --output-dir", path.display());
        }
        Ok((name, renamed))
    }
}

/// How many times to enlarge an image with this longer side, so that labels are readable.
fn enlargement(longer: u32) -> u32 {
    ((640 + longer / 2) / longer).clamp(1, 8)
}
