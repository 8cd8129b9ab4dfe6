//! `dl-draw confusion`: which classes are taken for which.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

use super::save::{Chart, save_chart, told};
use crate::common::{Common, Io, Outcome};

/// Draw a confusion matrix, as dl-eval's --confusion writes it
///
/// Rows are true classes, columns predicted ones. The shade of a cell is its share of the row, so that rare classes can
/// be compared with frequent ones; the number in it is the count.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval classify --confusion confusion.json predicted.jsonl && dl-draw confusion confusion.json --output confusion.png")]
pub(super) struct Args {
    /// File of counts: {\"labels\": [..], \"counts\": [[..], ..]}
    #[arg(value_name = "CONFUSION.json")]
    confusion: PathBuf,

    /// The picture: a .png, .jpg or .svg file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Side of a cell in pixels [default: what the counts need]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(4..=256))]
    cell: Option<u32>,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Deserialize)]
struct Matrix {
    labels: Vec<String>,
    counts: Vec<Vec<usize>>,
}

/// Most cells along a side of the picture, in pixels, before they shrink.
const SIDE: u32 = 1200;

impl Args {
    pub(super) fn run(&self, _io: &mut Io) -> Result<Outcome> {
        let matrix = read(&self.confusion).with_context(|| self.confusion.display().to_string())?;
        let count = matrix.labels.len() as u32;
        let cell = self.cell.unwrap_or((SIDE / count).clamp(6, 64));
        let longest = matrix.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) as u32;
        // A letter is about 9 pixels wide.
        let margin = (9 * longest + 56).clamp(96, 420);
        let side = margin + cell * count + 24;
        let picture = Picture { matrix, margin: margin as i32, cell: cell as i32 };
        save_chart(&self.output, (side, side), &picture)?;
        Ok(Outcome::AllWell)
    }
}

fn read(path: &Path) -> Result<Matrix> {
    let matrix: Matrix = serde_json::from_slice(&fs::read(path)?)
        .context("not a confusion matrix; dl-eval classify --confusion writes one")?;
    let count = matrix.labels.len();
    ensure!(count > 0, "holds no class");
    ensure!(
        matrix.counts.len() == count && matrix.counts.iter().all(|row| row.len() == count),
        "the counts are not {count} rows of {count} for {count} labels"
    );
    Ok(matrix)
}

/// The matrix and how large it is drawn, in pixels.
struct Picture {
    matrix: Matrix,
    margin: i32,
    cell: i32,
}

impl Chart for Picture {
    fn draw<B: DrawingBackend>(&self, backend: B) -> Result<()> {
        let matrix = &self.matrix;
        let area = backend.into_drawing_area();
        area.fill(&WHITE).map_err(told)?;
        let at = |index: usize| self.margin + index as i32 * self.cell;
        let middle = |index: usize| at(index) + self.cell / 2;
        for (truth, row) in matrix.counts.iter().enumerate() {
            let all: usize = row.iter().sum();
            for (predicted, count) in row.iter().enumerate() {
                let share = if all > 0 { *count as f64 / all as f64 } else { 0.0 };
                let corners = [(at(predicted), at(truth)), (at(predicted + 1), at(truth + 1))];
                area.draw(&Rectangle::new(corners, shade(share).filled())).map_err(told)?;
                let letters = count.to_string().len() as i32;
                if *count > 0 && self.cell >= 14 && 10 * letters <= self.cell {
                    let ink = if share > 0.55 { WHITE } else { BLACK };
                    let style = self.text(HPos::Center).color(&ink);
                    area.draw(&Text::new(count.to_string(), (middle(predicted), middle(truth)), &style)).map_err(told)?;
                }
            }
        }
        let line = BLACK.mix(0.2).stroke_width(1);
        for index in 0..=matrix.labels.len() {
            let end = at(matrix.labels.len());
            area.draw(&PathElement::new(vec![(at(index), self.margin), (at(index), end)], line)).map_err(told)?;
            area.draw(&PathElement::new(vec![(self.margin, at(index)), (end, at(index))], line)).map_err(told)?;
        }
        if self.cell >= 12 {
            for (index, label) in matrix.labels.iter().enumerate() {
                let row = self.text(HPos::Right);
                area.draw(&Text::new(label.clone(), (self.margin - 8, middle(index)), &row)).map_err(told)?;
                let column = self.text(HPos::Left).transform(FontTransform::Rotate270);
                area.draw(&Text::new(label.clone(), (middle(index), self.margin - 8), &column)).map_err(told)?;
            }
        }
        area.draw(&Text::new("true".to_owned(), (10, self.margin - 30), self.text(HPos::Left))).map_err(told)?;
        area.draw(&Text::new("predicted".to_owned(), (10, 14), self.text(HPos::Left))).map_err(told)?;
        area.present().map_err(told)
    }
}

impl Picture {
    fn text(&self, horizontal: HPos) -> TextStyle<'static> {
        TextStyle::from(("sans-serif", 15)).pos(Pos::new(horizontal, VPos::Center))
    }
}

/// White to blue.
fn shade(share: f64) -> RGBColor {
    let mix = |to: f64| (255.0 + (to - 255.0) * share).round() as u8;
    RGBColor(mix(24.0), mix(74.0), mix(150.0))
}
