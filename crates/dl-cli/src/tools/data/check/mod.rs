//! `dl-data check`: finds what is wrong with a dataset before it is used for training.

mod census;
mod findings;
mod objects;
mod size;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Result, bail};
use dl_record::Record;
use dl_vision::picture;

use super::names;
use crate::common::{
    Common, ImageArgs, Images, Inputs, Io, Job, Labels, Outcome, counted, map_batches, numbers, one_line, report_failed,
};
use census::Census;
use findings::Findings;
use objects::Rules;

/// Find missing and broken images, wrong sizes, boxes, masks and labels, and duplicate ids
///
/// Each finding is a line on stderr, `ID: object N (LABEL): ...`, where N counts from 0. Without --fix, the records are
/// written to stdout unchanged, and the exit status is 1 if there are findings.
///
/// With --fix, boxes are clipped to the image; objects with an empty or inverted box or an unknown label are dropped;
/// masks that are broken, empty or of the wrong size are removed; areas are updated; and width and height are set to
/// those of the image. A record that cannot be fixed (broken image, duplicate id, boxes in the scale of another image
/// size) gets an `error`. The exit status is 0 if everything was fixed, and 1 if there is such a record, or if every
/// object was dropped.
///
/// Notes, which are not findings, count images without objects, labels with a single object, and objects that YOLOv1
/// loses because it finds one per cell of its grid.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from voc VOC2007 | dl-data check > /dev/null
  dl-data from yolo signs | dl-data check --fix --labels stop,yield \\
    | dl-data to coco --output signs.json")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Write the records with the problems fixed
    #[arg(long)]
    fix: bool,

    /// Known labels: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc; any other label is a
    /// finding [default: accept any label]
    #[arg(long, value_name = "LABEL,...|@FILE")]
    labels: Option<Labels>,

    /// Treat a box as empty if its width or height is at most this; a VOC box with xmin = xmax has a width of 1
    #[arg(long, value_name = "PIXELS", default_value_t = 1.0, value_parser = numbers::not_negative)]
    empty: f64,

    /// Cells per side of YOLOv1's grid, to count the objects that it loses
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = numbers::count)]
    grid: usize,

    /// Read only the image headers: faster, but does not notice truncated images
    #[arg(long)]
    headers: bool,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    common: Common,
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let known = names(self.labels.as_ref()).iter().map(String::as_str).collect::<HashSet<_>>();
        let rules = Rules { labels: self.labels.is_some().then_some(&known), empty: self.empty };
        let messages = io.messages.clone();
        let images = self.image.images(&messages);
        let mut ids = HashSet::new();
        let mut census = Census::new(self.grid);
        let (mut count, mut records, mut all) = (0, 0, 0);
        let (mut kept, mut dropped, mut removed) = (0, 0, 0);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_batches(
            io,
            job,
            1,
            |record| {
                let mut findings = Findings::new(self.fix);
                self.inspect(record, &images, &rules, &mut findings)?;
                Ok(findings)
            },
            |batch, findings| {
                let finish = |(record, mut findings): (&mut &mut Record, Findings)| {
                    let name = check_id(record, &mut ids, &mut findings);
                    all += 1;
                    records += usize::from(findings.count() > 0);
                    count += findings.count();
                    (kept, dropped) = (kept + findings.kept_objects, dropped + findings.dropped_objects);
                    removed += findings.removed_masks;
                    if let Ok(Some(objects)) = record.objects() {
                        census.add(&objects, findings.size);
                    }
                    for text in findings.reported(self.fix) {
                        report_failed(&messages, &name, text);
                    }
                    if self.fix && !findings.lasting.is_empty() {
                        let text = findings.lasting.join("; ");
                        if text.starts_with(&name) {
                            bail!(text);
                        }
                        bail!("{name}: {text}");
                    }
                    Ok(())
                };
                batch.iter_mut().zip(findings).map(finish).collect()
            },
        )?;
        messages.note(format_args!("{} in {records} of {}", counted(count, "finding"), counted(all, "record")));
        census.report(&messages);
        if self.fix && (dropped > 0 || removed > 0) {
            let [lost, left] = [dropped, kept].map(|count| counted(count, "object"));
            messages.note(format_args!("{lost} dropped, {} removed, {left} kept", counted(removed, "mask")));
        }
        if self.fix && dropped > 0 && kept == 0 {
            messages.error("every object was dropped; are these the right images and labels?");
            return Ok(Outcome::SomeFailed);
        }
        Ok(if count > 0 && !self.fix { Outcome::SomeFailed } else { outcome })
    }

    fn inspect(&self, record: &mut Record, images: &Images, rules: &Rules, findings: &mut Findings) -> Result<()> {
        if let Some(label) = record.label()?.filter(|label| !rules.is_known(label)) {
            findings.lasting(format_args!("unknown label \"{label}\""));
        }
        let before = findings.changes;
        let objects = match objects::read(record, findings) {
            Ok(objects) => objects,
            Err(error) => {
                findings.lasting(one_line(error));
                None
            }
        };
        let unread = findings.changes > before;
        let stated = (record.width()?, record.height()?);
        let real = self.real_size(record, images, findings)?;
        let size = size::reconcile(stated, real, objects.as_deref().unwrap_or_default(), findings);
        findings.size = size;
        if let Some((width, height)) = size.filter(|size| self.fix && real == Some(*size)) {
            record.set_width(&width)?;
            record.set_height(&height)?;
        }
        let Some(objects) = objects else { return Ok(()) };
        let before = findings.changes;
        let kept = objects::inspect(objects, rules, size, findings);
        if self.fix && (unread || findings.changes > before) {
            record.set_objects(&kept)?;
        }
        Ok(())
    }

    /// The size of the image, if it can be read.
    fn real_size(&self, record: &Record, images: &Images, findings: &mut Findings) -> Result<Option<(u32, u32)>> {
        let Some(source) = record.image()? else {
            // A record with a text needs no image.
            if !record.has("text") {
                findings.lasting("the record has no image");
            }
            return Ok(None);
        };
        let found = if self.headers {
            picture::dimensions(&source)
        } else {
            images.load(&source).map(|image| image.dimensions())
        };
        Ok(found.map_err(|error| findings.lasting(one_line(error))).ok())
    }
}

/// The record's name for messages. Stores 8 bytes per id.
fn check_id(record: &Record, ids: &mut HashSet<u64>, findings: &mut Findings) -> String {
    let Ok(Some(id)) = record.id() else {
        findings.lasting("the record has no id");
        return record.image().ok().flatten().unwrap_or_else(|| "a record".to_owned());
    };
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    if !ids.insert(hasher.finish()) {
        findings.lasting("duplicate id: an earlier record has the same");
    }
    id
}
