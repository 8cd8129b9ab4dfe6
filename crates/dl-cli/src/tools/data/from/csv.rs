//! `dl-data from csv`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::ArgGroup;
use dl_record::file::folder_of;
use dl_vision::formats::csv::{self, Config};

use super::{WrittenArgs, with_note_of_images, write};
use crate::common::{Io, Outcome};

/// Read a table with a column of texts or image paths, and a column of labels
///
/// The first row names the columns. Quoted cells may contain delimiters and line breaks.
#[derive(clap::Args, Debug)]
#[command(group(ArgGroup::new("sample").args(["text", "image"]).required(true).multiple(true)))]
#[command(after_help = "Examples:\n  dl-data from csv reviews.csv --text review --label stars > reviews.jsonl")]
pub(super) struct Args {
    /// File with the table
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Column with the text
    #[arg(long, value_name = "COLUMN")]
    text: Option<String>,

    /// Column with the label
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,

    /// Column with the id [default: FILE:LINE]
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,

    /// Column with the image path
    #[arg(long, value_name = "COLUMN")]
    image: Option<String>,

    /// Folder that the image paths are relative to [default: the folder of FILE]
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,

    /// Cell delimiter: one character, tab, or auto (a tab in .tsv files, otherwise whichever of , ; | and tab is most
    /// frequent in the first line)
    #[arg(long, value_name = "CHAR", default_value = "auto", value_parser = delimiter)]
    delimiter: Delimiter,

    /// Treat the first row as data; columns are named 1, 2, 3, ...
    #[arg(long)]
    no_header: bool,

    /// Treat quotes as ordinary characters
    #[arg(long)]
    no_quotes: bool,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

/// `None` is detected from the file.
#[derive(Clone, Copy, Debug)]
struct Delimiter(Option<u8>);

fn delimiter(text: &str) -> Result<Delimiter> {
    Ok(Delimiter(match (text, text.as_bytes()) {
        ("auto", _) => None,
        ("tab" | "\\t", _) => Some(b'\t'),
        (_, [letter]) if letter.is_ascii() && !matches!(letter, b'"' | b'\n' | b'\r') => Some(*letter),
        _ => bail!("expected one character, tab or auto"),
    }))
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        if self.file.as_path() == Path::new("-") {
            io.note_terminal();
        }
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
        write(io, &self.written, with_note_of_images(csv::read(&self.file, &config)?, images))
    }
}
