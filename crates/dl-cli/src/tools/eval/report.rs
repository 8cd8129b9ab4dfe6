//! Metrics as a table, JSON or CSV.

use std::borrow::Cow;
use std::io::Write;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::common::{Io, clipped, padded_left, padded_right};

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum Format {
    /// Aligned columns; long labels are cut, and `-` is an undefined metric
    Table,
    /// One JSON object on one line
    Json,
    /// Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a
    /// formula gets a leading quote mark (')
    Csv,
}

/// Metrics as JSON and as a table.
pub(super) struct Report {
    /// For `Format::Json`.
    pub(super) json: Value,
    /// Names of the columns, for the other formats.
    pub(super) header: Vec<String>,
    /// One cell per column.
    pub(super) rows: Vec<Vec<Cell>>,
}

pub(super) enum Cell {
    Text(String),
    Count(usize),
    Figure(Option<f64>),
}

/// Longest label in a table, in columns of a terminal; JSON and CSV have it whole.
const LABEL: usize = 48;

impl Report {
    /// Writes the report, by default as a table on a terminal and as JSON elsewhere.
    pub(super) fn write(&self, io: &mut Io, format: Option<Format>) -> Result<()> {
        let default = if io.output_is_terminal { Format::Table } else { Format::Json };
        let output = &mut io.output;
        match format.unwrap_or(default) {
            Format::Json => writeln!(output, "{}", self.json)?,
            Format::Csv => self.write_csv(output)?,
            Format::Table => self.write_table(output)?,
        }
        Ok(())
    }

    fn write_csv(&self, output: &mut dyn Write) -> Result<()> {
        let mut writer = csv::Writer::from_writer(output);
        writer.write_record(self.header.iter().map(|name| harmless(name).into_owned()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| cell.csv().into_owned()))?;
        }
        Ok(writer.flush()?)
    }

    fn write_table(&self, output: &mut dyn Write) -> Result<()> {
        let mut lines: Vec<Vec<String>> = vec![self.header.iter().map(|name| clipped(name, LABEL)).collect()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(Cell::table).collect()));
        let width = |column: usize| lines.iter().map(|line| line[column].width()).max();
        let widths: Vec<usize> = (0..self.header.len()).map(|column| width(column).unwrap_or(0)).collect();
        for line in &lines {
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                if column == 0 {
                    text.push_str(&padded_right(cell, *width));
                } else {
                    text.push_str("  ");
                    text.push_str(&padded_left(cell, *width));
                }
            }
            writeln!(output, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

impl Cell {
    fn csv(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => harmless(text),
            Self::Count(count) => count.to_string().into(),
            Self::Figure(figure) => figure.map(|figure| figure.to_string()).unwrap_or_default().into(),
        }
    }

    fn table(&self) -> String {
        match self {
            Self::Text(text) => clipped(text, LABEL),
            Self::Count(count) => count.to_string(),
            Self::Figure(None) => "-".to_owned(),
            Self::Figure(Some(figure)) if figure.abs() >= 1e9 => format!("{figure:.4e}"),
            Self::Figure(Some(figure)) => format!("{figure:.4}"),
        }
    }
}

/// Puts a quote mark before text that a spreadsheet would read as a formula.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}").into() } else { text.into() }
}
