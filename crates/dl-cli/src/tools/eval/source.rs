//! Where truth and findings come from: one stream, or two files that are joined.

use anyhow::Result;
use dl_record::Object;

use super::args::SourceArgs;
use super::findings::{Finding, findings};
use super::join::each_joined;
use super::truth::objects;
use crate::common::{Io, Job, Tally, each_record};

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
