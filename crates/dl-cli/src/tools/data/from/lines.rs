//! `dl-data from lines`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use dl_vision::formats::lines;

use super::{WrittenArgs, write};
use crate::common::{Io, Outcome};

/// Read texts, one per line
///
/// The id of a record is FILE:LINE. Blank lines are skipped.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  dl-data from lines reviews.txt > reviews.jsonl")]
pub(super) struct Args {
    /// Text files; `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) written: WrittenArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        if self.files.iter().any(|file| file.as_path() == Path::new("-")) {
            io.note_terminal();
        }
        write(io, &self.written, lines::read(&self.files)?)
    }
}
