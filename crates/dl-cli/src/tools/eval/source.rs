//! Where truth and findings come from: one stream, or two files that are joined.

use std::path::PathBuf;

use anyhow::{Context, Result};
use dl_record::{Object, Record};

use super::findings::{Finding, findings};
use super::join::each_joined;
use super::report::Format;
use crate::common::{Common, Inputs, Io, Job, Tally, each_record};

#[derive(clap::Args, Clone, Debug)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    pub(super) inputs: Inputs,

    /// Truth apart from what was found: a COCO file (.json), a VOC folder, or records (.jsonl)
    #[arg(long, value_name = "FILE|DIR", requires = "detections", conflicts_with = "inputs")]
    pub(super) truth: Option<PathBuf>,

    /// What was found, for --truth: records (.jsonl), joined by `id`, or COCO's results (.json), joined by `image_id`
    #[arg(long, value_name = "FILE", requires = "truth")]
    pub(super) detections: Option<PathBuf>,

    /// Of a VOC folder, measure only the images listed in ImageSets/Main/NAME.txt; may be repeated
    #[arg(long, value_name = "NAME", requires = "truth")]
    pub(super) split: Vec<String>,

    /// How the figures are written [default: table on a terminal, json elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

/// Hands the truth and the findings of each image to `work`, in the order of the truth.
pub(super) fn each_image<F: Finding>(
    io: &mut Io,
    source: &SourceArgs,
    mut work: impl FnMut(Vec<Object>, Vec<F>) -> Result<()>,
) -> Result<Tally> {
    let tally = match (&source.truth, &source.detections) {
        (Some(truth), Some(detections)) => each_joined(io, source, truth, detections, work)?,
        _ => {
            let job = Job { common: &source.common, inputs: &source.inputs };
            each_record(io, job, |record, _| work(objects(&record)?, findings(&record)?))?
        }
    };
    if tally.carried > 0 {
        io.messages.note(format_args!("{} records carry \"error\" and are left out of the figures", tally.carried));
    }
    if tally.failed > 0 {
        io.messages.note(format_args!("{} records failed here and are left out of the figures", tally.failed));
    }
    Ok(tally)
}

pub(super) fn objects(record: &Record) -> Result<Vec<Object>> {
    let objects: Vec<Object> = record.require("objects", "dl-data writes them, `[]` for an image without any")?;
    for (index, object) in objects.iter().enumerate() {
        object.bbox.check().with_context(|| format!("objects[{index}]"))?;
    }
    Ok(objects)
}

