//! `dl-draw grid`: many annotated pictures in one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use dl_record::Record;
use dl_vision::picture::{draw, font};
use image::imageops::replace;
use image::{Rgb, RgbImage};

use super::annotate::{Options, score};
use super::save::{Kind, MOST_PIXELS, check_size, save};
use crate::common::{Common, Inputs, Io, Job, Outcome, clipped, is_image_of, map_batches, not_an_input};

/// Pixels between two pictures.
const GAP: u32 = 6;

/// Pixels for a line of text below a picture, and to the next one.
const CAPTION: u32 = 22;

/// Draw the records as one grid of annotated pictures with captions
///
/// The caption is the record's id, its true class and its best prediction, as far as it has them. The path of the
/// grid is put into the field `drawing` of the records that are in it. Failed records have no place in the grid.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw grid --columns 4 --output grid.png found.jsonl > drawn.jsonl
  head -12 found.jsonl | dl-draw grid --cell 240 --output grid.jpg > drawn.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// The grid: a .png or .jpg file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Pictures side by side
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    columns: u32,

    /// Width and height of a picture's place, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 320, value_parser = clap::value_parser!(u32).range(16..=4096))]
    cell: u32,

    /// Rows of pictures at most; records beyond them pass through undrawn
    #[arg(long, value_name = "N", default_value_t = 25)]
    rows: usize,

    #[command(flatten)]
    options: Options,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let Some(kind) = Kind::of(&self.output).filter(|kind| *kind != Kind::Svg) else {
            bail!("{}: a grid is a .png or .jpg file", self.output.display());
        };
        not_an_input(&self.output, &self.inputs)?;
        let rows = self.rows.min(self.rows_that_fit()?);
        let most = rows * self.columns as usize;
        let replaces = AtomicBool::new(false);
        let drawing = self.output.display().to_string();
        let images = self.options.images(&io.messages);
        let mut cells = Vec::new();
        let mut left_out = 0_usize;
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_batches(
            io,
            job,
            1,
            |record| {
                if is_image_of(&self.output, record)? {
                    replaces.store(true, Ordering::Relaxed);
                    bail!("{drawing}: the grid would replace the image; name another --output");
                }
                let picture =
                    self.options.annotate(record, &images, |longer| f64::from(self.cell) / f64::from(longer))?;
                Ok((picture, caption(record)?))
            },
            |records, drawn| {
                let mut keep = |record: &mut Record, cell: (RgbImage, String)| {
                    if cells.len() == most {
                        left_out += 1;
                        return Ok(());
                    }
                    cells.push(cell);
                    record.set("drawing", &drawing)
                };
                records.iter_mut().zip(drawn).map(|(record, cell)| keep(record, cell)).collect()
            },
        )?;
        if replaces.into_inner() {
            bail!("{drawing}: is an image of the records, which the grid would replace; name another --output");
        }
        if left_out > 0 {
            let why =
                if rows < self.rows { "a grid of these --columns and this --cell has no more" } else { "see --rows" };
            io.messages.note(format_args!("{left_out} records beyond {rows} rows are not in the grid; {why}"));
        }
        if cells.is_empty() {
            io.messages.note(format_args!("no record could be drawn, so {drawing} is not written"));
        } else {
            save(&self.montage(&cells), kind, &self.output)?;
        }
        Ok(outcome)
    }

    /// How many rows a drawing can have.
    fn rows_that_fit(&self) -> Result<usize> {
        let (width, height) = (u64::from(self.columns * (self.cell + GAP) + GAP), u64::from(self.cell + CAPTION));
        check_size(width, height + u64::from(GAP))?;
        Ok(usize::try_from((MOST_PIXELS / width - u64::from(GAP)) / height)?)
    }

    /// Rows as high as their highest picture.
    fn montage(&self, cells: &[(RgbImage, String)]) -> RgbImage {
        let columns = self.columns.min(cells.len() as u32);
        let rows: Vec<_> = cells.chunks(columns as usize).collect();
        let high = |row: &[(RgbImage, String)]| row.iter().map(|(picture, _)| picture.height()).max().unwrap_or(0);
        let height = rows.iter().map(|row| high(row) + CAPTION).sum::<u32>() + GAP;
        let mut grid = RgbImage::from_pixel(columns * (self.cell + GAP) + GAP, height, Rgb(draw::WHITE));
        let mut top = GAP;
        for row in rows {
            let mut left = GAP;
            for (picture, caption) in row {
                let (x, y) = (left + (self.cell - picture.width()) / 2, top + (high(row) - picture.height()) / 2);
                replace(&mut grid, picture, x.into(), y.into());
                let words = font::shortened(caption, f64::from(self.cell));
                let x = f64::from(left) + ((f64::from(self.cell) - font::width(&words)) / 2.0).floor();
                // Close below the picture, wherever it ends.
                draw::text(&mut grid, &words, [x, f64::from(y + picture.height() + 5)], 1.0, draw::BLACK);
                left += self.cell + GAP;
            }
            top += high(row) + CAPTION;
        }
        grid
    }
}

fn caption(record: &Record) -> Result<String> {
    let short = |text: &str| clipped(text, 200);
    let mut words = short(&record.id()?.unwrap_or_default());
    if let Some(label) = record.label()? {
        words.push_str(&format!("  {}", short(&label)));
    }
    if let Some(best) = record.predictions()?.unwrap_or_default().first() {
        words.push_str(&format!("  → {} {}", short(&best.label), score(best.score)));
    }
    Ok(words)
}
