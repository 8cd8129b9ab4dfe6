//! The figures as a table, as JSON or as CSV.

use std::io::Write;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::Value;

use crate::common::Io;

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum Format {
    /// For people: aligned columns, `-` where a figure is undefined
    Table,
    /// One object on one line
    Json,
    /// Comma-separated values with a header, empty where a figure is undefined
    Csv,
}

/// The same figures in two forms.
pub(super) struct Report {
    /// For JSON.
    pub(super) json: Value,
    /// For the other formats: the names of the columns.
    pub(super) header: Vec<String>,
    /// One entry for each column.
    pub(super) rows: Vec<Vec<Cell>>,
}

pub(super) enum Cell {
    Text(String),
    Count(usize),
    Figure(Option<f64>),
}

impl Report {
    /// Writes the report, by default as a table on a terminal and as JSON elsewhere.
    pub(super) fn write(&self, io: &mut Io, format: Option<Format>) -> Result<()> {
        let usual = if io.output_is_terminal { Format::Table } else { Format::Json };
        let output = &mut io.output;
        match format.unwrap_or(usual) {
            Format::Json => writeln!(output, "{}", self.json)?,
            Format::Csv => {
                writeln!(output, "{}", self.header.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(","))?;
                for row in &self.rows {
                    writeln!(output, "{}", row.iter().map(Cell::csv).collect::<Vec<_>>().join(","))?;
                }
            }
            Format::Table => self.write_table(output)?,
        }
        Ok(())
    }

    fn write_table(&self, output: &mut dyn Write) -> Result<()> {
        let mut lines = vec![self.header.clone()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(Cell::table).collect()));
        let width = |column: usize| lines.iter().map(|line: &Vec<String>| line[column].chars().count()).max();
        let widths: Vec<usize> = (0..self.header.len()).map(|column| width(column).unwrap_or(0)).collect();
        for line in &lines {
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                text += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            }
            writeln!(output, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

impl Cell {
    fn csv(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Count(count) => count.to_string(),
            Self::Figure(figure) => figure.map(|figure| figure.to_string()).unwrap_or_default(),
        }
    }

    fn table(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Figure(None) => "-".to_owned(),
            Self::Figure(Some(figure)) => format!("{figure:.4}"),
        }
    }
}

/// RFC 4180: a field with a comma, a quote or a line end stands in quotes.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_label_with_a_comma_or_a_quote_is_one_csv_field() {
        assert_eq!(super::quoted("sign, \"stop\""), r#""sign, ""stop""""#);
        assert_eq!(super::quoted("dog"), "dog");
    }
}
