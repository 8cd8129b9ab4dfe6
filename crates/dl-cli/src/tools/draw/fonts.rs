//! The fonts of a drawing.

use std::path::PathBuf;

use anyhow::{Context, Result};
use dl_vision::picture::text::Fonts;

use crate::common::Messages;

/// The option of every drawing that has text.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct FontArgs {
    /// Font for characters that the built-in DejaVu Sans lacks (.ttf, .otf, .ttc); may be repeated
    #[arg(long, value_name = "FILE")]
    font: Vec<PathBuf>,
}

impl FontArgs {
    /// Opens the fonts.
    /// # Errors
    /// When a file cannot be read or is not a font.
    pub(super) fn open(&self) -> Result<Fonts> {
        Fonts::new(&self.font).context("--font")
    }
}

/// Reports the characters that were drawn as boxes.
pub(super) fn report_missing(fonts: &Fonts, messages: &Messages) {
    let missing: String = fonts.missing().into_iter().collect();
    if !missing.is_empty() {
        messages
            .note(format_args!("no font has {missing}, drawn as boxes; name a font that has them with --font FILE"));
    }
}
