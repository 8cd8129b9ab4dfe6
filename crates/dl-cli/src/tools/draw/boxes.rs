//! `dl-draw boxes`: one annotated picture a record.

use std::io::Cursor;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;
use dl_record::{Record, write_atomically};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};

use super::annotate::Options;
use crate::common::{Common, Inputs, Io, Job, Outcome, map_records};

/// Draw each record's boxes on its picture
///
/// The drawing of the record with the id `street/7` is DIR/street/7.jpg; its path is put into the field `drawing`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw boxes --output-dir drawn found.jsonl > drawn.jsonl
  dl-data from voc testdata/signs --split test | dl-draw boxes --output-dir drawn > drawn.jsonl
  dl-draw boxes --what proposals --max 20 --output-dir drawn < proposed.jsonl | jq -r .drawing")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Folder for the drawings; it is made
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,

    #[command(flatten)]
    options: Options,

    /// Enlarge the pictures N times before drawing [default: small ones to about 640 pixels]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    zoom: Option<u32>,

    /// Format of the drawings
    #[arg(long, value_enum, default_value_t = Format::Jpg)]
    format: Format,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// Small
    Jpg,
    /// Exact
    Png,
}

impl Format {
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Jpg => &["jpg", "jpeg"],
            Self::Png => &["png"],
        }
    }
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let job = Job { common: &self.common, inputs: &self.inputs };
        let images = self.options.images(&io.messages);
        map_records(io, job, |record| {
            let path = self.path(record)?;
            let zoom = |longer| f64::from(self.zoom.unwrap_or(enlargement(longer)));
            let picture = self.options.annotate(record, &images, zoom)?;
            save(&picture, &path)?;
            record.set("drawing", &path.display().to_string())
        })
    }

    /// Where the drawing of a record goes: below the folder, whatever its id is.
    fn path(&self, record: &Record) -> Result<PathBuf> {
        let image: Option<String> = record.image()?;
        let Some(id) = record.id()?.or_else(|| image.clone()) else { bail!("the record has neither id nor image") };
        // A data: URI as an id is too long for a file name.
        if id.len() > 1000 || id.starts_with("data:") {
            bail!("the record's id is no name for a file; give it a short one");
        }
        let mut path = self.output_dir.clone();
        path.extend(Path::new(&id).components().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("up".into()),
            _ => None,
        }));
        if path == self.output_dir {
            bail!("the record's id \"{id}\" is no name for a file");
        }
        let ending = self.format.endings()[0];
        if !path
            .extension()
            .is_some_and(|found| self.format.endings().iter().any(|known| found.eq_ignore_ascii_case(known)))
        {
            path.as_mut_os_string().push(format!(".{ending}"));
        }
        let same =
            |image: &str| matches!((path.canonicalize(), Path::new(image).canonicalize()), (Ok(a), Ok(b)) if a == b);
        if image.as_deref().is_some_and(same) {
            bail!("{}: the drawing would replace the picture; name another --output-dir", path.display());
        }
        Ok(path)
    }
}

/// How many times a picture with this longer side is enlarged for its labels to be readable.
fn enlargement(longer: u32) -> u32 {
    ((640 + longer / 2) / longer).clamp(1, 8)
}

/// Writes a picture in the format that the path's ending says, atomically.
pub(super) fn save(picture: &RgbImage, path: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    match ImageFormat::from_path(path)? {
        ImageFormat::Jpeg => JpegEncoder::new_with_quality(&mut bytes, 92).encode_image(picture)?,
        format => picture.write_to(&mut Cursor::new(&mut bytes), format)?,
    }
    write_atomically(path, |output| Ok(output.write_all(&bytes)?))
}
