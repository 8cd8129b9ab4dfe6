//! Truth and findings from one stream, or from two files that are joined.

use anyhow::Result;
use dl_record::{Object, Record};
use dl_vision::formats::coco::fields::Id;
use dl_vision::formats::coco::image_id;

use super::args::SourceArgs;
use super::findings::{Finding, findings};
use super::join::each_joined;
use super::truth::objects;
use crate::common::{Io, Job, Tally, each_record};

/// The identity of an image.
pub(super) struct Image {
    /// For messages.
    pub(super) name: String,
    /// COCO's id, if it has one.
    pub(super) coco: Option<Id>,
}

impl Image {
    /// The image of the record at `place`.
    pub(super) fn of(place: &str, record: &Record) -> Self {
        let name = record.id().ok().flatten().unwrap_or_else(|| place.to_owned());
        // Other programs may use a field of this name for something else.
        Self { name, coco: image_id(record).ok().flatten() }
    }
}

/// Calls `work` with the truth and the findings of each image, in the order of the truth.
pub(super) fn each_image<F: Finding>(
    io: &mut Io,
    source: &SourceArgs,
    mut work: impl FnMut(Vec<Object>, Vec<F>) -> Result<()>,
) -> Result<Tally> {
    each_named_image(io, source, |_, objects, found| work(objects, found))
}

/// As [`each_image`], with the identity of the image.
pub(super) fn each_named_image<F: Finding>(
    io: &mut Io,
    source: &SourceArgs,
    mut work: impl FnMut(Image, Vec<Object>, Vec<F>) -> Result<()>,
) -> Result<Tally> {
    let tally = match (&source.truth, &source.detections) {
        (Some(truth), Some(detections)) => each_joined(io, source, truth, detections, work)?,
        _ => {
            let job = Job { common: &source.common, inputs: &source.inputs };
            let mut number = 0_usize;
            each_record(io, job, |record, _| {
                number += 1;
                let image = Image::of(&format!("record {number}"), &record);
                work(image, objects(&record)?, findings(&record)?)
            })?
        }
    };
    if tally.carried > 0 {
        io.messages.note(format_args!("{} \"error\"; left out of the figures", carrying(tally.carried)));
    }
    if tally.failed > 0 {
        let failed = match tally.failed {
            1 => "1 record or part of a record".to_owned(),
            failed => format!("{failed} records or parts of records"),
        };
        io.messages.note(format_args!("{failed} failed; left out of the figures"));
    }
    Ok(tally)
}

/// `1 record carries`, `2 records carry`.
pub(super) fn carrying(count: usize) -> String {
    if count == 1 { "1 record carries".to_owned() } else { format!("{count} records carry") }
}
