//! `dl-draw grid`: many annotated images in one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use dl_record::{BBox, Record};
use dl_vision::picture::draw::{self, Color, FrameStyle};
use dl_vision::picture::text::Fonts;
use image::imageops::replace;
use image::{Rgb, RgbImage};

use super::annotate::{Options, drawn, score};
use super::fonts::report_missing;
use super::pass::pass_on;
use super::save::{Kind, MOST_PIXELS, check_size, save};
use crate::common::{Common, Inputs, Io, Job, Outcome, clipped, is_image_of, map_batches, not_an_input};

/// Pixels between two images.
const GAP: u32 = 8;

/// Pixels from an image to the one below, with a line of text between them.
const CAPTION: u32 = 26;

/// Pixels per em of a caption.
const TEXT: f64 = 13.0;

/// Frame and caption of an image with a right prediction.
const RIGHT: Color = [0, 130, 55];

/// Frame and caption of an image with a wrong one.
const WRONG: Color = [200, 25, 35];

/// Draw records as one grid of annotated images with captions
///
/// A caption shows the record's id, its true class and its best prediction, if present. Correct predictions are marked
/// with ✓ and a green frame, wrong ones with ✗ and a red frame. A record with the cells of YOLOv1 is drawn three times: the
/// boxes of all cells, the class probability map, and the detections (use --columns 3). The path of the grid is stored in the field `drawing`
/// of the records in it. Failed records are left out. Records pass through to stdout, unless it is a terminal or gets
/// the grid.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-draw grid --columns 4 --output grid.png found.jsonl > drawn.jsonl
  head -12 found.jsonl \\
    | dl-draw grid --cell 240 --output grid.jpg > drawn.jsonl
  dl-detect --model yolov1.weights --cells photo.jpg \\
    | dl-draw grid --columns 3 --output yolo.png > drawn.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// File to write: .png or .jpg
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Number of columns
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    columns: u32,

    /// Width and height of a cell, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 320, value_parser = clap::value_parser!(u32).range(16..=4096))]
    cell: u32,

    /// Draw at most N rows; further records pass through undrawn
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
        pass_on(io, Some(&self.output));
        let rows = self.rows.min(self.rows_that_fit()?);
        let most = rows * self.columns as usize;
        let replaces = AtomicBool::new(false);
        let drawing = self.output.display().to_string();
        let images = self.options.images(&io.messages);
        let (fonts, mut threshold) = (self.options.fonts()?, self.options.threshold());
        let mut cells = Vec::new();
        let mut left_out = 0_usize;
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_batches(
            io,
            job,
            2 * self.common.thread_count(),
            |record| {
                if is_image_of(&self.output, record)? {
                    replaces.store(true, Ordering::Relaxed);
                    bail!("{drawing}: the grid would replace the image; name another --output");
                }
                Ok((self.options.scored(record)?, Caption::of(record)?))
            },
            |records, prepared| {
                let (scored, captions): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();
                let scale = |longer| f64::from(self.cell) / f64::from(longer);
                let images = drawn(records, &scored, &mut threshold, |record, least| {
                    let panels = self.options.panels(record).into_iter();
                    let drawn = panels
                        .map(|(words, options)| Ok((words, options.annotate(record, &images, scale, least, &fonts)?)));
                    drawn.collect::<Result<Vec<_>>>()
                });
                let mut keep = |record: &mut Record, panels: Result<Vec<(&str, RgbImage)>>, caption: Caption| {
                    let panels = panels?;
                    if cells.len() + panels.len() > most {
                        left_out += 1;
                        return Ok(());
                    }
                    cells.extend(panels.into_iter().map(|(words, image)| Cell { image, caption: caption.with(words) }));
                    record.set("drawing", &drawing)
                };
                let cells = images.into_iter().zip(captions);
                records.iter_mut().zip(cells).map(|(record, (image, caption))| keep(record, image, caption)).collect()
            },
        )?;
        if replaces.into_inner() {
            bail!("{drawing}: is an image of the records, which the grid would replace; name another --output");
        }
        threshold.report(&io.messages);
        if left_out > 0 {
            let why = if rows < self.rows { "--columns and --cell leave room for no more" } else { "see --rows" };
            io.messages.note(format_args!("{left_out} records beyond {rows} rows are not in the grid; {why}"));
        }
        if cells.is_empty() {
            io.messages.note(format_args!("no record could be drawn; {drawing} is not written"));
        } else {
            save(&self.montage(&cells, &fonts), kind, &self.output)?;
            report_missing(&fonts, &io.messages);
        }
        Ok(outcome)
    }

    /// How many rows fit into a drawing.
    fn rows_that_fit(&self) -> Result<usize> {
        let (width, height) = (u64::from(self.columns * (self.cell + GAP) + GAP), u64::from(self.cell + CAPTION));
        check_size(width, height + u64::from(GAP))?;
        Ok(usize::try_from((MOST_PIXELS / width - u64::from(GAP)) / height)?)
    }

    /// Rows are as high as their highest image.
    fn montage(&self, cells: &[Cell], fonts: &Fonts) -> RgbImage {
        let columns = self.columns.min(cells.len() as u32);
        let rows: Vec<_> = cells.chunks(columns as usize).collect();
        let high = |row: &[Cell]| row.iter().map(|cell| cell.image.height()).max().unwrap_or(0);
        let height = rows.iter().map(|row| high(row) + CAPTION).sum::<u32>() + GAP;
        let mut grid = RgbImage::from_pixel(columns * (self.cell + GAP) + GAP, height, Rgb(draw::WHITE));
        let mut top = GAP;
        for row in rows {
            let mut left = GAP;
            for Cell { image, caption } in row {
                let (x, y) = (left + (self.cell - image.width()) / 2, top + (high(row) - image.height()) / 2);
                replace(&mut grid, image, x.into(), y.into());
                if caption.is_right.is_some() {
                    let edge = |low: u32, side: u32| (f64::from(low) - 3.0, f64::from(low + side) + 3.0);
                    let ((x1, x2), (y1, y2)) = (edge(x, image.width()), edge(y, image.height()));
                    let style = FrameStyle { color: caption.color(), dashes: None, thickness: 3, opacity: 1.0 };
                    draw::frame(&mut grid, BBox::new(x1, y1, x2, y2), style);
                }
                let words = fonts.shortened(&caption.words, TEXT, f64::from(self.cell));
                let start = f64::from(left) + ((f64::from(self.cell) - fonts.width(&words, TEXT)) / 2.0).floor();
                // Close below the image, wherever it ends.
                let baseline = f64::from(y + image.height() + 16);
                draw::text(&mut grid, fonts, &words, [start, baseline], TEXT, caption.color());
                left += self.cell + GAP;
            }
            top += high(row) + CAPTION;
        }
        grid
    }
}

/// An image and the words below it.
struct Cell {
    image: RgbImage,
    caption: Caption,
}

struct Caption {
    words: String,
    /// Whether the best prediction is the true class, if both are there.
    is_right: Option<bool>,
}

impl Caption {
    fn of(record: &Record) -> Result<Self> {
        let short = |text: &str| clipped(text, 200);
        let mut words = short(&record.id()?.unwrap_or_default());
        let (label, predictions) = (record.label()?, record.predictions()?.unwrap_or_default());
        if let Some(label) = &label {
            words.push_str(&format!("  {}", short(label)));
        }
        let best = predictions.first();
        let is_right = best.zip(label.as_ref()).map(|(best, label)| best.label == *label);
        if let Some(best) = best {
            let mark = match is_right {
                Some(true) => "✓",
                Some(false) => "✗",
                None => "→",
            };
            words.push_str(&format!("  {mark} {} {}", short(&best.label), score(best.score)));
        }
        Ok(Self { words, is_right })
    }

    /// The same with more words in front, as ids can be long.
    fn with(&self, words: &str) -> Self {
        let separator = if words.is_empty() { "" } else { "  " };
        Self { words: format!("{words}{separator}{}", self.words), is_right: self.is_right }
    }

    fn color(&self) -> Color {
        match self.is_right {
            Some(true) => RIGHT,
            Some(false) => WRONG,
            None => draw::BLACK,
        }
    }
}
