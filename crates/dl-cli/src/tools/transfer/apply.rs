//! `dl-transfer apply`.

use std::path::PathBuf;

use anyhow::Result;
use dl_models::{FeatureMapFile, ModelFile};

use super::maps::apply;
use crate::common::{Common, Inputs, Io, Job, Outcome, only_records};

/// Map new rows by the model file of an earlier run
///
/// Records are read and written one by one, so that they may be an endless stream.
#[derive(clap::Args, Debug)]
#[command(mut_arg("inputs", only_records))]
#[command(after_help = "\
Examples:
  dl-transfer apply --model map.safetensors --domain target new.jsonl \\
    | dl-classify --model head.safetensors")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of a map
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Domain of all records [default: that of each record]
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,

    /// Keep the layer that is mapped; otherwise the new one takes its place
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let file = open(&self.model)?;
        if let Some(domain) = &self.domain {
            file.map.map_of(Some(domain))?;
        }
        let job = Job { common: &self.common, inputs: &self.inputs };
        apply(io, job, &file, None, self.domain.as_deref(), self.keep)
    }
}

fn open(path: &std::path::Path) -> Result<FeatureMapFile> {
    match ModelFile::open(path, None)? {
        ModelFile::FeatureMap(file) => Ok(*file),
        other => Err(other.unfit(path, "a map of features")),
    }
}
