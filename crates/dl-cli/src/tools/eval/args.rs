//! Options that the metrics of boxes share: where truth and findings are, and the format of the report.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::report::Format;
use crate::common::{Common, Inputs, not_an_input};

/// Options that the metrics of boxes share.
#[derive(clap::Args, Clone, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct SourceArgs {
    #[command(flatten)]
    pub(super) inputs: Inputs,

    /// Read the ground truth from a separate file: COCO (.json), records (.jsonl), or a VOC folder
    #[arg(long, value_name = "FILE|DIR", requires = "detections", conflicts_with = "inputs")]
    pub(super) truth: Option<PathBuf>,

    /// Results to compare with --truth: records (.jsonl), joined by `id`, or COCO results (.json), joined by `image_id`
    #[arg(long, value_name = "FILE")]
    pub(super) detections: Option<PathBuf>,

    /// Use only the images listed in ImageSets/Main/NAME.txt of a VOC folder
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(super) split: Vec<String>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl SourceArgs {
    /// Fails when an option would have no effect. clap does not check it: it skips `requires` where the required option
    /// conflicts with another argument that is given, such as an input.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(self.truth.is_some() || self.detections.is_none(), "--detections needs --truth, in place of inputs");
        ensure!(self.truth.is_some() || self.split.is_empty(), "--split needs --truth, a VOC folder");
        if let Some(truth) = self.truth.as_deref().filter(|truth| !truth.is_dir()) {
            ensure!(self.split.is_empty(), "--split is for a VOC folder; {} is not a folder", truth.display());
        }
        Ok(())
    }

    /// Fails when an output file is also an input.
    pub(super) fn not_read(&self, output: &Path) -> Result<()> {
        let files: Vec<String> =
            self.truth.iter().chain(&self.detections).map(|path| path.display().to_string()).collect();
        let inputs = if files.is_empty() { self.inputs.clone() } else { Inputs { inputs: files } };
        not_an_input(output, &inputs)
    }
}
