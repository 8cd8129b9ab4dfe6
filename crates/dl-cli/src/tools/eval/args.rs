//! The options of every kind of figures: where truth and findings are, and how the figures are written.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::report::Format;
use crate::common::{Common, Inputs, not_an_input};

/// Options of every kind of figures.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    pub(super) inputs: Inputs,

    /// Truth apart from what was found: a COCO file (.json), a VOC folder, or records (.jsonl)
    #[arg(long, value_name = "FILE|DIR", requires = "detections", conflicts_with = "inputs")]
    pub(super) truth: Option<PathBuf>,

    /// What was found, for --truth: records (.jsonl), joined by `id`, or COCO's results (.json), joined by `image_id`
    #[arg(long, value_name = "FILE")]
    pub(super) detections: Option<PathBuf>,

    /// Of a VOC folder, measure only the images listed in ImageSets/Main/NAME.txt; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) split: Vec<String>,

    /// How the figures are written [default: table on a terminal, json elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl SourceArgs {
    /// Fails when an option would not be used. clap cannot tell: it lets an option go without the one that it requires where
    /// that conflicts with another, such as inputs.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(self.truth.is_some() || self.detections.is_none(), "--detections needs --truth, in place of inputs");
        ensure!(self.truth.is_some() || self.split.is_empty(), "--split needs --truth, a VOC folder");
        if let Some(truth) = self.truth.as_deref().filter(|truth| !truth.is_dir()) {
            ensure!(self.split.is_empty(), "--split is for a VOC folder, and {} is none", truth.display());
        }
        Ok(())
    }

    /// Refuses an output file that is read.
    pub(super) fn not_read(&self, output: &Path) -> Result<()> {
        let files: Vec<String> =
            self.truth.iter().chain(&self.detections).map(|path| path.display().to_string()).collect();
        let inputs = if files.is_empty() { self.inputs.clone() } else { Inputs { inputs: files } };
        not_an_input(output, &inputs)
    }
}
