//! `dl-data from csv`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use dl_vision::formats::csv::{self, Config};

use super::{folder_of, with_note_of_images, write};
use crate::common::{Common, Io, Outcome};

/// A table: a column of texts or images, and one of labels
///
/// The first row names the columns. Quoted cells may hold delimiters and line ends.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from csv reviews.csv --text review --label stars >reviews.jsonl")]
pub(super) struct Args {
    /// The table
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The column of the text
    #[arg(long, value_name = "COLUMN", required_unless_present = "image")]
    text: Option<String>,

    /// The column of the label
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,

    /// The column of the id [default: FILE:LINE]
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,

    /// The column of the image's path
    #[arg(long, value_name = "COLUMN")]
    image: Option<String>,

    /// The folder that the images' paths are relative to [default: that of FILE]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    /// What separates cells: a letter, tab, or auto: a tab in .tsv, else what the first line has most of , ; | and tab
    #[arg(long, value_name = "LETTER", default_value = "auto", value_parser = delimiter)]
    delimiter: Delimiter,

    /// The first row is a sample; columns are called 1, 2, 3, ...
    #[arg(long)]
    no_header: bool,

    /// Read quotes as letters like others
    #[arg(long)]
    no_quotes: bool,

    #[command(flatten)]
    pub(super) common: Common,
}

/// `None` is found out.
#[derive(Clone, Copy, Debug)]
struct Delimiter(Option<u8>);

fn delimiter(text: &str) -> Result<Delimiter> {
    Ok(Delimiter(match (text, text.as_bytes()) {
        ("auto", _) => None,
        ("tab" | "\\t", _) => Some(b'\t'),
        (_, [letter]) if letter.is_ascii() && !matches!(letter, b'"' | b'\n' | b'\r') => Some(*letter),
        _ => bail!("want one letter, tab or auto"),
    }))
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let config = Config {
            text: self.text.clone(),
            image: self.image.clone(),
            label: self.label.clone(),
            id: self.id.clone(),
            delimiter: self.delimiter.0,
            no_header: self.no_header,
            no_quotes: self.no_quotes,
            images: self.images.clone(),
        };
        let images = self.images.as_deref().unwrap_or_else(|| folder_of(&self.file));
        write(io, &self.common, with_note_of_images(csv::read(&self.file, &config)?, images))
    }
}
