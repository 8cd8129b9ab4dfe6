//! Where truth and findings come from: one stream, or two files that are joined.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dl_record::{BBox, Detection, Object, Proposal, Record};
use serde::de::DeserializeOwned;

use super::report::Format;
use crate::common::{Common, Inputs, Io, Job, Tally, each_record};

#[derive(clap::Args, Clone, Debug)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    pub(super) inputs: Inputs,

    /// Truth apart from the detections: records (.jsonl)
    #[arg(long, value_name = "FILE", requires = "detections", conflicts_with = "inputs")]
    pub(super) truth: Option<PathBuf>,

    /// What was found, for --truth: records (.jsonl), joined by `id`
    #[arg(long, value_name = "FILE", requires = "truth")]
    pub(super) detections: Option<PathBuf>,

    /// How the figures are written [default: table on a terminal, json elsewhere]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

/// What a detector or a proposal method found.
pub(super) trait Finding: DeserializeOwned {
    /// The field that holds them.
    const FIELD: &'static str;
    /// Who writes it.
    const HINT: &'static str;

    fn bbox(&self) -> &BBox;
}

impl Finding for Detection {
    const FIELD: &'static str = "detections";
    const HINT: &'static str = "dl-detect makes them, `[]` when nothing is found";

    fn bbox(&self) -> &BBox {
        &self.bbox
    }
}

impl Finding for Proposal {
    const FIELD: &'static str = "proposals";
    const HINT: &'static str = "dl-propose makes them";

    fn bbox(&self) -> &BBox {
        &self.bbox
    }
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

fn each_joined<F: Finding>(
    io: &mut Io,
    source: &SourceArgs,
    truth: &Path,
    detections: &Path,
    mut work: impl FnMut(Vec<Object>, Vec<F>) -> Result<()>,
) -> Result<Tally> {
    let records = |path: &Path| Inputs { inputs: vec![path.display().to_string()] };
    let mut found: HashMap<String, Vec<F>> = HashMap::new();
    let inputs = records(detections);
    let job = Job { common: &source.common, inputs: &inputs };
    let of_detections = each_record(io, job, |record, _| {
        let id: String = record.require("id", "by it detections and truth are joined")?;
        if found.contains_key(&id) {
            bail!("the id \"{id}\" has been there before");
        }
        found.insert(id, findings(&record)?);
        Ok(())
    })?;
    let inputs = records(truth);
    let job = Job { common: &source.common, inputs: &inputs };
    let mut missing = 0_usize;
    let of_truth = each_record(io, job, |record, _| {
        let id: String = record.require("id", "by it detections and truth are joined")?;
        let found = found.remove(&id).unwrap_or_else(|| {
            missing += 1;
            Vec::new()
        });
        work(objects(&record)?, found)
    })?;
    if missing > 0 {
        io.messages.note(format_args!("{missing} images of the truth have no {}: all their objects count as missed", F::FIELD));
    }
    let mut strangers: Vec<&String> = found.keys().collect();
    strangers.sort();
    if let Some(first) = strangers.first() {
        let count = strangers.len();
        io.messages.error(format_args!(
            "{}: {count} records have an id that the truth has not (the first: \"{first}\"); they are left out",
            detections.display(),
        ));
    }
    Ok(Tally {
        good: of_truth.good,
        failed: of_truth.failed + of_detections.failed + strangers.len(),
        carried: of_truth.carried + of_detections.carried,
    })
}

fn objects(record: &Record) -> Result<Vec<Object>> {
    let objects: Vec<Object> = record.require("objects", "dl-data writes them, `[]` for an image without any")?;
    for (index, object) in objects.iter().enumerate() {
        object.bbox.check().with_context(|| format!("objects[{index}]"))?;
    }
    Ok(objects)
}

fn findings<F: Finding>(record: &Record) -> Result<Vec<F>> {
    let found: Vec<F> = record.require(F::FIELD, F::HINT)?;
    for (index, one) in found.iter().enumerate() {
        one.bbox().check().with_context(|| format!("{}[{index}]", F::FIELD))?;
    }
    Ok(found)
}
