//! `dl-draw confusion`: which classes are confused with which.

use std::path::PathBuf;

use anyhow::{Context, Result};
use dl_metrics::confusion::Confusion;
use dl_record::file::read_text;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::fonts::FontArgs;
use super::save::{Chart, chart_error, not_a_file, save_chart};
use crate::common::{Common, Io, Outcome, clipped};

/// Draw the confusion matrix that dl-eval classify --confusion writes
///
/// Rows are true classes, columns are predicted classes. The number in a cell is its count; the shade is its fraction
/// of the row, so that rare and frequent classes can be compared.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval classify --confusion confusion.json predicted.jsonl
  dl-draw confusion confusion.json --output confusion.png")]
pub(super) struct Args {
    /// Counts: {"labels": [..], "counts": [[..], ..]}, or with many classes
    /// {"labels": [..], "cells": [[TRUE, PREDICTED, COUNT], ..]}
    #[arg(value_name = "CONFUSION.json")]
    confusion: PathBuf,

    /// File to write: .png, .jpg or .svg
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Side of a cell in pixels [default: from 64 down to 6, depending on the number of classes]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(4..=256))]
    cell: Option<u32>,

    /// Draw at most N classes, the most frequently confused ones
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1300))]
    max: u32,

    #[command(flatten)]
    fonts: FontArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

/// Side of the matrix in pixels above which cells shrink.
const SIDE: u32 = 1200;

/// The most bytes of the file.
const MOST_BYTES: u64 = 256 << 20;

/// Columns of a label beside the cells.
const LABEL: usize = 40;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        not_a_file(&self.output, &self.confusion)?;
        let text = read_text(&self.confusion, MOST_BYTES)?;
        let matrix = Confusion::parse(&text).with_context(|| self.confusion.display().to_string())?;
        let all = matrix.labels.len();
        let matrix = Matrix::of(matrix, self.max as usize);
        let count = matrix.labels.len() as u32;
        if matrix.labels.len() < all {
            io.messages
                .note(format_args!("of {all} classes, the {count} that are confused most often are drawn; see --max"));
        }
        let cell = self.cell.unwrap_or((SIDE / count).clamp(6, 64));
        let longest = matrix.labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) as u32;
        // A character is about 9 pixels wide.
        let margin = (9 * longest + 56).clamp(96, 420);
        let side = margin + cell * count + 24;
        let drawing = Drawing { matrix, margin: margin as i32, cell: cell as i32 };
        save_chart(&self.output, (side, side), &self.fonts, &io.messages, &drawing)?;
        Ok(Outcome::AllWell)
    }
}

/// The classes that are drawn.
struct Matrix {
    labels: Vec<String>,
    /// (true class, predicted class, count, its fraction of the true class).
    cells: Vec<(usize, usize, u64, f64)>,
}

impl Matrix {
    /// At most `most` classes: those that are confused most often.
    fn of(confusion: Confusion, most: usize) -> Self {
        let count = confusion.labels.len();
        let (mut totals, mut errors) = (vec![0_u128; count], vec![0_u128; count]);
        for (truth, predicted, count) in &confusion.cells {
            totals[*truth] += u128::from(*count);
            if truth != predicted {
                errors[*truth] += u128::from(*count);
                errors[*predicted] += u128::from(*count);
            }
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|a, b| errors[*b].cmp(&errors[*a]).then(a.cmp(b)));
        order.truncate(most);
        order.sort_unstable();
        let mut place = vec![None; count];
        order.iter().enumerate().for_each(|(index, class)| place[*class] = Some(index));
        let cell = |(truth, predicted, count): (usize, usize, u64)| {
            let share = count as f64 / totals[truth] as f64;
            Some((place[truth]?, place[predicted]?, count, share))
        };
        Self {
            labels: order.iter().map(|class| clipped(&confusion.labels[*class], LABEL)).collect(),
            cells: confusion.cells.into_iter().filter(|(_, _, count)| *count > 0).filter_map(cell).collect(),
        }
    }
}

/// The matrix and its dimensions in pixels.
struct Drawing {
    matrix: Matrix,
    margin: i32,
    cell: i32,
}

impl Chart for Drawing {
    fn draw<B: DrawingBackend>(&self, backend: B) -> Result<()> {
        let matrix = &self.matrix;
        let area = backend.into_drawing_area();
        area.fill(&WHITE).map_err(chart_error)?;
        let at = |index: usize| self.margin + index as i32 * self.cell;
        let middle = |index: usize| at(index) + self.cell / 2;
        for &(truth, predicted, count, share) in &matrix.cells {
            let corners = [(at(predicted), at(truth)), (at(predicted + 1), at(truth + 1))];
            area.draw(&Rectangle::new(corners, shade(share).filled())).map_err(chart_error)?;
            let words = count.to_string();
            if self.cell >= 14 && 10 * words.len() as i32 <= self.cell {
                let ink = if share > 0.55 { WHITE } else { BLACK };
                let style = self.text(HPos::Center).color(&ink);
                area.draw(&Text::new(words, (middle(predicted), middle(truth)), &style)).map_err(chart_error)?;
            }
        }
        let line = BLACK.mix(0.2).stroke_width(1);
        for index in 0..=matrix.labels.len() {
            let end = at(matrix.labels.len());
            area.draw(&PathElement::new(vec![(at(index), self.margin), (at(index), end)], line))
                .map_err(chart_error)?;
            area.draw(&PathElement::new(vec![(self.margin, at(index)), (end, at(index))], line))
                .map_err(chart_error)?;
        }
        if self.cell >= 12 {
            for (index, label) in matrix.labels.iter().enumerate() {
                let row = self.text(HPos::Right);
                area.draw(&Text::new(label.clone(), (self.margin - 8, middle(index)), &row)).map_err(chart_error)?;
                let column = self.text(HPos::Left).transform(FontTransform::Rotate270);
                area.draw(&Text::new(label.clone(), (middle(index), self.margin - 8), &column)).map_err(chart_error)?;
            }
        }
        area.draw(&Text::new("true".to_owned(), (10, self.margin - 30), self.text(HPos::Left))).map_err(chart_error)?;
        area.draw(&Text::new("predicted".to_owned(), (10, 14), self.text(HPos::Left))).map_err(chart_error)?;
        area.present().map_err(chart_error)
    }
}

impl Drawing {
    fn text(&self, horizontal: HPos) -> TextStyle<'static> {
        TextStyle::from(("sans-serif", 15)).pos(Pos::new(horizontal, VPos::Center))
    }
}

/// White to blue.
fn shade(share: f64) -> RGBColor {
    let mix = |to: f64| (255.0 + (to - 255.0) * share).round() as u8;
    RGBColor(mix(24.0), mix(74.0), mix(150.0))
}
